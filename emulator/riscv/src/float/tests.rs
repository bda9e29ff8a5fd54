//! Every operation against LLVM's soft float, and the host's answers against our own: all halves
//! where there is one operand; else edges with each other, and random numbers, as many for each
//! case as `BOARDWRIGHT_FLOAT_CASES` says.

use rustc_apfloat::ieee::{Double, Half, Quad, Single};
use rustc_apfloat::{Float, FloatConvert, Round, Status, StatusAnd};

use super::*;

const FORMATS: [FloatFormat; 3] = [FloatFormat::Half, FloatFormat::Single, FloatFormat::Double];
const MODES: [(Rounding, Round); 5] = [
    (Rounding::NearestEven, Round::NearestTiesToEven),
    (Rounding::Zero, Round::TowardZero),
    (Rounding::Down, Round::TowardNegative),
    (Rounding::Up, Round::TowardPositive),
    (Rounding::NearestAway, Round::NearestTiesToAway),
];
const INTS: [IntFormat; 4] = [IntFormat::I32, IntFormat::U32, IntFormat::I64, IntFormat::U64];
const UNARY: [FloatOp; 8] = [
    FloatOp::Round,
    FloatOp::To(FloatFormat::Half),
    FloatOp::To(FloatFormat::Single),
    FloatOp::To(FloatFormat::Double),
    FloatOp::ToInt(IntFormat::I32),
    FloatOp::ToInt(IntFormat::U32),
    FloatOp::ToInt(IntFormat::I64),
    FloatOp::ToInt(IntFormat::U64),
];
const BINARY: [FloatOp; 9] = [
    FloatOp::Add,
    FloatOp::Sub,
    FloatOp::Mul,
    FloatOp::Div,
    FloatOp::Eq,
    FloatOp::Lt,
    FloatOp::Le,
    FloatOp::LtQuiet,
    FloatOp::LeQuiet,
];

/// The operations on one number of a format.
fn unary(format: FloatFormat) -> impl Iterator<Item = FloatOp> {
    UNARY.into_iter().filter(move |op| *op != FloatOp::To(format))
}

/// What LLVM gives, with the canonical NaN for any.
fn oracle(op: FloatOp, format: FloatFormat, mode: Round, operands: [u64; 3]) -> (u64, u8) {
    match format {
        FloatFormat::Half => llvm::<Half>(op, format, mode, operands),
        FloatFormat::Single => llvm::<Single>(op, format, mode, operands),
        FloatFormat::Double => llvm::<Double>(op, format, mode, operands),
    }
}

fn llvm<T>(op: FloatOp, format: FloatFormat, mode: Round, operands: [u64; 3]) -> (u64, u8)
where
    T: Float + FloatConvert<Half> + FloatConvert<Single> + FloatConvert<Double>,
{
    let [a, b, c] = operands.map(|bits| T::from_bits(bits.into()));
    let (invalid, nan) = (a.is_signaling() || b.is_signaling(), a.is_nan() || b.is_nan());
    let truth = |holds: bool, invalid: bool| (holds.into(), if invalid { flag::NV } else { 0 });
    let mut exact = true;
    match op {
        FloatOp::Add => number(format, a.add_r(b, mode)),
        FloatOp::Sub => number(format, a.sub_r(b, mode)),
        FloatOp::Mul => number(format, a.mul_r(b, mode)),
        FloatOp::Div => number(format, a.div_r(b, mode)),
        FloatOp::MulAdd => number(format, a.mul_add_r(b, c, mode)),
        FloatOp::Eq => truth(a == b, invalid),
        FloatOp::Lt => truth(a < b, nan),
        FloatOp::Le => truth(a <= b, nan),
        FloatOp::LtQuiet => truth(a < b, invalid),
        FloatOp::LeQuiet => truth(a <= b, invalid),
        FloatOp::Round => {
            let (value, flags) = number(format, a.round_to_integral(mode));
            (value, flags & flag::NV)
        }
        FloatOp::To(to @ FloatFormat::Half) => number::<Half>(to, a.convert_r(mode, &mut false)),
        FloatOp::To(to @ FloatFormat::Single) => {
            number::<Single>(to, a.convert_r(mode, &mut false))
        }
        FloatOp::To(to @ FloatFormat::Double) => {
            number::<Double>(to, a.convert_r(mode, &mut false))
        }
        // For LLVM a NaN is zero as an integer.
        FloatOp::ToInt(to) if a.is_nan() => {
            let greatest = if to.is_signed() { u64::MAX >> 1 } else { u64::MAX };
            (extended(greatest >> (64 - to.bits()), to.bits()), flag::NV)
        }
        FloatOp::ToInt(to) if to.is_signed() => {
            let integer = a.to_i128_r(to.bits() as usize, mode, &mut exact);
            (integer.value as u64, flags(integer.status))
        }
        FloatOp::ToInt(to) => {
            let integer = a.to_u128_r(to.bits() as usize, mode, &mut exact);
            (extended(integer.value as u64, to.bits()), flags(integer.status))
        }
        FloatOp::FromInt(IntFormat::I32) => {
            number(format, T::from_i128_r((operands[0] as i32).into(), mode))
        }
        FloatOp::FromInt(IntFormat::U32) => {
            number(format, T::from_u128_r((operands[0] as u32).into(), mode))
        }
        FloatOp::FromInt(IntFormat::I64) => {
            number(format, T::from_i128_r((operands[0] as i64).into(), mode))
        }
        FloatOp::FromInt(IntFormat::U64) => {
            number(format, T::from_u128_r(operands[0].into(), mode))
        }
        _ => unreachable!("the oracle does not know {op:?}"),
    }
}

