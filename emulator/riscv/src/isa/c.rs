//! Compressed instructions (volume I, "'C' Extension for Compressed Instructions").
//!
//! Each stands for a base instruction and has no meaning of its own: a record says where its
//! operands lie and which instruction it is short for. The parts of the extension are those of the
//! chapter "Zc* Extensions for Code Size Reduction".

use super::{Operands, Width, pattern};
use crate::cpu::CpuModel;
use crate::extension::Extension;

/// A compressed instruction.
#[derive(Debug)]
pub struct Compressed {
    /// The name in assembly.
    pub mnemonic: &'static str,
    /// The bits that tell it from others.
    pub mask: u16,
    /// The values of these bits.
    pub bits: u16,
    /// The extension that it belongs to.
    pub extension: Extension,
    /// The register width it exists at.
    pub width: Width,
    /// The encodings that the mask would include but that are something else or reserved.
    pub unless: Unless,
    /// The mnemonic of the instruction that it is short for.
    pub base: &'static str,
    /// The operands of that instruction.
    pub operands: fn(u32) -> Operands,
}

/// What an encoding must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unless {
    /// Any encoding will do.
    Never,
    /// The register in bits 11 to 7 is `x0`.
    NoRd,
    /// The register in bits 6 to 2 is `x0`.
    NoRs2,
    /// The immediate in bit 12 and bits 6 to 2 is zero.
    NoImm,
    /// The immediate is zero or the register in bits 11 to 7 is `x2`.
    NoImmOrSp,
    /// The immediate in bits 12 to 5 is zero.
    NoWideImm,
}

impl Unless {
    fn holds(self, bits: u16) -> bool {
        let rd = bits >> 7 & 31;
        let no_imm = bits & 0x107c == 0;
        match self {
            Unless::Never => false,
            Unless::NoRd => rd == 0,
            Unless::NoRs2 => bits & 0x7c == 0,
            Unless::NoImm => no_imm,
            Unless::NoImmOrSp => no_imm || rd == 2,
            Unless::NoWideImm => bits & 0x1fe0 == 0,
        }
    }
}

impl Compressed {
    /// Whether a hart of this kind has the instruction.
    pub fn exists(&self, cpu: &CpuModel) -> bool {
        self.width.includes(cpu.xlen) && cpu.extensions.has(self.extension)
    }

    /// Whether some bits are this instruction.
    pub fn matches(&self, bits: u16) -> bool {
        bits & self.mask == self.bits && !self.unless.holds(bits)
    }
}

/// The link register and the stack pointer.
const RA: u8 = 1;
const SP: u8 = 2;

macro_rules! compressed {
    ($($extension:ident { $($mnemonic:literal $width:ident $pattern:literal $unless:ident
        = $base:literal $operands:expr;)* })*) => {
        pub(super) const INSTRUCTIONS: &[Compressed] = &[$($({
            const ENCODING: (u32, u32) = pattern($pattern, 16);
            Compressed {
                mnemonic: $mnemonic,
                mask: ENCODING.0 as u16,
                bits: ENCODING.1 as u16,
                extension: Extension::$extension,
                width: Width::$width,
                unless: Unless::$unless,
                base: $base,
                operands: $operands,
            }
        },)*)*];
    };
}

