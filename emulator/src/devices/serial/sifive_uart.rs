//! `riscv.sifive.uart`: the UART of the FE310-G002 and FU540-C000 (FE310-G002 manual, chapter 18).
//!
//! Characters are sent at once, so the transmit queue fills only while the transmitter is off.

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use super::port::{Fifo, Port as SerialPort};
use crate::backends::char::FrontEnd;
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Console, Defaults, Device, Driver, Port, Region};
use crate::machine::unmodelled::Block;
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, RiscvSifiveUartProperties};

/// Entries of each queue.
const DEPTH: usize = 8;

/// Offsets of the registers (table 18.3).
mod register {
    pub(super) const TXDATA: u64 = 0x00;
    pub(super) const RXDATA: u64 = 0x04;
    pub(super) const TXCTRL: u64 = 0x08;
    pub(super) const RXCTRL: u64 = 0x0c;
    pub(super) const IE: u64 = 0x10;
    pub(super) const IP: u64 = 0x14;
    pub(super) const DIV: u64 = 0x18;
}

/// `txdata.full` and `rxdata.empty`.
const FLAG: u32 = 1 << 31;
/// `txctrl.txen` and `rxctrl.rxen`.
const ENABLE: u32 = 1;
/// Bits of `txctrl`: txen, nstop, txcnt.
const TXCTRL: u32 = 0x7_0003;
/// Bits of `rxctrl`: rxen, rxcnt.
const RXCTRL: u32 = 0x7_0001;
/// Bits of `ie` and `ip`.
const TXWM: u32 = 1;
const RXWM: u32 = 2;
/// `div` after reset.
const DIV_RESET: u32 = 0x21e;

impl Defaults for RiscvSifiveUartProperties {
    fn defaults() -> Self {
        Self { chardev: None }
    }
}

impl Driver for RiscvSifiveUartProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("uart", 0x1000)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(1)]
    }

    fn console(&self) -> Option<&str> {
        Some(self.chardev.as_deref().unwrap_or_default())
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,uart0"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::RiscvSifiveUart(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place.bus_node("serial", &["sifive,uart0"])?;
        Some(place.with_interrupts(node.with_u32("clock-frequency", 0)))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let uart = Arc::new(Uart {
            chip: Chip::new(State::default(), site.lines.clone()),
            port: SerialPort::new(site.chardev(self.chardev.as_deref())?),
            block: site.block(),
        });
        uart.port.connect(&uart)?;
        Ok(Built::device(uart))
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    transmit: Fifo,
    receive: Fifo,
    txctrl: u32,
    rxctrl: u32,
    ie: u32,
    div: u32,
}

impl Default for State {
    fn default() -> Self {
        let (transmit, receive) = (Fifo::default(), Fifo::default());
        Self { transmit, receive, txctrl: 0, rxctrl: 0, ie: 0, div: DIV_RESET }
    }
}

impl State {
    fn ip(&self) -> u32 {
        let watermark = |control: u32| (control >> 16 & 7) as usize;
        let mut pending = 0;
        if self.transmit.len() < watermark(self.txctrl) {
            pending |= TXWM;
        }
        if self.receive.len() > watermark(self.rxctrl) {
            pending |= RXWM;
        }
        pending
    }

    /// What the transmitter sends now.
    fn sent(&mut self) -> Vec<u8> {
        if self.txctrl & ENABLE != 0 { self.transmit.drain() } else { Vec::new() }
    }
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        for line in lines {
            line.set(self.ip() & self.ie != 0);
        }
    }
}

struct Uart {
    chip: Chip<State>,
    port: SerialPort,
    block: Block,
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

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        let value = self.chip.with(|state| match offset {
            register::TXDATA => {
                if state.transmit.len() >= DEPTH {
                    FLAG
                } else {
                    0
                }
            }
            register::RXDATA => state.receive.pop().map_or(FLAG, u32::from),
            register::TXCTRL => state.txctrl,
            register::RXCTRL => state.rxctrl,
            register::IE => state.ie,
            register::IP => state.ip(),
            register::DIV => state.div,
            _ => {
                self.block.unmodelled_read(offset, size);
                0
            }
        });
        if offset == register::RXDATA {
            self.port.ready();
        }
        value.into()
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let value = value as u32;
        let sent = self.chip.with(|state| {
            match offset {
                // A full queue drops the character, as the manual says.
                register::TXDATA => {
                    if state.transmit.fill(&[value as u8], DEPTH) == 0 {
                        self.block.trace().guest_error(|| {
                            "riscv.sifive.uart: character lost: the queue is full and txctrl.txen is 0".into()
                        });
                    }
                }
                register::TXCTRL => state.txctrl = value & TXCTRL,
                register::RXCTRL => state.rxctrl = value & RXCTRL,
                register::IE => state.ie = value & (TXWM | RXWM),
                register::DIV => state.div = value & 0xffff,
                register::RXDATA | register::IP => {}
                _ => self.block.unmodelled_write(offset, size, value.into()),
            }
            state.sent()
        });
        self.port.send(&sent);
        if offset == register::RXCTRL {
            self.port.ready();
        }
    }

    fn reset(&self) {
        self.chip.with(|state| *state = State::default());
    }
}

impl FrontEnd for Uart {
    fn receive(&self, bytes: &[u8]) -> usize {
        self.chip.with(|state| {
            if state.rxctrl & ENABLE == 0 { 0 } else { state.receive.fill(bytes, DEPTH) }
        })
    }
}
