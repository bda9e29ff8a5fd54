//! Arithmetic of I and M over edge values, against formulas in wide integers that share nothing
//! with the interpreter.

use crate::common::*;

/// Values where something overflows, changes its sign or is zero.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    31,
    32,
    63,
    0x7f,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x1234_5678_9abc_def0,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_8000_0000,
    0xffff_ffff_ffff_ffff,
];

/// The numbers that a register of a width stands for.
#[derive(Clone, Copy)]
struct Pair {
    width: u32,
    signed: [i128; 2],
    unsigned: [i128; 2],
}

impl Pair {
    fn new(width: u32, a: u64, b: u64) -> Pair {
        let unsigned = [a, b].map(|v| i128::from(v) & ((1 << width) - 1));
        let signed = unsigned.map(|v| if v >> (width - 1) != 0 { v - (1 << width) } else { v });
        Pair { width, signed, unsigned }
    }

    fn amount(&self) -> u32 {
        (self.unsigned[1] % i128::from(self.width)) as u32
    }
}

/// What an instruction gives, as a number of which the low bits count.
type Formula = fn(Pair) -> i128;

/// Instructions of two registers, and of the low words of two registers.
const FORMULAS: &[(&str, Formula)] = &[
    ("add", |p| p.signed[0] + p.signed[1]),
    ("sub", |p| p.signed[0] - p.signed[1]),
    ("sll", |p| p.unsigned[0] << p.amount()),
    ("slt", |p| (p.signed[0] < p.signed[1]).into()),
    ("sltu", |p| (p.unsigned[0] < p.unsigned[1]).into()),
    ("xor", |p| p.unsigned[0] ^ p.unsigned[1]),
    ("srl", |p| p.unsigned[0] >> p.amount()),
    ("sra", |p| p.signed[0] >> p.amount()),
    ("or", |p| p.unsigned[0] | p.unsigned[1]),
    ("and", |p| p.unsigned[0] & p.unsigned[1]),
    ("mul", |p| p.signed[0].wrapping_mul(p.signed[1])),
    ("mulh", |p| (p.signed[0] * p.signed[1]) >> p.width),
    ("mulhsu", |p| (p.signed[0] * p.unsigned[1]) >> p.width),
    ("mulhu", |p| ((p.unsigned[0] as u128 * p.unsigned[1] as u128) >> p.width) as i128),
    ("div", |p| if p.signed[1] == 0 { -1 } else { p.signed[0] / p.signed[1] }),
    ("divu", |p| if p.unsigned[1] == 0 { -1 } else { p.unsigned[0] / p.unsigned[1] }),
    ("rem", |p| if p.signed[1] == 0 { p.signed[0] } else { p.signed[0] % p.signed[1] }),
    ("remu", |p| if p.unsigned[1] == 0 { p.unsigned[0] } else { p.unsigned[0] % p.unsigned[1] }),
];

const WORD_FORMS: [&str; 10] =
    ["add", "sub", "sll", "srl", "sra", "mul", "div", "divu", "rem", "remu"];

fn truncate(value: i128, width: u32) -> u64 {
    (value & ((1 << width) - 1)) as u64
}

/// Runs one instruction on two register values.
fn run(machine: &mut Machine, word: u32, a: u64, b: u64) -> u64 {
    machine.memory.put(RAM, &[word]);
    machine.hart.flush();
    machine.hart.set_pc(RAM);
    machine.hart.set_x(A1.into(), a);
    machine.hart.set_x(A2.into(), b);
    machine.step(1);
    assert_eq!(machine.hart.pc(), RAM + 4, "{word:08x} trapped");
    machine.hart.x(A0.into())
}

#[test]
fn registers_with_registers() {
    for (cpu, width) in [("rv32", 32), ("rv64", 64)] {
        let mut machine = Machine::new(cpu, &[]);
        for (mnemonic, formula) in FORMULAS {
            for a in EDGES {
                for b in EDGES {
                    let expected = truncate(formula(Pair::new(width, a, b)), width);
                    let got = run(&mut machine, r(mnemonic, A0, A1, A2), a, b);
                    assert_eq!(got, expected, "{cpu} {mnemonic} {a:#x} {b:#x}");
                }
            }
        }
    }
}

#[test]
fn low_words_of_registers() {
    let mut machine = Machine::new("rv64", &[]);
    for (mnemonic, formula) in FORMULAS.iter().filter(|(name, _)| WORD_FORMS.contains(name)) {
        for a in EDGES {
            for b in EDGES {
                let word = truncate(formula(Pair::new(32, a, b)), 32);
                let expected = word as i32 as u64;
                let got = run(&mut machine, r(&format!("{mnemonic}w"), A0, A1, A2), a, b);
                assert_eq!(got, expected, "{mnemonic}w {a:#x} {b:#x}");
            }
        }
    }
}

