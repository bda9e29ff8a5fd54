//! Rotations, which bit manipulation and hashes are made of. All are to the right, by an amount
//! that is taken modulo the width.

use super::Builder;

/// Rotates a register.
#[inline(always)]
pub(super) fn rotate<B: Builder>(b: &mut B, x: B::Value, amount: B::Value) -> B::Value {
    if B::XLEN == 32 {
        return rotate_word(b, x, amount);
    }
    let zero = b.constant(0);
    let opposite = b.sub(zero, amount);
    let (low, high) = (b.shr(x, amount), b.shl(x, opposite));
    b.or(low, high)
}

/// Rotates the low word, and sign-extends it.
#[inline(always)]
pub(super) fn rotate_word<B: Builder>(b: &mut B, x: B::Value, amount: B::Value) -> B::Value {
    let low = b.zext32(x);
    let width = b.constant(32);
    let high = b.shl(low, width);
    let twice = b.or(low, high);
    let amount = b.amount(amount, 32);
    let rotated = b.shr(twice, amount);
    b.sext32(rotated)
}

/// The sum without carries of a word rotated by two amounts and, by the third, rotated or shifted:
/// what the hashes mix with.
#[inline(always)]
pub(super) fn mix_word<B: Builder>(
    b: &mut B,
    x: B::Value,
    rotations: [i64; 2],
    last: Last,
) -> B::Value {
    let [first, second] = rotations.map(|n| {
        let amount = b.constant(n);
        rotate_word(b, x, amount)
    });
    let third = match last {
        Last::Rotated(n) => {
            let amount = b.constant(n);
            rotate_word(b, x, amount)
        }
        Last::Shifted(n) => {
            let (low, amount) = (b.zext32(x), b.constant(n));
            b.shr(low, amount)
        }
        Last::Itself => x,
    };
    let sum = b.xor(first, second);
    let sum = b.xor(sum, third);
    b.sext32(sum)
}

/// What is done to the third operand of a mix.
#[derive(Debug, Clone, Copy)]
pub(super) enum Last {
    /// It is rotated.
    Rotated(i64),
    /// It is shifted to the right.
    Shifted(i64),
    /// Nothing.
    Itself,
}
