//! Decoded blocks, and how the next one is found.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{Decoded, Run};
use crate::core::Core;
use crate::isa::{Decoder, Flow, Instruction, Match, length, text};
use crate::memory::{PAGE_SIZE, Requester};
use crate::mmu::Access;
use crate::observe::TracedInstruction;

/// The longest block, in instructions.
const LONGEST: usize = 48;
/// Entries of the table from virtual addresses to blocks, a power of two.
const TARGETS: usize = 4096;
/// When as many instructions are decoded, all are dropped: the guest has moved on to other code.
const MOST: usize = 1 << 20;

/// A block: a range of the decoded instructions.
#[derive(Clone, Copy)]
struct Block {
    start: u32,
    len: u32,
    /// Where it lies. The second is where the rest of the last instruction lies, if that is in
    /// another page.
    physical: u64,
    second: Option<u64>,
    /// When it was last known to be what memory holds.
    epoch: u64,
}

/// A virtual address, as seen in a mode at a time, and the block that is there.
#[derive(Clone, Copy)]
struct Target {
    pc: u64,
    view: u64,
    start: u32,
    len: u32,
}

/// A target that is none: there is no such view.
const NO_TARGET: Target = Target { pc: 0, view: u64::MAX, start: 0, len: 0 };

/// The decoded code of a hart.
pub(crate) struct Blocks {
    decoder: Decoder,
    /// The instructions of all blocks, one block after another.
    ops: Vec<Decoded>,
    by_address: HashMap<u64, Block, BuildHasherDefault<AddressHasher>>,
    targets: Box<[Target; TARGETS]>,
    /// For code that cannot be kept: what is not in RAM, not protected as a whole page is, or in a
    /// page with a breakpoint.
    transient: Vec<Decoded>,
}

/// Spreads addresses; they are not chosen by an enemy who could gain by a slow table.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }
    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }
}

impl Blocks {
    pub(crate) fn new(decoder: Decoder) -> Blocks {
        Blocks {
            decoder,
            ops: Vec::new(),
            by_address: HashMap::default(),
            targets: Box::new([NO_TARGET; TARGETS]),
            transient: Vec::new(),
        }
    }