fn number<T: Float>(format: FloatFormat, result: StatusAnd<T>) -> (u64, u8) {
    let value = if result.value.is_nan() { format.nan() } else { result.value.to_bits() as u64 };
    (value, flags(result.status))
}

fn flags(status: Status) -> u8 {
    let table = [
        (Status::INVALID_OP, flag::NV),
        (Status::DIV_BY_ZERO, flag::DZ),
        (Status::OVERFLOW, flag::OF),
        (Status::UNDERFLOW, flag::UF),
        (Status::INEXACT, flag::NX),
    ];
    let raised = table.into_iter().filter(|(status_flag, _)| status.contains(*status_flag));
    raised.fold(0, |flags, (_, flag)| flags | flag)
}

fn extended(value: u64, bits: u32) -> u64 {
    ((value << (64 - bits)) as i64 >> (64 - bits)) as u64
}

/// Compares one case in all rounding modes.
fn check(op: FloatOp, format: FloatFormat, operands: [u64; 3]) {
    for (rounding, mode) in MODES {
        let ours = operate(op, format, rounding, operands);
        let theirs = oracle(op, format, mode, operands);
        // LLVM takes for tiny what is below the least normal number once it has been rounded to
        // the format, and for an overflow only what becomes infinite. That is for other tests.
        let to = if let FloatOp::To(to) = op { to } else { format };
        let magnitude = to.magnitude(ours.0);
        let looked_at = match magnitude {
            _ if magnitude == 1 << to.fraction_bits() => !flag::UF,
            _ if magnitude == to.infinity() - 1 => !flag::OF,
            _ => !0,
        };
        let [ours_seen, theirs_seen] =
            [ours, theirs].map(|(value, flags)| (value, flags & looked_at));
        let case = || format!("{op:?} {format:?} {rounding:?} {operands:#x?}");
        assert_eq!(ours_seen, theirs_seen, "{}", case());
        check_host(op, format, rounding, operands, ours);
    }
}

/// Where the host answers, it gives the same value, and all flags that have not been raised.
fn check_host(
    op: FloatOp,
    format: FloatFormat,
    rounding: Rounding,
    operands: [u64; 3],
    ours: (u64, u8),
) {
    for accrued in [0, flag::NX] {
        if let Some((value, flags)) = host::operate(op, format, rounding, accrued, operands) {
            let host = (value, flags | accrued);
            let case = || format!("{op:?} {format:?} {rounding:?} {operands:#x?} {accrued}");
            assert_eq!(host, (ours.0, ours.1 | accrued), "{}", case());
        }
    }
}

/// Numbers where something happens.
fn edges(format: FloatFormat) -> Vec<u64> {
    let ulp = 1;
    let fraction = 1 << format.fraction_bits();
    let one = (format.max_exponent() as u64) << format.fraction_bits();
    let half = one - fraction;
    let mut list = vec![
        0,
        ulp,
        fraction >> 1,
        fraction - ulp,
        fraction,
        fraction + ulp,
        2 * fraction,
        half - ulp,
        half,
        half + ulp,
        one - ulp,
        one,
        one + ulp,
        one + fraction / 2,
        one + fraction,
        format.infinity() - fraction,
        format.infinity() - ulp,
        format.infinity(),
        format.infinity() + ulp,
        format.nan(),
        format.nan() | 5,
    ];
    // Around the limits of integers, and where numbers begin to be integers.
    let bits = format.fraction_bits() as u64;
    for exponent in [bits - 1, bits, bits + 1, 30, 31, 32, 62, 63, 64] {
        let power = one + exponent * fraction;
        if power < format.infinity() {
            list.extend([power - 1, power, power + 1, power + fraction - 1]);
        }
    }
    let negative: Vec<_> = list.iter().map(|a| a | format.sign()).collect();
    list.extend(negative);
    list
}

