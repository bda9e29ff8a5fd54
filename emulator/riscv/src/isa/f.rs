//! Single-precision floating point (volume I, "'F' Extension for Single-Precision Floating-Point").

use super::float::{bits, float_extension, load, store};
use super::{Needs, Size, extension};
use crate::extension::Extension;
use crate::float::FloatFormat;

const NEEDS: Needs = Needs::Extension(Extension::F);

float_extension! { NEEDS; FloatFormat::Single, "s", "00", XTOF }

extension! { NEEDS;
    "flw" Any FloatLoad "............ ..... 010 ..... 0000111" |b, i| { load(b, i, Size::Word)?; }
    "fsw" Any FloatStore "....... ..... ..... 010 ..... 0100111" |b, i| {
        store(b, i, Size::Word)?;
    }
    "fmv.x.w" Any FMVX "1110000 00000 ..... 000 ..... 1010011" |b, i| {
        let value = bits(b, i.rs1)?;
        let value = b.sext32(value);
        b.set_x(i.rd, value);
    }
    "fmv.w.x" Any XMVF "1111000 00000 ..... 000 ..... 1010011" |b, i| {
        b.float_enabled()?;
        let value = b.x(i.rs1);
        b.set_f(i.rd, FloatFormat::Single, value);
    }
}