    /// The record of an instruction.
    pub(super) fn instruction(&self, bits: u32) -> Option<&'static Instruction> {
        self.decoder.decode(bits).map(|found| found.instruction)
    }

    /// Drops all decoded code.
    pub(crate) fn clear(&mut self) {
        self.ops.clear();
        self.by_address.clear();
        self.targets.fill(NO_TARGET);
    }

    /// The instructions at `core.pc`, or the exception that fetching the first one raises.
    #[inline(always)]
    pub(super) fn find(&mut self, core: &mut Core) -> Flow<&[Decoded]> {
        let pc = core.pc;
        let view = core.view;
        let target = self.targets[(pc >> 1) as usize & (TARGETS - 1)];
        if target.pc == pc && target.view == view {
            let start = target.start as usize;
            return Ok(&self.ops[start..start + target.len as usize]);
        }
        self.find_slow(core, pc, view)
    }

    #[cold]
    #[inline(never)]
    fn find_slow(&mut self, core: &mut Core, pc: u64, view: u64) -> Flow<&[Decoded]> {
        let Some(physical) = fetchable(core, pc)? else {
            return self.decode_transient(core, pc);
        };
        let block = match self.by_address.get(&physical).copied() {
            Some(block) if self.up_to_date(core, pc, &block)? => block,
            _ => match self.decode_block(core, pc, physical)? {
                Some(block) => block,
                None => return self.decode_transient(core, pc),
            },
        };
        self.by_address.insert(physical, Block { epoch: core.code_epoch, ..block });
        let Block { start, len, .. } = block;
        let slot = (pc >> 1) as usize & (TARGETS - 1);
        self.targets[slot] = Target { pc, view, start, len };
        Ok(self.range(&block))
    }

    fn range(&self, block: &Block) -> &[Decoded] {
        &self.ops[block.start as usize..(block.start + block.len) as usize]
    }

    /// Whether a block is what memory holds at `pc` now.
    fn up_to_date(&self, core: &mut Core, pc: u64, block: &Block) -> Flow<bool> {
        let mut second = None;
        if block.second.is_some() {
            // The rest of the last instruction is elsewhere in virtual memory for each `pc`.
            second = fetchable(core, next_page(core, pc))?;
            if second != block.second {
                return Ok(false);
            }
        }
        if block.epoch == core.code_epoch {
            return Ok(true);
        }
        let bus = core.tlb.bus();
        let Some(page) = bus.ram(block.physical) else { return Ok(false) };
        let rest = second.and_then(|rest| bus.ram(rest));
        let same = self.range(block).iter().all(|op| {
            let addr = block.physical + u64::from(op.offset);
            let high = match (op.len, second) {
                (2, _) => 0,
                (_, None) => load_unit(page, addr + 2),
                (_, Some(second)) => rest.map_or(0, |page| load_unit(page, second)),
            };
            op.bits == u32::from(load_unit(page, addr)) | u32::from(high) << 16
        });
        Ok(same)
    }

    /// Decodes the block at `pc`. `None` if the first instruction reaches into a page that its
    /// code cannot be kept from.
    fn decode_block(&mut self, core: &mut Core, pc: u64, physical: u64) -> Flow<Option<Block>> {
        if self.ops.len() + LONGEST > MOST {
            self.clear();
        }
        let start = self.ops.len();
        let mut second = None;
        let mut trace = Trace::new(core);
        let mut addr = physical;
        while self.ops.len() - start < LONGEST {
            let index = self.ops.len() - start;
            let Some(page) = core.tlb.bus().ram(addr) else { break };
            let low = load_unit(page, addr);
            let long = length(low.into()) == 4;
            let crosses = long && (addr + 2).is_multiple_of(PAGE_SIZE);
            let mut bits = u32::from(low);
            if crosses {
                // Such an instruction is a block of its own, since whether its second half can be
                // fetched depends on the virtual address and has to be found out each time.
                if index > 0 {
                    break;
                }
                let Some(rest) = fetchable(core, next_page(core, pc))? else { return Ok(None) };
                let Some(page) = core.tlb.bus().ram(rest) else { return Ok(None) };
                bits |= u32::from(load_unit(page, rest)) << 16;
                second = Some(rest);
            } else if long {
                bits |= u32::from(load_unit(page, addr + 2)) << 16;
            }
            let offset = (addr - physical) as u16;
            let op = decode(&self.decoder, core, bits, offset, index as u8);
            trace.add(core, &self.decoder, pc, &op);
            addr += u64::from(op.len);
            self.ops.push(op);
            let left_page = addr / PAGE_SIZE != physical / PAGE_SIZE;
            if left_page || ends_block(&self.decoder, bits) {
                break;
            }
        }
        trace.finish(core, pc);
        let len = self.ops.len() - start;
        let (start, len) = (start as u32, len as u32);
        let block = Block { start, len, physical, second, epoch: core.code_epoch };
        Ok((len > 0).then_some(block))
    }

    /// Decodes the one instruction at `pc`, from wherever it can be read.
    fn decode_transient(&mut self, core: &mut Core, pc: u64) -> Flow<&[Decoded]> {
        core.watch(Access::Fetch, pc, 1)?;
        let mut bits = fetch_unit(core, pc)?;
        if length(bits) == 4 {
            let next = core.xlen.truncate(pc.wrapping_add(2));
            bits |= fetch_unit(core, next)? << 16;
        }
        let op = decode(&self.decoder, core, bits, 0, 0);
        let mut trace = Trace::new(core);
        trace.add(core, &self.decoder, pc, &op);
        trace.finish(core, pc);
        self.transient.clear();
        self.transient.push(op);
        Ok(&self.transient)
    }
}

