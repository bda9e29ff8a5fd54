//! State that the modes below may or may not touch (volume II, "'Smstateen/Ssstateen' Extensions").
//! Of what the registers can enable, there are `senvcfg` and the `sstateen` registers themselves.

use super::machine::{rv32, supervisor};
use super::{Csr, Family, csr, fixed};
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::trap::Mode;

/// Access to `sstateen0`.
const SE0: u64 = 1 << 63;
/// Access to `senvcfg`.
pub(super) const ENVCFG: u64 = 1 << 62;

const FOUR: Option<Family> = Some(Family { count: 4, first: 0, suffix: "" });
const FOUR_HIGH: Option<Family> = Some(Family { count: 4, first: 0, suffix: "h" });

pub(super) const CSRS: &[Csr] = &[
    Csr {
        family: FOUR,
        exists: |cpu, _| smstateen(cpu),
        legal: |core, index, value| core.xlen.truncate(value & fields(core, index)),
        ..csr(
            "mstateen",
            0x30c,
            |core, index| core.csr.mstateen[usize::from(index & 3)],
            |core, index, value| set(core, index, value, false),
        )
    },
    Csr {
        family: FOUR_HIGH,
        exists: |cpu, _| smstateen(cpu) && rv32(cpu),
        legal: |core, index, value| value & fields(core, index) >> 32,
        ..csr(
            "mstateen",
            0x31c,
            |core, index| core.csr.mstateen[usize::from(index & 3)] >> 32,
            |core, index, value| set(core, index, value, true),
        )
    },
    Csr {
        family: FOUR,
        exists: |cpu, _| supervisor(cpu) && cpu.extensions.has(Extension::Ssstateen),
        permitted: |core, index| core.state_enabled(index, SE0),
        ..fixed("sstateen", 0x10c, |_, _| 0)
    },
];

fn smstateen(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Smstateen)
}

/// The fields of a register that are not fixed at zero.
fn fields(core: &Core, index: u16) -> u64 {
    match (core.has_supervisor(), index) {
        (false, _) => 0,
        (true, 0) => SE0 | ENVCFG,
        (true, _) => SE0,
    }
}

fn set(core: &mut Core, index: u16, value: u64, high: bool) {
    let register = usize::from(index & 3);
    core.csr.mstateen[register] = core.merged(core.csr.mstateen[register], value, high);
}

impl Core {
    /// Whether the mode may touch what a field of a `mstateen` register stands for.
    pub(super) fn state_enabled(&self, index: u16, field: u64) -> bool {
        self.mode == Mode::Machine
            || !smstateen(&self.config.cpu)
            || self.csr.mstateen[usize::from(index & 3)] & field != 0
    }
}
