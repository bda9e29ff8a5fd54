//! `ibex-uart`: OpenTitan's UART (OpenTitan, "UART Technical Specification", the registers of 2020 to
//! 2022). Characters are sent at once, so the transmit queue fills only while `CTRL.tx` is clear.
//!
//! Interrupts are remembered in `INTR_STATE` until software clears them. A character that comes, or
//! one that is read while there are still enough, raises the receive watermark.

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
use crate::qapi::{DeviceOptionsDriver, IbexUartProperties};

/// Entries of each queue.
const DEPTH: usize = 32;
/// What device trees call it, in Zephyr's binding.
const COMPATIBLE: &str = "lowrisc,opentitan-uart";
/// Size of the region, as QEMU has it.
const SIZE: u64 = 0x400;

/// Offsets of the registers.
mod register {
    pub(super) const INTR_STATE: u64 = 0x00;
    pub(super) const INTR_ENABLE: u64 = 0x04;
    pub(super) const INTR_TEST: u64 = 0x08;
    pub(super) const ALERT_TEST: u64 = 0x0c;
    pub(super) const CTRL: u64 = 0x10;
    pub(super) const STATUS: u64 = 0x14;
    pub(super) const RDATA: u64 = 0x18;
    pub(super) const WDATA: u64 = 0x1c;
    pub(super) const FIFO_CTRL: u64 = 0x20;
    pub(super) const FIFO_STATUS: u64 = 0x24;
    pub(super) const OVRD: u64 = 0x28;
    pub(super) const VAL: u64 = 0x2c;
    pub(super) const TIMEOUT_CTRL: u64 = 0x30;
}

/// Bits of the registers of interrupts, which are the numbers of the outputs.
mod interrupt {
    pub(super) const COUNT: u32 = 8;
    pub(super) const ALL: u32 = 0xff;
    pub(super) const TX_WATERMARK: u32 = 1 << 0;
    pub(super) const RX_WATERMARK: u32 = 1 << 1;
    pub(super) const TX_EMPTY: u32 = 1 << 2;
    pub(super) const RX_OVERFLOW: u32 = 1 << 3;
}

/// Bits of CTRL: transmitter and receiver on, and what is sent comes back (`slpbk`).
const TX: u32 = 1 << 0;
const RX: u32 = 1 << 1;
const LOOP: u32 = 1 << 4;
const CTRL: u32 = 0xffff_03f7;
/// Bits of STATUS.
const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;
const TX_NONE: u32 = 1 << 2;
const TX_IDLE: u32 = 1 << 3;
const RX_IDLE: u32 = 1 << 4;
const RX_NONE: u32 = 1 << 5;
/// Bits of FIFO_CTRL: each queue emptied, and the fields for the levels of the watermarks.
const RX_CLEAR: u32 = 1 << 0;
const TX_CLEAR: u32 = 1 << 1;
const LEVELS: u32 = 0x7c;
/// What the levels of the receive watermark mean.
const RX_LEVELS: [usize; 8] = [1, 4, 8, 16, 30, 30, 30, 30];

impl Defaults for IbexUartProperties {
    fn defaults() -> Self {
        Self { chardev: None, f_clk: Some(2_500_000) }
    }
}

