//! What a hart tells those who watch it: traps taken and code decoded.

use crate::trap::{Mode, cause_name};

/// Watches a hart, for traces in the manner of `-d int` and `-d in_asm`.
pub trait Observer: Send + Sync {
    /// A trap has been taken.
    fn trap(&self, event: &TrapEvent) {
        let _ = event;
    }

    /// Instructions that follow each other have been decoded, to be run from now on.
    fn block(&self, hartid: u64, pc: u64, instructions: &[TracedInstruction]) {
        let _ = (hartid, pc, instructions);
    }

    /// A hart stands still for good: the handler of its traps, at `pc`, cannot be fetched.
    fn lost(&self, hartid: u64, pc: u64) {
        let _ = (hartid, pc);
    }
}

/// A trap, as it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrapEvent {
    /// Which hart.
    pub hartid: u64,
    /// The exception or interrupt code, without the interrupt bit.
    pub cause: u64,
    /// Whether it is an interrupt.
    pub interrupt: bool,
    /// Where it happened.
    pub epc: u64,
    /// The value that goes to `mtval` or `stval`.
    pub tval: u64,
    /// The mode that the trap was taken from.
    pub from: Mode,
    /// The mode that handles it.
    pub to: Mode,
}

impl TrapEvent {
    /// The cause in words, like `illegal_instruction`.
    pub fn description(&self) -> &'static str {
        cause_name(self.cause, self.interrupt)
    }
}

/// A decoded instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedInstruction {
    /// Its virtual address.
    pub pc: u64,
    /// Its encoding; the high half is zero if `len` is 2.
    pub bits: u32,
    /// Its length in bytes, 2 or 4.
    pub len: u8,
    /// Its assembly text.
    pub text: String,
}