compressed! {
Zca {
    // Quadrant 0
    "c.addi4spn" Any "000 ........ ... 00" NoWideImm = "addi" |b| Operands {
        rd: low(b, 2), rs1: SP, imm: gather(b, &[(12, 11, 4), (10, 7, 6), (6, 6, 2), (5, 5, 3)]),
        ..NONE
    };
    "c.lw" Any "010 ... ... .. ... 00" Never = "lw" |b| Operands {
        rd: low(b, 2), rs1: low(b, 7), imm: word_offset(b), ..NONE
    };
    "c.ld" Rv64 "011 ... ... .. ... 00" Never = "ld" |b| Operands {
        rd: low(b, 2), rs1: low(b, 7), imm: double_offset(b), ..NONE
    };
    "c.sw" Any "110 ... ... .. ... 00" Never = "sw" |b| Operands {
        rs2: low(b, 2), rs1: low(b, 7), imm: word_offset(b), ..NONE
    };
    "c.sd" Rv64 "111 ... ... .. ... 00" Never = "sd" |b| Operands {
        rs2: low(b, 2), rs1: low(b, 7), imm: double_offset(b), ..NONE
    };

    // Quadrant 1
    "c.addi" Any "000 . ..... ..... 01" Never = "addi" |b| Operands {
        rd: full(b, 7), rs1: full(b, 7), imm: immediate(b), ..NONE
    };
    "c.jal" Rv32 "001 ........... 01" Never = "jal" |b| Operands {
        rd: RA, imm: jump_offset(b), ..NONE
    };
    "c.addiw" Rv64 "001 . ..... ..... 01" NoRd = "addiw" |b| Operands {
        rd: full(b, 7), rs1: full(b, 7), imm: immediate(b), ..NONE
    };
    "c.li" Any "010 . ..... ..... 01" Never = "addi" |b| Operands {
        rd: full(b, 7), imm: immediate(b), ..NONE
    };
    "c.addi16sp" Any "011 . 00010 ..... 01" NoImm = "addi" |b| Operands {
        rd: SP,
        rs1: SP,
        imm: signed(gather(b, &[(12, 12, 9), (6, 6, 4), (5, 5, 6), (4, 3, 7), (2, 2, 5)]), 10),
        ..NONE
    };
    "c.lui" Any "011 . ..... ..... 01" NoImmOrSp = "lui" |b| Operands {
        rd: full(b, 7), imm: immediate(b) << 12, ..NONE
    };
    "c.srli" Rv32 "100 0 00 ... ..... 01" Never = "srli" shift;
    "c.srli" Rv64 "100 . 00 ... ..... 01" Never = "srli" shift;
    "c.srai" Rv32 "100 0 01 ... ..... 01" Never = "srai" shift;
    "c.srai" Rv64 "100 . 01 ... ..... 01" Never = "srai" shift;
    "c.andi" Any "100 . 10 ... ..... 01" Never = "andi" |b| Operands {
        rd: low(b, 7), rs1: low(b, 7), imm: immediate(b), ..NONE
    };
    "c.sub" Any "100 0 11 ... 00 ... 01" Never = "sub" arithmetic;
    "c.xor" Any "100 0 11 ... 01 ... 01" Never = "xor" arithmetic;
    "c.or" Any "100 0 11 ... 10 ... 01" Never = "or" arithmetic;
    "c.and" Any "100 0 11 ... 11 ... 01" Never = "and" arithmetic;
    "c.subw" Rv64 "100 1 11 ... 00 ... 01" Never = "subw" arithmetic;
    "c.addw" Rv64 "100 1 11 ... 01 ... 01" Never = "addw" arithmetic;
    "c.j" Any "101 ........... 01" Never = "jal" |b| Operands { imm: jump_offset(b), ..NONE };
    "c.beqz" Any "110 ... ... ..... 01" Never = "beq" branch;
    "c.bnez" Any "111 ... ... ..... 01" Never = "bne" branch;

    // Quadrant 2
    "c.slli" Rv32 "000 0 ..... ..... 10" Never = "slli" |b| Operands {
        rd: full(b, 7), rs1: full(b, 7), imm: shift_amount(b), ..NONE
    };
    "c.slli" Rv64 "000 . ..... ..... 10" Never = "slli" |b| Operands {
        rd: full(b, 7), rs1: full(b, 7), imm: shift_amount(b), ..NONE
    };
    "c.lwsp" Any "010 . ..... ..... 10" NoRd = "lw" |b| Operands {
        rd: full(b, 7), rs1: SP, imm: word_sp_load(b), ..NONE
    };
    "c.ldsp" Rv64 "011 . ..... ..... 10" NoRd = "ld" |b| Operands {
        rd: full(b, 7), rs1: SP, imm: double_sp_load(b), ..NONE
    };
    "c.jr" Any "100 0 ..... 00000 10" NoRd = "jalr" |b| Operands { rs1: full(b, 7), ..NONE };
    "c.mv" Any "100 0 ..... ..... 10" NoRs2 = "add" |b| Operands {
        rd: full(b, 7), rs2: full(b, 2), ..NONE
    };
    "c.ebreak" Any "100 1 00000 00000 10" Never = "ebreak" |_| NONE;
    "c.jalr" Any "100 1 ..... 00000 10" NoRd = "jalr" |b| Operands {
        rd: RA, rs1: full(b, 7), ..NONE
    };
    "c.add" Any "100 1 ..... ..... 10" NoRs2 = "add" |b| Operands {
        rd: full(b, 7), rs1: full(b, 7), rs2: full(b, 2), ..NONE
    };
    "c.swsp" Any "110 ...... ..... 10" Never = "sw" |b| Operands {
        rs2: full(b, 2), rs1: SP, imm: word_sp_store(b), ..NONE
    };
    "c.sdsp" Rv64 "111 ...... ..... 10" Never = "sd" |b| Operands {
        rs2: full(b, 2), rs1: SP, imm: double_sp_store(b), ..NONE
    };
}

Zcf {
    "c.flw" Rv32 "011 ... ... .. ... 00" Never = "flw" |b| Operands {
        rd: low(b, 2), rs1: low(b, 7), imm: word_offset(b), ..NONE
    };
    "c.fsw" Rv32 "111 ... ... .. ... 00" Never = "fsw" |b| Operands {
        rs2: low(b, 2), rs1: low(b, 7), imm: word_offset(b), ..NONE
    };
    "c.flwsp" Rv32 "011 . ..... ..... 10" Never = "flw" |b| Operands {
        rd: full(b, 7), rs1: SP, imm: word_sp_load(b), ..NONE
    };
    "c.fswsp" Rv32 "111 ...... ..... 10" Never = "fsw" |b| Operands {
        rs2: full(b, 2), rs1: SP, imm: word_sp_store(b), ..NONE
    };
}

Zcd {
    "c.fld" Any "001 ... ... .. ... 00" Never = "fld" |b| Operands {
        rd: low(b, 2), rs1: low(b, 7), imm: double_offset(b), ..NONE
    };
    "c.fsd" Any "101 ... ... .. ... 00" Never = "fsd" |b| Operands {
        rs2: low(b, 2), rs1: low(b, 7), imm: double_offset(b), ..NONE
    };
    "c.fldsp" Any "001 . ..... ..... 10" Never = "fld" |b| Operands {
        rd: full(b, 7), rs1: SP, imm: double_sp_load(b), ..NONE
    };
    "c.fsdsp" Any "101 ...... ..... 10" Never = "fsd" |b| Operands {
        rs2: full(b, 2), rs1: SP, imm: double_sp_store(b), ..NONE
    };
}

// Some need what their base instruction needs: without that they do not exist either.
Zcb {
    "c.lbu" Any "100 000 ... .. ... 00" Never = "lbu" |b| Operands {
        rd: low(b, 2), rs1: low(b, 7), imm: gather(b, &[(6, 6, 0), (5, 5, 1)]), ..NONE
    };
    "c.lhu" Any "100 001 ... 0. ... 00" Never = "lhu" |b| Operands {
        rd: low(b, 2), rs1: low(b, 7), imm: gather(b, &[(5, 5, 1)]), ..NONE
    };
    "c.lh" Any "100 001 ... 1. ... 00" Never = "lh" |b| Operands {
        rd: low(b, 2), rs1: low(b, 7), imm: gather(b, &[(5, 5, 1)]), ..NONE
    };
    "c.sb" Any "100 010 ... .. ... 00" Never = "sb" |b| Operands {
        rs2: low(b, 2), rs1: low(b, 7), imm: gather(b, &[(6, 6, 0), (5, 5, 1)]), ..NONE
    };
    "c.sh" Any "100 011 ... 0. ... 00" Never = "sh" |b| Operands {
        rs2: low(b, 2), rs1: low(b, 7), imm: gather(b, &[(5, 5, 1)]), ..NONE
    };
    "c.zext.b" Any "100 111 ... 11 000 01" Never = "andi" |b| Operands { imm: 255, ..itself(b) };
    "c.sext.b" Any "100 111 ... 11 001 01" Never = "sext.b" itself;
    "c.zext.h" Any "100 111 ... 11 010 01" Never = "zext.h" itself;
    "c.sext.h" Any "100 111 ... 11 011 01" Never = "sext.h" itself;
    "c.zext.w" Rv64 "100 111 ... 11 100 01" Never = "add.uw" itself;
    "c.not" Any "100 111 ... 11 101 01" Never = "xori" |b| Operands { imm: -1, ..itself(b) };
    "c.mul" Any "100 111 ... 10 ... 01" Never = "mul" arithmetic;
}

// Until an extension gives them a meaning, these do nothing.
Zcmop {
    "c.mop.1" Any "011 0 0 000 1 00000 01" Never = "addi" |_| NONE;
    "c.mop.3" Any "011 0 0 001 1 00000 01" Never = "addi" |_| NONE;
    "c.mop.5" Any "011 0 0 010 1 00000 01" Never = "addi" |_| NONE;
    "c.mop.7" Any "011 0 0 011 1 00000 01" Never = "addi" |_| NONE;
    "c.mop.9" Any "011 0 0 100 1 00000 01" Never = "addi" |_| NONE;
    "c.mop.11" Any "011 0 0 101 1 00000 01" Never = "addi" |_| NONE;
    "c.mop.13" Any "011 0 0 110 1 00000 01" Never = "addi" |_| NONE;
    "c.mop.15" Any "011 0 0 111 1 00000 01" Never = "addi" |_| NONE;
}
}