/// The physical address that code at `pc` can be kept for, if it can be kept.
fn fetchable(core: &mut Core, pc: u64) -> Flow<Option<u64>> {
    if core.points.on_page(Access::Fetch, pc) {
        return Ok(None);
    }
    let set = core.fetch_set();
    if let Some(physical) = core.tlb.fetch(set, pc) {
        return Ok(Some(physical));
    }
    let place = match core.translate(pc, 2, Access::Fetch) {
        Ok(place) => place,
        Err(fault) => return core.raise(fault.exception(Access::Fetch), pc),
    };
    if !place.uniform || core.tlb.bus().ram(place.addr).is_none() {
        return Ok(None);
    }
    core.tlb.fill_fetch(set, pc, place.addr);
    Ok(Some(place.addr))
}

/// Fetches 16 bits from RAM or from the bus.
fn fetch_unit(core: &mut Core, pc: u64) -> Flow<u32> {
    let place = match core.translate(pc, 2, Access::Fetch) {
        Ok(place) => place,
        Err(fault) => return core.raise(fault.exception(Access::Fetch), pc),
    };
    if let Some(page) = core.tlb.bus().ram(place.addr) {
        return Ok(load_unit(page, place.addr).into());
    }
    let by = Requester { hartid: core.config.hartid, pc };
    match core.tlb.bus().read(place.addr, 2, by) {
        Ok(value) => Ok(value as u16 as u32),
        Err(_) => core.raise(crate::trap::Exception::InstructionAccess, pc),
    }
}

fn load_unit(page: crate::memory::RamPage<'_>, addr: u64) -> u16 {
    crate::memory::Word::load(page.cell::<u16>(addr))
}

/// The begin of the page after the one that `pc` is in.
fn next_page(core: &Core, pc: u64) -> u64 {
    core.xlen.truncate((pc | (PAGE_SIZE - 1)).wrapping_add(1))
}

fn decode(decoder: &Decoder, core: &Core, bits: u32, offset: u16, index: u8) -> Decoded {
    let len = length(bits);
    let (run, operands) = match decoder.decode(bits) {
        Some(Match { instruction, operands, .. }) => (instruction.run(core.xlen), operands),
        None => (illegal as Run, Default::default()),
    };
    Decoded { run, operands, bits, offset, index, len }
}

/// What runs in the place of an instruction that does not exist.
fn illegal(core: &mut Core, op: &Decoded, _: &[Decoded]) -> Flow {
    core.stopped_at = op.index;
    core.illegal(op.bits)
}

/// Whether the instruction never goes on to the next one, or may change what the loop relies on.
/// Branches are not among these: a block goes on where they are not taken.
fn ends_block(decoder: &Decoder, bits: u32) -> bool {
    const JAL: u32 = 0x6f;
    const JALR: u32 = 0x67;
    const SYSTEM: u32 = 0x73;
    const MISC_MEM: u32 = 0x0f;
    const FENCE: u32 = 0;
    let Some(found) = decoder.decode(bits) else { return true };
    let encoding = found.instruction.bits;
    match encoding & 0x7f {
        JAL | JALR | SYSTEM => true,
        MISC_MEM => encoding >> 12 & 7 != FENCE,
        _ => false,
    }
}

/// Collects what an observer is told of a block; does nothing without one.
struct Trace(Option<Vec<TracedInstruction>>);

impl Trace {
    fn new(core: &Core) -> Trace {
        Trace(core.observer.as_ref().map(|_| Vec::new()))
    }

    fn add(&mut self, core: &Core, decoder: &Decoder, pc: u64, op: &Decoded) {
        let Some(list) = &mut self.0 else { return };
        let pc = core.xlen.truncate(pc.wrapping_add(op.offset.into()));
        let (text, len) = text(decoder, &core.config.cpu, pc, op.bits);
        list.push(TracedInstruction { pc, bits: op.bits, len, text });
    }

    fn finish(self, core: &Core, pc: u64) {
        if let (Some(list), Some(observer)) = (self.0, &core.observer) {
            observer.block(core.config.hartid, pc, &list);
        }
    }
}
