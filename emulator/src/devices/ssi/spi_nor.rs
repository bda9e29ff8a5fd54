//! `spi-nor`: a serial NOR flash (JEDEC JESD216; the commands of ISSI's IS25LP and IS25WP series
//! that other vendors' parts share).
//!
//! Its contents are a region that can be mapped too: a controller that lets harts read and execute
//! them in place. They outlast a reset, and are not written back to the file they came from. Erasing
//! and programming take no time.

use std::sync::Arc;

use boardwright_riscv::Ram;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use super::SpiPeripheral;
use crate::backends::char::Plain;
use crate::boot::Loaded;
use crate::devices::chip::{Chip, Outputs};
use crate::devices::state::Saved;
use crate::devices::{
    Built, BusKind, Defaults, Device, Driver, Peripheral, Region, RegionKind, Seat,
};
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, SpiNorPart, SpiNorProperties};

/// Bytes that are programmed together, and of the erasable blocks.
const PAGE: u64 = 256;
const SECTOR: u64 = 4 << 10;
const HALF_BLOCK: u64 = 32 << 10;
const BLOCK: u64 = 64 << 10;
/// Bits of the status register: write in progress, write enable latch, and what can be written.
const WEL: u8 = 1 << 1;
const STATUS_WRITABLE: u8 = 0xfc;

/// What a part is: its JEDEC id and its size.
struct Part {
    id: [u8; 3],
    size: u64,
}

fn part(part: SpiNorPart) -> Part {
    let (id, mebibytes) = match part {
        SpiNorPart::Is25lp032 => ([0x9d, 0x60, 0x16], 4),
        SpiNorPart::Is25lp128 => ([0x9d, 0x60, 0x18], 16),
        SpiNorPart::Is25wp128 => ([0x9d, 0x70, 0x18], 16),
        SpiNorPart::Is25wp256 => ([0x9d, 0x70, 0x19], 32),
        SpiNorPart::Mx25l25635e => ([0xc2, 0x20, 0x19], 32),
        SpiNorPart::N25q256a => ([0x20, 0xba, 0x19], 32),
        SpiNorPart::W25q256 => ([0xef, 0x40, 0x19], 32),
    };
    Part { id, size: mebibytes << 20 }
}

/// ISSI's part of a size in bytes, for a device tree that says no more; the default without one.
pub(super) fn of_size(size: Option<u64>) -> SpiNorPart {
    let known = SpiNorPart::ALL.iter().find(|&&known| Some(part(known).size) == size);
    known.copied().unwrap_or(SpiNorPart::Is25wp256)
}

impl Defaults for SpiNorProperties {
    fn defaults() -> Self {
        Self { bus: None, cs: Some(0), part: Some(SpiNorPart::Is25wp256), file: None }
    }
}

impl SpiNorProperties {
    fn part(&self) -> Part {
        part(self.part.unwrap_or(SpiNorPart::Is25wp256))
    }

    /// What is in it at first.
    fn contents(&self) -> Result<Vec<u8>, QmpError> {
        let Some(path) = &self.file else { return Ok(Vec::new()) };
        let loaded = Loaded::read(std::path::Path::new(path), 0, true)?;
        let bytes = loaded.images.into_iter().next().map(|image| image.bytes).unwrap_or_default();
        let size = self.part().size;
        if bytes.len() as u64 > size {
            return Err(QmpError::generic(format!(
                "Cannot put '{path}' into the flash: it has {:#x} bytes and the part {size:#x}",
                bytes.len()
            )));
        }
        Ok(bytes)
    }
}

