//! Extensions that the peer of `vectors.rs` does not know yet, against the manual's words written
//! down once more: Zicond, Zabha, Zacas, Zimop, Zcb, Zcmop, the cache-block operations and the hints.

use crate::common::*;
use boardwright_riscv::Mode;

const DATA: u64 = RAM + 0x3000;
const EDGES: [u64; 9] = [
    0,
    1,
    0x7f,
    0x80,
    0xff7f,
    0x8000,
    0x7fff_ffff_8000_0000,
    0x1234_5678_9abc_def0,
    0xffff_ffff_ffff_ffff,
];

/// A 64-bit hart with everything, about to run one word.
fn hart(word: u32) -> Machine {
    Machine::new("max", &[word, j(0)])
}

/// Runs the word again with other values of `a0`, `a2`, and of the memory that `a1` points to.
fn run(machine: &mut Machine, a0: u64, a2: u64, memory: u64) -> (u64, u64) {
    machine.memory.put64(DATA, memory);
    machine.hart.set_pc(RAM);
    machine.hart.set_x(A0.into(), a0);
    machine.hart.set_x(A1.into(), DATA);
    machine.hart.set_x(A2.into(), a2);
    machine.step(1);
    assert_eq!(machine.hart.pc(), RAM + 4, "trapped");
    (machine.hart.x(A0.into()), machine.memory.get64(DATA))
}

#[test]
fn a_condition_lets_a_value_pass_or_not() {
    for condition in [0, 1, 1 << 63] {
        for (name, passes) in [("czero.eqz", condition != 0), ("czero.nez", condition == 0)] {
            let mut machine = hart(r(name, A0, A1, A2));
            let (value, _) = run(&mut machine, 7, condition, 0);
            assert_eq!(value, if passes { DATA } else { 0 }, "{name} {condition:#x}");
        }
    }
}

#[test]
fn operations_on_bytes_and_halfwords_leave_their_neighbours_alone() {
    type Formula = fn(i64, i64) -> i64;
    let table: [(&str, Formula); 9] = [
        ("amoswap", |_, b| b),
        ("amoadd", |a, b| a + b),
        ("amoxor", |a, b| a ^ b),
        ("amoand", |a, b| a & b),
        ("amoor", |a, b| a | b),
        ("amomin", i64::min),
        ("amomax", i64::max),
        // On sign-extended values, which keep the order of unsigned ones.
        ("amominu", |a, b| (a as u64).min(b as u64) as i64),
        ("amomaxu", |a, b| (a as u64).max(b as u64) as i64),
    ];
    for (width, bits) in [("b", 8), ("h", 16)] {
        let cut = |value: u64| (value as i64) << (64 - bits) >> (64 - bits);
        for (name, formula) in table {
            let mut machine = hart(r(&format!("{name}.{width}"), A0, A1, A2));
            for old in EDGES {
                for operand in EDGES {
                    let (got, stored) = run(&mut machine, 0, operand, old);
                    assert_eq!(got as i64, cut(old), "{name}.{width} {old:#x} {operand:#x}");
                    let mask = (1 << bits) - 1;
                    let new = formula(cut(old), cut(operand)) as u64;
                    assert_eq!(stored, old & !mask | new & mask, "{name}.{width}");
                }
            }
        }
    }
}

#[test]
fn a_swap_is_done_if_the_old_value_is_there() {
    for (width, bits) in [("b", 8), ("h", 16), ("w", 32), ("d", 64)] {
        let mask = u64::MAX >> (64 - bits);
        let cut = |value: u64| ((value as i64) << (64 - bits) >> (64 - bits)) as u64;
        let mut machine = hart(r(&format!("amocas.{width}"), A0, A1, A2));
        for old in EDGES {
            for expected in EDGES {
                let new = 0x5555_5555_5555_5555;
                let (got, stored) = run(&mut machine, expected, new, old);
                let swapped =
                    if (old ^ expected) & mask == 0 { old & !mask | new & mask } else { old };
                assert_eq!((got, stored), (cut(old), swapped), "{width} {old:#x} {expected:#x}");
            }
        }
    }
}

