//! From bits to assembly text, as binutils write it, with the usual pseudo-instructions (volume I,
//! "RISC-V Assembly Programmer's Handbook").

use super::fields::f_name;
use super::format::x_name;
use super::{Decoder, Operands};
use crate::cpu::CpuModel;
use crate::csr;
use crate::extension::Extension;

/// A shorter way to write an instruction with certain operands.
struct Alias {
    /// What it is short for: an instruction, or a compressed one alone.
    base: &'static str,
    name: &'static str,
    when: fn(&Operands) -> bool,
    shape: Shape,
}

/// The operands that an alias shows.
enum Shape {
    None,
    Rd,
    RdImm,
    RdRs1,
    RdRs2,
    Rs1,
    Rs1Offset,
    Target,
    Rs1Target,
    Rs2Target,
    RdCsr,
    CsrRs1,
    CsrAux,
    RdAux,
    FdFs1,
}

use Shape::{
    CsrAux, CsrRs1, FdFs1, Rd, RdAux, RdCsr, RdImm, RdRs1, RdRs2, Rs1, Rs1Offset, Rs1Target,
    Rs2Target, Target,
};

const fn alias(
    base: &'static str,
    name: &'static str,
    when: fn(&Operands) -> bool,
    shape: Shape,
) -> Alias {
    Alias { base, name, when, shape }
}