impl Driver for SpiNorProperties {
    fn check(&self) -> Result<(), QmpError> {
        self.contents().map(drop)
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region { name: "contents".into(), size: self.part().size, kind: RegionKind::Rom }]
    }

    fn seat(&self) -> Option<Seat<'_>> {
        let bus = self.bus.as_deref()?;
        Some(Seat { kind: BusKind::Spi, bus: Some(bus), slot: self.cs.unwrap_or(0).into() })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        Some(DeviceOptionsDriver::SpiNor(Self { bus: Some(owner.into()), ..self.clone() }))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let contents = self.contents()?;
        let Part { id, size } = self.part();
        let memory = Ram::new(size).map_err(|error| {
            QmpError::generic(format!(
                "Device '{}': cannot have {size:#x} bytes of memory: {}",
                site.device.name,
                Plain(&error)
            ))
        })?;
        let flash =
            Flash { id, size, memory: memory.clone(), chip: Chip::new(State::default(), vec![]) };
        flash.fill(0, &contents);
        flash.erase(contents.len() as u64, size - contents.len() as u64);
        let flash = Arc::new(flash);
        Ok(Built {
            memory: vec![memory],
            peripheral: Some(Peripheral::Spi(flash.clone())),
            ..Built::device(flash)
        })
    }
}

/// Commands, by their first byte.
mod command {
    pub(super) const WRITE_STATUS: u8 = 0x01;
    pub(super) const WRITE_DISABLE: u8 = 0x04;
    pub(super) const READ_STATUS: u8 = 0x05;
    pub(super) const WRITE_ENABLE: u8 = 0x06;
    pub(super) const READ_ID: u8 = 0x9f;
    pub(super) const CHIP_ERASE: [u8; 2] = [0x60, 0xc7];
    pub(super) const RESET_ENABLE: u8 = 0x66;
    pub(super) const RESET: u8 = 0x99;
    pub(super) const ENTER_4_BYTES: u8 = 0xb7;
    pub(super) const EXIT_4_BYTES: u8 = 0x29;
    pub(super) const EXIT_4_BYTES_JEDEC: u8 = 0xe9;
}

/// What a command with an address does there.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Access {
    /// Reads, after so many bytes of waiting.
    Read { dummies: u8 },
    /// Programs a page.
    Program,
    /// Erases a block of that size.
    Erase(u64),
}

/// Commands with an address: with as many address bytes as the mode says, and with four.
const ACCESSES: &[(u8, Option<u8>, Access)] = &[
    (0x03, Some(0x13), Access::Read { dummies: 0 }),
    (0x0b, Some(0x0c), Access::Read { dummies: 1 }),
    // Two and four wires for the data: the same bytes.
    (0x3b, Some(0x3c), Access::Read { dummies: 1 }),
    (0x6b, Some(0x6c), Access::Read { dummies: 1 }),
    (0x02, Some(0x12), Access::Program),
    (0x32, Some(0x34), Access::Program),
    (0x38, Some(0x3e), Access::Program),
    (0x20, Some(0x21), Access::Erase(SECTOR)),
    (0xd7, None, Access::Erase(SECTOR)),
    (0x52, Some(0x5c), Access::Erase(HALF_BLOCK)),
    (0xd8, Some(0xdc), Access::Erase(BLOCK)),
];

/// Where the flash is within a command.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
enum Step {
    /// Not selected, or what comes is not for it.
    #[default]
    Idle,
    /// The next byte is a command.
    Command,
    /// So many bytes of an address are to come.
    Address { access: Access, left: u8, address: u64 },
    /// So many bytes of waiting before data.
    Wait { address: u64, left: u8 },
    /// Data go out.
    Read { address: u64 },
    /// Data come in.
    Program { address: u64 },
    /// A block is erased when the command ends.
    Erase { address: u64, size: u64 },
    /// The identification goes out.
    Id { index: usize },
    /// The status goes out.
    ReadStatus,
    /// The status comes in.
    WriteStatus,
    /// All is erased when the command ends.
    EraseAll,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    step: Step,
    status: u8,
    four_bytes: bool,
    reset_enabled: bool,
}

impl Outputs for State {
    fn drive(&self, _lines: &[Line]) {}
}

struct Flash {
    id: [u8; 3],
    size: u64,
    memory: Arc<Ram>,
    chip: Chip<State>,
}

impl Flash {
    /// Puts bytes somewhere; what is beyond the end is not.
    fn fill(&self, address: u64, bytes: &[u8]) {
        let _ = self.memory.write(address, bytes);
    }

