//! Sums, products, quotients and square roots.

use super::number::shift_sticky;
use super::{Number, Operation, Rounding, flag};

impl Operation {
    /// An operation that has no result.
    pub(super) fn invalid(&mut self) -> u64 {
        self.flags |= flag::NV;
        self.format.nan()
    }

    /// What an operation gives if an operand is a NaN.
    fn nan(&mut self, operands: &[u64]) -> Option<u64> {
        let format = self.format;
        if operands.iter().any(|a| format.is_signaling(*a)) {
            self.flags |= flag::NV;
        }
        operands.iter().any(|a| format.is_nan(*a)).then_some(format.nan())
    }

    pub(super) fn add(&mut self, a: u64, b: u64) -> u64 {
        let format = self.format;
        if let Some(nan) = self.nan(&[a, b]) {
            return nan;
        }
        match (format.is_infinite(a), format.is_infinite(b)) {
            (true, true) if a != b => return self.invalid(),
            (true, _) => return a,
            (_, true) => return b,
            _ => {}
        }
        match (format.is_zero(a), format.is_zero(b)) {
            (true, true) if a == b => a,
            (true, true) => self.exact_zero(),
            (true, false) => b,
            (false, true) => a,
            (false, false) => self.sum(format.unpack(a), format.unpack(b)),
        }
    }

    pub(super) fn sub(&mut self, a: u64, b: u64) -> u64 {
        // Of a NaN the sign does not matter.
        self.add(a, b ^ self.format.sign())
    }

    pub(super) fn mul(&mut self, a: u64, b: u64) -> u64 {
        let format = self.format;
        if let Some(nan) = self.nan(&[a, b]) {
            return nan;
        }
        let negative = format.is_negative(a ^ b);
        let infinite = format.is_infinite(a) || format.is_infinite(b);
        let zero = format.is_zero(a) || format.is_zero(b);
        match (infinite, zero) {
            (true, true) => self.invalid(),
            (true, false) => format.signed(negative, format.infinity()),
            (false, true) => format.signed(negative, 0),
            (false, false) => self.pack(format, product(format.unpack(a), format.unpack(b))),
        }
    }

    pub(super) fn mul_add(&mut self, a: u64, b: u64, c: u64) -> u64 {
        let format = self.format;
        let infinite = format.is_infinite(a) || format.is_infinite(b);
        let zero = format.is_zero(a) || format.is_zero(b);
        if infinite && zero {
            // Even if `c` is a quiet NaN.
            return self.invalid();
        }
        if let Some(nan) = self.nan(&[a, b, c]) {
            return nan;
        }
        let negative = format.is_negative(a ^ b);
        if infinite || zero {
            let special = if infinite { format.infinity() } else { 0 };
            return self.add(format.signed(negative, special), c);
        }
        if format.is_infinite(c) {
            return c;
        }
        let product = product(format.unpack(a), format.unpack(b));
        if format.is_zero(c) {
            return self.pack(format, product);
        }
        self.sum(product, format.unpack(c))
    }

    pub(super) fn div(&mut self, a: u64, b: u64) -> u64 {
        let format = self.format;
        if let Some(nan) = self.nan(&[a, b]) {
            return nan;
        }
        let negative = format.is_negative(a ^ b);
        match (format.is_infinite(a), format.is_infinite(b)) {
            (true, true) => return self.invalid(),
            (true, false) => return format.signed(negative, format.infinity()),
            (false, true) => return format.signed(negative, 0),
            (false, false) => {}
        }
        match (format.is_zero(a), format.is_zero(b)) {
            (true, true) => self.invalid(),
            (true, false) => format.signed(negative, 0),
            (false, true) => {
                self.flags |= flag::DZ;
                format.signed(negative, format.infinity())
            }
            (false, false) => self.pack(format, quotient(format.unpack(a), format.unpack(b))),
        }
    }

    pub(super) fn sqrt(&mut self, a: u64) -> u64 {
        let format = self.format;
        if let Some(nan) = self.nan(&[a]) {
            return nan;
        }
        if format.is_zero(a) {
            return a;
        }
        if format.is_negative(a) {
            return self.invalid();
        }
        if format.is_infinite(a) {
            return a;
        }
        self.pack(format, root(format.unpack(a)))
    }

    /// The sum of what cancels out.
    fn exact_zero(&self) -> u64 {
        self.format.signed(self.rounding == Rounding::Down, 0)
    }

    fn sum(&mut self, a: Number, b: Number) -> u64 {
        let a_is_greater = (a.exponent, a.significand) >= (b.exponent, b.significand);
        let (big, small) = if a_is_greater { (a, b) } else { (b, a) };
        let aligned = shift_sticky(small.significand, (big.exponent - small.exponent) as u32);
        let sum = if big.negative == small.negative {
            match big.significand.overflowing_add(aligned) {
                (sum, false) => Number { significand: sum, ..big },
                (sum, true) => Number {
                    exponent: big.exponent + 1,
                    significand: shift_sticky(sum, 1) | 1 << 127,
                    ..big
                },
            }
        } else {
            let difference = big.significand - aligned;
            if difference == 0 {
                return self.exact_zero();
            }
            Number::normalized(big.negative, big.exponent, difference)
        };
        self.pack(self.format, sum)
    }
}

/// The upper half of a significand, which is all of it for a number of a format.
fn upper(number: Number) -> u128 {
    number.significand >> 64
}

fn product(a: Number, b: Number) -> Number {
    let negative = a.negative != b.negative;
    Number::normalized(negative, a.exponent + b.exponent + 1, upper(a) * upper(b))
}

fn quotient(a: Number, b: Number) -> Number {
    // 63 or 64 bits, of which no format needs all.
    let dividend = upper(a) << 63;
    let (quotient, rest) = (dividend / upper(b), dividend % upper(b));
    let significand = quotient << 64 | u128::from(rest != 0);
    Number::normalized(a.negative != b.negative, a.exponent - b.exponent, significand)
}

fn root(a: Number) -> Number {
    // The root of a square whose exponent is even.
    let square = if a.exponent & 1 == 0 { a.significand >> 1 } else { a.significand };
    let root = square.isqrt();
    let significand = root << 64 | u128::from(root * root != square);
    Number::normalized(false, a.exponent >> 1, significand)
}
