//! Finite numbers other than zero as sign, exponent and significand; rounding them to a format.

use super::{FloatFormat, Operation, Rounding, flag};

/// `(-1)^negative * significand * 2^(exponent - 127)`, the highest bit of the significand being 1.
///
/// The significand of a number of any format has at least 75 zeros at its end, that of a product
/// of two 22. So if a result has more bits than there is room for, it is enough to know that the
/// rest is not zero, and the lowest bit says that.
#[derive(Clone, Copy)]
pub(super) struct Number {
    pub(super) negative: bool,
    pub(super) exponent: i32,
    pub(super) significand: u128,
}

/// What was cut off, in relation to the lowest bit that was kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    Nothing,
    LessThanHalf,
    Half,
    MoreThanHalf,
}

/// Cuts the lowest bits off.
pub(super) fn cut(significand: u128, count: u32) -> (u128, Lost) {
    if count == 0 {
        return (significand, Lost::Nothing);
    }
    let kept = significand.checked_shr(count).unwrap_or(0);
    let rest = significand ^ kept.checked_shl(count).unwrap_or(0);
    let half = 1u128.checked_shl(count - 1);
    let lost = match half {
        _ if rest == 0 => Lost::Nothing,
        Some(half) if rest == half => Lost::Half,
        Some(half) if rest > half => Lost::MoreThanHalf,
        _ => Lost::LessThanHalf,
    };
    (kept, lost)
}

/// Shifts right; the lowest bit tells whether a bit that is not 0 was lost.
pub(super) fn shift_sticky(significand: u128, count: u32) -> u128 {
    let (kept, lost) = cut(significand, count);
    kept | u128::from(lost != Lost::Nothing)
}

impl Rounding {
    /// Whether to go on to the next number away from zero.
    pub(super) fn away(self, negative: bool, odd: bool, lost: Lost) -> bool {
        match self {
            Rounding::NearestEven => lost == Lost::MoreThanHalf || lost == Lost::Half && odd,
            Rounding::Zero => false,
            Rounding::Down => negative && lost != Lost::Nothing,
            Rounding::Up => !negative && lost != Lost::Nothing,
            Rounding::NearestAway => lost == Lost::MoreThanHalf || lost == Lost::Half,
        }
    }
}

impl Number {
    /// A significand that is not 0 but may begin with zeros.
    pub(super) fn normalized(negative: bool, exponent: i32, significand: u128) -> Number {
        let zeros = significand.leading_zeros();
        Number {
            negative,
            exponent: exponent - zeros as i32,
            significand: significand.checked_shl(zeros).unwrap_or(0),
        }
    }
}

impl FloatFormat {
    /// Takes a number apart. It is finite and not zero.
    pub(super) fn unpack(self, a: u64) -> Number {
        let fraction_bits = self.fraction_bits();
        let biased = (self.magnitude(a) >> fraction_bits) as i32;
        let fraction = a & ((1 << fraction_bits) - 1);
        let hidden = u64::from(biased != 0) << fraction_bits;
        let exponent = biased.max(1) - self.max_exponent();
        let significand = u128::from(hidden | fraction) << (127 - fraction_bits);
        Number::normalized(self.is_negative(a), exponent, significand)
    }

    /// Zero or infinity with a sign.
    pub(super) fn signed(self, negative: bool, magnitude: u64) -> u64 {
        if negative { magnitude | self.sign() } else { magnitude }
    }
}

impl Operation {
    /// The number of a format that a number becomes.
    pub(super) fn pack(&mut self, to: FloatFormat, number: Number) -> u64 {
        let Number { negative, exponent, significand } = number;
        let rounded = |count: u32| {
            let (kept, lost) = cut(significand, count);
            let away = self.rounding.away(negative, kept & 1 != 0, lost);
            (kept as u64 + u64::from(away), lost != Lost::Nothing)
        };
        let biased = exponent + to.max_exponent();
        if biased > 2 * to.max_exponent() {
            return self.overflow(to, negative);
        }
        let count = 127 - to.fraction_bits();
        let subnormal = (1 - biased).max(0) as u32;
        let (kept, inexact) = rounded(count + subnormal);
        // The hidden bit, and a carry out of rounding, go to the exponent by themselves.
        let magnitude = ((biased.max(1) as u64 - 1) << to.fraction_bits()) + kept;
        if magnitude >= to.infinity() {
            return self.overflow(to, negative);
        }
        if inexact {
            // Tiny is what would be below the normal numbers if exponents had no limit.
            let tiny = biased < 0 || biased == 0 && rounded(count).0 >> to.fraction_bits() == 1;
            self.flags |= if tiny { flag::NX | flag::UF } else { flag::NX };
        }
        to.signed(negative, magnitude)
    }

    fn overflow(&mut self, to: FloatFormat, negative: bool) -> u64 {
        self.flags |= flag::OF | flag::NX;
        // As for anything that is nearer to infinity than to a number.
        let infinite = self.rounding.away(negative, true, Lost::MoreThanHalf);
        to.signed(negative, to.infinity() - u64::from(!infinite))
    }
}
