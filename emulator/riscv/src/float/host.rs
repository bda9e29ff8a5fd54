//! The host's floating point, where its answer is certainly that of [`operate`](super::operate).
//!
//! The host rounds to nearest, ties to even, as Rust guarantees, and its flags are out of reach.
//! So an operation that rounds is done here only if it is to round that way and "inexact" has been
//! raised already, as it mostly has: then the flags cannot change, as long as the result is a
//! normal number, well away from overflow and underflow. NaNs and infinities show in the result
//! and are left to [`operate`](super::operate), and so are results that may have been tiny.

use super::{FloatFormat, FloatOp, IntFormat, Rounding, flag};

/// The result and the flags raised; `None` if the host cannot tell. `accrued` are the flags that
/// have been raised before.
#[inline(always)]
pub(crate) fn operate(
    op: FloatOp,
    format: FloatFormat,
    rounding: Rounding,
    accrued: u8,
    operands: [u64; 3],
) -> Option<(u64, u8)> {
    let nearest = rounding == Rounding::NearestEven && accrued & flag::NX != 0;
    match format {
        FloatFormat::Half => None,
        FloatFormat::Single => single(op, rounding, nearest, operands),
        FloatFormat::Double => double(op, rounding, nearest, operands),
    }
}

macro_rules! host {
    ($name:ident, $float:ident, $bits:ident) => {
        #[inline(always)]
        fn $name(
            op: FloatOp,
            rounding: Rounding,
            nearest: bool,
            [a, b, c]: [u64; 3],
        ) -> Option<(u64, u8)> {
            let [x, y, z] = [a, b, c].map(|bits| $float::from_bits(bits as $bits));
            let ordered = !x.is_nan() && !y.is_nan();
            // A sum that is tiny is exact.
            let finite = |r: $float| r.is_finite().then(|| (u64::from(r.to_bits()), 0));
            // What is not zero but as small as the least normal number may have been tiny.
            let normal = |r: $float, zero: bool| {
                (r.is_finite() && (r.abs() > $float::MIN_POSITIVE || zero))
                    .then(|| (u64::from(r.to_bits()), 0))
            };
            let truth = |holds: bool| ordered.then_some((holds.into(), 0));
            match op {
                FloatOp::Add if nearest => finite(x + y),
                FloatOp::Sub if nearest => finite(x - y),
                FloatOp::Mul if nearest => normal(x * y, x == 0.0 || y == 0.0),
                FloatOp::Div if nearest => normal(x / y, x == 0.0),
                FloatOp::MulAdd if nearest => normal(x.mul_add(y, z), false),
                FloatOp::Sqrt if nearest => normal(x.sqrt(), x == 0.0),
                FloatOp::Eq => truth(x == y),
                FloatOp::Lt | FloatOp::LtQuiet => truth(x < y),
                FloatOp::Le | FloatOp::LeQuiet => truth(x <= y),
                // Those that are equal may be zeros with different signs.
                FloatOp::Min | FloatOp::MinOrNan if x < y => Some((a, 0)),
                FloatOp::Min | FloatOp::MinOrNan if x > y => Some((b, 0)),
                FloatOp::Max | FloatOp::MaxOrNan if x > y => Some((a, 0)),
                FloatOp::Max | FloatOp::MaxOrNan if x < y => Some((b, 0)),
                FloatOp::ToInt(to) => {
                    let (in_range, integer, back) = match to {
                        IntFormat::I32 => {
                            (x.abs() < TWO_31 as $float, x as i32 as u64, x as i32 as $float)
                        }
                        IntFormat::U32 => (
                            x >= 0.0 && x < 2.0 * TWO_31 as $float,
                            x as u32 as i32 as u64,
                            x as u32 as $float,
                        ),
                        IntFormat::I64 => {
                            (x.abs() < TWO_63 as $float, x as i64 as u64, x as i64 as $float)
                        }
                        IntFormat::U64 => {
                            (x >= 0.0 && x < 2.0 * TWO_63 as $float, x as u64, x as u64 as $float)
                        }
                    };
                    let exact = back == x;
                    let flags = if exact { 0 } else { flag::NX };
                    (in_range && (exact || rounding == Rounding::Zero)).then_some((integer, flags))
                }
                FloatOp::FromInt(from) => {
                    let fits = $float::MANTISSA_DIGITS >= from.bits();
                    let value = match from {
                        IntFormat::I32 => a as i32 as $float,
                        IntFormat::U32 => a as u32 as $float,
                        IntFormat::I64 => a as i64 as $float,
                        IntFormat::U64 => a as $float,
                    };
                    (nearest || fits).then(|| (u64::from(value.to_bits()), 0))
                }
                FloatOp::To(FloatFormat::Single) if nearest => {
                    let r = x as f32;
                    let certain = r.is_finite() && (r.abs() > f32::MIN_POSITIVE || x == 0.0);
                    certain.then(|| (r.to_bits().into(), 0))
                }
                // Exact.
                FloatOp::To(FloatFormat::Double) if x.is_finite() => {
                    Some((f64::from(x).to_bits(), 0))
                }
                _ => None,
            }
        }
    };
}

/// 2^31 and 2^63.
const TWO_31: f64 = (1u64 << 31) as f64;
const TWO_63: f64 = (1u64 << 63) as f64;

host!(single, f32, u32);
host!(double, f64, u64);
