//! Virtual memory: walks of every scheme, permissions, accessed and dirty bits, caching.

use crate::common::*;
use boardwright_riscv::Mode;

const V: u64 = 1;
const R: u64 = 2;
const W: u64 = 4;
const X: u64 = 8;
const U: u64 = 16;
const A: u64 = 64;
const D: u64 = 128;
const RWX: u64 = R | W | X;

const SUM: u64 = 1 << 18;
const MXR: u64 = 1 << 19;

/// Where tables are put, one page each.
const TABLES: u64 = RAM + 0x10_0000;
/// The page that is mapped.
const PAGE: u64 = RAM + 0x20_0000;

/// A paging scheme, as the tests need it.
#[derive(Clone, Copy)]
struct Scheme {
    cpu: &'static str,
    satp: u64,
    levels: u32,
    bits: u32,
    size: u64,
}

const SV32: Scheme = Scheme { cpu: "rv32", satp: 1 << 31, levels: 2, bits: 10, size: 4 };
const SV39: Scheme = Scheme { cpu: "rv64", satp: 8 << 60, levels: 3, bits: 9, size: 8 };
const SV48: Scheme = Scheme { cpu: "rv64", satp: 9 << 60, levels: 4, bits: 9, size: 8 };
const SV57: Scheme = Scheme { cpu: "max", satp: 10 << 60, levels: 5, bits: 9, size: 8 };
const SCHEMES: [Scheme; 4] = [SV32, SV39, SV48, SV57];

impl Scheme {
    fn put(&self, machine: &Machine, place: u64, entry: u64) {
        if self.size == 4 {
            machine.memory.put(place, &[entry as u32]);
        } else {
            machine.memory.put64(place, entry);
        }
    }

    fn get(&self, machine: &Machine, place: u64) -> u64 {
        if self.size == 4 {
            machine.memory.get32(place).into()
        } else {
            machine.memory.get64(place)
        }
    }

    /// The place of the entry for an address at a level, in the chain of tables.
    fn place(&self, addr: u64, level: u32) -> u64 {
        let table = TABLES + 0x1000 * u64::from(self.levels - 1 - level);
        let index = addr >> (12 + level * self.bits) & ((1 << self.bits) - 1);
        table + index * self.size
    }

    /// Maps an address by an entry of a level. The addresses of a test share their tables.
    fn map(&self, machine: &Machine, addr: u64, to: u64, flags: u64, level: u32) {
        for upper in level + 1..self.levels {
            let table = TABLES + 0x1000 * u64::from(self.levels - upper);
            self.put(machine, self.place(addr, upper), table >> 12 << 10 | V);
        }
        self.put(machine, self.place(addr, level), to >> 12 << 10 | flags);
    }

    /// A machine in supervisor or user mode with paging on, about to run a program. The code is
    /// mapped where it is, for either mode.
    fn machine(&self, mode: Mode, program: &[u32]) -> Machine {
        let mut machine = Machine::new(self.cpu, program);
        let user = if mode == Mode::User { U } else { 0 };
        self.map(&machine, RAM, RAM, V | RWX | A | D | user, 0);
        let root = TABLES >> 12;
        machine.open_pmp().set_csr("satp", self.satp | root).set_csr("mtvec", MTVEC);
        machine.memory.put(RAM + 0xf00, &[plain("mret")]);
        machine.set_csr("mstatus", (mode as u64) << 11).set_csr("mepc", RAM);
        machine.hart.set_pc(RAM + 0xf00);
        machine.step(1);
        machine
    }
}

/// What an access to [`VIRTUAL`] ends in: a value, or a cause.
fn access(machine: &mut Machine, word: u32, addr: u64) -> Result<u64, u64> {
    machine.memory.put(RAM, &[word]);
    machine.hart.flush();
    machine.hart.set_pc(RAM);
    machine.hart.set_x(A1.into(), addr);
    machine.step(1);
    if machine.hart.mode() == Mode::Machine {
        assert_eq!(machine.hart.pc(), MTVEC);
        assert_eq!(machine.csr("mtval"), addr, "mtval");
        return Err(machine.csr("mcause"));
    }
    Ok(machine.hart.x(A0.into()))
}

