//! Comparisons, minimum and maximum, classes.

use std::cmp::Ordering;

use super::{FloatFormat, Operation, flag};

impl FloatFormat {
    /// A number that is ordered as the numbers are, -0 being below +0.
    fn rank(self, a: u64) -> i64 {
        let magnitude = self.magnitude(a) as i64;
        if self.is_negative(a) { !magnitude } else { magnitude }
    }

    /// The bit in the answer of `fclass`.
    pub(super) fn class(self, a: u64) -> u64 {
        let magnitude = self.magnitude(a);
        let of_positive = if self.is_nan(a) {
            return 1 << if self.is_signaling(a) { 8 } else { 9 };
        } else if magnitude == self.infinity() {
            7
        } else if magnitude >> self.fraction_bits() != 0 {
            6
        } else if magnitude != 0 {
            5
        } else {
            4
        };
        1 << if self.is_negative(a) { 7 - of_positive } else { of_positive }
    }
}

impl Operation {
    /// Whether two numbers are in an order; NaNs are in none. Quiet NaNs may be compared, or not.
    pub(super) fn compare(
        &mut self,
        a: u64,
        b: u64,
        quiet: bool,
        holds: fn(Ordering) -> bool,
    ) -> u64 {
        let format = self.format;
        if format.is_nan(a) || format.is_nan(b) {
            if !quiet || format.is_signaling(a) || format.is_signaling(b) {
                self.flags |= flag::NV;
            }
            return 0;
        }
        let order = if format.is_zero(a) && format.is_zero(b) {
            Ordering::Equal
        } else {
            format.rank(a).cmp(&format.rank(b))
        };
        holds(order).into()
    }

    /// The lesser or the greater one. Of a NaN and a number it is the number, unless `propagate`.
    pub(super) fn select(&mut self, a: u64, b: u64, lesser: bool, propagate: bool) -> u64 {
        let format = self.format;
        if format.is_signaling(a) || format.is_signaling(b) {
            self.flags |= flag::NV;
        }
        match (format.is_nan(a), format.is_nan(b)) {
            (true, true) => format.nan(),
            (true, false) | (false, true) if propagate => format.nan(),
            (true, false) => b,
            (false, true) => a,
            (false, false) if (format.rank(a) < format.rank(b)) == lesser => a,
            (false, false) => b,
        }
    }
}