/// `amocas.q a2,a4,(a1)` and, on RV32, `amocas.d a2,a4,(a1)`.
#[test]
fn a_swap_of_pairs_takes_two_registers() {
    const A4: u8 = 14;
    for (cpu, word) in [("max", 0x28e5_c62f), ("max32", 0x28e5_b62f)] {
        let half = if cpu == "max" { 8 } else { 4 };
        for (expected, swapped) in [([3, 4], true), ([3, 5], false), ([2, 4], false)] {
            let mut machine = Machine::new(cpu, &[word]);
            machine.memory.put(DATA, &[0; 4]);
            for (n, value) in [3, 4].into_iter().enumerate() {
                machine.memory.put(DATA + half * n as u64, &[value]);
            }
            machine.hart.set_x(A1.into(), DATA);
            for (register, value) in [(A2, expected[0]), (A3, expected[1]), (A4, 5), (A4 + 1, 6)] {
                machine.hart.set_x(register.into(), value);
            }
            machine.step(1);
            assert_eq!((machine.hart.x(A2.into()), machine.hart.x(A3.into())), (3, 4), "{cpu}");
            let stored = [DATA, DATA + half].map(|addr| machine.memory.get32(addr));
            assert_eq!(stored, if swapped { [5, 6] } else { [3, 4] }, "{cpu} {expected:?}");
        }
    }
}

/// A pair begins with an even register; that of `x0` is zero and takes nothing.
#[test]
fn pairs_are_even_and_the_first_is_none() {
    // amocas.q a3,a4,(a1); amocas.q a2,a5,(a1)
    for odd in [0x28e5_c6af, 0x28f5_c62f] {
        let mut machine = hart(odd);
        machine.hart.set_x(A1.into(), DATA);
        machine.step(1);
        assert_eq!(machine.csr("mcause"), 2);
    }
    // amocas.q zero,zero,(a1)
    let mut machine = hart(0x2805_c02f);
    machine.hart.set_x(RA.into(), 9);
    run(&mut machine, 0, 0, 7);
    assert_eq!(machine.hart.x(RA.into()), 9);
    // A quadword that is only aligned to eight bytes.
    let mut machine = hart(0x28e5_c62f);
    machine.hart.set_x(A1.into(), DATA + 8);
    machine.step(1);
    assert_eq!((machine.csr("mcause"), machine.csr("mtval")), (6, DATA + 8));
}

#[test]
fn operations_to_be_give_zero() {
    // mop.r.0, mop.r.31, mop.rr.0, mop.rr.7 of a0
    for word in [0x81c5_c573, 0xcdf5_c573, 0x82c5_c573, 0xcec5_c573] {
        let mut machine = hart(word);
        assert_eq!(run(&mut machine, 5, 6, 0).0, 0, "{word:08x}");
    }
}

/// Encodings as the manual draws them, all on `a0` and `a1`, and what `a0` becomes.
#[test]
fn short_forms_do_what_they_are_short_for() {
    type Formula = fn(u64) -> u64;
    let of_itself: [(u32, Formula); 6] = [
        (0x9d61, |x| x & 0xff),
        (0x9d65, |x| x as i8 as u64),
        (0x9d69, |x| x & 0xffff),
        (0x9d6d, |x| x as i16 as u64),
        (0x9d71, |x| x & 0xffff_ffff),
        (0x9d75, |x| !x),
    ];
    for (word, formula) in of_itself {
        for value in EDGES {
            assert_eq!(short(word, value, 0).0, formula(value), "{word:04x} {value:#x}");
        }
    }
    let product = |value: u64| DATA.wrapping_mul(value);
    assert_eq!(short(0x9d4d, 0x1234_5678, 0).0, product(0x1234_5678), "c.mul a0,a1");
    let memory = 0x8182_8384_8586_8788;
    for (word, value) in [
        (0x8188, 0x88),
        (0x81c8, 0x87),
        (0x81a8, 0x86),
        (0x81e8, 0x85),
        (0x8588, 0x8788),
        (0x85a8, 0x8586),
        (0x85c8, 0xffff_ffff_ffff_8788),
        (0x85e8, 0xffff_ffff_ffff_8586),
    ] {
        assert_eq!(short(word, 0, memory).0, value, "{word:04x}");
    }
    for (word, stored) in [
        (0x89e8, 0x8182_8384_5586_8788),
        (0x8988, 0x8182_8384_8586_8755),
        (0x8d88, 0x8182_8384_8586_4455),
        (0x8da8, 0x8182_8384_4455_8788),
    ] {
        assert_eq!(short(word, 0x4455, memory), (0x4455, stored), "{word:04x}");
    }
    for number in 0..8 {
        assert_eq!(short(0x6081 | number << 8, 7, 9), (7, 9), "c.mop.{}", 2 * number + 1);
    }
}