const LOAD: fn() -> u32 = || i("lw", A0, A1, 0);
const STORE: fn() -> u32 = || s("sw", A0, A1, 0);

/// An address that shares its upper tables with the code.
fn virtual_page(scheme: &Scheme) -> u64 {
    if scheme.size == 4 { 0x8000_3000 } else { 0x8000_5000 }
}

#[test]
fn a_page_of_each_scheme_is_reached() {
    for scheme in SCHEMES {
        let page = virtual_page(&scheme);
        let mut machine = scheme.machine(Mode::Supervisor, &[]);
        scheme.map(&machine, page, PAGE, V | R | W | A | D, 0);
        machine.memory.put64(PAGE + 0x18, 0x1234_5678);
        assert_eq!(access(&mut machine, LOAD(), page + 0x18), Ok(0x1234_5678), "{}", scheme.cpu);
        machine.hart.set_x(A0.into(), 0x55);
        assert_eq!(access(&mut machine, STORE(), page + 0x20), Ok(0x55));
        assert_eq!(machine.memory.get64(PAGE + 0x20), 0x55);
        assert_eq!(machine.hart.translate(page + 0x21), Some(PAGE + 0x21));
        assert_eq!(machine.hart.translate(page + 0x1000), None);
    }
}

#[test]
fn permissions_follow_the_bits_and_the_mode() {
    for scheme in [SV32, SV39] {
        let page = virtual_page(&scheme);
        // (mode, mstatus, flags) -> load, store and fetch allowed
        for (mode, status, flags, load, store, fetch) in [
            (Mode::Supervisor, 0, RWX, true, true, true),
            (Mode::Supervisor, 0, R, true, false, false),
            (Mode::Supervisor, 0, R | W, true, true, false),
            (Mode::Supervisor, 0, X, false, false, true),
            (Mode::Supervisor, MXR, X, true, false, true),
            (Mode::Supervisor, 0, W, false, false, false),
            (Mode::Supervisor, 0, W | X, false, false, false),
            (Mode::Supervisor, 0, RWX | U, false, false, false),
            (Mode::Supervisor, SUM, RWX | U, true, true, false),
            (Mode::Supervisor, SUM | MXR, X | U, true, false, false),
            (Mode::User, 0, RWX | U, true, true, true),
            (Mode::User, 0, RWX, false, false, false),
            (Mode::User, SUM, RWX, false, false, false),
            (Mode::User, MXR, X | U, true, false, true),
        ] {
            let what = format!("{} {mode:?} {status:x} {flags:x}", scheme.cpu);
            let mut machine = scheme.machine(mode, &[]);
            let old = machine.csr("mstatus");
            machine.set_csr("mstatus", old | status);
            scheme.map(&machine, page, PAGE, V | flags | A | D, 0);
            let expect = |allowed, cause| if allowed { None } else { Some(cause) };
            let load_cause = access(&mut machine, LOAD(), page).err();
            assert_eq!(load_cause, expect(load, 13), "load {what}");
            let mut machine = scheme.machine(mode, &[]);
            machine.set_csr("mstatus", old | status);
            scheme.map(&machine, page, PAGE, V | flags | A | D, 0);
            let store_cause = access(&mut machine, STORE(), page).err();
            assert_eq!(store_cause, expect(store, 15), "store {what}");
            let mut machine = scheme.machine(mode, &[]);
            machine.set_csr("mstatus", old | status);
            scheme.map(&machine, page, PAGE, V | flags | A | D, 0);
            machine.memory.put(PAGE, &[i("addi", A0, 0, 9)]);
            machine.hart.set_pc(page);
            machine.step(1);
            let fetched = machine.hart.x(A0.into()) == 9;
            assert_eq!(fetched, fetch, "fetch {what}");
            if !fetched {
                assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (12, page), "{what}");
            }
        }
    }
}

