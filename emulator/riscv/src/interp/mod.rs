//! The interpreter.
//!
//! Code is decoded once into blocks: runs of instructions that follow each other in one page, up
//! to a jump. A block holds a function and operands for each instruction, with everything looked up
//! beforehand. Each function ends by calling that of the next instruction ([`step`]), which an
//! optimising build turns into a jump: so every instruction has an indirect jump of its own, which
//! the host's processor predicts by what usually follows. A block is short, so nothing is lost but
//! speed where calls stay calls. Between blocks the loop looks at one word for interrupts and
//! requests, and finds the next block by its virtual address.
//!
//! Blocks are kept by physical address, so they outlive changes of page tables, and are shared by
//! all modes. A store to code does not touch them: the architecture asks for a `fence.i` (or a
//! reset) on each hart that is to see the new code, and that makes blocks be compared with memory
//! before they run again.

mod block;
mod eval;
mod observed;

pub(crate) use self::block::Blocks;
pub(crate) use self::eval::Eval;

use crate::core::Core;
use crate::hart::Exit;
use crate::isa::{Flow, Operands, Stop};
use crate::observe::Detail;

/// What runs an instruction and then the rest of its block.
pub(crate) type Run = fn(&mut Core, &Decoded, &[Decoded]) -> Flow;

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
        if core.interrupts.take_fence() {
            core.flush_translations();
        }
        if core.interrupts.take_exit() {
            return Exit::Requested;
        }
        if core.standstill.is_some() {
            core.interrupts.sleep_until(core.ending_standstill());
            return Exit::Wfi;
        }
        if core.lost {
            // No interrupt helps: they are off in the handler that cannot be entered.
            core.interrupts.sleep_until(0);
            return Exit::Wfi;
        }
        // An interrupt that is taken needs an instruction of its handler to follow.
        let nmi = left > 0 && core.accept_nmi();
        if core.waiting {
            if !core.roused() {
                core.interrupts.sleep_until(core.waking());
                return Exit::Wfi;
            }
            core.waiting = false;
        }
        if left == 0 {
            return Exit::Budget;
        }
        if let (Some(cause), false) = (core.pending_interrupt(), nmi) {
            core.take_trap(cause, true, 0);
        }
        core.update_attention();
        let alone = core.alone;
        let slice = if alone { 1 } else { left.min(core.until_overflow()) };
        left = left - slice
            + match core.detail {
                Detail::Decoded => run_blocks(core, blocks, slice),
                Detail::Entered | Detail::Retired => observed::run_observed(core, blocks, slice),
            };
        // Unless it was found just now that the next one is to be.
        core.alone &= !alone;
        if core.until_overflow() == 0 {
            core.note_overflows();
        }
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
            let flow = match ops {
                [first, rest @ ..] => (first.run)(core, first, rest),
                [] => Ok(()),
            };
            let done = u64::from(core.stopped_at);
            match flow {
                Ok(()) => {
                    if let Some(last) = ops.last() {
                        let size = u64::from(last.offset) + u64::from(last.len);
                        core.pc = core.xlen.truncate(core.pc.wrapping_add(size));
                    }
                    core.retired += limit as u64;
                    left -= limit as u64;
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
                Err(stop @ (Stop::Trap | Stop::Debug | Stop::Alone)) => {
                    let offset = ops.get(done as usize).map_or(0, |op| op.offset);
                    core.pc = core.xlen.truncate(core.pc.wrapping_add(offset.into()));
                    core.retired += done;
                    if stop != Stop::Trap {
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

/// Runs one instruction by its meaning, and then the rest of the block. What does not go on leaves
/// its place in the block behind.
#[inline(always)]
pub(crate) fn step<const XLEN: u32>(
    core: &mut Core,
    op: &Decoded,
    rest: &[Decoded],
    meaning: impl FnOnce(&mut Eval<'_, XLEN>, &Operands) -> Flow,
) -> Flow {
    if let Err(stop) = meaning(&mut Eval::new(core, op), &op.operands) {
        core.stopped_at = op.index;
        return Err(stop);
    }
    match rest {
        [next, rest @ ..] => (next.run)(core, next, rest),
        [] => Ok(()),
    }
}

fn take_exception(core: &mut Core) {
    let (exception, tval) = core.raised;
    core.raising += 1;
    core.take_trap(exception as u64, false, tval);
}
