//! Carry-less multiplication (volume I, "'Zbc' Extension for Carry-less Multiplication"). Two of
//! the instructions are all of Zbkc.

use super::i::binary;
use super::{Builder, Instruction, Needs, extension};
use crate::extension::Extension;

pub(super) const SHARED: &[Instruction] = shared::INSTRUCTIONS;

mod shared {
    use super::*;

    extension! { Needs::Any(&[Extension::Zbc, Extension::Zbkc]);
        "clmul" Any R "0000101 ..... ..... 001 ..... 0110011" |b, i| { binary(b, i, B::clmul); }
        "clmulh" Any R "0000101 ..... ..... 011 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| {
                if B::XLEN == 32 { product_of_words(b, x, y, 32) } else { b.clmulh(x, y) }
            });
        }
    }
}

extension! { Needs::Extension(Extension::Zbc);
    "clmulr" Any R "0000101 ..... ..... 010 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            if B::XLEN == 32 {
                return product_of_words(b, x, y, 31);
            }
            let (high, low) = (b.clmulh(x, y), b.clmul(x, y));
            let (one, most) = (b.constant(1), b.constant(63));
            let (high, low) = (b.shl(high, one), b.shr(low, most));
            b.or(high, low)
        });
    }
}

/// The product of two words, from some bit on.
#[inline(always)]
fn product_of_words<B: Builder>(b: &mut B, x: B::Value, y: B::Value, from: i64) -> B::Value {
    let (x, y) = (b.zext32(x), b.zext32(y));
    let (product, from) = (b.clmul(x, y), b.constant(from));
    b.shr(product, from)
}
