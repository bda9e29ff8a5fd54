//! Random code, and the data that it runs on, as one piece of memory for `runtime.s`, whose
//! constants are these.
//!
//! The code comes from the instruction records: a new instruction is tried as soon as it has one.
//! It is kept from what would make runs differ or never end: branches go forward, to the begin of
//! an instruction; addresses are those of x2, x8 and x9, which no instruction writes; nothing
//! returns from a trap, waits, counts, or changes how traps are taken.

use boardwright_riscv::isa::{self, Compressed, Decoder, Format, Instruction, Operands};
use boardwright_riscv::{CpuModel, Xlen};

/// Where the piece begins: the header.
pub(crate) const HEADER: u64 = 0x8000_8000;
const VALUES: u64 = 0x8000_9000;
const TABLES: u64 = 0x8002_0000;
const WINDOW: u64 = 0x8010_0000;
const SLOTS: u64 = 0x8020_0000;
const SLOT: usize = 128;
const LAST: usize = 124;
/// Slots of a group.
pub(crate) const GROUP: u64 = 64;
/// Virtual pages with permissions of all kinds; physical addresses where there is nothing.
const PAGES: u64 = 0xc000_0000;
/// The registers that addresses come from.
const POINTERS: [u8; 3] = [2, 8, 9];
const ECALL: u32 = 0x73;

/// CSRs that random code may read and write. Not `sepc` and `mepc`, whose bit 0 QEMU 7 keeps; not
/// `scause` and `mcause`, which hold legal values only (WLRL); not `mtval`, which breakpoints differ
/// in; not `mcounteren` and `scounteren`, which have 32 bits, and 64 in QEMU 7.
const CSRS: &[u32] = &[0x001, 0x002, 0x003, 0x105, 0x140, 0x143];

/// What the header says.
pub(crate) struct Header {
    pub(crate) seed: u64,
    pub(crate) groups: std::ops::Range<u64>,
    pub(crate) rounds: u64,
    pub(crate) verbose: bool,
    /// 0, or the width of the f registers.
    pub(crate) float: u64,
    pub(crate) paging: bool,
}

/// A generator of numbers (SplitMix64): the same for a seed for ever.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
}