impl Driver for IbexUartProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("uart", SIZE)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(interrupt::COUNT)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&[COMPATIBLE]),
            read: |node| {
                let f_clk = node.clock()?.or(Self::defaults().f_clk);
                Ok(node.device(DeviceOptionsDriver::IbexUart(Self { chardev: None, f_clk })))
            },
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let f_clk = self.f_clk.or(Self::defaults().f_clk).unwrap_or_default();
        let node = place.bus_node("serial", &[COMPATIBLE])?.with_u32("clock-frequency", f_clk);
        Some(place.with_interrupts(node))
    }

    fn console(&self) -> Option<&str> {
        Some(self.chardev.as_deref().unwrap_or_default())
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

#[derive(Default, Serialize, Deserialize)]
struct State {
    transmit: Fifo,
    receive: Fifo,
    pending: u32,
    enable: u32,
    ctrl: u32,
    levels: u32,
    ovrd: u32,
    timeout: u32,
}

impl State {
    fn status(&self) -> u32 {
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        let (sent, received) = (self.transmit.len(), self.receive.len());
        bit(sent >= DEPTH, TX_FULL)
            | bit(received >= DEPTH, RX_FULL)
            | bit(sent == 0, TX_NONE | TX_IDLE)
            | RX_IDLE
            | bit(received == 0, RX_NONE)
    }

    /// Characters that come in; returns how many there was room for.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = self.receive.fill(bytes, DEPTH);
        if taken > 0 {
            self.check_receive();
        }
        taken
    }

    fn check_receive(&mut self) {
        if self.receive.len() >= RX_LEVELS[(self.levels >> 2 & 7) as usize] {
            self.pending |= interrupt::RX_WATERMARK;
        }
    }

    /// What the transmitter sends now.
    fn sent(&mut self) -> Vec<u8> {
        if self.ctrl & TX == 0 || self.transmit.len() == 0 {
            return Vec::new();
        }
        let bytes = self.transmit.drain();
        self.pending |= interrupt::TX_WATERMARK | interrupt::TX_EMPTY;
        if self.ctrl & LOOP == 0 {
            return bytes;
        }
        if self.take(&bytes) < bytes.len() {
            self.pending |= interrupt::RX_OVERFLOW;
        }
        Vec::new()
    }

    fn read(&mut self, offset: u64) -> Option<u32> {
        Some(match offset {
            register::INTR_STATE => self.pending,
            register::INTR_ENABLE => self.enable,
            register::CTRL => self.ctrl,
            register::STATUS => self.status(),
            register::RDATA => {
                let byte = self.receive.pop();
                if byte.is_some() {
                    self.check_receive();
                }
                byte.unwrap_or(0).into()
            }
            register::FIFO_CTRL => self.levels,
            register::FIFO_STATUS => self.transmit.len() as u32 | (self.receive.len() as u32) << 16,
            register::OVRD => self.ovrd,
            register::TIMEOUT_CTRL => self.timeout,
            // The line is idle; the others can only be written.
            register::VAL => 0xffff,
            register::INTR_TEST | register::ALERT_TEST | register::WDATA => 0,
            _ => return None,
        })
    }

    fn write(&mut self, offset: u64, value: u32) -> Option<()> {
        match offset {
            register::INTR_STATE => self.pending &= !value,
            register::INTR_ENABLE => self.enable = value & interrupt::ALL,
            register::INTR_TEST => self.pending |= value & interrupt::ALL,
            register::CTRL => self.ctrl = value & CTRL,
            // A full queue drops the character.
            register::WDATA => drop(self.transmit.fill(&[value as u8], DEPTH)),
            register::FIFO_CTRL => {
                self.levels = value & LEVELS;
                if value & RX_CLEAR != 0 {
                    self.receive.clear();
                }
                if value & TX_CLEAR != 0 {
                    self.transmit.clear();
                }
            }
            register::OVRD => self.ovrd = value & 3,
            register::TIMEOUT_CTRL => self.timeout = value & 0x80ff_ffff,
            register::ALERT_TEST
            | register::STATUS
            | register::RDATA
            | register::FIFO_STATUS
            | register::VAL => {}
            _ => return None,
        }
        Some(())
    }
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        for (number, line) in lines.iter().enumerate() {
            line.set(self.pending & self.enable & 1 << number != 0);
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
        // Bytes of the data register are read as such by some software.
        let Some(value) = self.chip.with(|state| state.read(offset)) else {
            self.block.unmodelled_read(offset, size);
            return 0;
        };
        if offset == register::RDATA {
            self.port.ready();
        }
        value.into()
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let sent = self.chip.with(|state| {
            let known = state.write(offset, value as u32);
            known.map(|()| state.sent())
        });
        match sent {
            Some(sent) => self.port.send(&sent),
            None => self.block.unmodelled_write(offset, size, value),
        }
        if matches!(offset, register::CTRL | register::FIFO_CTRL) {
            self.port.ready();
        }
    }

    fn reset(&self) {
        self.chip.with(|state| *state = State::default());
    }
}

impl FrontEnd for Uart {
    fn receive(&self, bytes: &[u8]) -> usize {
        self.chip.with(|state| if state.ctrl & RX == 0 { 0 } else { state.take(bytes) })
    }
}