/// A generator of numbers that is good enough (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[(self.next() >> 16) as usize % list.len()]
    }

    /// Some number; often one near another, or one with few ones or zeros, so that exponents meet
    /// and roundings are close.
    fn number(&mut self, format: FloatFormat, near: u64) -> u64 {
        let bits = self.next() & format.mask();
        let shift = self.next() % u64::from(format.fraction_bits());
        let few = format.infinity() | format.sign() | ((1 << shift) - 1);
        match self.next() % 6 {
            0 => bits,
            1 => bits & few,
            2 => bits | !few & format.mask(),
            3 => near ^ bits & ((1 << shift) - 1) ^ bits & format.sign(),
            4 => near.wrapping_add((bits % 8) << format.fraction_bits()) & format.mask(),
            _ => {
                // Not far from 1.
                let one = (format.max_exponent() as u64) << format.fraction_bits();
                let exponent = (self.next() % 130).wrapping_sub(65);
                let fraction = bits & ((1 << format.fraction_bits()) - 1);
                let place = one.wrapping_add(exponent << format.fraction_bits()) & format.mask();
                place | fraction | bits & format.sign()
            }
        }
    }

    fn operands(&mut self, format: FloatFormat) -> [u64; 3] {
        let a = self.number(format, 0);
        let b = self.number(format, a);
        [a, b, self.number(format, b)]
    }
}

fn cases(default: usize) -> usize {
    let cases = std::env::var("BOARDWRIGHT_FLOAT_CASES").ok().and_then(|n| n.parse().ok());
    cases.unwrap_or(default)
}

#[test]
fn every_half_by_itself() {
    for op in unary(FloatFormat::Half) {
        for a in 0..=0xffff {
            check(op, FloatFormat::Half, [a, 0, 0]);
        }
    }
}

/// A square root is right if its square, which binary128 has room for, is.
fn check_root(format: FloatFormat, a: u64) {
    let quad = |bits: u64| -> Quad {
        match format {
            FloatFormat::Half => Half::from_bits(bits.into()).convert(&mut false).value,
            FloatFormat::Single => Single::from_bits(bits.into()).convert(&mut false).value,
            FloatFormat::Double => Double::from_bits(bits.into()).convert(&mut false).value,
        }
    };
    let root = |rounding| operate(FloatOp::Sqrt, format, rounding, [a, 0, 0]);
    let (below, flags) = root(Rounding::Zero);
    let special = match () {
        () if format.is_nan(a) => {
            Some((format.nan(), if format.is_signaling(a) { flag::NV } else { 0 }))
        }
        () if format.is_zero(a) => Some((a, 0)),
        () if format.is_negative(a) => Some((format.nan(), flag::NV)),
        () => format.is_infinite(a).then_some((a, 0)),
    };
    for (rounding, _) in MODES {
        let result = root(rounding);
        check_host(FloatOp::Sqrt, format, rounding, [a, 0, 0], result);
        if let Some(special) = special {
            assert_eq!(result, special, "{format:?} {rounding:?} {a:#x}");
            continue;
        }
        let above = below + 1;
        let square = |root: Quad| root.mul_r(root, Round::TowardZero).value;
        let middle = quad(below).add_r(quad(above), Round::TowardZero).value.scalbn(-1);
        let exact = square(quad(below)) == quad(a);
        assert!(square(quad(below)) <= quad(a) && quad(a) < square(quad(above)), "{a:#x}");
        assert_eq!(flags, if exact { 0 } else { flag::NX }, "{a:#x}");
        let expected = match rounding {
            _ if exact => below,
            Rounding::Zero | Rounding::Down => below,
            Rounding::Up => above,
            // It is never in the middle.
            _ => {
                if square(middle) < quad(a) {
                    above
                } else {
                    below
                }
            }
        };
        assert_eq!(result, (expected, flags), "{format:?} {rounding:?} {a:#x}");
    }
}

