//! Multiplication and division (volume I, "'M' Extension for Integer Multiplication and
//! Division"). Division by zero and overflow give values, not traps; [`Builder::div`] and its like
//! define them.

use super::i::{binary, word};
use super::{Builder, Instruction, Needs, extension};
use crate::extension::Extension;

/// Division, which `m` has and `zmmul` has not.
pub(super) const DIVISIONS: &[Instruction] = divisions::INSTRUCTIONS;

extension! { Needs::Extension(Extension::Zmmul);
    "mul" Any R "0000001 ..... ..... 000 ..... 0110011" |b, i| { binary(b, i, B::mul); }
    "mulh" Any R "0000001 ..... ..... 001 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| if B::XLEN == 32 { product_high(b, x, y) } else { b.mulh(x, y) });
    }
    "mulhsu" Any R "0000001 ..... ..... 010 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let y = b.unsigned(y);
            if B::XLEN == 32 { product_high(b, x, y) } else { b.mulhsu(x, y) }
        });
    }
    "mulhu" Any R "0000001 ..... ..... 011 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let (x, y) = (b.unsigned(x), b.unsigned(y));
            if B::XLEN == 32 { product_high(b, x, y) } else { b.mulhu(x, y) }
        });
    }

    "mulw" Rv64 R "0000001 ..... ..... 000 ..... 0111011" |b, i| {
        binary(b, i, |b, x, y| word(b, x, y, B::mul));
    }
}

mod divisions {
    use super::*;

    extension! { Needs::Extension(Extension::M);
        "div" Any R "0000001 ..... ..... 100 ..... 0110011" |b, i| { binary(b, i, B::div); }
        "divu" Any R "0000001 ..... ..... 101 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| {
                let (x, y) = (b.unsigned(x), b.unsigned(y));
                b.divu(x, y)
            });
        }
        "rem" Any R "0000001 ..... ..... 110 ..... 0110011" |b, i| { binary(b, i, B::rem); }
        "remu" Any R "0000001 ..... ..... 111 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| {
                let (x, y) = (b.unsigned(x), b.unsigned(y));
                b.remu(x, y)
            });
        }

        "divw" Rv64 R "0000001 ..... ..... 100 ..... 0111011" |b, i| {
            binary(b, i, |b, x, y| signed_words(b, x, y, B::div));
        }
        "divuw" Rv64 R "0000001 ..... ..... 101 ..... 0111011" |b, i| {
            binary(b, i, |b, x, y| unsigned_words(b, x, y, B::divu));
        }
        "remw" Rv64 R "0000001 ..... ..... 110 ..... 0111011" |b, i| {
            binary(b, i, |b, x, y| signed_words(b, x, y, B::rem));
        }
        "remuw" Rv64 R "0000001 ..... ..... 111 ..... 0111011" |b, i| {
            binary(b, i, |b, x, y| unsigned_words(b, x, y, B::remu));
        }
    }
}

/// The high word of a product of values that are no wider than 33 bits: the low 64 bits of the
/// product hold all of it that counts, whatever the signs.
#[inline(always)]
fn product_high<B: Builder>(b: &mut B, x: B::Value, y: B::Value) -> B::Value {
    let product = b.mul(x, y);
    let amount = b.constant(32);
    b.shr(product, amount)
}

/// A signed word operation. The overflow of a word division is none in 64 bits, and truncation
/// makes of it what the manual asks for.
#[inline(always)]
fn signed_words<B: Builder>(
    b: &mut B,
    x: B::Value,
    y: B::Value,
    op: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) -> B::Value {
    let (x, y) = (b.sext32(x), b.sext32(y));
    word(b, x, y, op)
}

#[inline(always)]
fn unsigned_words<B: Builder>(
    b: &mut B,
    x: B::Value,
    y: B::Value,
    op: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) -> B::Value {
    let (x, y) = (b.zext32(x), b.zext32(y));
    word(b, x, y, op)
}
