//! Running with an observer that wants more than what is decoded: the same blocks, instruction by
//! instruction, each told of when it has retired. Without such an observer nothing here runs.

use super::{Blocks, Decoded, take_exception};
use crate::core::Core;
use crate::csr;
use crate::isa::{Destination, Format, Stop};
use crate::memory::Word;
use crate::mmu::Access;
use crate::observe::{Commit, Detail, Touched, Written};
use crate::trap::Mode;

/// Runs one block, or what is left of the budget. Returns what is left of that.
pub(super) fn run_observed(core: &mut Core, blocks: &mut Blocks, left: u64) -> u64 {
    let Some(observer) = core.observer.clone() else { return left };
    let ops = match blocks.find(core) {
        Ok(ops) => ops.to_vec(),
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
    observer.enter(core.config.hartid, core.pc, &|| core.dump());
    let start = core.pc;
    let place =
        |core: &Core, op: &Decoded| core.xlen.truncate(start.wrapping_add(op.offset.into()));
    let mut done = 0;
    for op in ops.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        let (pc, mode) = (place(core, op), core.mode);
        core.points.touched.clear();
        let flow = (op.run)(core, op, &[]);
        match flow {
            Err(Stop::Trap) => {
                core.pc = pc;
                core.retired += done;
                take_exception(core);
                return left - (done + 1);
            }
            Err(Stop::Debug | Stop::Alone) => {
                core.pc = pc;
                core.retired += done;
                return left - done;
            }
            Ok(()) | Err(Stop::Jump | Stop::Leave) => {
                done += 1;
                if observer.detail() == Detail::Retired {
                    observer.retired(&commit(core, blocks, op, pc, mode));
                }
                if flow.is_err() {
                    core.retired += done;
                    return left - done;
                }
            }
        }
    }
    if let Some(last) = ops.get((done as usize).wrapping_sub(1)) {
        core.pc = core.xlen.truncate(place(core, last).wrapping_add(last.len.into()));
    }
    core.retired += done;
    left - done
}

/// What an instruction has done.
fn commit(core: &Core, blocks: &Blocks, op: &Decoded, pc: u64, mode: Mode) -> Commit {
    let operands = &op.operands;
    let found = blocks.instruction(op.bits);
    let mut written = Vec::new();
    let register = usize::from(operands.rd & 31);
    match found.and_then(|found| found.format.destination()) {
        Some(Destination::X) if register != 0 => {
            written.push(Written::X(operands.rd, core.xlen.truncate(core.x[register])));
        }
        Some(Destination::F) => written.push(Written::F(operands.rd, core.f[register])),
        Some(Destination::X) | None => {}
    }
    if let Some(number) = found.and_then(|found| found.format.written_csr(found.bits, operands))
        && let Some(value) = core.peek_csr(number)
    {
        let name = csr::name_of(&core.config.cpu, number).unwrap_or_default();
        written.push(Written::Csr(number, name, value));
    }
    // A store conditional that failed has looked at its word and not stored.
    let failed = found.is_some_and(|found| found.mnemonic.starts_with("sc."))
        && core.x[usize::from(operands.rd & 31)] != 0;
    let mut touched: Vec<Touched> = Vec::new();
    for (access, addr, size) in &core.points.touched {
        let store = *access == Access::Store;
        match touched.last_mut() {
            // A misaligned access, which is done byte by byte.
            Some(last)
                if last.stored.is_some() == store
                    && last.addr.wrapping_add(last.size) == *addr
                    && last.size + size <= 8 =>
            {
                last.size += size;
            }
            _ => {
                let stored = store.then_some(0);
                touched.push(Touched { addr: *addr, size: *size, stored });
            }
        }
    }
    touched.retain(|one| one.stored.is_none() || !failed);
    for one in &mut touched {
        if let Some(value) = &mut one.stored {
            let float = found.is_some_and(|found| found.format == Format::FloatStore);
            let bank = if float { &core.f } else { &core.x };
            *value = stored(core, bank[usize::from(operands.rs2 & 31)], one.addr, one.size);
        }
    }
    Commit {
        hartid: core.config.hartid,
        mode,
        digits: core.xlen.bits() as usize / 4,
        pc,
        bits: op.bits,
        len: op.len,
        written,
        touched,
    }
}

/// What a store has left in memory; where that cannot be looked at, what it has sent there.
fn stored(core: &Core, sent: u64, addr: u64, size: u64) -> u64 {
    let byte = |n: u64| {
        let place = core.peek(core.xlen.truncate(addr.wrapping_add(n)))?;
        let page = core.tlb.bus().ram(place)?;
        Some(u64::from(u8::load(page.cell::<u8>(place))) << (8 * n))
    };
    let bytes: Option<u64> = (0..size).map(byte).sum();
    bytes.unwrap_or(if size < 8 { sent & ((1 << (8 * size)) - 1) } else { sent })
}
