//! What the floating-point instructions of all formats have in common (volume I, "'F' Extension
//! for Single-Precision Floating-Point"; "'D'" and "'Zfh'" repeat it for their formats).
//!
//! [`float_extension`] makes the records of a format. Signs are handled as bits, by integer
//! operations; all that needs arithmetic is [`Builder::float`].

use super::fields::Field;
use super::{Builder, Flow, Format, Operands, Size};
use crate::float::{FloatFormat, FloatOp, IntFormat};

/// The formats of operands, named by what they are used for first.
impl Format {
    /// `fadd.s fd,fs1,fs2,rm`
    pub const FADD: Format = Format::Fields(&[Field::Fd, Field::F1, Field::F2, Field::Rm]);
    /// `fmadd.s fd,fs1,fs2,fs3,rm`
    pub const FMADD: Format =
        Format::Fields(&[Field::Fd, Field::F1, Field::F2, Field::F3, Field::Rm]);
    /// `fsqrt.s fd,fs1,rm`
    pub const FSQRT: Format = Format::Fields(&[Field::Fd, Field::F1, Field::Rm]);
    /// `fcvt.d.s fd,fs1,rm`, which is always exact.
    pub const FWIDEN: Format = Format::Fields(&[Field::Fd, Field::F1, Field::RmUnused]);
    /// `fsgnj.s fd,fs1,fs2`
    pub const FSGNJ: Format = Format::Fields(&[Field::Fd, Field::F1, Field::F2]);
    /// `feq.s rd,fs1,fs2`
    pub const FEQ: Format = Format::Fields(&[Field::Xd, Field::F1, Field::F2]);
    /// `fcvt.w.s rd,fs1,rm`
    pub const FTOX: Format = Format::Fields(&[Field::Xd, Field::F1, Field::Rm]);
    /// `fcvt.s.w fd,rs1,rm`
    pub const XTOF: Format = Format::Fields(&[Field::Fd, Field::X1, Field::Rm]);
    /// `fcvt.d.w fd,rs1,rm`, which is always exact.
    pub const XWIDEN: Format = Format::Fields(&[Field::Fd, Field::X1, Field::RmUnused]);
    /// `fmv.x.w rd,fs1`
    pub const FMVX: Format = Format::Fields(&[Field::Xd, Field::F1]);
    /// `fmv.w.x fd,rs1`
    pub const XMVF: Format = Format::Fields(&[Field::Fd, Field::X1]);
    /// `fmvp.d.x fd,rs1,rs2`
    pub const XMVPF: Format = Format::Fields(&[Field::Fd, Field::X1, Field::X2]);
    /// `fli.s fd,constant`
    pub const FLI: Format = Format::Fields(&[Field::Fd, Field::Constant]);
}

