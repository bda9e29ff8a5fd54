//! Atomic compare and swap (volume I, "'Zacas' Extension for Atomic Compare-and-Swap").
//!
//! The widest forms work on pairs of registers, which begin with an even one; the pair of `x0` is
//! zero, and takes nothing.

use super::{Builder, Flow, Needs, Operands, Size, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zacas);
    "amocas.w" Any Amo "00101 .. ..... ..... 010 ..... 0101111" |b, i| {
        compare_and_swap(b, i, Size::Word)?;
    }
    "amocas.d" Rv64 Amo "00101 .. ..... ..... 011 ..... 0101111" |b, i| {
        compare_and_swap(b, i, Size::Double)?;
    }
    "amocas.d" Rv32 Amo "00101 .. ....0 ..... 011 ....0 0101111" |b, i| {
        let (addr, old, new) = (b.x(i.rs1), pair(b, i.rd), pair(b, i.rs2));
        let (old, new) = (joined(b, old), joined(b, new));
        let found = b.compare_and_swap(addr, Size::Double, old, new)?;
        let width = b.constant(32);
        let high = b.shr(found, width);
        set_pair(b, i.rd, [found, high]);
    }
    "amocas.q" Rv64 Amo "00101 .. ....0 ..... 100 ....0 0101111" |b, i| {
        let (addr, old, new) = (b.x(i.rs1), pair(b, i.rd), pair(b, i.rs2));
        let found = b.compare_and_swap_pair(addr, old, new)?;
        set_pair(b, i.rd, found);
    }
}

/// The forms of one register.
#[inline(always)]
pub(super) fn compare_and_swap<B: Builder>(b: &mut B, i: &Operands, size: Size) -> Flow {
    let (addr, old, new) = (b.x(i.rs1), b.x(i.rd), b.x(i.rs2));
    let found = b.compare_and_swap(addr, size, old, new)?;
    b.set_x(i.rd, found);
    Ok(())
}

/// The registers of a pair.
#[inline(always)]
fn pair<B: Builder>(b: &mut B, first: u8) -> [B::Value; 2] {
    let second = if first == 0 { 0 } else { first + 1 };
    [b.x(first), b.x(second)]
}

#[inline(always)]
fn set_pair<B: Builder>(b: &mut B, first: u8, [low, high]: [B::Value; 2]) {
    if first != 0 {
        b.set_x(first, low);
        b.set_x(first + 1, high);
    }
}

/// Two words as one value.
#[inline(always)]
fn joined<B: Builder>(b: &mut B, [low, high]: [B::Value; 2]) -> B::Value {
    let (low, width) = (b.zext32(low), b.constant(32));
    let high = b.shl(high, width);
    b.or(low, high)
}
