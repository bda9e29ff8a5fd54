//! `serial-mm`: a 16550A UART (PC16550D data sheet, section 8). Characters are sent at once.

use std::sync::Arc;

use boardwright_devicetree::{Node, TreeError};
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use super::port::{Fifo, Port as SerialPort};
use crate::backends::char::FrontEnd;
use crate::devices::binding::{Binding, Described, Found, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Console, Defaults, Device, Driver, Port, Region};
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, SerialMmProperties};

/// Number of registers.
const REGISTERS: u64 = 8;
/// Most that `regshift` can be: registers 8 bytes apart.
const MAX_SHIFT: u8 = 3;
/// Entries of the receive queue when it is on.
const DEPTH: usize = 16;

/// IER bits, and IIR codes by priority (table II and III).
const IER_RECEIVED: u8 = 1;
const IER_EMPTY: u8 = 2;
const IIR_NONE: u8 = 1;
const IIR_EMPTY: u8 = 2;
const IIR_RECEIVED: u8 = 4;
const IIR_TIMEOUT: u8 = 0xc;
const IIR_FIFO: u8 = 0xc0;
/// FCR bits.
const FCR_ENABLE: u8 = 1;
const FCR_CLEAR_RECEIVE: u8 = 2;
/// LCR: divisor latch access.
const LCR_DLAB: u8 = 0x80;
/// MCR: loop back.
const MCR_LOOP: u8 = 0x10;
/// LSR bits.
const LSR_READY: u8 = 1;
const LSR_OVERRUN: u8 = 2;
const LSR_EMPTY: u8 = 0x60;
/// MSR: carrier, data set ready, clear to send.
const MSR: u8 = 0xb0;

impl Defaults for SerialMmProperties {
    fn defaults() -> Self {
        Self { chardev: None, regshift: Some(0), baudbase: Some(115_200) }
    }
}

impl SerialMmProperties {
    fn shift(&self) -> u8 {
        self.regshift.unwrap_or(0)
    }
}

impl Driver for SerialMmProperties {
    fn check(&self) -> Result<(), QmpError> {
        if self.shift() > MAX_SHIFT {
            return Err(QmpError::generic(format!(
                "Parameter 'regshift' expects a number from 0 to {MAX_SHIFT}, not {}",
                self.shift()
            )));
        }
        Ok(())
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io("serial", REGISTERS << self.shift().min(MAX_SHIFT))]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(1)]
    }

    fn console(&self) -> Option<&str> {
        Some(self.chardev.as_deref().unwrap_or_default())
    }

    fn bindings() -> &'static [Binding] {
        &[Binding { nodes: Nodes::Compatible(&["ns16550", "ns16550a"]), read }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let clock = self.baudbase.unwrap_or(115_200).saturating_mul(16);
        let node = place.bus_node("serial", &["ns16550a"])?;
        let node = node.with_u32("clock-frequency", clock);
        let node =
            if self.shift() == 0 { node } else { node.with_u32("reg-shift", self.shift().into()) };
        Some(place.with_interrupts(node))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let uart = Arc::new(Uart {
            chip: Chip::new(State::default(), site.lines.clone()),
            port: SerialPort::new(site.chardev(self.chardev.as_deref())?),
            shift: self.shift(),
        });
        uart.port.connect(&uart)?;
        Ok(Built::device(uart))
    }
}

fn read(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let shift = node.number("reg-shift")?.map(|shift| u8::try_from(shift).unwrap_or(u8::MAX));
    let clock = node.clock()?;
    Ok(node.device(DeviceOptionsDriver::SerialMm(SerialMmProperties {
        chardev: None,
        regshift: shift,
        baudbase: clock.map(|clock| clock / 16),
    })))
}

#[derive(Serialize, Deserialize)]
struct State {
    receive: Fifo,
    ier: u8,
    fcr: u8,
    lcr: u8,
    mcr: u8,
    scratch: u8,
    divisor: [u8; 2],
    overrun: bool,
    /// The transmitter has become empty and nobody has been told.
    empty: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            receive: Fifo::default(),
            ier: 0,
            fcr: 0,
            lcr: 0,
            mcr: 0,
            scratch: 0,
            // 9600 baud of a 1.8432 MHz clock, which is what firmware expects to find.
            divisor: [12, 0],
            overrun: false,
            empty: true,
        }
    }
}

impl State {
    fn depth(&self) -> usize {
        if self.fcr & FCR_ENABLE != 0 { DEPTH } else { 1 }
    }

