//! Fields of `mstatus` and `satp` (volume II, "Machine Status Registers" and "Supervisor Address
//! Translation and Protection Register"), as functions of their values.

use crate::config::{Mmu, Modes, Xlen};
use crate::cpu::CpuModel;
use crate::trap::Mode;

pub(crate) const SIE: u64 = 1 << 1;
pub(crate) const MIE: u64 = 1 << 3;
pub(crate) const SPIE: u64 = 1 << 5;
pub(crate) const MPIE: u64 = 1 << 7;
pub(crate) const SPP: u64 = 1 << 8;
pub(crate) const MPP: u64 = 3 << MPP_SHIFT;
/// The state of the floating-point registers; all ones is "dirty".
pub(crate) const FS: u64 = 3 << 13;
pub(crate) const MPRV: u64 = 1 << 17;
pub(crate) const SUM: u64 = 1 << 18;
pub(crate) const MXR: u64 = 1 << 19;
pub(crate) const TVM: u64 = 1 << 20;
pub(crate) const TW: u64 = 1 << 21;
pub(crate) const TSR: u64 = 1 << 22;
const MPP_SHIFT: u32 = 11;
const UXL: u64 = 3 << 32;
const UXL_64: u64 = 2 << 32;
const SXL_64: u64 = 2 << 34;

/// What supervisor mode may change. `VS` will be among it once there is its state.
const SUPERVISOR: u64 = SIE | SPIE | SPP | SUM | MXR | FS;
/// What supervisor mode sees.
pub(crate) const SUPERVISOR_VIEW: u64 = SUPERVISOR | UXL;

/// The bit that says that some of the state that is tracked is dirty. It is not stored.
pub(super) fn sd(xlen: Xlen) -> u64 {
    1 << (xlen.bits() - 1)
}

/// What a stored value reads as.
pub(super) fn summarized(status: u64, xlen: Xlen) -> u64 {
    if status & FS == FS { status | sd(xlen) } else { status }
}

/// The fields that are zero for lack of the state that they are about.
fn absent(cpu: &CpuModel) -> u64 {
    if super::float::exists(cpu) { 0 } else { FS }
}

/// The value after reset.
pub(super) fn reset_value(cpu: &CpuModel) -> u64 {
    let widths = match (cpu.xlen, cpu.modes) {
        (Xlen::Rv32, _) | (_, Modes::M) => 0,
        (_, Modes::Mu) => UXL_64,
        (_, Modes::Msu) => UXL_64 | SXL_64,
    };
    // Without user mode there is nothing else that MPP could say.
    widths | if cpu.modes == Modes::M { MPP } else { 0 }
}

/// What a write of `value` makes of `old`.
pub(super) fn legal(cpu: &CpuModel, old: u64, value: u64) -> u64 {
    let writable = match cpu.modes {
        Modes::M => MIE | MPIE | FS,
        Modes::Mu => MIE | MPIE | FS | MPP | MPRV | TW,
        Modes::Msu => MIE | MPIE | MPP | MPRV | TW | SUPERVISOR | TVM | TSR,
    };
    let writable = writable & !absent(cpu);
    old & !writable & !MPP | value & writable & !MPP | legal_previous(cpu, old, value)
}

/// What a write of `value` makes of the field that names the mode before: a mode that there is.
pub(super) fn legal_previous(cpu: &CpuModel, old: u64, value: u64) -> u64 {
    match (value >> MPP_SHIFT & 3, cpu.modes) {
        (3, _) | (0, Modes::Mu | Modes::Msu) | (1, Modes::Msu) => value & MPP,
        _ => old & MPP,
    }
}

/// The value with the mode before in its field.
pub(super) fn with_previous(status: u64, from: Mode) -> u64 {
    status & !MPP | (from as u64) << MPP_SHIFT
}

/// What a write of `value` to `sstatus` makes of `old`.
pub(super) fn legal_supervisor(cpu: &CpuModel, old: u64, value: u64) -> u64 {
    let writable = SUPERVISOR & !absent(cpu);
    old & !writable | value & writable
}

/// The mode that `mret` returns to.
pub(crate) fn mpp(status: u64) -> Mode {
    match (status & MPP) >> MPP_SHIFT {
        0 => Mode::User,
        1 => Mode::Supervisor,
        _ => Mode::Machine,
    }
}

/// The mode that `sret` returns to.
pub(crate) fn spp(status: u64) -> Mode {
    if status & SPP != 0 { Mode::Supervisor } else { Mode::User }
}

fn set(status: u64, bit: u64, on: bool) -> u64 {
    if on { status | bit } else { status & !bit }
}

/// After a trap to machine mode.
pub(crate) fn enter_machine(status: u64, from: Mode) -> u64 {
    with_previous(set(status, MPIE, status & MIE != 0) & !MIE, from)
}

/// After a trap to supervisor mode.
pub(crate) fn enter_supervisor(status: u64, from: Mode) -> u64 {
    let status = set(status, SPIE, status & SIE != 0) & !SIE;
    set(status, SPP, from == Mode::Supervisor)
}

/// After `mret`, on a hart with or without user mode.
pub(crate) fn leave_machine(status: u64, user: bool) -> u64 {
    let mprv = mpp(status) == Mode::Machine && status & MPRV != 0;
    let status = set(status, MIE, status & MPIE != 0) | MPIE;
    let status = set(status, MPRV, mprv);
    if user { status & !MPP } else { status | MPP }
}

/// After `sret`.
pub(crate) fn leave_supervisor(status: u64) -> u64 {
    let status = set(status, SIE, status & SPIE != 0) | SPIE;
    status & !(SPP | MPRV)
}

/// The translation that a value of `satp` asks for, if there is such a one.
pub(crate) fn satp_scheme(satp: u64, xlen: Xlen) -> Option<Mmu> {
    let mode = match xlen {
        Xlen::Rv32 => satp >> 31 & 1,
        Xlen::Rv64 => satp >> 60,
    };
    match (xlen, mode) {
        (_, 0) => Some(Mmu::Bare),
        (Xlen::Rv32, 1) => Some(Mmu::Sv32),
        (Xlen::Rv64, 8) => Some(Mmu::Sv39),
        (Xlen::Rv64, 9) => Some(Mmu::Sv48),
        (Xlen::Rv64, 10) => Some(Mmu::Sv57),
        _ => None,
    }
}

/// The physical page number of the root table.
pub(crate) fn satp_root(satp: u64, xlen: Xlen) -> u64 {
    match xlen {
        Xlen::Rv32 => satp & ((1 << 22) - 1),
        Xlen::Rv64 => satp & ((1 << 44) - 1),
    }
}

/// The address-space identifier.
pub(crate) fn satp_asid(satp: u64, xlen: Xlen) -> u64 {
    match xlen {
        Xlen::Rv32 => satp >> 22 & 0x1ff,
        Xlen::Rv64 => satp >> 44 & 0xffff,
    }
}

/// What a write of `value` to `satp` makes of `old`: nothing, if the mode is not supported.
pub(super) fn legal_satp(cpu: &CpuModel, old: u64, value: u64) -> u64 {
    match satp_scheme(value, cpu.xlen) {
        // Sv32 is below the others in the order, but they never meet in one width.
        Some(scheme) if scheme <= cpu.mmu => {
            // A hart that cannot translate has no use for the other fields.
            if cpu.mmu == Mmu::Bare { 0 } else { value }
        }
        _ => old,
    }
}