    fn erase(&self, address: u64, size: u64) {
        static ERASED: [u8; BLOCK as usize] = [0xff; BLOCK as usize];
        let mut at = address;
        while at < address + size {
            let part = (address + size - at).min(BLOCK) as usize;
            self.fill(at, ERASED.get(..part).unwrap_or_default());
            at += part as u64;
        }
    }

    fn byte(&self, address: u64) -> u8 {
        let mut byte = [0];
        let _ = self.memory.read(address % self.size, &mut byte);
        byte[0]
    }

    /// The first byte after the select: what is to come.
    fn begin(&self, state: &mut State, byte: u8) -> Step {
        let reset_enabled = std::mem::take(&mut state.reset_enabled);
        for &(normal, four, access) in ACCESSES {
            let left = match byte {
                _ if Some(byte) == four => 4,
                _ if byte == normal && state.four_bytes => 4,
                _ if byte == normal => 3,
                _ => continue,
            };
            return Step::Address { access, left, address: 0 };
        }
        match byte {
            command::READ_ID => return Step::Id { index: 0 },
            command::READ_STATUS => return Step::ReadStatus,
            command::WRITE_STATUS => return Step::WriteStatus,
            command::WRITE_ENABLE => state.status |= WEL,
            command::WRITE_DISABLE => state.status &= !WEL,
            command::ENTER_4_BYTES => state.four_bytes = true,
            command::EXIT_4_BYTES | command::EXIT_4_BYTES_JEDEC => state.four_bytes = false,
            command::RESET_ENABLE => state.reset_enabled = true,
            command::RESET if reset_enabled => *state = State::default(),
            _ if command::CHIP_ERASE.contains(&byte) => return Step::EraseAll,
            // One that it does not know, and so ignores.
            _ => {}
        }
        Step::Idle
    }

    /// After the address.
    fn access(&self, access: Access, address: u64) -> Step {
        match access {
            Access::Read { dummies: 0 } => Step::Read { address },
            Access::Read { dummies } => Step::Wait { address, left: dummies },
            Access::Program => Step::Program { address },
            Access::Erase(size) => Step::Erase { address, size },
        }
    }

    fn exchange(&self, state: &mut State, sent: u8) -> u8 {
        let mut answer = 0xff;
        state.step = match state.step {
            Step::Command => self.begin(state, sent),
            Step::Address { access, left, address } => {
                let address = address << 8 | u64::from(sent);
                match left {
                    1 => self.access(access, address),
                    _ => Step::Address { access, left: left - 1, address },
                }
            }
            Step::Wait { address, left: 1 } => Step::Read { address },
            Step::Wait { address, left } => Step::Wait { address, left: left - 1 },
            Step::Read { address } => {
                answer = self.byte(address);
                Step::Read { address: address + 1 }
            }
            Step::Program { address } => {
                if state.status & WEL != 0 {
                    // Programming takes ones to zeros, and goes round within its page.
                    self.fill(address % self.size, &[self.byte(address) & sent]);
                }
                let next = (address + 1) % PAGE;
                Step::Program { address: address - address % PAGE + next }
            }
            Step::Id { index } => {
                answer = self.id.get(index).copied().unwrap_or(0xff);
                Step::Id { index: index + 1 }
            }
            Step::ReadStatus => {
                answer = state.status;
                Step::ReadStatus
            }
            Step::WriteStatus => {
                if state.status & WEL != 0 {
                    state.status = sent & STATUS_WRITABLE;
                }
                Step::Idle
            }
            // Too many bytes: the command is not executed.
            Step::Idle | Step::Erase { .. } | Step::EraseAll => Step::Idle,
        };
        answer
    }

    /// The select goes: what was begun is done.
    fn end(&self, state: &mut State) {
        let enabled = state.status & WEL != 0;
        let done = match std::mem::take(&mut state.step) {
            Step::Erase { address, size } if enabled => {
                self.erase(address % self.size / size * size, size);
                true
            }
            Step::EraseAll if enabled => {
                self.erase(0, self.size);
                true
            }
            Step::Program { .. } => true,
            _ => false,
        };
        if done {
            state.status &= !WEL;
        }
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        self.chip.with(work)
    }
}

impl SpiPeripheral for Flash {
    fn select(&self, active: bool) {
        self.with(|state| if active { state.step = Step::Command } else { self.end(state) });
    }

