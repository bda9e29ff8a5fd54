//! Additional floating-point instructions (volume I, "'Zfa' Extension for Additional Floating-Point
//! Instructions"), for each format that the hart has.

use super::float::{bits, compare, select, unary};
use super::{Builder, Flow, Instruction, Needs, Operands, extension};
use crate::extension::Extension;
use crate::float::{self, FloatFormat, FloatOp, Rounding};

pub(super) const SINGLE: &[Instruction] = single::ZFA;
pub(super) const DOUBLE: &[Instruction] = double::ZFA;
pub(super) const HALF: &[Instruction] = half::ZFA;
pub(super) const DOUBLE_ONLY: &[Instruction] = double::INSTRUCTIONS;

macro_rules! zfa {
    ($extension:ident; $format:expr, $letter:literal, $fmt:literal) => {
        use super::*;

        const NEEDS: Needs = Needs::All(&[Extension::Zfa, Extension::$extension]);

        $crate::isa::records! { ZFA: NEEDS;
            concat!("fli.", $letter), Any, FLI,
            concat!("11110", $fmt, "00001 ..... 000 ..... 1010011"), |b, i| {
                load_constant(b, i, $format)?;
            };
            concat!("fminm.", $letter), Any, FSGNJ,
            concat!("00101", $fmt, "..... ..... 010 ..... 1010011"), |b, i| {
                select(b, i, $format, FloatOp::MinOrNan)?;
            };
            concat!("fmaxm.", $letter), Any, FSGNJ,
            concat!("00101", $fmt, "..... ..... 011 ..... 1010011"), |b, i| {
                select(b, i, $format, FloatOp::MaxOrNan)?;
            };
            concat!("fround.", $letter), Any, FSQRT,
            concat!("01000", $fmt, "00100 ..... ... ..... 1010011"), |b, i| {
                unary(b, i, [$format; 2], FloatOp::Round)?;
            };
            concat!("froundnx.", $letter), Any, FSQRT,
            concat!("01000", $fmt, "00101 ..... ... ..... 1010011"), |b, i| {
                unary(b, i, [$format; 2], FloatOp::RoundInexact)?;
            };
            concat!("fleq.", $letter), Any, FEQ,
            concat!("10100", $fmt, "..... ..... 100 ..... 1010011"), |b, i| {
                compare(b, i, $format, FloatOp::LeQuiet)?;
            };
            concat!("fltq.", $letter), Any, FEQ,
            concat!("10100", $fmt, "..... ..... 101 ..... 1010011"), |b, i| {
                compare(b, i, $format, FloatOp::LtQuiet)?;
            };
        }
    };
}

mod single {
    zfa! { F; FloatFormat::Single, "s", "00" }
}

mod half {
    zfa! { Zfh; FloatFormat::Half, "h", "10" }
}

mod double {
    zfa! { D; FloatFormat::Double, "d", "01" }

    extension! { NEEDS;
        "fcvtmod.w.d" Any FTOX "1100001 01000 ..... 001 ..... 1010011" |b, i| {
            b.float_enabled()?;
            let x = b.f(i.rs1, FloatFormat::Double);
            let result = b.float(FloatOp::ToModular, FloatFormat::Double, i.rm(), &[x])?;
            b.set_x(i.rd, result);
        }
        // With these, RV32 gets at both halves of a register.
        "fmvh.x.d" Rv32 FMVX "1110001 00001 ..... 000 ..... 1010011" |b, i| {
            let value = bits(b, i.rs1)?;
            let amount = b.constant(32);
            let high = b.sar(value, amount);
            b.set_x(i.rd, high);
        }
        "fmvp.d.x" Rv32 XMVPF "1011001 ..... ..... 000 ..... 1010011" |b, i| {
            b.float_enabled()?;
            let (low, high) = (b.x(i.rs1), b.x(i.rs2));
            let (low, amount) = (b.zext32(low), b.constant(32));
            let high = b.shl(high, amount);
            let value = b.or(low, high);
            b.set_f(i.rd, FloatFormat::Double, value);
        }
    }
}

/// The constants of `fli`. The second is the least positive normal number of the format.
const CONSTANTS: [f64; 32] = [
    -1.0,
    f64::MIN_POSITIVE,
    1.0 / 65536.0,
    1.0 / 32768.0,
    1.0 / 256.0,
    1.0 / 128.0,
    0.0625,
    0.125,
    0.25,
    0.3125,
    0.375,
    0.4375,
    0.5,
    0.625,
    0.75,
    0.875,
    1.0,
    1.25,
    1.5,
    1.75,
    2.0,
    2.5,
    3.0,
    4.0,
    8.0,
    16.0,
    128.0,
    256.0,
    32768.0,
    65536.0,
    f64::INFINITY,
    f64::NAN,
];

/// A constant in a format. 65536 is infinity as a half.
fn constant(format: FloatFormat, number: u8) -> u64 {
    match number & 31 {
        1 => 1 << format.fraction_bits(),
        n => {
            let bits = CONSTANTS[usize::from(n)].to_bits();
            let to = FloatOp::To(format);
            float::operate(to, FloatFormat::Double, Rounding::NearestEven, [bits, 0, 0]).0
        }
    }
}

#[inline(always)]
fn load_constant<B: Builder>(b: &mut B, i: &Operands, format: FloatFormat) -> Flow {
    b.float_enabled()?;
    let value = b.constant(constant(format, i.rs1) as i64);
    b.set_f(i.rd, format, value);
    Ok(())
}
