//! Operands that each have a field of their own and are written in a row: those of floating-point
//! instructions (volume I, "'F' Extension for Single-Precision Floating-Point", and the encodings
//! in "RV32/64G Instruction Set Listings").

use super::Operands;
use super::format::x_name;

/// An operand in a field of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The destination, an integer register.
    Xd,
    /// The first source, an integer register.
    X1,
    /// The second source, an integer register.
    X2,
    /// The destination, a floating-point register.
    Fd,
    /// The first source, a floating-point register.
    F1,
    /// The second source, a floating-point register.
    F2,
    /// The third source, a floating-point register.
    F3,
    /// The rounding mode, written unless it is the dynamic one.
    Rm,
    /// The rounding mode of what needs no rounding, written unless it is 0.
    RmUnused,
    /// The number of a constant of `fli`.
    Constant,
}

/// ABI names of the floating-point registers.
pub const F_NAMES: [&str; 32] = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2",
    "fa3", "fa4", "fa5", "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9",
    "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
];

/// The ABI name of a floating-point register.
pub fn f_name(register: u8) -> &'static str {
    F_NAMES[usize::from(register & 31)]
}

/// The rounding mode that stands for the one in `frm`.
const DYNAMIC: u8 = 7;

/// The names of rounding modes; two are reserved.
const MODES: [&str; 8] = ["rne", "rtz", "rdn", "rup", "rmm", "unknown", "unknown", "dyn"];

/// The constants of `fli` as binutils write them.
const CONSTANTS: [&str; 32] = [
    "-0x1p+0", "min", "0x1p-16", "0x1p-15", "0x1p-8", "0x1p-7", "0x1p-4", "0x1p-3", "0x1p-2",
    "0x1.4p-2", "0x1.8p-2", "0x1.cp-2", "0x1p-1", "0x1.4p-1", "0x1.8p-1", "0x1.cp-1", "0x1p+0",
    "0x1.4p+0", "0x1.8p+0", "0x1.cp+0", "0x1p+1", "0x1.4p+1", "0x1.8p+1", "0x1p+2", "0x1p+3",
    "0x1p+4", "0x1p+7", "0x1p+8", "0x1p+15", "0x1p+16", "inf", "nan",
];

impl Operands {
    /// The rounding mode of a floating-point instruction.
    pub fn rm(&self) -> u8 {
        self.aux & 7
    }

    /// The third source of a floating-point instruction.
    pub fn rs3(&self) -> u8 {
        self.aux >> 3
    }
}

impl Field {
    /// The lowest bit and the number of bits.
    fn place(self) -> (u32, u32) {
        match self {
            Field::Xd | Field::Fd => (7, 5),
            Field::Rm | Field::RmUnused => (12, 3),
            Field::X1 | Field::F1 | Field::Constant => (15, 5),
            Field::X2 | Field::F2 => (20, 5),
            Field::F3 => (27, 5),
        }
    }

    fn value(self, operands: &Operands) -> u8 {
        match self {
            Field::Xd | Field::Fd => operands.rd,
            Field::X1 | Field::F1 | Field::Constant => operands.rs1,
            Field::X2 | Field::F2 => operands.rs2,
            Field::F3 => operands.rs3(),
            Field::Rm | Field::RmUnused => operands.rm(),
        }
    }

    fn is_x(self) -> bool {
        matches!(self, Field::Xd | Field::X1 | Field::X2)
    }

    fn text(self, operands: &Operands) -> Option<&'static str> {
        let value = self.value(operands);
        match self {
            Field::Xd | Field::X1 | Field::X2 => Some(x_name(value)),
            Field::Fd | Field::F1 | Field::F2 | Field::F3 => Some(f_name(value)),
            Field::Rm if value == DYNAMIC => None,
            Field::RmUnused if value == 0 => None,
            Field::Rm | Field::RmUnused => Some(MODES[usize::from(value & 7)]),
            Field::Constant => Some(CONSTANTS[usize::from(value & 31)]),
        }
    }
}

pub(super) fn decode(fields: &[Field], bits: u32) -> Operands {
    let mut operands = Operands::default();
    for field in fields {
        let (low, width) = field.place();
        let value = (bits >> low & ((1 << width) - 1)) as u8;
        match field {
            Field::Xd | Field::Fd => operands.rd = value,
            Field::X1 | Field::F1 | Field::Constant => operands.rs1 = value,
            Field::X2 | Field::F2 => operands.rs2 = value,
            Field::F3 => operands.aux |= value << 3,
            Field::Rm | Field::RmUnused => operands.aux |= value,
        }
    }
    operands
}

pub(super) fn encode(fields: &[Field], operands: &Operands) -> u32 {
    fields.iter().map(|field| u32::from(field.value(operands)) << field.place().0).sum()
}

pub(super) fn text(fields: &[Field], operands: &Operands) -> String {
    let texts: Vec<_> = fields.iter().filter_map(|field| field.text(operands)).collect();
    texts.join(",")
}

/// The numbers of the integer registers among them, or-ed.
pub(super) fn integer_registers(fields: &[Field], operands: &Operands) -> u8 {
    let registers = fields.iter().filter(|field| field.is_x());
    registers.fold(0, |all, field| all | field.value(operands))
}