#[test]
fn accessed_and_dirty_bits_are_set_by_use() {
    for scheme in SCHEMES {
        let page = virtual_page(&scheme);
        let mut machine = scheme.machine(Mode::Supervisor, &[]);
        scheme.map(&machine, page, PAGE, V | RWX, 0);
        let bits = |machine: &Machine| scheme.get(machine, scheme.place(page, 0)) & (A | D);
        assert_eq!(machine.hart.translate(page), Some(PAGE));
        assert_eq!(bits(&machine), 0, "a look from outside leaves no trace");
        access(&mut machine, LOAD(), page).unwrap();
        assert_eq!(bits(&machine), A);
        access(&mut machine, STORE(), page).unwrap();
        assert_eq!(bits(&machine), A | D);
    }
}

/// A store after a load must set the dirty bit although the page is cached for loads.
#[test]
fn a_page_cached_for_loads_becomes_dirty() {
    let program = [i("lw", A0, A1, 0), s("sw", A0, A1, 0)];
    let mut machine = SV39.machine(Mode::Supervisor, &program);
    let page = virtual_page(&SV39);
    SV39.map(&machine, page, PAGE, V | R | W, 0);
    machine.hart.set_x(A1.into(), page);
    machine.step(2);
    assert_eq!(SV39.get(&machine, SV39.place(page, 0)) & (A | D), A | D);
}

#[test]
fn large_pages_reach_all_of_their_range() {
    for scheme in SCHEMES {
        for level in 1..scheme.levels.min(3) {
            // Its own table entries, apart from those of the code.
            let size = 1u64 << (12 + level * scheme.bits);
            let addr = 3u64 << (12 + (scheme.levels - 1) * scheme.bits);
            let mut machine = scheme.machine(Mode::Supervisor, &[]);
            let mut top = scheme.levels - 1;
            // Walk down by tables that the code's mapping does not use.
            let mut table = TABLES;
            let mut free = TABLES + 0x8000;
            while top > level {
                let index = addr >> (12 + top * scheme.bits) & ((1 << scheme.bits) - 1);
                scheme.put(&machine, table + index * scheme.size, free >> 12 << 10 | V);
                (table, free, top) = (free, free + 0x1000, top - 1);
            }
            let index = addr >> (12 + level * scheme.bits) & ((1 << scheme.bits) - 1);
            let place = table + index * scheme.size;
            let base = PAGE & !(size - 1);
            scheme.put(&machine, place, base >> 12 << 10 | V | RWX | A | D);
            let offset = PAGE - base + 0x123 * 4;
            machine.memory.put64((PAGE + 0x123 * 4) & !7, u64::MAX);
            let got = access(&mut machine, LOAD(), addr + offset);
            assert_eq!(got.map(|v| v as u32), Ok(u32::MAX), "{} {level}", scheme.cpu);
            // A large page has to be aligned to its size.
            scheme.put(&machine, place, (base + 0x1000) >> 12 << 10 | V | RWX | A | D);
            assert_eq!(access(&mut machine, LOAD(), addr + offset), Err(13));
        }
    }
}

#[test]
fn malformed_tables_are_page_faults() {
    for scheme in SCHEMES {
        let page = virtual_page(&scheme);
        let try_entry = |entry: u64, level: u32| {
            let mut machine = scheme.machine(Mode::Supervisor, &[]);
            scheme.map(&machine, page, PAGE, V | RWX | A | D, 0);
            let place = scheme.place(page, level);
            scheme.put(&machine, place, entry);
            // The code's own mapping must survive, so only the last level is spoilt.
            access(&mut machine, LOAD(), page)
        };
        assert_eq!(try_entry(0, 0), Err(13), "not valid");
        assert_eq!(try_entry(PAGE >> 12 << 10 | V, 0), Err(13), "a pointer at the last level");
        if scheme.size == 8 {
            // Svpbmt and Svnapot give bits 61 to 63 a meaning on the one hart that has them.
            for bit in 54..if scheme.cpu == "max" { 61 } else { 64 } {
                let entry = PAGE >> 12 << 10 | V | RWX | A | D | 1 << bit;
                assert_eq!(try_entry(entry, 0), Err(13), "reserved bit {bit}");
            }
            let entry = 1 << 53 | V | RWX | A | D;
            assert_eq!(try_entry(entry, 0), Err(5), "no memory there");
        }
    }
}

