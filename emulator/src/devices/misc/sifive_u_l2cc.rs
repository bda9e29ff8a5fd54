//! `riscv.sifive.u.l2cc`: the level-2 cache controller of the FU540 (FU540-C000 manual, chapter 9).
//! There is no cache behind it: ways can be enabled, masks keep what is written, a flush is done at
//! once, and no error is ever found, except those that software injects.
//!
//! Outputs `sysbus-irq[0]` to `[2]`: directory error corrected, data error corrected, data error
//! that could not be.

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::devices::bank::{Bank, Registers, registers};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::Outputs;
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Port, Region};
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, RiscvSifiveUL2ccProperties};

/// Of the FU540: banks, ways, and powers of two: sets of a bank and bytes of a block.
const BANKS: u32 = 4;
const WAYS: u32 = 16;
const SETS: u32 = 9;
const BLOCK: u32 = 6;
/// Who has a mask of ways of its own.
const MASTERS: usize = 21;
/// `eccinjecterror`: what is to be wrong; bit 16 says directory instead of data.
const INJECT: u32 = 0x0001_00ff;
const INJECT_DIRECTORY: u32 = 1 << 16;

registers! {
    /// Table 9.2. Registers of 64 bits are two of 32.
    enum Register {
        Config = 0x000,
        WayEnable = 0x008,
        EccInjectError = 0x040,
        DirFixAddr[2] = 0x100,
        DirFixCount = 0x108,
        DataFixAddr[2] = 0x140,
        DataFixCount = 0x148,
        DataFailAddr[2] = 0x160,
        DataFailCount = 0x168,
        Flush64[2] = 0x200,
        Flush32 = 0x240,
        WayMask[42] = 0x800,
    }
}

impl Defaults for RiscvSifiveUL2ccProperties {
    fn defaults() -> Self {
        Self {}
    }
}

impl Driver for RiscvSifiveUL2ccProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("control", 0x1000)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(3)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["sifive,fu540-c000-ccache", "sifive,ccache0"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::RiscvSifiveUL2cc(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let names = ["sifive,fu540-c000-ccache", "sifive,ccache0", "cache"];
        let node = place
            .bus_node("cache-controller", &names)?
            .with_u32("cache-block-size", 1 << BLOCK)
            .with_u32("cache-level", 2)
            .with_u32("cache-sets", BANKS << SETS)
            .with_u32("cache-size", (BANKS * WAYS) << (SETS + BLOCK))
            .with_flag("cache-unified");
        Some(place.with_interrupts(node))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        Ok(Built::device(Bank::new(Cache::default(), site)))
    }
}

/// A kind of error: how often it was found, and whether somebody has looked since.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Errors {
    count: u32,
    pending: bool,
}

#[derive(Serialize, Deserialize)]
struct Cache {
    way_enable: u32,
    inject: u32,
    /// Directory fixed, data fixed.
    errors: [Errors; 2],
    masks: [u32; MASTERS],
}

impl Default for Cache {
    fn default() -> Self {
        Self { way_enable: 0, inject: 0, errors: Default::default(), masks: [0xffff; MASTERS] }
    }
}

impl Cache {
    /// The count of a kind of error; reading it takes the interrupt back.
    fn seen(&mut self, kind: usize) -> u32 {
        self.errors[kind].pending = false;
        self.errors[kind].count
    }

    /// A block is looked for: an error that waits to be injected is found, and corrected.
    fn look_up(&mut self) {
        let inject = std::mem::take(&mut self.inject);
        if inject != 0 {
            let errors = &mut self.errors[usize::from(inject & INJECT_DIRECTORY == 0)];
            errors.count = errors.count.wrapping_add(1);
            errors.pending = true;
        }
    }
}

impl Outputs for Cache {
    fn drive(&self, lines: &[Line]) {
        for (line, errors) in lines.iter().zip(&self.errors) {
            line.set(errors.pending);
        }
    }
}

impl Registers for Cache {
    type Register = Register;

    fn at(offset: u64) -> Option<Register> {
        Register::at(offset)
    }

    fn read(&mut self, register: Register) -> u32 {
        match register {
            Register::Config => BANKS | WAYS << 8 | SETS << 16 | BLOCK << 24,
            Register::WayEnable => self.way_enable,
            Register::EccInjectError => self.inject,
            Register::DirFixCount => self.seen(0),
            Register::DataFixCount => self.seen(1),
            // The masks are the lower halves of 64 bits.
            Register::WayMask(index) if index % 2 == 0 => self.masks[index / 2],
            _ => 0,
        }
    }

    fn write(&mut self, register: Register, value: u32) {
        match register {
            // Ways are the cache's for good.
            Register::WayEnable => {
                self.way_enable = self.way_enable.max(value & 0xff).min(WAYS - 1)
            }
            Register::EccInjectError => self.inject = value & INJECT,
            Register::Flush64(0) | Register::Flush32 => self.look_up(),
            Register::WayMask(index) if index % 2 == 0 => self.masks[index / 2] = value & 0xffff,
            _ => {}
        }
    }

    fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Register::*;

    #[test]
    fn it_is_configured_and_keeps_what_is_written() {
        let mut cache = Cache::default();
        assert_eq!(cache.read(Config), 0x0609_1004);
        for (written, read) in [(7, 7), (3, 7), (15, 15), (200, 15), (0, 15)] {
            cache.write(WayEnable, written);
            assert_eq!(cache.read(WayEnable), read, "{written}");
        }
        cache.write(WayMask(2), 0x1_00ff);
        cache.write(WayMask(3), 1);
        let masks = [0, 1, 2, 3, 40, 41].map(|index| cache.read(WayMask(index)));
        assert_eq!(masks, [0xffff, 0, 0xff, 0, 0xffff, 0]);
    }

    #[test]
    fn an_injected_error_is_found_once() {
        let mut cache = Cache::default();
        for (inject, kind) in [(INJECT_DIRECTORY, 0), (3, 1)] {
            cache.write(EccInjectError, inject);
            cache.write(Flush32, 0x800_0000);
            cache.write(Flush32, 0x800_0000);
            assert!(cache.errors[kind].pending);
            let count = if kind == 0 { DirFixCount } else { DataFixCount };
            assert_eq!((cache.read(count), cache.errors[kind].pending), (1, false));
        }
    }
}
