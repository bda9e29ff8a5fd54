//! What a hart tells those who watch it: traps taken, code decoded and entered, instructions
//! retired.

use crate::trap::{Mode, cause_name};

/// How much an observer wants to know. Each includes what is before it, and costs more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Traps, and code when it is decoded, which costs nothing while it runs.
    #[default]
    Decoded,
    /// Blocks of code whenever they are entered.
    Entered,
    /// Every instruction that retires, with its accesses to memory.
    Retired,
}

/// Watches a hart, for traces in the manner of `-d int` and `-d in_asm`.
pub trait Observer: Send + Sync {
    /// How much it wants to know; asked when it is set.
    fn detail(&self) -> Detail {
        Detail::default()
    }

    /// A block of code is entered at `pc`; `registers` gives the registers as text.
    fn enter(&self, hartid: u64, pc: u64, registers: &dyn Fn() -> String) {
        let _ = (hartid, pc, registers);
    }

    /// An instruction has retired.
    fn retired(&self, commit: &Commit) {
        let _ = commit;
    }

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

/// An instruction that has retired, and what it has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Which hart.
    pub hartid: u64,
    /// The mode it was executed in.
    pub mode: Mode,
    /// Hexadecimal digits of a register.
    pub digits: usize,
    /// Its virtual address.
    pub pc: u64,
    /// Its encoding.
    pub bits: u32,
    /// Its length in bytes, 2 or 4.
    pub len: u8,
    /// The registers it names as its results.
    pub written: Vec<Written>,
    /// The memory it has touched.
    pub touched: Vec<Touched>,
}

/// A register, and what was written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// An integer register.
    X(u8, u64),
    /// A floating-point register.
    F(u8, u64),
    /// A control and status register, and its name.
    Csr(u16, String, u64),
}

/// Memory that an instruction has touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched {
    /// Its virtual address.
    pub addr: u64,
    /// Bytes.
    pub size: u64,
    /// What was stored; `None` for a load.
    pub stored: Option<u64>,
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