#[test]
fn addresses_must_be_sign_extended() {
    for (scheme, bits) in [(SV39, 39), (SV48, 48), (SV57, 57)] {
        let page = virtual_page(&scheme);
        let beyond = [page | 1 << bits, page | 1 << 63, page | 1 << (bits - 1)];
        for (addr, expected) in
            beyond.map(|addr| (addr, Err(13))).into_iter().chain([(page, Ok(0))])
        {
            let mut machine = scheme.machine(Mode::Supervisor, &[]);
            scheme.map(&machine, page, PAGE, V | RWX | A | D, 0);
            assert_eq!(access(&mut machine, LOAD(), addr), expected, "{addr:#x}");
        }
    }
}

#[test]
fn a_table_outside_of_memory_is_an_access_fault() {
    let mut machine = SV39.machine(Mode::Supervisor, &[]);
    let page = virtual_page(&SV39) + (1 << 30);
    SV39.put(&machine, SV39.place(page, 2), 0x4000_0000 >> 12 << 10 | V);
    assert_eq!(access(&mut machine, LOAD(), page), Err(5));
    assert_eq!(access(&mut machine, STORE(), page), Err(7));
}

/// A walk obeys PMP with the rights of supervisor mode, and so does what it leads to.
#[test]
fn protection_applies_to_tables_and_pages() {
    let page = virtual_page(&SV39);
    for (what, denied) in [("the page", PAGE), ("the last table", TABLES + 0x2000)] {
        let mut machine = SV39.machine(Mode::Supervisor, &[]);
        SV39.map(&machine, page, PAGE, V | RWX | A | D, 0);
        // The code itself is cached before the entry appears, and it stays in its own page.
        machine.set_csr("pmpaddr1", u64::MAX).set_csr("pmpaddr0", denied >> 2 | 0x1ff);
        machine.set_csr("pmpcfg0", 0x1f18);
        if what == "the page" {
            assert_eq!(access(&mut machine, LOAD(), page), Err(5), "{what}");
        } else {
            machine.memory.put(RAM, &[LOAD()]);
            machine.hart.flush();
            machine.hart.set_pc(RAM);
            machine.step(1);
            assert_eq!((machine.csr("mcause"), machine.csr("mepc")), (1, RAM), "{what}");
        }
    }
}

#[test]
fn translations_are_forgotten_when_told() {
    let page = virtual_page(&SV39);
    let other = PAGE + 0x1000;
    let program = [
        i("lw", A0, A1, 0),
        i("lw", A2, A1, 0),
        r("sfence.vma", 0, 0, 0),
        i("lw", A3, A1, 0),
        csr("csrrw", 0, 0x180, T0),
        i("lw", T1, A1, 0),
    ];
    let mut machine = SV39.machine(Mode::Supervisor, &program);
    SV39.map(&machine, page, PAGE, V | RWX | A | D, 0);
    machine.memory.put64(PAGE, 1);
    machine.memory.put64(other, 2);
    machine.hart.set_x(A1.into(), page);
    machine.hart.set_x(T0.into(), machine.csr("satp"));
    machine.step(1);
    SV39.put(&machine, SV39.place(page, 0), other >> 12 << 10 | V | RWX | A | D);
    machine.step(3);
    assert_eq!(machine.hart.x(A0.into()), 1);
    assert_eq!(machine.hart.x(A3.into()), 2, "after sfence.vma");
    SV39.put(&machine, SV39.place(page, 0), PAGE >> 12 << 10 | V | RWX | A | D);
    machine.step(2);
    assert_eq!(machine.hart.x(T1.into()), 1, "after a write of satp");
}

