//! Floating-point arithmetic on bit patterns, exactly as RISC-V defines it (volume I, "'F'
//! Extension for Single-Precision Floating-Point", "'D'", "'Zfh'" and "'Zfa'"): IEEE 754-2019 with
//! five rounding modes, five flags, tininess detected after rounding, and one canonical NaN.
//!
//! [`operate`] is the definition, in integers, for all formats and modes. [`host`] gives the same
//! answers with the host's floating point where it is certain that they are the same.
//!
//! There is no crate for it that would do: those that are maintained lack a square root or the
//! fifth rounding mode, detect tininess before rounding, or bind to C.

mod arithmetic;
mod convert;
pub(crate) mod host;
mod number;
mod order;
#[cfg(test)]
mod tests;

use self::number::Number;

/// An interchange format of IEEE 754.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatFormat {
    /// binary16.
    Half,
    /// binary32.
    Single,
    /// binary64.
    Double,
}

/// A format of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum IntFormat {
    I32,
    U32,
    I64,
    U64,
}

/// What is done with up to three numbers of a format. What it gives is of that format, too, if
/// nothing else is said. Every one may raise flags; none can trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatOp {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`
    Div,
    /// `a * b + c`, rounded once.
    MulAdd,
    /// The square root of `a`.
    Sqrt,
    /// The lesser number: of a number and a NaN, the number.
    Min,
    /// The greater number: of a number and a NaN, the number.
    Max,
    /// The lesser, or NaN if one of them is.
    MinOrNan,
    /// The greater, or NaN if one of them is.
    MaxOrNan,
    /// 1 if they are equal, else 0. Invalid if one is a signaling NaN.
    Eq,
    /// 1 if `a < b`, else 0. Invalid if one is a NaN.
    Lt,
    /// 1 if `a <= b`, else 0. Invalid if one is a NaN.
    Le,
    /// The same as `Lt`, but quiet NaNs are valid.
    LtQuiet,
    /// The same as `Le`, but quiet NaNs are valid.
    LeQuiet,
    /// A bit that says of which class `a` is.
    Class,
    /// An integral number of the same format.
    Round,
    /// The same, and inexact if it is another number.
    RoundInexact,
    /// `a` in another format.
    To(FloatFormat),
    /// `a` as an integer, sign-extended from its width; the nearest there is if it does not fit.
    ToInt(IntFormat),
    /// `a` as an integer modulo 2^32, sign-extended.
    ToModular,
    /// The integer `a` as a number.
    FromInt(IntFormat),
}

/// How to round what is not a number of a format; the discriminants are those of the field `rm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To nearest, ties to even (RNE).
    NearestEven = 0,
    /// Towards zero (RTZ).
    Zero = 1,
    /// Down (RDN).
    Down = 2,
    /// Up (RUP).
    Up = 3,
    /// To nearest, ties away from zero (RMM).
    NearestAway = 4,
}

/// Exception flags, as in `fflags`.
pub(crate) mod flag {
    /// Inexact.
    pub(crate) const NX: u8 = 1 << 0;
    /// Underflow.
    pub(crate) const UF: u8 = 1 << 1;
    /// Overflow.
    pub(crate) const OF: u8 = 1 << 2;
    /// Division by zero.
    pub(crate) const DZ: u8 = 1 << 3;
    /// Invalid operation.
    pub(crate) const NV: u8 = 1 << 4;
}

impl Rounding {
    /// The mode that a field of an instruction or a register says; `None` if it is reserved.
    #[inline]
    pub(crate) fn from_bits(bits: u8) -> Option<Rounding> {
        Some(match bits {
            0 => Rounding::NearestEven,
            1 => Rounding::Zero,
            2 => Rounding::Down,
            3 => Rounding::Up,
            4 => Rounding::NearestAway,
            _ => return None,
        })
    }
}

