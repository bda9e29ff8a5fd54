//! The SM4 cipher (volume I, "'Zksed' Extension for ShangMi Suite: SM4 Block Cipher Instructions"):
//! for a round, and for a round of the key schedule, what one byte adds to a word.

use super::aes::byte_step;
use super::substitution::SM4_BOX;
use super::{Function, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zksed);
    "sm4ed" Any Byte ".. 11000 ..... ..... 000 ..... 0110011" |b, i| { byte_step(b, i, &ROUND); }
    "sm4ks" Any Byte ".. 11010 ..... ..... 000 ..... 0110011" |b, i| { byte_step(b, i, &KEY); }
}

/// The linear maps of the standard of a word that has one byte, the first. The standard's words are
/// big-endian, those in registers little-endian.
const ROUND: Function = Function {
    name: "sm4.round",
    apply: |byte, _| {
        let word = substituted(byte);
        let rotated = [2, 10, 18, 24].map(|n| word.rotate_left(n));
        rotated.iter().fold(word, |sum, part| sum ^ part).swap_bytes().into()
    },
};
const KEY: Function = Function {
    name: "sm4.key",
    apply: |byte, _| {
        let word = substituted(byte);
        (word ^ word.rotate_left(13) ^ word.rotate_left(23)).swap_bytes().into()
    },
};

fn substituted(byte: u64) -> u32 {
    u32::from_be_bytes([SM4_BOX[usize::from(byte as u8)], 0, 0, 0])
}
