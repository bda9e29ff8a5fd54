//! Single bits (volume I, "'Zbs' Extension for Single-Bit Instructions").

use super::i::{binary, immediate};
use super::{Builder, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zbs);
    "bclr" Any R "0100100 ..... ..... 001 ..... 0110011" |b, i| { binary(b, i, clear); }
    "bclri" Rv32 Shift "0100100 ..... ..... 001 ..... 0010011" |b, i| { immediate(b, i, clear); }
    "bclri" Rv64 Shift "010010 ...... ..... 001 ..... 0010011" |b, i| { immediate(b, i, clear); }
    "bext" Any R "0100100 ..... ..... 101 ..... 0110011" |b, i| { binary(b, i, extract); }
    "bexti" Rv32 Shift "0100100 ..... ..... 101 ..... 0010011" |b, i| { immediate(b, i, extract); }
    "bexti" Rv64 Shift "010010 ...... ..... 101 ..... 0010011" |b, i| { immediate(b, i, extract); }
    "binv" Any R "0110100 ..... ..... 001 ..... 0110011" |b, i| { binary(b, i, invert); }
    "binvi" Rv32 Shift "0110100 ..... ..... 001 ..... 0010011" |b, i| { immediate(b, i, invert); }
    "binvi" Rv64 Shift "011010 ...... ..... 001 ..... 0010011" |b, i| { immediate(b, i, invert); }
    "bset" Any R "0010100 ..... ..... 001 ..... 0110011" |b, i| { binary(b, i, set); }
    "bseti" Rv32 Shift "0010100 ..... ..... 001 ..... 0010011" |b, i| { immediate(b, i, set); }
    "bseti" Rv64 Shift "001010 ...... ..... 001 ..... 0010011" |b, i| { immediate(b, i, set); }
}

/// The bit of a number, taken modulo the width.
#[inline(always)]
fn bit<B: Builder>(b: &mut B, number: B::Value) -> B::Value {
    let (one, amount) = (b.constant(1), b.amount(number, B::XLEN));
    b.shl(one, amount)
}

#[inline(always)]
fn clear<B: Builder>(b: &mut B, x: B::Value, number: B::Value) -> B::Value {
    let (bit, ones) = (bit(b, number), b.constant(-1));
    let others = b.xor(bit, ones);
    b.and(x, others)
}

#[inline(always)]
fn extract<B: Builder>(b: &mut B, x: B::Value, number: B::Value) -> B::Value {
    let (one, amount) = (b.constant(1), b.amount(number, B::XLEN));
    let x = b.shr(x, amount);
    b.and(x, one)
}

#[inline(always)]
fn invert<B: Builder>(b: &mut B, x: B::Value, number: B::Value) -> B::Value {
    let bit = bit(b, number);
    b.xor(x, bit)
}

#[inline(always)]
fn set<B: Builder>(b: &mut B, x: B::Value, number: B::Value) -> B::Value {
    let bit = bit(b, number);
    b.or(x, bit)
}
