//! Basic bit manipulation (volume I, "'Zbb' Extension for Basic Bit-Manipulation"). Some of it is
//! part of Zbkb too.

use super::i::{binary, immediate, unary};
use super::rotate::{rotate, rotate_word};
use super::{Builder, Instruction, Needs, extension};
use crate::extension::Extension;

pub(super) const SHARED: &[Instruction] = shared::INSTRUCTIONS;

mod shared {
    use super::*;

    extension! { Needs::Any(&[Extension::Zbb, Extension::Zbkb]);
        "andn" Any R "0100000 ..... ..... 111 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| with_complement(b, x, y, B::and));
        }
        "orn" Any R "0100000 ..... ..... 110 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| with_complement(b, x, y, B::or));
        }
        "xnor" Any R "0100000 ..... ..... 100 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| with_complement(b, x, y, B::xor));
        }
        "rol" Any R "0110000 ..... ..... 001 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| {
                let amount = opposite(b, y);
                rotate(b, x, amount)
            });
        }
        "ror" Any R "0110000 ..... ..... 101 ..... 0110011" |b, i| { binary(b, i, rotate); }
        "rori" Rv32 Shift "0110000 ..... ..... 101 ..... 0010011" |b, i| {
            immediate(b, i, rotate);
        }
        "rori" Rv64 Shift "011000 ...... ..... 101 ..... 0010011" |b, i| {
            immediate(b, i, rotate);
        }
        "rev8" Rv32 Unary "011010011000 ..... 101 ..... 0010011" |b, i| {
            unary(b, i, |b, x| {
                let (reversed, width) = (b.rev8(x), b.constant(32));
                b.shr(reversed, width)
            });
        }
        "rev8" Rv64 Unary "011010111000 ..... 101 ..... 0010011" |b, i| { unary(b, i, B::rev8); }

        "rolw" Rv64 R "0110000 ..... ..... 001 ..... 0111011" |b, i| {
            binary(b, i, |b, x, y| {
                let amount = opposite(b, y);
                rotate_word(b, x, amount)
            });
        }
        "rorw" Rv64 R "0110000 ..... ..... 101 ..... 0111011" |b, i| { binary(b, i, rotate_word); }
        "roriw" Rv64 Shift "0110000 ..... ..... 101 ..... 0011011" |b, i| {
            immediate(b, i, rotate_word);
        }
    }
}

extension! { Needs::Extension(Extension::Zbb);
    "clz" Any Unary "0110000 00000 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| if B::XLEN == 32 { leading_zeros_of_word(b, x) } else { b.clz(x) });
    }
    "ctz" Any Unary "0110000 00001 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| if B::XLEN == 32 { trailing_zeros_of_word(b, x) } else { b.ctz(x) });
    }
    "cpop" Any Unary "0110000 00010 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| {
            let x = b.unsigned(x);
            b.cpop(x)
        });
    }
    "sext.b" Any Unary "0110000 00100 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| sign_extend(b, x, 8));
    }
    "sext.h" Any Unary "0110000 00101 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| sign_extend(b, x, 16));
    }
    "zext.h" Rv32 Unary "0000100 00000 ..... 100 ..... 0110011" |b, i| {
        unary(b, i, |b, x| zero_extend_half(b, x));
    }
    "zext.h" Rv64 Unary "0000100 00000 ..... 100 ..... 0111011" |b, i| {
        unary(b, i, |b, x| zero_extend_half(b, x));
    }
    "orc.b" Any Unary "001010000111 ..... 101 ..... 0010011" |b, i| {
        unary(b, i, |b, x| combine_bytes(b, x));
    }
    "max" Any R "0000101 ..... ..... 110 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let smaller = b.lt(x, y);
            b.select(smaller, y, x)
        });
    }
    "maxu" Any R "0000101 ..... ..... 111 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let smaller = b.ltu(x, y);
            b.select(smaller, y, x)
        });
    }
    "min" Any R "0000101 ..... ..... 100 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let smaller = b.lt(x, y);
            b.select(smaller, x, y)
        });
    }
    "minu" Any R "0000101 ..... ..... 101 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let smaller = b.ltu(x, y);
            b.select(smaller, x, y)
        });
    }

    "clzw" Rv64 Unary "0110000 00000 ..... 001 ..... 0011011" |b, i| {
        unary(b, i, |b, x| leading_zeros_of_word(b, x));
    }
    "ctzw" Rv64 Unary "0110000 00001 ..... 001 ..... 0011011" |b, i| {
        unary(b, i, |b, x| trailing_zeros_of_word(b, x));
    }
    "cpopw" Rv64 Unary "0110000 00010 ..... 001 ..... 0011011" |b, i| {
        unary(b, i, |b, x| {
            let x = b.zext32(x);
            b.cpop(x)
        });
    }
}

#[inline(always)]
fn with_complement<B: Builder>(
    b: &mut B,
    x: B::Value,
    y: B::Value,
    op: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) -> B::Value {
    let ones = b.constant(-1);
    let complement = b.xor(y, ones);
    op(b, x, complement)
}

/// The amount of a rotation in the other direction.
#[inline(always)]
fn opposite<B: Builder>(b: &mut B, amount: B::Value) -> B::Value {
    let zero = b.constant(0);
    b.sub(zero, amount)
}

#[inline(always)]
fn leading_zeros_of_word<B: Builder>(b: &mut B, x: B::Value) -> B::Value {
    let x = b.zext32(x);
    let (count, above) = (b.clz(x), b.constant(32));
    b.sub(count, above)
}

/// A one above the word ends the count where there is none in it.
#[inline(always)]
fn trailing_zeros_of_word<B: Builder>(b: &mut B, x: B::Value) -> B::Value {
    let end = b.constant(1 << 32);
    let x = b.or(x, end);
    b.ctz(x)
}

/// The low bits, sign-extended.
#[inline(always)]
fn sign_extend<B: Builder>(b: &mut B, x: B::Value, width: i64) -> B::Value {
    let unused = b.constant(64 - width);
    let x = b.shl(x, unused);
    b.sar(x, unused)
}

#[inline(always)]
fn zero_extend_half<B: Builder>(b: &mut B, x: B::Value) -> B::Value {
    let mask = b.constant(0xffff);
    b.and(x, mask)
}

/// Each byte becomes all ones unless it is zero: its bits are gathered in the lowest, and
/// multiplied.
#[inline(always)]
fn combine_bytes<B: Builder>(b: &mut B, x: B::Value) -> B::Value {
    let mut x = x;
    for amount in [4, 2, 1] {
        let amount = b.constant(amount);
        let moved = b.shr(x, amount);
        x = b.or(x, moved);
    }
    let (lowest, ones) = (b.constant(0x0101_0101_0101_0101), b.constant(0xff));
    let gathered = b.and(x, lowest);
    b.mul(gathered, ones)
}