const NONE: Operands = Operands { rd: 0, rs1: 0, rs2: 0, aux: 0, imm: 0 };

/// A register field of five bits.
fn full(bits: u32, low: u32) -> u8 {
    (bits >> low & 31) as u8
}

/// A register field of three bits, for `x8` to `x15`.
fn low(bits: u32, low: u32) -> u8 {
    8 + (bits >> low & 7) as u8
}

/// Puts an immediate together from pieces: the bits from `high` down to `low` go to `to`.
fn gather(bits: u32, pieces: &[(u32, u32, u32)]) -> i32 {
    let piece = |&(high, low, to): &(u32, u32, u32)| {
        let mask = (1 << (high - low + 1)) - 1;
        (bits >> low & mask) << to
    };
    pieces.iter().map(piece).sum::<u32>() as i32
}

/// Sign-extends a number of some width.
fn signed(value: i32, width: u32) -> i32 {
    value << (32 - width) >> (32 - width)
}

fn immediate(bits: u32) -> i32 {
    signed(shift_amount(bits), 6)
}

fn shift_amount(bits: u32) -> i32 {
    gather(bits, &[(12, 12, 5), (6, 2, 0)])
}

fn word_offset(bits: u32) -> i32 {
    gather(bits, &[(12, 10, 3), (6, 6, 2), (5, 5, 6)])
}

