//! What the modes below may do: `menvcfg` and `senvcfg` (volume II, "Machine Environment
//! Configuration Register", "Supervisor Environment Configuration Register").

use super::machine::{rv32, since_1_12, supervisor};
use super::stateen::ENVCFG;
use super::{Csr, csr};
use crate::config::Modes;
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;

/// Fences of I/O imply memory. They order everything anyway.
const FIOM: u64 = 1 << 0;
/// What `cbo.inval` does: nothing, a flush, or an invalidation.
pub(crate) const CBIE: u64 = 3 << 4;
const CBIE_RESERVED: u64 = 2 << 4;
/// `cbo.clean` and `cbo.flush` are permitted.
pub(crate) const CBCFE: u64 = 1 << 6;
/// `cbo.zero` is permitted.
pub(crate) const CBZE: u64 = 1 << 7;
/// Supervisor mode has a timer of its own (Sstc).
pub(crate) const STCE: u64 = 1 << 63;
/// The walk updates accessed and dirty bits (Svadu).
const ADUE: u64 = 1 << 61;
/// Page tables may choose memory types (Svpbmt).
pub(crate) const PBMTE: u64 = 1 << 62;

pub(super) const CSRS: &[Csr] = &[
    Csr {
        exists: |cpu, _| menvcfg(cpu),
        legal: |core, _, value| {
            let old = core.csr.menvcfg;
            let value = core.merged(old, value, false);
            core.xlen.truncate(legal(machine_fields(&core.config.cpu), old, value))
        },
        ..csr(
            "menvcfg",
            0x30a,
            |core, _| core.csr.menvcfg,
            |core, _, value| set_menvcfg(core, core.merged(core.csr.menvcfg, value, false)),
        )
    },
    Csr {
        exists: |cpu, _| menvcfg(cpu) && rv32(cpu),
        legal: |core, _, value| value & machine_fields(&core.config.cpu) >> 32,
        ..csr(
            "menvcfgh",
            0x31a,
            |core, _| core.csr.menvcfg >> 32,
            |core, _, value| set_menvcfg(core, core.merged(core.csr.menvcfg, value, true)),
        )
    },
    Csr {
        exists: |cpu, _| supervisor(cpu) && since_1_12(cpu),
        permitted: |core, _| core.state_enabled(0, ENVCFG),
        legal: |core, _, value| legal(user_fields(&core.config.cpu), core.csr.senvcfg, value),
        ..csr(
            "senvcfg",
            0x10a,
            |core, _| core.csr.senvcfg,
            |core, _, value| core.csr.senvcfg = value,
        )
    },
];

fn menvcfg(cpu: &CpuModel) -> bool {
    cpu.modes != Modes::M && since_1_12(cpu)
}

/// The fields that either register has.
fn user_fields(cpu: &CpuModel) -> u64 {
    let field = |extension, field| if cpu.extensions.has(extension) { field } else { 0 };
    FIOM | field(Extension::Zicbom, CBIE | CBCFE) | field(Extension::Zicboz, CBZE)
}

fn machine_fields(cpu: &CpuModel) -> u64 {
    let field = |extension, field| if cpu.extensions.has(extension) { field } else { 0 };
    user_fields(cpu)
        | field(Extension::Svadu, ADUE)
        | field(Extension::Svpbmt, PBMTE)
        | field(Extension::Sstc, STCE)
}

/// What is on after a reset, for software that knows nothing of it, as in QEMU.
pub(super) fn reset_value(cpu: &CpuModel) -> u64 {
    let strict = if cpu.extensions.has(Extension::Svade) { ADUE } else { 0 };
    machine_fields(cpu) & (ADUE | PBMTE) & !strict
}

fn legal(fields: u64, old: u64, value: u64) -> u64 {
    let value = value & fields;
    if value & CBIE == CBIE_RESERVED { value & !CBIE | old & CBIE } else { value }
}

fn set_menvcfg(core: &mut Core, value: u64) {
    let changed = core.csr.menvcfg ^ value;
    core.csr.menvcfg = value;
    if changed & (ADUE | PBMTE) != 0 {
        core.flush_translations();
    }
    if changed & STCE != 0 {
        core.update_timer();
    }
}

/// Whether a page-table walk updates accessed and dirty bits. A hart without either of the
/// extensions that say something of it does.
pub(crate) fn updates_dirty(core: &Core) -> bool {
    let extensions = core.config.cpu.extensions;
    if extensions.has(Extension::Svadu) {
        core.csr.menvcfg & ADUE != 0
    } else {
        !extensions.has(Extension::Svade)
    }
}