#[test]
fn satp_keeps_its_value_if_the_mode_does_not_exist() {
    for (cpu, written, kept) in [
        ("rv64", 8 << 60 | 5, 8 << 60 | 5),
        ("rv64", 9 << 60 | 0x1234 << 44 | 5, 9 << 60 | 0x1234 << 44 | 5),
        ("rv64", 10 << 60 | 5, 0),
        ("max", 10 << 60 | 5, 10 << 60 | 5),
        ("rv64", 1 << 60 | 5, 0),
        ("sifive-u54", 9 << 60, 0),
        ("rv32", 1 << 31 | 5, 1 << 31 | 5),
    ] {
        let mut machine = Machine::new(cpu, &[]);
        machine.set_csr("satp", written);
        assert_eq!(machine.csr("satp"), kept, "{cpu} {written:#x}");
    }
}

/// The set of TLB entries in use follows SUM without a fence.
#[test]
fn sum_takes_effect_at_once() {
    let page = virtual_page(&SV39);
    let (set, clear) = (csr("csrrs", 0, 0x100, A2), csr("csrrc", 0, 0x100, A2));
    let load = i("lw", A0, A1, 0);
    let mut machine = SV39.machine(Mode::Supervisor, &[set, load, clear, load]);
    SV39.map(&machine, page, PAGE, V | R | W | U | A | D, 0);
    machine.memory.put64(PAGE, 3);
    machine.hart.set_x(A1.into(), page);
    machine.hart.set_x(A2.into(), SUM);
    machine.step(2);
    assert_eq!(machine.hart.x(A0.into()), 3);
    machine.step(2);
    assert_eq!((machine.csr("mcause"), machine.csr("mepc")), (13, RAM + 12));
}

/// Bits of entries that extensions give a meaning.
const N: u64 = 1 << 63;
const PBMT_SHIFT: u32 = 61;
const PBMTE: u64 = 1 << 62;
const ADUE: u64 = 1 << 61;

#[test]
fn a_group_of_pages_has_one_entry_in_many_places() {
    let frame = PAGE >> 12;
    // (low bits of the frame number, whether that is a group)
    for (low, good) in [(8, true), (0, false), (4, false), (9, false), (12, false)] {
        for page in [0, 5, 15] {
            let mut machine = SV57.machine(Mode::Supervisor, &[]);
            let addr = 0x8001_0000 + 0x1000 * page;
            let flags = (frame | low) << 10 | N | V | RWX | A | D;
            SV57.map(&machine, addr, 0, flags, 0);
            machine.memory.put64(PAGE + 0x1000 * page, page);
            let expected = if good { Ok(page) } else { Err(13) };
            assert_eq!(access(&mut machine, LOAD(), addr), expected, "{low}");
        }
    }
}

#[test]
fn memory_types_are_known_if_enabled() {
    for (kind, enabled, expected) in [
        (0, true, Ok(7)),
        (1, true, Ok(7)),
        (2, true, Ok(7)),
        (3, true, Err(13)),
        (1, false, Err(13)),
    ] {
        let page = virtual_page(&SV57);
        let mut machine = SV57.machine(Mode::Supervisor, &[]);
        assert_eq!(machine.csr("menvcfg") & PBMTE, PBMTE, "on after a reset");
        if !enabled {
            let value = machine.csr("menvcfg") & !PBMTE;
            machine.set_csr("menvcfg", value);
        }
        SV57.map(&machine, page, PAGE, V | RWX | A | D | kind << PBMT_SHIFT, 0);
        machine.memory.put64(PAGE, 7);
        assert_eq!(access(&mut machine, LOAD(), page), expected, "{kind} {enabled}");
    }
}

#[test]
fn bits_that_nobody_sets_are_page_faults() {
    for (flags, word, expected) in [
        (0, LOAD(), Err(13)),
        (A, LOAD(), Ok(0)),
        (A, STORE(), Err(15)),
        (D, STORE(), Err(15)),
        (A | D, STORE(), Ok(0)),
    ] {
        let page = virtual_page(&SV39);
        let mut machine = SV39.machine(Mode::Supervisor, &[]);
        let value = machine.csr("menvcfg") & !ADUE;
        machine.set_csr("menvcfg", value);
        SV39.map(&machine, page, PAGE, V | R | W | flags, 0);
        assert_eq!(access(&mut machine, word, page), expected, "{flags:x} {word:08x}");
        assert_eq!(SV39.get(&machine, SV39.place(page, 0)) & (A | D), flags);
    }
}

