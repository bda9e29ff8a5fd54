//! Operand formats: where the operands of an instruction lie in its bits, and how they are
//! written in assembly (volume I, "Base Instruction Formats" and "Immediate Encoding Variants").

use std::fmt::Write as _;

use super::fields::{self, Field, f_name};

/// The operands of an instruction. What a format does not have is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operands {
    /// Destination register.
    pub rd: u8,
    /// First source register.
    pub rs1: u8,
    /// Second source register.
    pub rs2: u8,
    /// What else there is: `aq` and `rl`, the small immediate of a CSR instruction, or the rounding
    /// mode and, above it, the third source of a floating-point instruction.
    pub aux: u8,
    /// Immediate, shift amount, CSR number or fence sets.
    pub imm: i32,
}

/// How operands are encoded and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `add rd,rs1,rs2`
    R,
    /// `addi rd,rs1,imm`
    I,
    /// `slli rd,rs1,shamt`
    Shift,
    /// `clz rd,rs1`
    Unary,
    /// `aes64ks1i rd,rs1,round`
    Round,
    /// `sm4ed rd,rs1,rs2,byte`
    Byte,
    /// `lw rd,imm(rs1)`
    Load,
    /// `sw rs2,imm(rs1)`
    Store,
    /// `beq rs1,rs2,target`
    Branch,
    /// `lui rd,imm`
    Upper,
    /// `jal rd,target`
    Jump,
    /// `csrrw rd,csr,rs1`
    Csr,
    /// `csrrwi rd,csr,imm`
    CsrImm,
    /// `amoadd.w rd,rs2,(rs1)`
    Amo,
    /// `cbo.clean (rs1)`
    Address,
    /// `prefetch.r imm(rs1)`
    Prefetch,
    /// `mop.r.N rd,rs1`
    Maybe,
    /// `mop.rr.N rd,rs1,rs2`
    MaybeTwo,
    /// `lr.w rd,(rs1)`
    LoadReserved,
    /// `fence pred,succ`
    Fence,
    /// `sfence.vma rs1,rs2`
    Sources,
    /// `flw fd,imm(rs1)`
    FloatLoad,
    /// `fsw fs2,imm(rs1)`
    FloatStore,
    /// Operands with a field each, written in a row: `fadd.s fd,fs1,fs2,rm`
    Fields(&'static [Field]),
    /// `ecall`
    None,
}

/// The kinds of registers that `rd` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Integer.
    X,
    /// Floating-point.
    F,
}

/// ABI names of the integer registers.
pub const X_NAMES: [&str; 32] = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4",
    "a5", "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4",
    "t5", "t6",
];

/// The ABI name of an integer register.
pub fn x_name(register: u8) -> &'static str {
    X_NAMES[usize::from(register & 31)]
}

impl Format {
    /// What kind of register `rd` is, if there is one.
    pub(crate) fn destination(self) -> Option<Destination> {
        match self {
            Format::Store
            | Format::FloatStore
            | Format::Branch
            | Format::Address
            | Format::Prefetch
            | Format::Fence
            | Format::Sources
            | Format::None => None,
            Format::FloatLoad => Some(Destination::F),
            Format::Fields(list) => list.iter().find_map(|field| match field {
                Field::Xd => Some(Destination::X),
                Field::Fd => Some(Destination::F),
                _ => None,
            }),
            Format::R
            | Format::I
            | Format::Shift
            | Format::Unary
            | Format::Round
            | Format::Byte
            | Format::Load
            | Format::Upper
            | Format::Jump
            | Format::Csr
            | Format::CsrImm
            | Format::Amo
            | Format::Maybe
            | Format::MaybeTwo
            | Format::LoadReserved => Some(Destination::X),
        }
    }

    /// The control and status register that an instruction writes, if it does.
    pub(crate) fn written_csr(self, bits: u32, operands: &Operands) -> Option<u16> {
        // Swaps write always; to set or clear nothing is to read.
        let swap = bits >> 12 & 3 == 1;
        let writes = match self {
            Format::Csr => swap || operands.rs1 != 0,
            Format::CsrImm => swap || operands.aux != 0,
            _ => false,
        };
        writes.then_some(operands.imm as u16 & 0xfff)
    }