/// Runs a word of 16 bits with values of `a0` and of what `a1` points to.
fn short(word: u32, a0: u64, memory: u64) -> (u64, u64) {
    let mut machine = hart(word);
    machine.memory.put64(DATA, memory);
    machine.hart.set_x(A0.into(), a0);
    machine.hart.set_x(A1.into(), DATA);
    machine.step(1);
    assert_eq!(machine.hart.pc(), RAM + 2, "{word:04x} trapped");
    (machine.hart.x(A0.into()), machine.memory.get64(DATA))
}

#[test]
fn hints_change_nothing() {
    for name in [
        "pause",
        "ntl.p1",
        "ntl.pall",
        "ntl.s1",
        "ntl.all",
        "prefetch.i",
        "prefetch.r",
        "prefetch.w",
        "wrs.nto",
        "wrs.sto",
    ] {
        let mut machine = hart(i(name, 0, 0, -32));
        assert_eq!(run(&mut machine, 5, 6, 7), (5, 7), "{name}");
    }
}

/// `cbo.X (a1)`, with `a1` somewhere in the block.
fn block(name: &str) -> Machine {
    let mut machine = hart(r(name, 0, A1, 0));
    for addr in (DATA - 64..DATA + 128).step_by(8) {
        machine.memory.put64(addr, u64::MAX);
    }
    machine.hart.set_x(A1.into(), DATA + 13);
    machine
}

#[test]
fn a_block_is_cleared_and_no_byte_beside_it() {
    let mut machine = block("cbo.zero");
    machine.step(1);
    assert_eq!(machine.hart.pc(), RAM + 4);
    for addr in (DATA - 64..DATA + 128).step_by(8) {
        let inside = (DATA..DATA + 64).contains(&addr);
        assert_eq!(machine.memory.get64(addr), if inside { 0 } else { u64::MAX }, "{addr:#x}");
    }
    for name in ["cbo.inval", "cbo.clean", "cbo.flush"] {
        let mut machine = block(name);
        machine.step(1);
        assert_eq!((machine.hart.pc(), machine.memory.get64(DATA)), (RAM + 4, u64::MAX), "{name}");
    }
}

/// Which instruction needs which fields: of `menvcfg` in supervisor mode, of both in user mode.
#[test]
fn lower_modes_need_permission() {
    let table = [("cbo.inval", 0x30), ("cbo.clean", 0x40), ("cbo.flush", 0x40), ("cbo.zero", 0x80)];
    for (name, field) in table {
        for (menvcfg, senvcfg) in [(0, 0), (field, 0), (0, field), (field, field), (!field, !field)]
        {
            for mode in [Mode::Supervisor, Mode::User] {
                let mut machine = block(name);
                machine.open_pmp();
                machine.set_csr("menvcfg", menvcfg & 0xf0).set_csr("senvcfg", senvcfg & 0xf0);
                enter(&mut machine, mode);
                machine.step(1);
                let user = mode == Mode::Supervisor || senvcfg == field;
                let permitted = menvcfg == field && user;
                let cause = if permitted { 0 } else { 2 };
                assert_eq!(machine.csr("mcause"), cause, "{name} {mode:?} {menvcfg:x} {senvcfg:x}");
            }
        }
    }
}

/// Goes to a mode by `mret`, and to the word at the begin of RAM.
fn enter(machine: &mut Machine, mode: Mode) {
    let back = plain("mret");
    machine.memory.put(RAM + 0x100, &[back]);
    machine.set_csr("mepc", RAM).set_csr("mstatus", (mode as u64) << 11);
    machine.hart.set_pc(RAM + 0x100);
    machine.step(1);
    assert_eq!((machine.hart.mode(), machine.hart.pc()), (mode, RAM));
}

/// A fault is that of a store and names the address in the register.
#[test]
fn what_is_not_permitted_is_a_store_fault() {
    for (pmpcfg, name, cause) in [
        (0x98, "cbo.zero", 7),
        (0x99, "cbo.zero", 7),
        (0x98, "cbo.clean", 7),
        (0x99, "cbo.clean", 0),
        (0x9b, "cbo.zero", 0),
    ] {
        let mut machine = block(name);
        // The 64 bytes at DATA have rights of their own, machine mode included.
        machine.set_csr("pmpaddr0", DATA >> 2 | 7).set_csr("pmpcfg0", pmpcfg);
        machine.step(1);
        assert_eq!(machine.csr("mcause"), cause, "{name} {pmpcfg:#x}");
        assert_eq!(machine.csr("mtval"), if cause == 0 { 0 } else { DATA + 13 });
    }
}