fn double_offset(bits: u32) -> i32 {
    gather(bits, &[(12, 10, 3), (6, 5, 6)])
}

fn word_sp_load(bits: u32) -> i32 {
    gather(bits, &[(12, 12, 5), (6, 4, 2), (3, 2, 6)])
}

fn double_sp_load(bits: u32) -> i32 {
    gather(bits, &[(12, 12, 5), (6, 5, 3), (4, 2, 6)])
}

fn word_sp_store(bits: u32) -> i32 {
    gather(bits, &[(12, 9, 2), (8, 7, 6)])
}

fn double_sp_store(bits: u32) -> i32 {
    gather(bits, &[(12, 10, 3), (9, 7, 6)])
}

fn jump_offset(bits: u32) -> i32 {
    let pieces = [
        (12, 12, 11),
        (11, 11, 4),
        (10, 9, 8),
        (8, 8, 10),
        (7, 7, 6),
        (6, 6, 7),
        (5, 3, 1),
        (2, 2, 5),
    ];
    signed(gather(bits, &pieces), 12)
}

fn shift(bits: u32) -> Operands {
    Operands { rd: low(bits, 7), rs1: low(bits, 7), imm: shift_amount(bits), ..NONE }
}

fn arithmetic(bits: u32) -> Operands {
    Operands { rd: low(bits, 7), rs1: low(bits, 7), rs2: low(bits, 2), ..NONE }
}

/// An operation of a register on itself.
fn itself(bits: u32) -> Operands {
    Operands { rd: low(bits, 7), rs1: low(bits, 7), ..NONE }
}

fn branch(bits: u32) -> Operands {
    let pieces = [(12, 12, 8), (11, 10, 3), (6, 5, 6), (4, 3, 1), (2, 2, 5)];
    Operands { rs1: low(bits, 7), imm: signed(gather(bits, &pieces), 9), ..NONE }
}