    /// Takes the operands out of an instruction.
    pub fn decode(self, bits: u32) -> Operands {
        let field = |low: u32| (bits >> low & 31) as u8;
        let signed = bits as i32;
        let none = Operands::default();
        let rd = Operands { rd: field(7), ..none };
        let rd_rs1 = Operands { rs1: field(15), ..rd };
        let sources = Operands { rs1: field(15), rs2: field(20), ..none };
        match self {
            Format::R => Operands { rs2: field(20), ..rd_rs1 },
            Format::I | Format::Load | Format::FloatLoad => {
                Operands { imm: signed >> 20, ..rd_rs1 }
            }
            Format::Shift => Operands { imm: (bits >> 20 & 63) as i32, ..rd_rs1 },
            Format::Unary => rd_rs1,
            Format::Round => Operands { imm: (bits >> 20 & 15) as i32, ..rd_rs1 },
            Format::Byte => Operands { rs2: field(20), imm: (bits >> 30) as i32, ..rd_rs1 },
            Format::Store | Format::FloatStore => {
                let imm = signed >> 25 << 5 | i32::from(field(7));
                Operands { imm, ..sources }
            }
            Format::Branch => {
                let low = (bits >> 7 & 0x1e | bits >> 20 & 0x7e0 | bits << 4 & 0x800) as i32;
                Operands { imm: signed >> 31 << 12 | low, ..sources }
            }
            Format::Upper => Operands { imm: signed & !0xfff, ..rd },
            Format::Jump => {
                let low = (bits >> 20 & 0x7fe | bits >> 9 & 0x800 | bits & 0xff000) as i32;
                Operands { imm: signed >> 31 << 20 | low, ..rd }
            }
            Format::Csr => Operands { imm: (bits >> 20) as i32, ..rd_rs1 },
            Format::CsrImm => Operands { imm: (bits >> 20) as i32, aux: field(15), ..rd },
            Format::Amo => Operands { rs2: field(20), aux: (bits >> 25 & 3) as u8, ..rd_rs1 },
            Format::LoadReserved => Operands { aux: (bits >> 25 & 3) as u8, ..rd_rs1 },
            Format::Address => Operands { rs1: field(15), ..none },
            Format::Prefetch => Operands { rs1: field(15), imm: signed >> 25 << 5, ..none },
            Format::Maybe => {
                let number = bits >> 20 & 3 | bits >> 24 & 0xc | bits >> 26 & 0x10;
                Operands { imm: number as i32, ..rd_rs1 }
            }
            Format::MaybeTwo => {
                let number = bits >> 26 & 3 | bits >> 28 & 4;
                Operands { rs2: field(20), imm: number as i32, ..rd_rs1 }
            }
            Format::Fence => Operands { imm: (bits >> 20) as i32, ..none },
            Format::Sources => sources,
            Format::Fields(list) => fields::decode(list, bits),
            Format::None => none,
        }
    }

    /// The operand bits of an instruction: what [`Format::decode`] takes out again.
    pub fn encode(self, operands: &Operands) -> u32 {
        let Operands { rd, rs1, rs2, aux, imm } = *operands;
        let (rd, rs1, rs2) = (u32::from(rd) << 7, u32::from(rs1) << 15, u32::from(rs2) << 20);
        let (aux, imm) = (u32::from(aux), imm as u32);
        match self {
            Format::R => rd | rs1 | rs2,
            Format::Unary => rd | rs1,
            Format::Byte => rd | rs1 | rs2 | imm << 30,
            Format::I
            | Format::Load
            | Format::FloatLoad
            | Format::Shift
            | Format::Round
            | Format::Csr => rd | rs1 | imm << 20,
            Format::Store | Format::FloatStore => rs1 | rs2 | (imm & 31) << 7 | imm >> 5 << 25,
            Format::Branch => {
                let low = (imm & 0x1e) << 7 | (imm & 0x800) >> 4;
                rs1 | rs2 | low | (imm & 0x7e0) << 20 | imm >> 31 << 31
            }
            Format::Upper => rd | imm,
            Format::Jump => {
                let low = (imm & 0x7fe) << 20 | (imm & 0x800) << 9 | imm & 0xff000;
                rd | low | imm >> 31 << 31
            }
            Format::CsrImm => rd | aux << 15 | imm << 20,
            Format::Amo => rd | rs1 | rs2 | aux << 25,
            Format::LoadReserved => rd | rs1 | aux << 25,
            Format::Address => rs1,
            Format::Prefetch => rs1 | imm >> 5 << 25,
            Format::Maybe => rd | rs1 | (imm & 3) << 20 | (imm & 0xc) << 24 | (imm & 0x10) << 26,
            Format::MaybeTwo => rd | rs1 | rs2 | (imm & 3) << 26 | (imm & 4) << 28,
            Format::Fence => imm << 20,
            Format::Sources => rs1 | rs2,
            Format::Fields(list) => fields::encode(list, operands),
            Format::None => 0,
        }
    }