#[test]
fn square_roots() {
    let mut random = Random(6);
    for a in 0..=0xffff {
        check_root(FloatFormat::Half, a);
    }
    for format in FORMATS {
        edges(format).into_iter().for_each(|a| check_root(format, a));
        for _ in 0..cases(10_000) {
            check_root(format, random.number(format, 0));
        }
    }
}

/// A product that is below the least normal number, but becomes it by rounding.
#[test]
fn tininess_is_detected_after_rounding() {
    let flags = |format, rounding, a: u64, b: u64| {
        let (value, flags) = operate(FloatOp::Mul, format, rounding, [a, b, 0]);
        (value == 1 << format.fraction_bits()).then_some(flags)
    };
    for format in FORMATS {
        let least = 1 << format.fraction_bits();
        let one = (format.max_exponent() as u64) << format.fraction_bits();
        let (nearest, up) = (Rounding::NearestEven, Rounding::Up);
        // It has as many bits as the format has for normal numbers, so it is tiny.
        assert_eq!(flags(format, nearest, one - 1, least), Some(flag::NX | flag::UF));
        assert_eq!(flags(format, up, one - 1, least), Some(flag::NX | flag::UF));
        // (1 - x)(1 + x), a bit or two more than that, would be rounded to the least number.
        let x = (format.fraction_bits() + 3) / 2;
        let low = one - (1 << (format.fraction_bits() + 1 - x));
        let high = least + (1 << (format.fraction_bits() - x));
        assert_eq!(flags(format, nearest, low, high), Some(flag::NX), "{format:?}");
        assert_eq!(flags(format, up, low, high), Some(flag::NX));
        assert_eq!(flags(format, Rounding::NearestAway, low, high), Some(flag::NX));
    }
}

#[test]
fn an_overflow_need_not_become_infinite() {
    for format in FORMATS {
        let (largest, infinity) = (format.infinity() - 1, format.infinity());
        for negative in [false, true] {
            for (rounding, finite) in [
                (Rounding::NearestEven, false),
                (Rounding::NearestAway, false),
                (Rounding::Zero, true),
                (Rounding::Down, !negative),
                (Rounding::Up, negative),
            ] {
                let a = format.signed(negative, largest);
                let expected = format.signed(negative, if finite { largest } else { infinity });
                let sum = operate(FloatOp::Add, format, rounding, [a, a, 0]);
                assert_eq!(sum, (expected, flag::OF | flag::NX), "{format:?} {rounding:?}");
            }
        }
    }
}

#[test]
fn one_operand() {
    let mut random = Random(1);
    for format in FORMATS {
        for op in unary(format) {
            for a in edges(format) {
                check(op, format, [a, 0, 0]);
            }
            for _ in 0..cases(10_000) {
                check(op, format, [random.number(format, 0), 0, 0]);
            }
        }
    }
}

#[test]
fn two_operands() {
    let mut random = Random(2);
    for format in FORMATS {
        let edges = edges(format);
        for op in BINARY {
            for a in &edges {
                edges.iter().for_each(|b| check(op, format, [*a, *b, 0]));
            }
            for _ in 0..cases(20_000) {
                check(op, format, random.operands(format));
            }
        }
    }
}

#[test]
fn three_operands() {
    let mut random = Random(3);
    for format in FORMATS {
        let edges = edges(format);
        for _ in 0..cases(60_000) {
            let operands = [random.of(&edges), random.of(&edges), random.of(&edges)];
            check(FloatOp::MulAdd, format, operands);
            check(FloatOp::MulAdd, format, random.operands(format));
            // The addend near the product, so that they cancel out.
            let [a, b, _] = random.operands(format);
            let product = operate(FloatOp::Mul, format, Rounding::Zero, [a, b, 0]).0;
            check(FloatOp::MulAdd, format, [a, b, random.number(format, product)]);
        }
    }
}

#[test]
fn integers() {
    let mut random = Random(4);
    for format in FORMATS {
        for int in INTS {
            for power in 0..64 {
                for near in [0, 1, 2, u64::MAX] {
                    let value = (1u64 << power).wrapping_add(near);
                    check(FloatOp::FromInt(int), format, [value, 0, 0]);
                    check(FloatOp::FromInt(int), format, [value.wrapping_neg(), 0, 0]);
                }
            }
            for _ in 0..cases(10_000) {
                let value = random.next() >> (random.next() % 64);
                check(FloatOp::FromInt(int), format, [value, 0, 0]);
            }
        }
    }
}

