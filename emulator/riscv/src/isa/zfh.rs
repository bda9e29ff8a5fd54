//! Half-precision floating point (volume I, "'Zfh' and 'Zfhmin' Extensions for Half-Precision
//! Floating-Point").

use super::float::{bits, convert, float_extension, load, store};
use super::{Instruction, Needs, Size, extension};
use crate::extension::Extension;
use crate::float::FloatFormat;

pub(super) const MINIMAL: &[Instruction] = minimal::INSTRUCTIONS;
pub(super) const WITH_DOUBLE: &[Instruction] = with_double::INSTRUCTIONS;

float_extension! { Needs::Extension(Extension::Zfh); FloatFormat::Half, "h", "10", XTOF }

mod minimal {
    use super::*;

    extension! { Needs::Extension(Extension::Zfhmin);
        "flh" Any FloatLoad "............ ..... 001 ..... 0000111" |b, i| {
            load(b, i, Size::Half)?;
        }
        "fsh" Any FloatStore "....... ..... ..... 001 ..... 0100111" |b, i| {
            store(b, i, Size::Half)?;
        }
        "fcvt.s.h" Any FWIDEN "0100000 00010 ..... ... ..... 1010011" |b, i| {
            convert(b, i, FloatFormat::Half, FloatFormat::Single)?;
        }
        "fcvt.h.s" Any FSQRT "0100010 00000 ..... ... ..... 1010011" |b, i| {
            convert(b, i, FloatFormat::Single, FloatFormat::Half)?;
        }
        "fmv.x.h" Any FMVX "1110010 00000 ..... 000 ..... 1010011" |b, i| {
            let value = bits(b, i.rs1)?;
            let amount = b.constant(48);
            let high = b.shl(value, amount);
            let value = b.sar(high, amount);
            b.set_x(i.rd, value);
        }
        "fmv.h.x" Any XMVF "1111010 00000 ..... 000 ..... 1010011" |b, i| {
            b.float_enabled()?;
            let value = b.x(i.rs1);
            b.set_f(i.rd, FloatFormat::Half, value);
        }
    }
}

mod with_double {
    use super::*;

    extension! { Needs::All(&[Extension::Zfhmin, Extension::D]);
        "fcvt.d.h" Any FWIDEN "0100001 00010 ..... ... ..... 1010011" |b, i| {
            convert(b, i, FloatFormat::Half, FloatFormat::Double)?;
        }
        "fcvt.h.d" Any FSQRT "0100010 00001 ..... ... ..... 1010011" |b, i| {
            convert(b, i, FloatFormat::Double, FloatFormat::Half)?;
        }
    }
}