    /// The numbers of the integer registers among the operands, or-ed.
    pub(super) fn integer_registers(self, operands: &Operands) -> u8 {
        match self {
            Format::FloatLoad | Format::FloatStore => operands.rs1,
            Format::Fields(list) => fields::integer_registers(list, operands),
            _ => operands.rd | operands.rs1 | operands.rs2,
        }
    }

    /// The assembly text of an instruction that, if it jumps, jumps to `target`; `csr` names CSRs.
    pub(super) fn text(
        self,
        mnemonic: &str,
        operands: &Operands,
        target: u64,
        csr: &dyn Fn(u16) -> Option<String>,
    ) -> String {
        let Operands { imm, aux, .. } = *operands;
        let (rd, rs1, rs2) = (x_name(operands.rd), x_name(operands.rs1), x_name(operands.rs2));
        let csr = || {
            let number = imm as u16 & 0xfff;
            csr(number).unwrap_or_else(|| format!("{number:#x}"))
        };
        let order = ["", ".rl", ".aq", ".aqrl"][usize::from(aux & 3)];
        let mut text = mnemonic.to_owned();
        let rest = match self {
            Format::R => format!("{rd},{rs1},{rs2}"),
            Format::I => format!("{rd},{rs1},{imm}"),
            Format::Shift | Format::Round => format!("{rd},{rs1},{imm:#x}"),
            Format::Unary => format!("{rd},{rs1}"),
            Format::Byte => format!("{rd},{rs1},{rs2},{imm:#x}"),
            Format::Load => format!("{rd},{imm}({rs1})"),
            Format::Store => format!("{rs2},{imm}({rs1})"),
            Format::FloatLoad => format!("{},{imm}({rs1})", f_name(operands.rd)),
            Format::FloatStore => format!("{},{imm}({rs1})", f_name(operands.rs2)),
            Format::Fields(list) => fields::text(list, operands),
            Format::Branch => format!("{rs1},{rs2},{target:#x}"),
            Format::Upper => format!("{rd},{:#x}", imm as u32 >> 12),
            Format::Jump => format!("{rd},{target:#x}"),
            Format::Csr => format!("{rd},{},{rs1}", csr()),
            Format::CsrImm => format!("{rd},{},{aux}", csr()),
            Format::Amo => {
                text.push_str(order);
                format!("{rd},{rs2},({rs1})")
            }
            Format::LoadReserved => {
                text.push_str(order);
                format!("{rd},({rs1})")
            }
            Format::Address => format!("({rs1})"),
            Format::Prefetch => format!("{imm}({rs1})"),
            Format::Maybe => {
                let _ = write!(text, ".{imm}");
                format!("{rd},{rs1}")
            }
            Format::MaybeTwo => {
                let _ = write!(text, ".{imm}");
                format!("{rd},{rs1},{rs2}")
            }
            Format::Fence => format!("{},{}", fence_set(imm >> 4), fence_set(imm)),
            Format::Sources => format!("{rs1},{rs2}"),
            Format::None => String::new(),
        };
        if !rest.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, " {rest}");
        }
        text
    }
}

/// The letters of a predecessor or successor set of a fence.
fn fence_set(bits: i32) -> String {
    let letters = [(8, 'i'), (4, 'o'), (2, 'r'), (1, 'w')];
    let set: String =
        letters.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, letter)| *letter).collect();
    if set.is_empty() { "0".to_owned() } else { set }
}
