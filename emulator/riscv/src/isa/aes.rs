//! The steps of AES on registers (FIPS 197, section 5; volume I, "Scalar AES"). A state of 16 bytes
//! lies in two registers, columns in order; a direction is that of encryption or the way back.

use super::substitution::{AES, AES_BACKWARD, AES_FORWARD, product};
use super::{Builder, Function, Operands};

/// The factors of a column's mix, from the first row on.
const FORWARD: [u8; 4] = [2, 1, 1, 3];
const BACKWARD: [u8; 4] = [14, 9, 13, 11];

/// One direction.
struct Direction {
    table: &'static [u8; 256],
    factors: [u8; 4],
    /// The column that a byte of row 1 comes from, counted from its own.
    shift: usize,
}

static ENCRYPT: Direction = Direction { table: &AES_FORWARD, factors: FORWARD, shift: 1 };
static DECRYPT: Direction = Direction { table: &AES_BACKWARD, factors: BACKWARD, shift: 3 };

impl Direction {
    /// Shifts the rows and substitutes the bytes: the first two columns of the result.
    fn substitute(&self, low: u64, high: u64) -> u64 {
        let state = u128::from(low) | u128::from(high) << 64;
        let byte = |place: usize| {
            let (column, row) = (place / 4, place % 4);
            let from = (column + self.shift * row) % 4 * 4 + row;
            self.table[usize::from((state >> (8 * from)) as u8)]
        };
        u64::from_le_bytes(std::array::from_fn(byte))
    }

    /// What a byte in the first row adds to its column.
    fn mix_byte(&self, byte: u8) -> u32 {
        u32::from_le_bytes(self.factors.map(|factor| product(byte, factor, AES)))
    }

    /// Mixes two columns.
    fn mix(&self, columns: u64) -> u64 {
        let mixed = |column: u32| {
            let bytes = (0u32..).zip(column.to_le_bytes());
            bytes.fold(0, |sum, (row, byte)| sum ^ self.mix_byte(byte).rotate_left(8 * row))
        };
        u64::from(mixed(columns as u32)) | u64::from(mixed((columns >> 32) as u32)) << 32
    }
}

/// The last round of encryption, or of decryption.
pub(super) const ES: Function =
    Function { name: "aes.es", apply: |low, high| ENCRYPT.substitute(low, high) };
pub(super) const DS: Function =
    Function { name: "aes.ds", apply: |low, high| DECRYPT.substitute(low, high) };
/// A round in between.
pub(super) const ESM: Function =
    Function { name: "aes.esm", apply: |low, high| ENCRYPT.mix(ENCRYPT.substitute(low, high)) };
pub(super) const DSM: Function =
    Function { name: "aes.dsm", apply: |low, high| DECRYPT.mix(DECRYPT.substitute(low, high)) };
/// The mix alone, backward: for the keys of decryption.
pub(super) const IM: Function =
    Function { name: "aes.im", apply: |columns, _| DECRYPT.mix(columns) };

/// The same for one byte, by itself.
pub(super) const BYTE_ES: Function = Function {
    name: "aes.byte.es",
    apply: |byte, _| u64::from(AES_FORWARD[usize::from(byte as u8)]),
};
pub(super) const BYTE_DS: Function = Function {
    name: "aes.byte.ds",
    apply: |byte, _| u64::from(AES_BACKWARD[usize::from(byte as u8)]),
};
pub(super) const BYTE_ESM: Function = Function {
    name: "aes.byte.esm",
    apply: |byte, _| ENCRYPT.mix_byte(AES_FORWARD[usize::from(byte as u8)]).into(),
};
pub(super) const BYTE_DSM: Function = Function {
    name: "aes.byte.dsm",
    apply: |byte, _| DECRYPT.mix_byte(AES_BACKWARD[usize::from(byte as u8)]).into(),
};

/// The first step of the key schedule. The round after the last constant has neither rotation nor
/// constant.
pub(super) const KEY: Function = Function {
    name: "aes.key",
    apply: |key, round| {
        const CONSTANTS: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36];
        let word = (key >> 32) as u32;
        let (word, constant) = match CONSTANTS.get(round as usize) {
            Some(constant) => (word.rotate_right(8), *constant),
            None => (word, 0),
        };
        let substituted = word.to_le_bytes().map(|byte| AES_FORWARD[usize::from(byte)]);
        let word = u64::from(u32::from_le_bytes(substituted) ^ constant);
        word | word << 32
    },
};

/// A step of a cipher on RV32 and, for SM4, on RV64: a byte of `rs2`, by what a function makes of
/// it, goes into the word in `rs1`. The byte's place rotates the result.
#[inline(always)]
pub(super) fn byte_step<B: Builder>(b: &mut B, i: &Operands, function: &Function) {
    let (word, bytes) = (b.x(i.rs1), b.x(i.rs2));
    let (place, mask) = (b.constant(i64::from(i.imm) * 8), b.constant(0xff));
    let byte = b.shr(bytes, place);
    let byte = b.and(byte, mask);
    let made = b.call(function, byte, place);
    let back = b.constant(i64::from(32 - i.imm * 8));
    let placed = super::rotate::rotate_word(b, made, back);
    let sum = b.xor(word, placed);
    let sum = b.sext32(sum);
    b.set_x(i.rd, sum);
}
