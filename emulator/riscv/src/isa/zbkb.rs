//! Bit manipulation for cryptography (volume I, "'Zbkb' Extension for Bit-Manipulation for
//! Cryptography"). What it has in common with Zbb is there.

use super::i::{binary, unary};
use super::{Builder, Function, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zbkb);
    "pack" Any R "0000100 ..... ..... 100 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| pack(b, x, y, B::XLEN / 2));
    }
    "packh" Any R "0000100 ..... ..... 111 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| pack(b, x, y, 8));
    }
    "packw" Rv64 R "0000100 ..... ..... 100 ..... 0111011" |b, i| {
        binary(b, i, |b, x, y| {
            let packed = pack(b, x, y, 16);
            b.sext32(packed)
        });
    }
    "brev8" Any Unary "011010000111 ..... 101 ..... 0010011" |b, i| {
        unary(b, i, |b, x| {
            let x = swap(b, x, 4, 0x0f0f_0f0f_0f0f_0f0f);
            let x = swap(b, x, 2, 0x3333_3333_3333_3333);
            swap(b, x, 1, 0x5555_5555_5555_5555)
        });
    }
    "zip" Rv32 Unary "000010001111 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| {
            let zero = b.constant(0);
            b.call(&ZIP, x, zero)
        });
    }
    "unzip" Rv32 Unary "000010001111 ..... 101 ..... 0010011" |b, i| {
        unary(b, i, |b, x| {
            let zero = b.constant(0);
            b.call(&UNZIP, x, zero)
        });
    }
}

/// The low bits of two values side by side.
#[inline(always)]
fn pack<B: Builder>(b: &mut B, x: B::Value, y: B::Value, width: u32) -> B::Value {
    let (mask, amount) = (b.constant((1 << width) - 1), b.constant(width.into()));
    let (low, high) = (b.and(x, mask), b.and(y, mask));
    let high = b.shl(high, amount);
    b.or(low, high)
}

/// Exchanges neighbouring groups of bits; the mask has the lower ones.
#[inline(always)]
fn swap<B: Builder>(b: &mut B, x: B::Value, width: i64, mask: i64) -> B::Value {
    let (amount, mask) = (b.constant(width), b.constant(mask));
    let (low, above) = (b.and(x, mask), b.shr(x, amount));
    let (low, high) = (b.shl(low, amount), b.and(above, mask));
    b.or(low, high)
}

/// The low half of a word goes to the even bits, the high half to the odd ones.
const ZIP: Function = Function {
    name: "zip",
    apply: |x, _| {
        (0..16).map(|n| (x >> n & 1) << (2 * n) | (x >> (n + 16) & 1) << (2 * n + 1)).sum()
    },
};

/// The way back.
const UNZIP: Function = Function {
    name: "unzip",
    apply: |x, _| {
        (0..16).map(|n| (x >> (2 * n) & 1) << n | (x >> (2 * n + 1) & 1) << (n + 16)).sum()
    },
};