/// An entry that was changed is seen after the fence that names it, in whichever way.
#[test]
fn fences_forget_what_they_name() {
    const ASID: u64 = 5;
    let other = PAGE + 0x1000;
    // (fence, address, space, whether the change must be seen)
    for (mnemonic, addr, asid, must) in [
        ("sfence.vma", 0, 0, true),
        ("sfence.vma", 0, ASID, true),
        ("sfence.vma", 1, 0, true),
        ("sfence.vma", 1, ASID, true),
        ("sinval.vma", 1, ASID, true),
        ("sfence.vma", 0, ASID + 1, false),
        ("sfence.vma", 0x1001, 0, false),
    ] {
        for large in [false, true] {
            let (level, page) = if large { (1, 0x8040_0000) } else { (0, 0x8000_5000) };
            let fence = r(mnemonic, 0, A2, A3);
            let program = [i("lw", A0, A1, 0), fence, i("lw", A0, A1, 0)];
            let mut machine = SV57.machine(Mode::Supervisor, &program);
            let satp = machine.csr("satp") | ASID << 44;
            machine.set_csr("satp", satp);
            let entry = |to| if large { (to & !0x1f_ffff, PAGE & 0x1f_ffff) } else { (to, 0) };
            let (to, within) = entry(PAGE);
            SV57.map(&machine, page, to, V | RWX | A | D, level);
            machine.memory.put64(PAGE, 1);
            machine.memory.put64(if large { PAGE + 0x20_0000 } else { other }, 2);
            machine.hart.set_x(A1.into(), page + within);
            machine.hart.set_x(A2.into(), if addr == 0 { 0 } else { page + within + addr - 1 });
            machine.hart.set_x(A3.into(), asid);
            machine.step(1);
            assert_eq!(machine.hart.x(A0.into()), 1);
            let to = if large { to + 0x20_0000 } else { other };
            SV57.map(&machine, page, to, V | RWX | A | D, level);
            machine.step(2);
            // Forgetting more than is asked for is permitted, and happens to large pages.
            let seen = machine.hart.x(A0.into()) == 2;
            let what = format!("{mnemonic} {addr:#x} {asid} {large}");
            assert!(seen || !must, "{what}");
            assert!(!seen || must || large, "{what} forgets too much");
        }
    }
}

/// What is known of an address space survives a stay in another one, and each keeps its own.
#[test]
fn address_spaces_are_kept_apart() {
    let mut machine = SV57.machine(Mode::Supervisor, &[]);
    let root = machine.csr("satp");
    machine.memory.put(RAM, &[LOAD()]);
    // One set of tables, changed behind the hart's back, stands for those of many processes.
    let mut load = |asid: u64, addr: u64, frame: u64| {
        SV57.map(&machine, addr, PAGE + 0x1000 * frame, V | RWX | A | D, 0);
        machine.memory.put64(PAGE + 0x1000 * frame, frame);
        machine.set_csr("satp", root | asid << 44);
        machine.hart.set_pc(RAM);
        machine.hart.set_x(A1.into(), addr);
        machine.step(1);
        machine.hart.x(A0.into())
    };
    let page = |asid: u64| 0x8000_5000 + 0x1000 * asid;
    for asid in 1..40 {
        assert_eq!(load(asid, page(asid), 1), 1, "the first time");
        assert_eq!(load(asid, 0x8000_4000, asid & 1), asid & 1, "one page for all");
    }
    for asid in [39, 38, 37] {
        assert_eq!(load(asid, page(asid), 2), 1, "remembered");
    }
    assert_eq!(load(0, page(39), 3), 3);
    assert_eq!(load(1, page(39), 4), 4, "forgotten long since");
    assert_eq!(load(0, page(39), 5), 5, "identifier 0 is not remembered");
}