    fn transfer(&self, sent: u8) -> u8 {
        self.with(|state| self.exchange(state, sent))
    }
}

impl Device for Flash {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn reset(&self) {
        self.with(|state| *state = State::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flash() -> Flash {
        let size = 1 << 20;
        let memory = Ram::new(size).unwrap();
        let flash = Flash {
            id: [0x9d, 0x70, 0x19],
            size,
            memory,
            chip: Chip::new(State::default(), vec![]),
        };
        flash.erase(0, size);
        flash
    }

    /// Sends bytes under one select; what comes back after as many as are sent.
    fn send(flash: &Flash, bytes: &[u8], answers: usize) -> Vec<u8> {
        flash.select(true);
        bytes.iter().for_each(|byte| _ = flash.transfer(*byte));
        let answers = (0..answers).map(|_| flash.transfer(0)).collect();
        flash.select(false);
        answers
    }

    #[test]
    fn commands_do_what_they_say() {
        // What is sent, select by select; then a command and its answer.
        type Case = (&'static str, &'static [&'static [u8]], &'static [u8], &'static [u8]);
        let cases: &[Case] = &[
            ("identification", &[], &[0x9f], &[0x9d, 0x70, 0x19, 0xff]),
            ("erased", &[], &[0x03, 0, 0, 0], &[0xff, 0xff]),
            ("enabled", &[&[6]], &[5], &[WEL, WEL]),
            ("disabled again", &[&[6], &[4]], &[5], &[0]),
            ("programmed", &[&[6], &[2, 0, 1, 0, 0xa5, 0x5a]], &[3, 0, 1, 0], &[0xa5, 0x5a, 0xff]),
            ("not enabled", &[&[2, 0, 1, 0, 0xa5]], &[3, 0, 1, 0], &[0xff]),
            ("programmed once", &[&[6], &[2, 0, 1, 0, 0xa5]], &[5], &[0]),
            (
                "only to zeros",
                &[&[6], &[2, 0, 0, 0, 0xf0], &[6], &[2, 0, 0, 0, 0x3c]],
                &[0x0b, 0, 0, 0, 0],
                &[0x30],
            ),
            ("round the page", &[&[6], &[2, 0, 0, 0xff, 1, 2]], &[0x6b, 0, 0, 0, 0], &[2, 0xff]),
            (
                "erased by the sector",
                &[&[6], &[2, 0, 0x1f, 0, 0], &[6], &[2, 0, 0x20, 0, 1], &[6], &[0x20, 0, 0x12, 3]],
                &[3, 0, 0x1f, 0],
                &[0xff],
            ),
            (
                "and no further",
                &[&[6], &[2, 0, 0x20, 0, 1], &[6], &[0x20, 0, 0x1f, 3]],
                &[3, 0, 0x20, 0],
                &[1],
            ),
            ("erased whole", &[&[6], &[2, 0, 0, 0, 1], &[6], &[0xc7]], &[3, 0, 0, 0], &[0xff]),
            ("erasing not enabled", &[&[6], &[2, 0, 0, 0, 1], &[0xc7]], &[3, 0, 0, 0], &[1]),
            ("four bytes of address", &[&[6], &[0x12, 0, 0, 0, 9, 7]], &[0x13, 0, 0, 0, 9], &[7]),
            ("four by mode", &[&[0xb7], &[6], &[2, 0, 0, 0, 9, 7]], &[0x0c, 0, 0, 0, 9, 0], &[7]),
            ("reset", &[&[0xb7], &[6], &[0x66], &[0x99]], &[5], &[0]),
            ("round the end", &[&[6], &[2, 0, 0, 0, 3]], &[3, 0x0f, 0xff, 0xff], &[0xff, 3]),
            ("unknown", &[&[0x77, 1, 2]], &[5], &[0]),
        ];
        for (name, before, command, answer) in cases {
            let flash = flash();
            before.iter().for_each(|bytes| drop(send(&flash, bytes, 0)));
            assert_eq!(send(&flash, command, answer.len()), *answer, "{name}");
        }
    }
}