/// The first that fits counts.
static ALIASES: &[Alias] = &[
    alias("addi", "nop", |o| o.rd == 0 && o.rs1 == 0 && o.imm == 0, Shape::None),
    alias("addi", "li", |o| o.rs1 == 0, RdImm),
    alias("addi", "mv", |o| o.imm == 0, RdRs1),
    alias("addiw", "sext.w", |o| o.imm == 0, RdRs1),
    alias("c.mv", "mv", |_| true, RdRs2),
    alias("xori", "not", |o| o.imm == -1, RdRs1),
    alias("andi", "zext.b", |o| o.imm == 255, RdRs1),
    alias("add.uw", "zext.w", |o| o.rs2 == 0, RdRs1),
    alias("sub", "neg", |o| o.rs1 == 0, RdRs2),
    alias("subw", "negw", |o| o.rs1 == 0, RdRs2),
    alias("sltiu", "seqz", |o| o.imm == 1, RdRs1),
    alias("sltu", "snez", |o| o.rs1 == 0, RdRs2),
    alias("slt", "sltz", |o| o.rs2 == 0, RdRs1),
    alias("slt", "sgtz", |o| o.rs1 == 0, RdRs2),
    alias("jal", "j", |o| o.rd == 0, Target),
    alias("jal", "jal", |o| o.rd == 1, Target),
    alias("jalr", "ret", |o| o.rd == 0 && o.rs1 == 1 && o.imm == 0, Shape::None),
    alias("jalr", "jr", |o| o.rd == 0 && o.imm == 0, Rs1),
    alias("jalr", "jr", |o| o.rd == 0, Rs1Offset),
    alias("jalr", "jalr", |o| o.rd == 1 && o.imm == 0, Rs1),
    alias("jalr", "jalr", |o| o.rd == 1, Rs1Offset),
    alias("jalr", "jalr", |o| o.imm == 0, RdRs1),
    alias("beq", "beqz", |o| o.rs2 == 0, Rs1Target),
    alias("bne", "bnez", |o| o.rs2 == 0, Rs1Target),
    alias("bge", "blez", |o| o.rs1 == 0, Rs2Target),
    alias("bge", "bgez", |o| o.rs2 == 0, Rs1Target),
    alias("blt", "bltz", |o| o.rs2 == 0, Rs1Target),
    alias("blt", "bgtz", |o| o.rs1 == 0, Rs2Target),
    alias("csrrs", "rdcycle", |o| o.rs1 == 0 && o.imm == 0xc00, Rd),
    alias("csrrs", "rdtime", |o| o.rs1 == 0 && o.imm == 0xc01, Rd),
    alias("csrrs", "rdinstret", |o| o.rs1 == 0 && o.imm == 0xc02, Rd),
    alias("fsgnj.s", "fmv.s", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnjn.s", "fneg.s", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnjx.s", "fabs.s", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnj.d", "fmv.d", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnjn.d", "fneg.d", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnjx.d", "fabs.d", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnj.h", "fmv.h", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnjn.h", "fneg.h", |o| o.rs1 == o.rs2, FdFs1),
    alias("fsgnjx.h", "fabs.h", |o| o.rs1 == o.rs2, FdFs1),
    alias("csrrs", "frflags", |o| o.rs1 == 0 && o.imm == 1, Rd),
    alias("csrrw", "fsflags", |o| o.rd == 0 && o.imm == 1, Rs1),
    alias("csrrw", "fsflags", |o| o.imm == 1, RdRs1),
    alias("csrrs", "frrm", |o| o.rs1 == 0 && o.imm == 2, Rd),
    alias("csrrw", "fsrm", |o| o.rd == 0 && o.imm == 2, Rs1),
    alias("csrrw", "fsrm", |o| o.imm == 2, RdRs1),
    alias("csrrs", "frcsr", |o| o.rs1 == 0 && o.imm == 3, Rd),
    alias("csrrw", "fscsr", |o| o.rd == 0 && o.imm == 3, Rs1),
    alias("csrrw", "fscsr", |o| o.imm == 3, RdRs1),
    alias("csrrwi", "fsflagsi", |o| o.imm == 1, RdAux),
    alias("csrrwi", "fsrmi", |o| o.imm == 2, RdAux),
    alias("csrrs", "csrr", |o| o.rs1 == 0, RdCsr),
    alias("csrrw", "csrw", |o| o.rd == 0, CsrRs1),
    alias("csrrs", "csrs", |o| o.rd == 0, CsrRs1),
    alias("csrrc", "csrc", |o| o.rd == 0, CsrRs1),
    alias("csrrwi", "csrwi", |o| o.rd == 0, CsrAux),
    alias("csrrsi", "csrsi", |o| o.rd == 0, CsrAux),
    alias("csrrci", "csrci", |o| o.rd == 0, CsrAux),
    alias("fence", "fence", |o| o.imm == 0xff, Shape::None),
    alias("fence", "fence.tso", |o| o.imm == 0x833, Shape::None),
    alias("sfence.vma", "sfence.vma", |o| o.rs1 == 0 && o.rs2 == 0, Shape::None),
    alias("sfence.vma", "sfence.vma", |o| o.rs2 == 0, Rs1),
];

impl Alias {
    fn text(&self, operands: &Operands, target: u64, csr: impl Fn() -> String) -> String {
        let Operands { imm, aux, .. } = *operands;
        let (rd, rs1, rs2) = (x_name(operands.rd), x_name(operands.rs1), x_name(operands.rs2));
        let name = self.name;
        match self.shape {
            Shape::None => name.to_owned(),
            Rd => format!("{name} {rd}"),
            RdImm => format!("{name} {rd},{imm}"),
            RdRs1 => format!("{name} {rd},{rs1}"),
            RdRs2 => format!("{name} {rd},{rs2}"),
            Rs1 => format!("{name} {rs1}"),
            Rs1Offset => format!("{name} {imm}({rs1})"),
            Target => format!("{name} {target:#x}"),
            Rs1Target => format!("{name} {rs1},{target:#x}"),
            Rs2Target => format!("{name} {rs2},{target:#x}"),
            RdCsr => format!("{name} {rd},{}", csr()),
            CsrRs1 => format!("{name} {},{rs1}", csr()),
            CsrAux => format!("{name} {},{aux}", csr()),
            RdAux => format!("{name} {rd},{aux}"),
            FdFs1 => format!("{name} {},{}", f_name(operands.rd), f_name(operands.rs1)),
        }
    }
}

/// The text of the instruction that `bits` begin with, at `pc`, and its length in bytes. What is
/// no instruction is written as data.
pub fn disassemble(cpu: &CpuModel, pc: u64, bits: u32) -> (String, u8) {
    text(&Decoder::new(cpu), cpu, pc, bits)
}

/// The same, with a decoder at hand.
pub fn text(decoder: &Decoder, cpu: &CpuModel, pc: u64, bits: u32) -> (String, u8) {
    let length = super::decode::length(bits);
    let Some(found) = decoder.decode(bits) else {
        let data = match length {
            2 => format!(".2byte {:#x}", bits as u16),
            _ => format!(".4byte {bits:#x}"),
        };
        return (data, length);
    };
    if let Some(compressed) = found.compressed.filter(|c| c.extension == Extension::Zcmop) {
        // What it may become is not what it does now.
        return (compressed.mnemonic.to_owned(), length);
    }
    let mnemonic = found.instruction.mnemonic;
    let operands = &found.operands;
    let name = |number| csr::name_of(cpu, number);
    let compressed = found.compressed.map(|compressed| compressed.mnemonic);
    let fits = |alias: &&Alias| {
        (alias.base == mnemonic || Some(alias.base) == compressed) && (alias.when)(operands)
    };
    let target = cpu.xlen.truncate(pc.wrapping_add(operands.imm as u64));
    let text = match ALIASES.iter().find(fits) {
        Some(alias) => {
            let number = operands.imm as u16 & 0xfff;
            alias.text(operands, target, || name(number).unwrap_or_else(|| format!("{number:#x}")))
        }
        None => found.instruction.format.text(mnemonic, operands, target, &name),
    };
    (text, length)
}

#[cfg(test)]
mod tests {
    use super::super::{COMPRESSED, instructions};
    use super::*;

    /// What `objdump` of binutils 2.40 says.
    #[test]
    fn the_text_is_that_of_binutils() {
        let rv64 = CpuModel::find("rv64").unwrap();
        for (bits, expected) in [
            (0x0000_0013, "nop"),
            (0x4501, "li a0,0"),
            (0x852e, "mv a0,a1"),
            (0x00b0_0533, "add a0,zero,a1"),
            (0x00a5_8533, "add a0,a1,a0"),
            (0xfe01_0113, "addi sp,sp,-32"),
            (0x1101, "addi sp,sp,-32"),
            (0x8082, "ret"),
            (0x0005_2503, "lw a0,0(a0)"),
            (0x00b5_3423, "sd a1,8(a0)"),
            (0x0ff0_000f, "fence"),
            (0x0330_000f, "fence rw,rw"),
            (0x3000_2573, "csrr a0,mstatus"),
            (0x3053_1073, "csrw mtvec,t1"),
            (0x3004_7073, "csrci mstatus,8"),
            (0xb000_1073, "csrw mcycle,zero"),
            (0x00b5_2a2f, "amoadd.w s4,a1,(a0)"),
            (0x06b5_2a2f, "amoadd.w.aqrl s4,a1,(a0)"),
            (0x1005_352f, "lr.d a0,(a0)"),
            (0x1200_0073, "sfence.vma"),
            (0x0015_9513, "slli a0,a1,0x1"),
            (0x0000_1537, "lui a0,0x1"),
            (0x0015_7553, "fadd.s fa0,fa0,ft1"),
            (0x0015_0553, "fadd.s fa0,fa0,ft1,rne"),
            (0x0015_5553, "fadd.s fa0,fa0,ft1,unknown"),
            (0x6ab5_f543, "fmadd.d fa0,fa1,fa1,fa3"),
            (0x6ab5_9543, "fmadd.d fa0,fa1,fa1,fa3,rtz"),
            (0xc005_1553, "fcvt.w.s a0,fa0,rtz"),
            (0xd205_0553, "fcvt.d.w fa0,a0"),
            (0x4205_8553, "fcvt.d.s fa0,fa1"),
            (0x5805_f553, "fsqrt.s fa0,fa1"),
            (0x20b5_8553, "fmv.s fa0,fa1"),
            (0x22b5_9553, "fneg.d fa0,fa1"),
            (0x22b5_a553, "fabs.d fa0,fa1"),
            (0xe005_8553, "fmv.x.w a0,fa1"),
            (0xa0c5_a553, "feq.s a0,fa1,fa2"),
            (0x0085_2507, "flw fa0,8(a0)"),
            (0x00a5_3427, "fsd fa0,8(a0)"),
            (0x2508, "fld fa0,8(a0)"),
            (0x0030_2573, "frcsr a0"),
            (0x0025_1073, "fsrm a0"),
            (0x0010_d073, "fsflagsi zero,1"),
            (0x0000, ".2byte 0x0"),
            (0xffff_ffff, ".4byte 0xffffffff"),
        ] {
            assert_eq!(disassemble(rv64, 0x8000_0000, bits).0, expected, "{bits:#x}");
        }
        let max = CpuModel::find("max").unwrap();
        for (bits, expected) in [
            (0x80c5_853b, ".4byte 0x80c5853b"),
            (0x60c5_9533, "rol a0,a1,a2"),
            (0x0805_853b, "zext.w a0,a1"),
            (0x0805_c53b, "zext.h a0,a1"),
            (0x08c5_c53b, "packw a0,a1,a2"),
            (0x0100_000f, "pause"),
            (0x0205_e013, "prefetch.i 32(a1)"),
            (0x0045_a00f, "cbo.zero (a1)"),
            (0x00d0_0073, "wrs.nto"),
            (0x3185_9513, "aes64ks1i a0,a1,0x8"),
            (0x70c5_8533, "sm4ed a0,a1,a2,0x1"),
            // Newer than 2.40.
            (0x0ec5_d533, "czero.eqz a0,a1,a2"),
            (0x28c5_a52f, "amocas.w a0,a2,(a1)"),
            (0x2ec5_c52f, "amocas.q.aqrl a0,a2,(a1)"),
            (0x81c5_c573, "mop.r.0 a0,a1"),
            (0xcec5_c573, "mop.rr.7 a0,a1,a2"),
            (0x0020_0033, "ntl.p1"),
            (0x6081, "c.mop.1"),
            (0x6781, "c.mop.15"),
            (0x81c8, "lbu a0,1(a1)"),
            (0x9d75, "not a0,a0"),
            (0x9d71, "zext.w a0,a0"),
        ] {
            assert_eq!(disassemble(max, 0x8000_0000, bits).0, expected, "{bits:#x}");
        }
        assert_eq!(disassemble(rv64, 0x100, 0xfe05_0ee3).0, "beqz a0,0xfc");
        assert_eq!(disassemble(rv64, 0x100, 0x0080_00ef).0, "jal 0x108");
    }

    #[test]
    fn every_record_has_a_text() {
        for name in ["max32", "max"] {
            let cpu = CpuModel::find(name).unwrap();
            for instruction in instructions().filter(|instruction| instruction.exists(cpu)) {
                let bits = instruction.bits | 0x0010_8080 & !instruction.mask;
                let (text, length) = disassemble(cpu, 0, bits);
                assert!(!text.starts_with('.') && length == 4, "{}", instruction.mnemonic);
            }
            for compressed in COMPRESSED.iter().filter(|c| c.exists(cpu)) {
                let bits = (0..=u16::MAX).find(|bits| compressed.matches(*bits)).unwrap();
                let (text, length) = disassemble(cpu, 0, bits.into());
                assert!(!text.starts_with('.') && length == 2, "{}", compressed.mnemonic);
            }
        }
    }
}
