//! Atomic memory operations on bytes and halfwords (volume I, "'Zabha' Extension for Byte and
//! Halfword Atomic Memory Operations").

use super::a::amo;
use super::zacas::compare_and_swap;
use super::{AmoOp, Instruction, Needs, Size, extension};
use crate::extension::Extension;

/// What there is with Zacas too.
pub(super) const SWAPS: &[Instruction] = swaps::INSTRUCTIONS;

mod swaps {
    use super::*;

    extension! { Needs::All(&[Extension::Zabha, Extension::Zacas]);
        "amocas.b" Any Amo "00101 .. ..... ..... 000 ..... 0101111" |b, i| {
            compare_and_swap(b, i, Size::Byte)?;
        }
        "amocas.h" Any Amo "00101 .. ..... ..... 001 ..... 0101111" |b, i| {
            compare_and_swap(b, i, Size::Half)?;
        }
    }
}

extension! { Needs::Extension(Extension::Zabha);
    "amoswap.b" Any Amo "00001 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::Swap)?;
    }
    "amoadd.b" Any Amo "00000 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::Add)?;
    }
    "amoxor.b" Any Amo "00100 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::Xor)?;
    }
    "amoand.b" Any Amo "01100 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::And)?;
    }
    "amoor.b" Any Amo "01000 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::Or)?;
    }
    "amomin.b" Any Amo "10000 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::Min)?;
    }
    "amomax.b" Any Amo "10100 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::Max)?;
    }
    "amominu.b" Any Amo "11000 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::MinUnsigned)?;
    }
    "amomaxu.b" Any Amo "11100 .. ..... ..... 000 ..... 0101111" |b, i| {
        amo(b, i, Size::Byte, AmoOp::MaxUnsigned)?;
    }

    "amoswap.h" Any Amo "00001 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::Swap)?;
    }
    "amoadd.h" Any Amo "00000 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::Add)?;
    }
    "amoxor.h" Any Amo "00100 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::Xor)?;
    }
    "amoand.h" Any Amo "01100 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::And)?;
    }
    "amoor.h" Any Amo "01000 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::Or)?;
    }
    "amomin.h" Any Amo "10000 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::Min)?;
    }
    "amomax.h" Any Amo "10100 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::Max)?;
    }
    "amominu.h" Any Amo "11000 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::MinUnsigned)?;
    }
    "amomaxu.h" Any Amo "11100 .. ..... ..... 001 ..... 0101111" |b, i| {
        amo(b, i, Size::Half, AmoOp::MaxUnsigned)?;
    }
}