/// Makes the records that a format shares with the others: its letter in mnemonics, and the two
/// bits that stand for it.
macro_rules! float_extension {
    ($needs:expr; $format:expr, $letter:literal, $fmt:literal, $from_word:ident) => {
        use crate::float::{FloatOp, IntFormat};
        use crate::isa::float::{
            arithmetic, classify, compare, from_int, mul_add, select, sign, square_root, to_int,
        };

        $crate::isa::records! { SHARED: $needs;
            concat!("fadd.", $letter), Any, FADD,
            concat!("00000", $fmt, "..... ..... ... ..... 1010011"), |b, i| {
                arithmetic(b, i, $format, FloatOp::Add)?;
            };
            concat!("fsub.", $letter), Any, FADD,
            concat!("00001", $fmt, "..... ..... ... ..... 1010011"), |b, i| {
                arithmetic(b, i, $format, FloatOp::Sub)?;
            };
            concat!("fmul.", $letter), Any, FADD,
            concat!("00010", $fmt, "..... ..... ... ..... 1010011"), |b, i| {
                arithmetic(b, i, $format, FloatOp::Mul)?;
            };
            concat!("fdiv.", $letter), Any, FADD,
            concat!("00011", $fmt, "..... ..... ... ..... 1010011"), |b, i| {
                arithmetic(b, i, $format, FloatOp::Div)?;
            };
            concat!("fsqrt.", $letter), Any, FSQRT,
            concat!("01011", $fmt, "00000 ..... ... ..... 1010011"), |b, i| {
                square_root(b, i, $format)?;
            };
            concat!("fmadd.", $letter), Any, FMADD,
            concat!(".....", $fmt, "..... ..... ... ..... 1000011"), |b, i| {
                mul_add(b, i, $format, false, false)?;
            };
            concat!("fmsub.", $letter), Any, FMADD,
            concat!(".....", $fmt, "..... ..... ... ..... 1000111"), |b, i| {
                mul_add(b, i, $format, false, true)?;
            };
            concat!("fnmsub.", $letter), Any, FMADD,
            concat!(".....", $fmt, "..... ..... ... ..... 1001011"), |b, i| {
                mul_add(b, i, $format, true, false)?;
            };
            concat!("fnmadd.", $letter), Any, FMADD,
            concat!(".....", $fmt, "..... ..... ... ..... 1001111"), |b, i| {
                mul_add(b, i, $format, true, true)?;
            };
            concat!("fsgnj.", $letter), Any, FSGNJ,
            concat!("00100", $fmt, "..... ..... 000 ..... 1010011"), |b, i| {
                sign(b, i, $format, |_, _, sign| sign)?;
            };
            concat!("fsgnjn.", $letter), Any, FSGNJ,
            concat!("00100", $fmt, "..... ..... 001 ..... 1010011"), |b, i| {
                sign(b, i, $format, |b, _, sign| {
                    let ones = b.constant(-1);
                    b.xor(sign, ones)
                })?;
            };
            concat!("fsgnjx.", $letter), Any, FSGNJ,
            concat!("00100", $fmt, "..... ..... 010 ..... 1010011"), |b, i| {
                sign(b, i, $format, B::xor)?;
            };
            concat!("fmin.", $letter), Any, FSGNJ,
            concat!("00101", $fmt, "..... ..... 000 ..... 1010011"), |b, i| {
                select(b, i, $format, FloatOp::Min)?;
            };
            concat!("fmax.", $letter), Any, FSGNJ,
            concat!("00101", $fmt, "..... ..... 001 ..... 1010011"), |b, i| {
                select(b, i, $format, FloatOp::Max)?;
            };
            concat!("fle.", $letter), Any, FEQ,
            concat!("10100", $fmt, "..... ..... 000 ..... 1010011"), |b, i| {
                compare(b, i, $format, FloatOp::Le)?;
            };
            concat!("flt.", $letter), Any, FEQ,
            concat!("10100", $fmt, "..... ..... 001 ..... 1010011"), |b, i| {
                compare(b, i, $format, FloatOp::Lt)?;
            };
            concat!("feq.", $letter), Any, FEQ,
            concat!("10100", $fmt, "..... ..... 010 ..... 1010011"), |b, i| {
                compare(b, i, $format, FloatOp::Eq)?;
            };
            concat!("fclass.", $letter), Any, FMVX,
            concat!("11100", $fmt, "00000 ..... 001 ..... 1010011"), |b, i| {
                classify(b, i, $format)?;
            };
            concat!("fcvt.w.", $letter), Any, FTOX,
            concat!("11000", $fmt, "00000 ..... ... ..... 1010011"), |b, i| {
                to_int(b, i, $format, IntFormat::I32)?;
            };
            concat!("fcvt.wu.", $letter), Any, FTOX,
            concat!("11000", $fmt, "00001 ..... ... ..... 1010011"), |b, i| {
                to_int(b, i, $format, IntFormat::U32)?;
            };
            concat!("fcvt.l.", $letter), Rv64, FTOX,
            concat!("11000", $fmt, "00010 ..... ... ..... 1010011"), |b, i| {
                to_int(b, i, $format, IntFormat::I64)?;
            };
            concat!("fcvt.lu.", $letter), Rv64, FTOX,
            concat!("11000", $fmt, "00011 ..... ... ..... 1010011"), |b, i| {
                to_int(b, i, $format, IntFormat::U64)?;
            };
            concat!("fcvt.", $letter, ".w"), Any, $from_word,
            concat!("11010", $fmt, "00000 ..... ... ..... 1010011"), |b, i| {
                from_int(b, i, $format, IntFormat::I32)?;
            };
            concat!("fcvt.", $letter, ".wu"), Any, $from_word,
            concat!("11010", $fmt, "00001 ..... ... ..... 1010011"), |b, i| {
                from_int(b, i, $format, IntFormat::U32)?;
            };
            concat!("fcvt.", $letter, ".l"), Rv64, XTOF,
            concat!("11010", $fmt, "00010 ..... ... ..... 1010011"), |b, i| {
                from_int(b, i, $format, IntFormat::I64)?;
            };
            concat!("fcvt.", $letter, ".lu"), Rv64, XTOF,
            concat!("11010", $fmt, "00011 ..... ... ..... 1010011"), |b, i| {
                from_int(b, i, $format, IntFormat::U64)?;
            };
        }
    };
}
pub(super) use float_extension;

/// The rounding mode of operations that have no use for one.
const ANY: u8 = 0;

#[inline(always)]
pub(super) fn arithmetic<B: Builder>(
    b: &mut B,
    i: &Operands,
    format: FloatFormat,
    op: FloatOp,
) -> Flow {
    b.float_enabled()?;
    let (x, y) = (b.f(i.rs1, format), b.f(i.rs2, format));
    let result = b.float(op, format, i.rm(), &[x, y])?;
    b.set_f(i.rd, format, result);
    Ok(())
}

/// An operation on one number, in the format it gives.
#[inline(always)]
pub(super) fn unary<B: Builder>(
    b: &mut B,
    i: &Operands,
    [from, to]: [FloatFormat; 2],
    op: FloatOp,
) -> Flow {
    b.float_enabled()?;
    let x = b.f(i.rs1, from);
    let result = b.float(op, from, i.rm(), &[x])?;
    b.set_f(i.rd, to, result);
    Ok(())
}

#[inline(always)]
pub(super) fn square_root<B: Builder>(b: &mut B, i: &Operands, format: FloatFormat) -> Flow {
    unary(b, i, [format, format], FloatOp::Sqrt)
}