    /// How many characters raise the interrupt.
    fn trigger(&self) -> usize {
        if self.fcr & FCR_ENABLE == 0 {
            return 1;
        }
        [1, 4, 8, 14][usize::from(self.fcr >> 6)]
    }

    /// The cause of highest priority. Characters below the trigger level count as timed out: no
    /// more follow at once.
    fn cause(&self) -> u8 {
        match self.receive.len() {
            waiting if waiting >= self.trigger() && self.ier & IER_RECEIVED != 0 => IIR_RECEIVED,
            1.. if self.ier & IER_RECEIVED != 0 => IIR_TIMEOUT,
            _ if self.empty && self.ier & IER_EMPTY != 0 => IIR_EMPTY,
            _ => IIR_NONE,
        }
    }

    fn read(&mut self, register: u64) -> u8 {
        let latch = self.lcr & LCR_DLAB != 0;
        match register {
            0 if latch => self.divisor[0],
            0 => self.receive.pop().unwrap_or(0),
            1 if latch => self.divisor[1],
            1 => self.ier,
            2 => {
                let cause = self.cause();
                if cause == IIR_EMPTY {
                    self.empty = false;
                }
                cause | if self.fcr & FCR_ENABLE != 0 { IIR_FIFO } else { 0 }
            }
            3 => self.lcr,
            4 => self.mcr,
            5 => {
                let overrun = if std::mem::take(&mut self.overrun) { LSR_OVERRUN } else { 0 };
                let ready = if self.receive.len() > 0 { LSR_READY } else { 0 };
                LSR_EMPTY | overrun | ready
            }
            6 if self.mcr & MCR_LOOP != 0 => {
                // DTR, RTS, OUT1 and OUT2 come back as DSR, CTS, RI and DCD.
                (self.mcr & 1) << 5
                    | (self.mcr & 2) << 3
                    | (self.mcr & 4) << 4
                    | (self.mcr & 8) << 4
            }
            6 => MSR,
            7 => self.scratch,
            _ => 0,
        }
    }

    /// Returns a character to send.
    fn write(&mut self, register: u64, value: u8) -> Option<u8> {
        let latch = self.lcr & LCR_DLAB != 0;
        match register {
            0 if latch => self.divisor[0] = value,
            0 => {
                self.empty = true;
                if self.mcr & MCR_LOOP == 0 {
                    return Some(value);
                }
                let depth = self.depth();
                self.overrun |= self.receive.fill(&[value], depth) == 0;
            }
            1 if latch => self.divisor[1] = value,
            1 => {
                // Turning the interrupt on while the transmitter is empty raises it.
                self.empty |= value & !self.ier & IER_EMPTY != 0;
                self.ier = value & 0xf;
            }
            2 => {
                if value & FCR_CLEAR_RECEIVE != 0 || (value ^ self.fcr) & FCR_ENABLE != 0 {
                    self.receive.clear();
                }
                self.fcr = value & 0xc9;
            }
            3 => self.lcr = value,
            4 => self.mcr = value & 0x1f,
            7 => self.scratch = value,
            _ => {}
        }
        None
    }
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        for line in lines {
            line.set(self.cause() != IIR_NONE);
        }
    }
}

struct Uart {
    chip: Chip<State>,
    port: SerialPort,
    shift: u8,
}

impl Console for Uart {
    fn put(&self, bytes: &[u8]) {
        self.port.send(bytes);
    }

    fn get(&self) -> Option<u8> {
        let byte = self.chip.with(|state| state.receive.pop());
        self.port.ready();
        byte
    }
}

impl Device for Uart {
    fn console(&self) -> Option<&dyn Console> {
        Some(self)
    }

    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn read(&self, _region: u32, offset: u64, _size: u8) -> u64 {
        let register = offset >> self.shift;
        let value = self.chip.with(|state| state.read(register));
        if register == 0 {
            self.port.ready();
        }
        value.into()
    }

    fn write(&self, _region: u32, offset: u64, _size: u8, value: u64) {
        let register = offset >> self.shift;
        let sent = self.chip.with(|state| state.write(register, value as u8));
        if let Some(byte) = sent {
            self.port.send(&[byte]);
        }
        // An emptied queue, or the end of the loop back: there may be room again.
        if register == 2 || register == 4 {
            self.port.ready();
        }
    }

    fn reset(&self) {
        self.chip.with(|state| *state = State::default());
        self.port.ready();
    }
}

impl FrontEnd for Uart {
    fn receive(&self, bytes: &[u8]) -> usize {
        self.chip.with(|state| {
            let depth = state.depth();
            if state.mcr & MCR_LOOP != 0 { 0 } else { state.receive.fill(bytes, depth) }
        })
    }
}