impl FloatFormat {
    /// The width in bits.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            FloatFormat::Half => 16,
            FloatFormat::Single => 32,
            FloatFormat::Double => 64,
        }
    }

    /// The bits of the significand that are stored.
    pub(crate) const fn fraction_bits(self) -> u32 {
        match self {
            FloatFormat::Half => 10,
            FloatFormat::Single => 23,
            FloatFormat::Double => 52,
        }
    }

    /// The greatest exponent, which is also the bias.
    const fn max_exponent(self) -> i32 {
        (1 << (self.bits() - self.fraction_bits() - 2)) - 1
    }

    /// The bits that are not above the format's.
    pub(crate) const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// The sign bit.
    pub(crate) const fn sign(self) -> u64 {
        1 << (self.bits() - 1)
    }

    /// Positive infinity.
    pub(crate) const fn infinity(self) -> u64 {
        ((1 << (self.bits() - self.fraction_bits() - 1)) - 1) << self.fraction_bits()
    }

    /// The canonical NaN: quiet, positive, the rest zero.
    pub(crate) const fn nan(self) -> u64 {
        self.infinity() | self.quiet()
    }

    /// The bit that tells quiet NaNs from signaling ones.
    const fn quiet(self) -> u64 {
        1 << (self.fraction_bits() - 1)
    }

    /// What a register holds, with zeros above; the canonical NaN if it does not hold a number of
    /// the format with ones above.
    #[inline(always)]
    pub(crate) const fn unboxed(self, register: u64) -> u64 {
        if register | self.mask() == u64::MAX { register & self.mask() } else { self.nan() }
    }

    /// What a register holds that holds the low bits of a value.
    #[inline(always)]
    pub(crate) const fn boxed(self, value: u64) -> u64 {
        value | !self.mask()
    }

    const fn is_negative(self, a: u64) -> bool {
        a & self.sign() != 0
    }

    const fn magnitude(self, a: u64) -> u64 {
        a & !self.sign()
    }

    const fn is_nan(self, a: u64) -> bool {
        self.magnitude(a) > self.infinity()
    }

    const fn is_signaling(self, a: u64) -> bool {
        self.is_nan(a) && a & self.quiet() == 0
    }

    const fn is_infinite(self, a: u64) -> bool {
        self.magnitude(a) == self.infinity()
    }

    const fn is_zero(self, a: u64) -> bool {
        self.magnitude(a) == 0
    }
}

impl IntFormat {
    /// The width in bits.
    const fn bits(self) -> u32 {
        match self {
            IntFormat::I32 | IntFormat::U32 => 32,
            IntFormat::I64 | IntFormat::U64 => 64,
        }
    }

    const fn is_signed(self) -> bool {
        matches!(self, IntFormat::I32 | IntFormat::I64)
    }
}

/// One operation under way: what it takes from the environment and what it says to it.
struct Operation {
    format: FloatFormat,
    rounding: Rounding,
    flags: u8,
}

/// Does an operation. Operands have the format's width, with zeros above. Gives the result and the
/// flags that it raises.
#[inline(never)]
pub(crate) fn operate(
    op: FloatOp,
    format: FloatFormat,
    rounding: Rounding,
    [a, b, c]: [u64; 3],
) -> (u64, u8) {
    let mut o = Operation { format, rounding, flags: 0 };
    let value = match op {
        FloatOp::Add => o.add(a, b),
        FloatOp::Sub => o.sub(a, b),
        FloatOp::Mul => o.mul(a, b),
        FloatOp::Div => o.div(a, b),
        FloatOp::MulAdd => o.mul_add(a, b, c),
        FloatOp::Sqrt => o.sqrt(a),
        FloatOp::Min => o.select(a, b, true, false),
        FloatOp::Max => o.select(a, b, false, false),
        FloatOp::MinOrNan => o.select(a, b, true, true),
        FloatOp::MaxOrNan => o.select(a, b, false, true),
        FloatOp::Eq => o.compare(a, b, true, |order| order.is_eq()),
        FloatOp::Lt => o.compare(a, b, false, |order| order.is_lt()),
        FloatOp::Le => o.compare(a, b, false, |order| order.is_le()),
        FloatOp::LtQuiet => o.compare(a, b, true, |order| order.is_lt()),
        FloatOp::LeQuiet => o.compare(a, b, true, |order| order.is_le()),
        FloatOp::Class => format.class(a),
        FloatOp::Round => o.round_integral(a, false),
        FloatOp::RoundInexact => o.round_integral(a, true),
        FloatOp::To(to) => o.convert(a, to),
        FloatOp::ToInt(to) => o.integer(a, to),
        FloatOp::ToModular => o.modular(a),
        FloatOp::FromInt(from) => o.of_integer(a, from),
    };
    (value, o.flags)
}