/// The memory from [`HEADER`] on.
pub(crate) fn memory(cpu: &CpuModel, header: &Header) -> Vec<u8> {
    let groups = header.groups.end;
    let mut memory = vec![0; (SLOTS - HEADER) as usize + (groups * GROUP) as usize * SLOT];
    let mut put = |addr: u64, bytes: &[u8]| {
        let at = (addr - HEADER) as usize;
        if let Some(place) = memory.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let wide = cpu.xlen == Xlen::Rv64;
    let satp = |table: u64| match (header.paging, wide) {
        (false, _) => 0,
        (true, true) => 8 << 60 | table >> 12,
        (true, false) => 1 << 31 | table >> 12,
    };
    let (user, supervisor) = (TABLES, TABLES + 0x8000);
    let mut cells = vec![
        header.seed,
        header.groups.start,
        header.groups.end,
        header.rounds,
        header.verbose.into(),
        header.float,
        satp(user),
        satp(supervisor),
        0,
        0,
    ];
    // Some are aligned, some not, some lead to a page of [`PAGES`].
    cells
        .extend((0..16).map(|n| if n < 6 { WINDOW + 128 + n * 9 } else { PAGES + n * 4096 + 256 }));
    put(HEADER, &bytes(&cells));
    let mut random = Random(header.seed);
    put(VALUES, &bytes(&values(&mut random)));
    for (table, user) in [(user, true), (supervisor, false)] {
        for (addr, entry) in entries(table, user, wide) {
            put(addr, &entry.to_le_bytes()[..if wide { 8 } else { 4 }]);
        }
    }
    let mut code = Code::new(cpu);
    for slot in 0..groups * GROUP {
        // Of the number only, so that a slot is the same whatever is run before it.
        code.random = Random(header.seed ^ slot.wrapping_mul(0xd134_2543_de82_ef95));
        put(SLOTS + slot * SLOT as u64, &code.slot());
    }
    memory
}

fn bytes(cells: &[u64]) -> Vec<u8> {
    cells.iter().flat_map(|cell| cell.to_le_bytes()).collect()
}

/// Values for registers: the ends of ranges, numbers in all formats, and random ones.
fn values(random: &mut Random) -> Vec<u64> {
    let singles = [
        0f32,
        -0.0,
        1.0,
        -1.5,
        0.1,
        f32::MIN_POSITIVE,
        1e-45,
        -1e-40,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        2_147_483_648.0,
        -2_147_483_648.0,
        4_294_967_296.0,
        1.8e19,
    ];
    let doubles = [
        0f64,
        -0.0,
        1.0,
        -1.5,
        0.1,
        f64::MIN_POSITIVE,
        5e-324,
        -1e-310,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        2_147_483_647.5,
        -9.223_372_036_854_776e18,
        1.8446744e19,
        3e38,
    ];
    let boxed = |bits: u32| 0xffff_ffff_0000_0000 | u64::from(bits);
    let mut values: Vec<u64> = singles.iter().map(|single| boxed(single.to_bits())).collect();
    values.extend(doubles.iter().map(|double| double.to_bits()));
    values.extend([boxed(0x7f80_0001), boxed(0xffc0_1234), 0x7ff0_0000_0000_0001, 0x7fc0_0000]);
    values.extend([0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, u64::MAX, u64::MAX - 1]);
    values.extend((7..64).step_by(8).flat_map(|bit| [1 << bit, (1 << bit) - 1, !0 << bit]));
    while values.len() < 256 {
        let value = random.next();
        values.push(match random.below(4) {
            0 => value,
            1 => boxed(value as u32),
            2 => value as i32 as u64,
            _ => value >> random.below(64),
        });
    }
    values
}

/// The entries of a page table: the first GiB of RAM as it is, and pages of all kinds.
fn entries(root: u64, user: bool, wide: bool) -> Vec<(u64, u64)> {
    const V: u64 = 1;
    const R: u64 = 2;
    const W: u64 = 4;
    const X: u64 = 8;
    const U: u64 = 16;
    const A: u64 = 64;
    const D: u64 = 128;
    let own = if user { U } else { 0 };
    let entry = |addr: u64, flags: u64| addr >> 12 << 10 | flags;
    let all = V | R | W | X | A | D | own;
    let (size, last) = (if wide { 8 } else { 4 }, root + 0x4000);
    let mut entries = Vec::new();
    if wide {
        let middle = root + 0x2000;
        entries.push((root + 2 * size, entry(0x8000_0000, all)));
        entries.push((root + 3 * size, entry(middle, V)));
        entries.push((middle, entry(last, V)));
    } else {
        // 4 MiB a leaf.
        let ram = (0x8000_0000u64..0xc000_0000).step_by(4 << 20);
        entries.extend(ram.map(|addr| (root + (addr >> 22) * size, entry(addr, all))));
        entries.push((root + (PAGES >> 22) * size, entry(last, V)));
    }
    let kinds = [
        all,
        all & !X,
        all & !(W | X | D),
        V | X | A | own,
        0,
        V | W | A | D | own,
        all ^ U,
        all | 3 << 8,
        all & !W,
        V | A | D,
    ];
    let pages = kinds.iter().cycle().zip(0..16);
    entries.extend(pages.map(|(kind, n)| (last + n * size, entry(WINDOW, *kind))));
    entries
}

/// An instruction of a slot.
enum Step {
    Bits(u32),
    /// One that is to go on at an instruction further down.
    Branch(&'static Instruction, Operands),
    ShortBranch,
}

/// Makes slots.
struct Code {
    random: Random,
    decoder: Decoder,
    /// Records by list, without those that need care.
    lists: Vec<Vec<&'static Instruction>>,
    branches: Vec<&'static Instruction>,
    csrs: Vec<&'static Instruction>,
    compressed: Vec<&'static Compressed>,
    /// Compressed branches by their distance in units of two bytes.
    short: Vec<Vec<u16>>,
}

fn opcode(bits: u32) -> u32 {
    bits & 0x7f
}

impl Code {
    fn new(cpu: &CpuModel) -> Code {
        let decoder = Decoder::new(cpu);
        let exists = |record: &&'static Instruction| record.exists(cpu);
        let plain = |record: &&'static Instruction| {
            !matches!(opcode(record.bits), 0x63 | 0x67 | 0x6f | 0x73)
        };
        let lists =
            isa::LISTS.iter().map(|list| list.iter().filter(exists).filter(plain).collect());
        let all: Vec<_> = isa::instructions().filter(exists).collect();
        let of = |opcodes: &[u32]| -> Vec<_> {
            all.iter().copied().filter(|record| opcodes.contains(&opcode(record.bits))).collect()
        };
        let csrs = of(&[0x73]).into_iter().filter(|record| record.mnemonic.starts_with("csr"));
        let mut short = vec![Vec::new(); SLOT / 2];
        for half in 0..=u16::MAX {
            if half & 3 == 3 {
                continue;
            }
            let Some(found) = decoder.decode(half.into()) else { continue };
            let forward = usize::try_from(found.operands.imm).unwrap_or(0);
            if matches!(opcode(found.instruction.bits), 0x63 | 0x6f)
                && let Some(list) = short.get_mut(forward / 2)
            {
                list.push(half);
            }
        }
        Code {
            random: Random(0),
            lists: lists.filter(|list: &Vec<_>| !list.is_empty()).collect(),
            branches: of(&[0x63, 0x6f]),
            csrs: csrs.collect(),
            compressed: isa::COMPRESSED
                .iter()
                .filter(|record| decoder.decode(record.bits.into()).is_some())
                .collect(),
            short,
            decoder,
        }
    }

    /// The bytes of a slot.
    fn slot(&mut self) -> [u8; SLOT] {
        let mut steps = Vec::new();
        let mut at = 0;
        while at < LAST {
            let mut step = self.step();
            let mut len = step.len();
            if at + len > LAST {
                step = Step::Bits(1);
                len = 2;
            }
            steps.push((at, step));
            at += len;
        }
        let ends: Vec<usize> = steps.iter().map(|(at, _)| *at).chain([LAST]).collect();
        let mut bytes = [0; SLOT];
        for (n, (at, step)) in steps.iter().enumerate() {
            let targets = ends.get(n + 1..).unwrap_or_default();
            let distance = self.random.one_of(targets).map_or(4, |target| target - at);
            let (bits, len) = match step {
                Step::Bits(bits) => (*bits, step.len()),
                Step::Branch(record, operands) => {
                    let operands = Operands { imm: distance as i32, ..*operands };
                    (record.bits | record.format.encode(&operands), 4)
                }
                Step::ShortBranch => {
                    let list = self.short.get(distance / 2).map_or(&[][..], Vec::as_slice);
                    let half = list.get(self.random.below(list.len())).copied();
                    (half.unwrap_or(1).into(), 2)
                }
            };
            bytes[*at..at + len].copy_from_slice(&bits.to_le_bytes()[..len]);
        }
        bytes[LAST..].copy_from_slice(&ECALL.to_le_bytes());
        bytes
    }

    fn step(&mut self) -> Step {
        let short = !self.compressed.is_empty();
        loop {
            let kind = self.random.below(100);
            let step = match kind {
                0..8 => self.branch(),
                8..12 if short => Some(Step::ShortBranch),
                12..40 if short => self.half(),
                40..44 => self.garbage(short),
                44..48 => self.csr(),
                _ => self.word(),
            };
            if let Some(step) = step {
                return step;
            }
        }
    }

    /// A register that instructions may write.
    fn rd(&mut self) -> u8 {
        loop {
            let rd = self.random.below(32) as u8;
            if !POINTERS.contains(&rd) {
                return rd;
            }
        }
    }

    fn branch(&mut self) -> Option<Step> {
        let record = *self.random.one_of(&self.branches)?;
        let register = self.random.below(32) as u8;
        let operands = match record.format {
            Format::Branch => {
                Operands { rs1: register, rs2: self.random.below(32) as u8, ..Operands::default() }
            }
            _ => Operands { rd: self.rd(), ..Operands::default() },
        };
        Some(Step::Branch(record, operands))
    }

    fn csr(&mut self) -> Option<Step> {
        let record = *self.random.one_of(&self.csrs)?;
        let number = *self.random.one_of(CSRS)?;
        let source = self.random.below(32) as u32;
        // Setting and clearing no bit is a write, which makes the state of the f registers dirty;
        // QEMU 7 takes it for none.
        if number < 4 && !record.mnemonic.starts_with("csrrw") {
            return None;
        }
        Some(Step::Bits(record.bits | number << 20 | source << 15 | u32::from(self.rd()) << 7))
    }

    /// Bits that no record knows.
    fn garbage(&mut self, short: bool) -> Option<Step> {
        let word = self.random.next() as u32;
        // Longer than 32 bits is not for us to say.
        let long = word & 3 == 3;
        let known = self.decoder.decode(word).is_some();
        (!known && word & 0x1f != 0x1f && (long || short)).then_some(Step::Bits(word))
    }

    fn half(&mut self) -> Option<Step> {
        let record = *self.random.one_of(&self.compressed)?;
        let half = record.bits | self.random.next() as u16 & !record.mask;
        let found = self.decoder.decode(half.into())?;
        let operands = found.operands;
        let base = opcode(found.instruction.bits);
        let allowed = match base {
            0x63 | 0x67 | 0x6f => false,
            0x73 => self.random.below(4) == 0,
            0x03 | 0x07 | 0x23 | 0x27 => {
                POINTERS.contains(&operands.rs1) && (0..=256).contains(&operands.imm)
            }
            _ => true,
        };
        let writes = !matches!(base, 0x23 | 0x27);
        let kept = !writes || !POINTERS.contains(&operands.rd);
        (allowed && kept).then_some(Step::Bits(half.into()))
    }

    fn word(&mut self) -> Option<Step> {
        let list = self.random.below(self.lists.len());
        let record = *self.random.one_of(self.lists.get(list)?)?;
        let mut bits = record.bits | self.random.next() as u32 & !record.mask;
        let offset = self.random.below(384) as u32;
        let offset = offset.wrapping_sub(128);
        let pointer = u32::from(*self.random.one_of(&POINTERS)?) << 15;
        let rd = u32::from(self.rd()) << 7;
        bits = match opcode(bits) {
            // Loads, stores, atomics and cache-block operations.
            0x03 | 0x07 => bits & 0x7fff | offset << 20 | pointer,
            0x23 | 0x27 => bits & 0x01f0_707f | pointer | (offset & 31) << 7 | offset >> 5 << 25,
            0x2f | 0x0f => bits & !(31 << 15) | pointer,
            _ => bits,
        };
        if !matches!(opcode(bits), 0x23 | 0x27 | 0x0f) {
            bits = bits & !(31 << 7) | rd;
        }
        // Encodings that are reserved, or another record's, are for `garbage`.
        let same = self.decoder.decode(bits).is_some_and(|m| std::ptr::eq(m.instruction, record));
        same.then_some(Step::Bits(bits))
    }
}

impl Step {
    fn len(&self) -> usize {
        match self {
            Step::Bits(bits) if bits & 3 != 3 => 2,
            Step::ShortBranch => 2,
            Step::Bits(_) | Step::Branch(..) => 4,
        }
    }
}
