//! Conversions between formats, to integers and from them, and rounding to integral numbers.

use super::number::{Lost, cut};
use super::{FloatFormat, IntFormat, Number, Operation, Rounding, flag};

impl Number {
    /// The integer part, which may be cut off above if the number is 2^127 or more, and what it
    /// lacks.
    fn integer(self) -> (u128, Lost) {
        match u32::try_from(127 - self.exponent) {
            Ok(count) => cut(self.significand, count),
            Err(_) => {
                let shifted = self.significand.checked_shl((self.exponent - 127) as u32);
                (shifted.unwrap_or(0), Lost::Nothing)
            }
        }
    }

    /// The integer that it is rounded to, and whether that is another number.
    fn rounded(self, rounding: Rounding) -> (u128, bool) {
        let (integer, lost) = self.integer();
        let away = rounding.away(self.negative, integer & 1 != 0, lost);
        (integer + u128::from(away), lost != Lost::Nothing)
    }
}

impl Operation {
    pub(super) fn convert(&mut self, a: u64, to: FloatFormat) -> u64 {
        let format = self.format;
        if format.is_signaling(a) {
            self.flags |= flag::NV;
        }
        if format.is_nan(a) {
            to.nan()
        } else if format.is_infinite(a) {
            to.signed(format.is_negative(a), to.infinity())
        } else if format.is_zero(a) {
            to.signed(format.is_negative(a), 0)
        } else {
            self.pack(to, format.unpack(a))
        }
    }

    pub(super) fn round_integral(&mut self, a: u64, inexact: bool) -> u64 {
        let format = self.format;
        if format.is_nan(a) {
            if format.is_signaling(a) {
                self.flags |= flag::NV;
            }
            return format.nan();
        }
        if format.is_infinite(a) || format.is_zero(a) {
            return a;
        }
        let number = format.unpack(a);
        if number.exponent >= format.fraction_bits() as i32 {
            return a;
        }
        let (integer, changed) = number.rounded(self.rounding);
        if inexact && changed {
            self.flags |= flag::NX;
        }
        if integer == 0 {
            return format.signed(number.negative, 0);
        }
        // It has no more bits than the format, so this rounds nothing.
        self.pack(format, Number::normalized(number.negative, 127, integer))
    }

    pub(super) fn integer(&mut self, a: u64, to: IntFormat) -> u64 {
        let format = self.format;
        let (least, greatest) = match to.is_signed() {
            true => (1u128 << (to.bits() - 1), (1u128 << (to.bits() - 1)) - 1),
            false => (0, (1u128 << to.bits()) - 1),
        };
        let negative = format.is_negative(a) && !format.is_nan(a);
        let limit = if negative { least } else { greatest };
        let (magnitude, inexact) = if format.is_zero(a) {
            (0, false)
        } else if format.is_nan(a) || format.is_infinite(a) {
            (u128::MAX, false)
        } else {
            let number = format.unpack(a);
            match number.exponent {
                ..=64 => number.rounded(self.rounding),
                _ => (u128::MAX, false),
            }
        };
        if magnitude > limit {
            self.flags |= flag::NV;
        } else if inexact {
            self.flags |= flag::NX;
        }
        let magnitude = magnitude.min(limit) as u64;
        extended(if negative { magnitude.wrapping_neg() } else { magnitude }, to.bits())
    }

    pub(super) fn modular(&mut self, a: u64) -> u64 {
        let format = self.format;
        if format.is_zero(a) {
            return 0;
        }
        if format.is_nan(a) || format.is_infinite(a) {
            self.flags |= flag::NV;
            return 0;
        }
        let number = format.unpack(a);
        let (integer, lost) = number.integer();
        let limit = (1 << 31) - u128::from(!number.negative);
        if number.exponent >= 32 || integer > limit {
            self.flags |= flag::NV;
        } else if lost != Lost::Nothing {
            self.flags |= flag::NX;
        }
        let low = integer as u64;
        extended(if number.negative { low.wrapping_neg() } else { low }, 32)
    }

    pub(super) fn of_integer(&mut self, a: u64, from: IntFormat) -> u64 {
        let unused = 64 - from.bits();
        let negative = from.is_signed() && (a << unused) as i64 >> 63 != 0;
        let value = match from.is_signed() {
            true => ((a << unused) as i64 >> unused).unsigned_abs(),
            false => a << unused >> unused,
        };
        if value == 0 {
            return 0;
        }
        self.pack(self.format, Number::normalized(negative, 127, value.into()))
    }
}

/// Sign-extends a value of some width.
fn extended(value: u64, bits: u32) -> u64 {
    ((value << (64 - bits)) as i64 >> (64 - bits)) as u64
}
