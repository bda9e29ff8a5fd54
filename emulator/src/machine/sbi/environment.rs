//! What a supervisor finds around it when it starts, as software in machine mode would have left it
//! (chapter 9, "Hart start", and the privileged architecture's machine-level registers).

use boardwright_riscv::{Hart, Mode};

use super::harts::Entry;
use super::remote::SOFTWARE;
use super::{A0, A1, Slot, timer};

const SSTATUS: u16 = 0x100;
const SCOUNTEREN: u16 = 0x106;
const SATP: u16 = 0x180;
const MSTATUS: u16 = 0x300;
const SIE: u64 = 1 << 1;
/// Floating point is there to be used.
const FS: u64 = 3 << 13;

/// Registers of machine mode and what is written to them; of each, a hart keeps what it has.
const SETTINGS: [(u16, u64); 12] = [
    // medeleg: everything but calls of supervisor mode and above.
    (0x302, 0xb1ff),
    // mideleg: everything of supervisor mode.
    (0x303, u64::MAX),
    // mcounteren: the time too, which thus needs nobody's help.
    (0x306, 0xffff_ffff),
    // menvcfg and menvcfgh: the timer of supervisor mode, cache-block operations, memory types. Whether
    // accessed and dirty bits are kept (bit 61) stays as it is after a reset.
    (0x30a, STCE | PBMTE | CACHE_BLOCKS),
    (0x31a, (STCE | PBMTE) >> 32),
    // mstateen0 to mstateen3, and the high half of the first.
    (0x30c, u64::MAX),
    (0x30d, u64::MAX),
    (0x30e, u64::MAX),
    (0x30f, u64::MAX),
    (0x31c, u64::MAX),
    // pmpaddr0 and pmpcfg0: one naturally aligned region of everything, for all that one can do.
    (0x3b0, u64::MAX),
    (0x3a0, 0x1f),
];
const STCE: u64 = 1 << 63;
const PBMTE: u64 = 1 << 62;
const ADUE: u64 = 1 << 61;
/// `cbo.inval` as asked, `cbo.clean`, `cbo.flush` and `cbo.zero`.
const CACHE_BLOCKS: u64 = 0xf0;

/// Readies a hart that was reset, in supervisor mode.
pub(super) fn prepare(hart: &mut Hart) {
    for (number, value) in SETTINGS {
        let kept = match number {
            0x30a => hart.csr(number).unwrap_or(0) & ADUE,
            0x31a => hart.csr(number).unwrap_or(0) & ADUE >> 32,
            _ => 0,
        };
        hart.set_csr(number, value | kept);
    }
    hart.set_csr(SCOUNTEREN, 7);
    hart.set_csr(MSTATUS, hart.csr(MSTATUS).unwrap_or(0) | FS);
    hart.set_mode(Mode::Supervisor);
}

/// Lets a hart begin anew: without translation and interrupts, and with two arguments. The rest is
/// left open.
pub(super) fn enter(slot: &Slot, hart: &mut Hart, entry: Entry) {
    hart.set_csr(SATP, 0);
    hart.set_csr(SSTATUS, hart.csr(SSTATUS).unwrap_or(0) & !SIE);
    hart.set_x(A0, slot.id);
    hart.set_x(A1, entry.opaque);
    hart.set_pc(entry.pc);
}

/// Takes back the interrupts that the interface has raised or is to raise.
pub(super) fn quieten(slot: &Slot, hart: &mut Hart) {
    slot.inputs.set(SOFTWARE, false);
    timer::forget(slot, hart);
}
