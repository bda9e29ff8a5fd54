//! AES decryption (volume I, "'Zknd' Extension for NIST Suite: AES Decryption"). The key schedule
//! is part of Zkne too.

use super::aes::{self, byte_step};
use super::i::{binary, unary};
use super::{Builder, Instruction, Needs, Operands, extension};
use crate::extension::Extension;

pub(super) const SHARED: &[Instruction] = shared::INSTRUCTIONS;

mod shared {
    use super::*;

    // Of the 16 round numbers, 11 exist.
    extension! { Needs::Any(&[Extension::Zknd, Extension::Zkne]);
        "aes64ks1i" Rv64 Round "0011000 10... ..... 001 ..... 0010011" |b, i| { key(b, i); }
        "aes64ks1i" Rv64 Round "0011000 1100. ..... 001 ..... 0010011" |b, i| { key(b, i); }
        "aes64ks1i" Rv64 Round "0011000 11010 ..... 001 ..... 0010011" |b, i| { key(b, i); }
        "aes64ks2" Rv64 R "0111111 ..... ..... 000 ..... 0110011" |b, i| {
            binary(b, i, |b, x, y| {
                let width = b.constant(32);
                let first = b.shr(x, width);
                let first = b.xor(first, y);
                let second = b.shr(y, width);
                let second = b.xor(first, second);
                let (low, high) = (b.zext32(first), b.shl(second, width));
                b.or(low, high)
            });
        }
    }
}

extension! { Needs::Extension(Extension::Zknd);
    "aes32dsi" Rv32 Byte ".. 10101 ..... ..... 000 ..... 0110011" |b, i| {
        byte_step(b, i, &aes::BYTE_DS);
    }
    "aes32dsmi" Rv32 Byte ".. 10111 ..... ..... 000 ..... 0110011" |b, i| {
        byte_step(b, i, &aes::BYTE_DSM);
    }
    "aes64ds" Rv64 R "0011101 ..... ..... 000 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| b.call(&aes::DS, x, y));
    }
    "aes64dsm" Rv64 R "0011111 ..... ..... 000 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| b.call(&aes::DSM, x, y));
    }
    "aes64im" Rv64 Unary "001100000000 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| {
            let zero = b.constant(0);
            b.call(&aes::IM, x, zero)
        });
    }
}

#[inline(always)]
fn key<B: Builder>(b: &mut B, i: &Operands) {
    unary(b, i, |b, x| {
        let round = b.constant(i.imm.into());
        b.call(&aes::KEY, x, round)
    });
}
