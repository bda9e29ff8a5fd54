//! SHA-2 hashes (volume I, "'Zknh' Extension for NIST Suite: Hash Function Instructions"; FIPS 180-4,
//! section 4.1). On RV32 a word of SHA-512 lies in two registers, and a rotation of it is the sum of
//! shifts of both.

use super::i::{binary, unary};
use super::rotate::{Last, mix_word, rotate};
use super::{Builder, Needs, Operands, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zknh);
    "sha256sum0" Any Unary "000100000000 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix_word(b, x, [2, 13], Last::Rotated(22)));
    }
    "sha256sum1" Any Unary "000100000001 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix_word(b, x, [6, 11], Last::Rotated(25)));
    }
    "sha256sig0" Any Unary "000100000010 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix_word(b, x, [7, 18], Last::Shifted(3)));
    }
    "sha256sig1" Any Unary "000100000011 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix_word(b, x, [17, 19], Last::Shifted(10)));
    }

    "sha512sum0" Rv64 Unary "000100000100 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix(b, x, [28, 34, 39], rotate));
    }
    "sha512sum1" Rv64 Unary "000100000101 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix(b, x, [14, 18, 41], rotate));
    }
    "sha512sig0" Rv64 Unary "000100000110 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix(b, x, [1, 8, 7], B::shr));
    }
    "sha512sig1" Rv64 Unary "000100000111 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix(b, x, [19, 61, 6], B::shr));
    }

    "sha512sum0r" Rv32 R "0101000 ..... ..... 000 ..... 0110011" |b, i| {
        shifts(b, i, [25, 30, -28], &[-7, -2, 4]);
    }
    "sha512sum1r" Rv32 R "0101001 ..... ..... 000 ..... 0110011" |b, i| {
        shifts(b, i, [23, -14, -18], &[-9, 18, 14]);
    }
    "sha512sig0l" Rv32 R "0101010 ..... ..... 000 ..... 0110011" |b, i| {
        shifts(b, i, [-1, -7, -8], &[31, 25, 24]);
    }
    "sha512sig0h" Rv32 R "0101110 ..... ..... 000 ..... 0110011" |b, i| {
        shifts(b, i, [-1, -7, -8], &[31, 24]);
    }
    "sha512sig1l" Rv32 R "0101011 ..... ..... 000 ..... 0110011" |b, i| {
        shifts(b, i, [3, -6, -19], &[-29, 26, 13]);
    }
    "sha512sig1h" Rv32 R "0101111 ..... ..... 000 ..... 0110011" |b, i| {
        shifts(b, i, [3, -6, -19], &[-29, 13]);
    }
}

/// The sum without carries of two rotations and of what is made with the third amount.
#[inline(always)]
fn mix<B: Builder>(
    b: &mut B,
    x: B::Value,
    amounts: [i64; 3],
    third: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) -> B::Value {
    let [first, second, last] = amounts.map(|n| b.constant(n));
    let (first, second, last) = (rotate(b, x, first), rotate(b, x, second), third(b, x, last));
    let sum = b.xor(first, second);
    b.xor(sum, last)
}

/// The sum without carries of `rs1` and `rs2`, each shifted by several amounts, those to the right
/// negative.
#[inline(always)]
fn shifts<B: Builder>(b: &mut B, i: &Operands, of_first: [i64; 3], of_second: &[i64]) {
    binary(b, i, |b, x, y| {
        let (x, y) = (b.zext32(x), b.zext32(y));
        let mut sum = b.constant(0);
        for (value, amounts) in [(x, &of_first[..]), (y, of_second)] {
            for amount in amounts {
                let distance = b.constant(amount.abs());
                let shifted =
                    if *amount < 0 { b.shr(value, distance) } else { b.shl(value, distance) };
                sum = b.xor(sum, shifted);
            }
        }
        sum
    });
}