#[test]
fn registers_with_immediates() {
    let forms = ["add", "slt", "sltu", "xor", "or", "and"];
    for (cpu, width) in [("rv32", 32), ("rv64", 64)] {
        let mut machine = Machine::new(cpu, &[]);
        for (mnemonic, formula) in FORMULAS.iter().filter(|(name, _)| forms.contains(name)) {
            let immediate = mnemonic.replace("sltu", "sltiu");
            let immediate = if immediate == *mnemonic { format!("{mnemonic}i") } else { immediate };
            for a in EDGES {
                for imm in [0, 1, -1, 2047, -2048, 255] {
                    let expected = truncate(formula(Pair::new(width, a, imm as u64)), width);
                    let got = run(&mut machine, i(&immediate, A0, A1, imm), a, 0);
                    assert_eq!(got, expected, "{cpu} {immediate} {a:#x} {imm}");
                    if width == 64 && *mnemonic == "add" {
                        let word = truncate(formula(Pair::new(32, a, imm as u64)), 32);
                        let got = run(&mut machine, i("addiw", A0, A1, imm), a, 0);
                        assert_eq!(got, word as i32 as u64, "addiw {a:#x} {imm}");
                    }
                }
            }
        }
    }
}

/// The record of the width has to be found, so the words are given as the manual encodes them.
#[test]
fn shifts_by_immediates() {
    let encode = |base: u32, amount: u32| base | amount << 20 | 11 << 15 | 10 << 7;
    for (cpu, width) in [("rv32", 32u32), ("rv64", 64)] {
        let mut machine = Machine::new(cpu, &[]);
        for (name, base) in [("sll", 0x1013), ("srl", 0x5013), ("sra", 0x4000_5013)] {
            let formula = FORMULAS.iter().find(|(n, _)| *n == name).unwrap().1;
            for a in EDGES {
                for amount in [0, 1, 7, 31, 32, 63].into_iter().filter(|n| *n < width) {
                    let expected = truncate(formula(Pair::new(width, a, amount.into())), width);
                    let got = run(&mut machine, encode(base, amount), a, 0);
                    assert_eq!(got, expected, "{cpu} {name}i {a:#x} {amount}");
                    if width == 64 && amount < 32 {
                        let word = truncate(formula(Pair::new(32, a, amount.into())), 32);
                        let got = run(&mut machine, encode(base | 8, amount), a, 0);
                        assert_eq!(got, word as i32 as u64, "{name}iw {a:#x} {amount}");
                    }
                }
            }
        }
    }
}

#[test]
fn upper_immediates_and_the_program_counter() {
    let mut rv64 = Machine::new("rv64", &[]);
    assert_eq!(run(&mut rv64, 0x8000_0537, 0, 0), 0xffff_ffff_8000_0000, "lui a0,0x80000");
    assert_eq!(run(&mut rv64, 0x8000_0517, 0, 0), 0, "auipc a0,0x80000");
    let mut rv32 = Machine::new("rv32", &[]);
    assert_eq!(run(&mut rv32, 0x8000_0537, 0, 0), 0x8000_0000);
    assert_eq!(run(&mut rv32, 0x8000_0517, 0, 0), 0);
}

#[test]
fn x0_stays_zero() {
    let mut machine =
        Machine::new("rv64", &[i("addi", 0, 0, 5), i("lw", 0, A1, 0), r("add", A0, 0, 0)]);
    machine.hart.set_x(A1.into(), RAM);
    machine.hart.set_x(0, 7);
    machine.step(3);
    assert_eq!((machine.hart.x(0), machine.hart.x(A0.into())), (0, 0));
}

#[test]
fn branches_go_where_the_comparison_says() {
    type Compare = fn(Pair) -> bool;
    let table: [(&str, Compare); 6] = [
        ("beq", |p| p.signed[0] == p.signed[1]),
        ("bne", |p| p.signed[0] != p.signed[1]),
        ("blt", |p| p.signed[0] < p.signed[1]),
        ("bge", |p| p.signed[0] >= p.signed[1]),
        ("bltu", |p| p.unsigned[0] < p.unsigned[1]),
        ("bgeu", |p| p.unsigned[0] >= p.unsigned[1]),
    ];
    for (cpu, width) in [("rv32", 32), ("rv64", 64)] {
        for (mnemonic, compare) in table {
            let mut machine = Machine::new(cpu, &[s(mnemonic, A2, A1, -0x400)]);
            for a in EDGES {
                for b in EDGES {
                    machine.hart.set_pc(RAM);
                    machine.hart.set_x(A1.into(), a);
                    machine.hart.set_x(A2.into(), b);
                    machine.step(1);
                    let taken = compare(Pair::new(width, a, b));
                    let expected = if taken { RAM - 0x400 } else { RAM + 4 };
                    assert_eq!(machine.hart.pc(), expected, "{cpu} {mnemonic} {a:#x} {b:#x}");
                }
            }
        }
    }
}

#[test]
fn jumps_link_and_clear_the_lowest_bit() {
    let mut machine = Machine::new("rv64", &[i("jal", RA, 0, 0x100)]);
    machine.step(1);
    assert_eq!((machine.hart.pc(), machine.hart.x(1)), (RAM + 0x100, RAM + 4));
    let mut machine = Machine::new("rv32", &[i("jalr", A0, A0, 7)]);
    machine.hart.set_x(A0.into(), RAM + 0x10);
    machine.step(1);
    assert_eq!((machine.hart.pc(), machine.hart.x(A0.into())), (RAM + 0x16, RAM + 4));
}