/// What SoftFloat does not have, against what the manual says of it in terms of what it has.
#[test]
fn minimum_maximum_and_class() {
    for format in FORMATS {
        let edges = edges(format);
        let class = |a| operate(FloatOp::Class, format, Rounding::Zero, [a, 0, 0]).0;
        for &a in &edges {
            assert_eq!(class(a).count_ones(), 1);
            assert_eq!(class(a) & 0x0f != 0, format.is_negative(a) && !format.is_nan(a));
            assert_eq!(class(a) & 0x81 != 0, format.is_infinite(a));
            assert_eq!(class(a) & 0x18 != 0, format.is_zero(a));
            assert_eq!((class(a) & 0x200 != 0, class(a) & 0x100 != 0), {
                (format.is_nan(a) && !format.is_signaling(a), format.is_signaling(a))
            });
            let subnormal = a & format.infinity() == 0 && !format.is_zero(a);
            assert_eq!(class(a) & 0x24 != 0, subnormal);
            for &b in &edges {
                check_extremes(format, a, b);
            }
        }
    }
}

fn check_extremes(format: FloatFormat, a: u64, b: u64) {
    let do_it = |op| operate(op, format, Rounding::NearestEven, [a, b, 0]);
    let less = do_it(FloatOp::LtQuiet).0 == 1
        || format.is_zero(a) && format.is_zero(b) && format.is_negative(a);
    let nans = (format.is_nan(a), format.is_nan(b));
    let signaling = format.is_signaling(a) || format.is_signaling(b);
    let flags = if signaling { flag::NV } else { 0 };
    for (op, lesser, strict) in [
        (FloatOp::Min, true, false),
        (FloatOp::Max, false, false),
        (FloatOp::MinOrNan, true, true),
        (FloatOp::MaxOrNan, false, true),
    ] {
        let expected = match nans {
            (true, true) => format.nan(),
            (true, _) | (_, true) if strict => format.nan(),
            (true, false) => b,
            (false, true) => a,
            (false, false) => {
                if less == lesser {
                    a
                } else {
                    b
                }
            }
        };
        let ours = do_it(op);
        assert_eq!(ours, (expected, flags), "{op:?} {format:?} {a:#x} {b:#x}");
        check_host(op, format, Rounding::NearestEven, [a, b, 0], ours);
    }
}

/// `fround` gives what `froundnx` gives, and that raises "inexact" if the number changes.
#[test]
fn inexact_rounding() {
    let mut random = Random(5);
    for format in FORMATS {
        for _ in 0..cases(10_000) {
            let a = random.number(format, 0);
            for (rounding, _) in MODES {
                let (plain, flags) = operate(FloatOp::Round, format, rounding, [a, 0, 0]);
                let inexact = operate(FloatOp::RoundInexact, format, rounding, [a, 0, 0]);
                let changed = plain != a && !format.is_nan(a);
                let expected = if changed { flags | flag::NX } else { flags };
                assert_eq!(inexact, (plain, expected), "{format:?} {a:#x}");
            }
        }
    }
}

#[test]
fn integers_modulo() {
    let modular = |a: f64| {
        let bits = [a.to_bits(), 0, 0];
        operate(FloatOp::ToModular, FloatFormat::Double, Rounding::Zero, bits)
    };
    for (a, expected, flags) in [
        (0.0, 0, 0),
        (-0.0, 0, 0),
        (1.5, 1, flag::NX),
        (-1.5, -1, flag::NX),
        (0.25, 0, flag::NX),
        (2_147_483_647.0, i32::MAX, 0),
        (2_147_483_647.5, i32::MAX, flag::NX),
        (2_147_483_648.0, i32::MIN, flag::NV),
        (-2_147_483_648.0, i32::MIN, 0),
        (-2_147_483_648.5, i32::MIN, flag::NX),
        (-2_147_483_649.0, i32::MAX, flag::NV),
        (4_294_967_296.0, 0, flag::NV),
        (4_294_967_301.75, 5, flag::NV),
        (-4_294_967_301.0, -5, flag::NV),
        (9_007_199_254_740_993.0 * 4.0, 0, flag::NV),
        ((1u64 << 52) as f64 + 7.0, 7, flag::NV),
        (2f64.powi(84), 0, flag::NV),
        (2f64.powi(83) + 2f64.powi(31), i32::MIN, flag::NV),
        (2f64.powi(1023), 0, flag::NV),
        (f64::INFINITY, 0, flag::NV),
        (f64::NAN, 0, flag::NV),
    ] {
        assert_eq!(modular(a), (i64::from(expected) as u64, flags), "{a}");
    }
}
