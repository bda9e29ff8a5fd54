//! Double-precision floating point (volume I, "'D' Extension for Double-Precision
//! Floating-Point").

use super::float::{bits, convert, float_extension, load, store};
use super::{Needs, Size, extension};
use crate::extension::Extension;
use crate::float::FloatFormat;

const NEEDS: Needs = Needs::Extension(Extension::D);

float_extension! { NEEDS; FloatFormat::Double, "d", "01", XWIDEN }

extension! { NEEDS;
    "fld" Any FloatLoad "............ ..... 011 ..... 0000111" |b, i| {
        load(b, i, Size::Double)?;
    }
    "fsd" Any FloatStore "....... ..... ..... 011 ..... 0100111" |b, i| {
        store(b, i, Size::Double)?;
    }
    "fcvt.s.d" Any FSQRT "0100000 00001 ..... ... ..... 1010011" |b, i| {
        convert(b, i, FloatFormat::Double, FloatFormat::Single)?;
    }
    "fcvt.d.s" Any FWIDEN "0100001 00000 ..... ... ..... 1010011" |b, i| {
        convert(b, i, FloatFormat::Single, FloatFormat::Double)?;
    }
    "fmv.x.d" Rv64 FMVX "1110001 00000 ..... 000 ..... 1010011" |b, i| {
        let value = bits(b, i.rs1)?;
        b.set_x(i.rd, value);
    }
    "fmv.d.x" Rv64 XMVF "1111001 00000 ..... 000 ..... 1010011" |b, i| {
        b.float_enabled()?;
        let value = b.x(i.rs1);
        b.set_f(i.rd, FloatFormat::Double, value);
    }
}