/// From one format to another.
#[inline(always)]
pub(super) fn convert<B: Builder>(
    b: &mut B,
    i: &Operands,
    from: FloatFormat,
    to: FloatFormat,
) -> Flow {
    unary(b, i, [from, to], FloatOp::To(to))
}

/// A product and a sum, each with or without its sign changed before.
#[inline(always)]
pub(super) fn mul_add<B: Builder>(
    b: &mut B,
    i: &Operands,
    format: FloatFormat,
    negate_product: bool,
    negate_addend: bool,
) -> Flow {
    b.float_enabled()?;
    let (mut x, y, mut z) = (b.f(i.rs1, format), b.f(i.rs2, format), b.f(i.rs3(), format));
    let sign = b.constant(format.sign() as i64);
    if negate_product {
        x = b.xor(x, sign);
    }
    if negate_addend {
        z = b.xor(z, sign);
    }
    let result = b.float(FloatOp::MulAdd, format, i.rm(), &[x, y, z])?;
    b.set_f(i.rd, format, result);
    Ok(())
}

/// The magnitude of one number with a sign made of those of two.
#[inline(always)]
pub(super) fn sign<B: Builder>(
    b: &mut B,
    i: &Operands,
    format: FloatFormat,
    of: fn(&mut B, B::Value, B::Value) -> B::Value,
) -> Flow {
    b.float_enabled()?;
    let (x, y) = (b.f(i.rs1, format), b.f(i.rs2, format));
    let signs = of(b, x, y);
    let (sign, magnitude) = (format.sign(), format.sign() - 1);
    let (sign, magnitude) = (b.constant(sign as i64), b.constant(magnitude as i64));
    let (sign, magnitude) = (b.and(signs, sign), b.and(x, magnitude));
    let result = b.or(sign, magnitude);
    b.set_f(i.rd, format, result);
    Ok(())
}

/// The lesser or the greater of two.
#[inline(always)]
pub(super) fn select<B: Builder>(
    b: &mut B,
    i: &Operands,
    format: FloatFormat,
    op: FloatOp,
) -> Flow {
    b.float_enabled()?;
    let (x, y) = (b.f(i.rs1, format), b.f(i.rs2, format));
    let result = b.float(op, format, ANY, &[x, y])?;
    b.set_f(i.rd, format, result);
    Ok(())
}

#[inline(always)]
pub(super) fn compare<B: Builder>(
    b: &mut B,
    i: &Operands,
    format: FloatFormat,
    op: FloatOp,
) -> Flow {
    b.float_enabled()?;
    let (x, y) = (b.f(i.rs1, format), b.f(i.rs2, format));
    let result = b.float(op, format, ANY, &[x, y])?;
    b.set_x(i.rd, result);
    Ok(())
}

#[inline(always)]
pub(super) fn classify<B: Builder>(b: &mut B, i: &Operands, format: FloatFormat) -> Flow {
    b.float_enabled()?;
    let x = b.f(i.rs1, format);
    let result = b.float(FloatOp::Class, format, ANY, &[x])?;
    b.set_x(i.rd, result);
    Ok(())
}

#[inline(always)]
pub(super) fn to_int<B: Builder>(
    b: &mut B,
    i: &Operands,
    format: FloatFormat,
    int: IntFormat,
) -> Flow {
    b.float_enabled()?;
    let x = b.f(i.rs1, format);
    let result = b.float(FloatOp::ToInt(int), format, i.rm(), &[x])?;
    b.set_x(i.rd, result);
    Ok(())
}

#[inline(always)]
pub(super) fn from_int<B: Builder>(
    b: &mut B,
    i: &Operands,
    format: FloatFormat,
    int: IntFormat,
) -> Flow {
    b.float_enabled()?;
    let x = b.x(i.rs1);
    let result = b.float(FloatOp::FromInt(int), format, i.rm(), &[x])?;
    b.set_f(i.rd, format, result);
    Ok(())
}

/// The format whose width is that of a memory access.
const fn of_size(size: Size) -> FloatFormat {
    match size {
        Size::Byte | Size::Half => FloatFormat::Half,
        Size::Word => FloatFormat::Single,
        Size::Double => FloatFormat::Double,
    }
}

#[inline(always)]
pub(super) fn load<B: Builder>(b: &mut B, i: &Operands, size: Size) -> Flow {
    b.float_enabled()?;
    let addr = b.address(i);
    let value = b.load(addr, size, false)?;
    b.set_f(i.rd, of_size(size), value);
    Ok(())
}

/// Stores the low bits of a register, whatever they are.
#[inline(always)]
pub(super) fn store<B: Builder>(b: &mut B, i: &Operands, size: Size) -> Flow {
    b.float_enabled()?;
    let addr = b.address(i);
    let value = b.f(i.rs2, FloatFormat::Double);
    b.store(addr, size, value)
}

/// All bits of a register, whatever they are.
#[inline(always)]
pub(super) fn bits<B: Builder>(b: &mut B, register: u8) -> Flow<B::Value> {
    b.float_enabled()?;
    Ok(b.f(register, FloatFormat::Double))
}
