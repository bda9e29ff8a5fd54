//! The interpreter.
//!
//! Code is decoded once into blocks: runs of instructions that follow each other in one page, up
//! to a jump. A block holds a function and operands for each instruction, so that running it is a
//! chain of indirect calls with everything looked up beforehand. Between blocks the loop looks at
//! one word for interrupts and requests, and finds the next block by its virtual address.
//!
//! Blocks are kept by physical address, so they outlive changes of page tables, and are shared by
//! all modes. A store to code does not touch them: the architecture asks for a `fence.i` (or a
//! reset) on each hart that is to see the new code, and that makes blocks be compared with memory
//! before they run again.

mod block;
mod eval;

pub(crate) use self::block::Blocks;
pub(crate) use self::eval::Eval;

use crate::core::Core;
use crate::hart::Exit;
use crate::isa::{Flow, Operands, Stop};

/// What runs an instruction.
pub(crate) type Run = fn(&mut Core, &Decoded) -> Flow;

/// An instruction in a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoded {
    pub(crate) run: Run,
    pub(crate) operands: Operands,
    /// The encoding, for `tval`.
    pub(crate) bits: u32,
    /// Where it is, counted in bytes from the first.
    pub(crate) offset: u16,
    /// How many are before it.
    pub(crate) index: u8,
    /// Bytes.
    pub(crate) len: u8,
}

/// Runs at most `budget` instructions. A trap counts as an instruction here, though it retires
/// none, lest a handler that cannot be fetched keep the loop going for ever.
pub(crate) fn run(core: &mut Core, blocks: &mut Blocks, budget: u64) -> Exit {
    let mut left = budget;
    loop {
        if core.interrupts.take_flush() {
            core.lost = false;
            core.flush_memory();
            core.flush_code();
        }
        if core.interrupts.take_exit() {
            return Exit::Requested;
        }
        if core.lost {
            // No interrupt helps: they are off in the handler that cannot be entered.
            core.interrupts.sleep_until(0);
            return Exit::Wfi;
        }
        if core.waiting {
            if !core.roused() {
                core.interrupts.sleep_until(core.csr.mie);
                return Exit::Wfi;
            }
            core.waiting = false;
        }
        if left == 0 {
            return Exit::Budget;
        }
        if let Some(cause) = core.pending_interrupt() {
            core.take_trap(cause, true, 0);
        }
        core.update_attention();
        left = run_blocks(core, blocks, left);
        if let Some(stop) = core.debug_stop.take() {
            return Exit::Debug(stop);
        }
    }
}

/// Runs blocks until something needs a closer look. Returns what is left of the budget.
fn run_blocks(core: &mut Core, blocks: &mut Blocks, mut left: u64) -> u64 {
    while left > 0 && core.interrupts.word() & core.attention == 0 {
        let ops = match blocks.find(core) {
            Ok(ops) => ops,
            Err(Stop::Debug) => return left,
            Err(_) => {
                if core.cannot_trap() {
                    core.lose();
                } else {
                    take_exception(core);
                }
                return left - 1;
            }
        };
        let limit = ops.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let ops = &ops[..limit];
        let start = core.pc;
        loop {
            let (done, flow) = run_block(core, ops);
            match flow {
                Ok(()) => {
                    if let Some(last) = ops.last() {
                        let size = u64::from(last.offset) + u64::from(last.len);
                        core.pc = core.xlen.truncate(core.pc.wrapping_add(size));
                    }
                    core.retired += done;
                    left -= done;
                    break;
                }
                Err(Stop::Jump) => {
                    core.retired += done + 1;
                    left -= done + 1;
                    // A loop that is one block need not be found again.
                    let again = core.pc == start
                        && left >= limit as u64
                        && core.interrupts.word() & core.attention == 0;
                    if !again {
                        break;
                    }
                }
                Err(Stop::Leave) => {
                    core.retired += done + 1;
                    return left - (done + 1);
                }
                Err(stop @ (Stop::Trap | Stop::Debug)) => {
                    let offset = ops.get(done as usize).map_or(0, |op| op.offset);
                    core.pc = core.xlen.truncate(core.pc.wrapping_add(offset.into()));
                    core.retired += done;
                    if stop == Stop::Debug {
                        return left - done;
                    }
                    take_exception(core);
                    return left - (done + 1);
                }
            }
        }
    }
    left
}

/// Runs instructions until one does not go on; says how many did.
#[inline(always)]
fn run_block(core: &mut Core, ops: &[Decoded]) -> (u64, Flow) {
    for (done, op) in ops.iter().enumerate() {
        if let Err(stop) = (op.run)(core, op) {
            return (done as u64, Err(stop));
        }
    }
    (ops.len() as u64, Ok(()))
}

fn take_exception(core: &mut Core) {
    let (exception, tval) = core.raised;
    core.take_trap(exception as u64, false, tval);
}
