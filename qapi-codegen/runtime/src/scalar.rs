//! Numbers and booleans off the wire.
//!
//! The texts follow the reference's input visitor, oddities included: the unsigned types go
//! through `uint64`, so what is no integer at all is answered with "expects uint64" even where
//! the member is a `uint8`, and a negative number for `uint64` or `size` wraps.

use crate::keyval;
use crate::path::Fault;
use crate::{Decode, Mode, Path, QmpError, Value, invalid_type};

/// What stands where an integer is expected.
enum Integer {
    /// An integer; wide enough for `int64` and `uint64` and for telling what is out of both.
    Value(i128),
    /// Something else, a number with a fraction or an exponent included.
    Other,
}

fn integer(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Integer, QmpError> {
    Ok(match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(signed), _) => Integer::Value(signed.into()),
            (None, Some(unsigned)) => Integer::Value(unsigned.into()),
            (None, None) => Integer::Other,
        },
        Value::String(text) if mode.takes_strings() => Integer::Value(keyval::integer(text, at)?),
        _ => Integer::Other,
    })
}

fn expects(at: &Path<'_>, what: &str) -> QmpError {
    at.fault(Fault::Range(what))
}

fn signed(value: &Value, at: &Path<'_>, mode: Mode) -> Result<i64, QmpError> {
    match integer(value, at, mode)? {
        Integer::Value(wide) => i64::try_from(wide).map_err(|_| invalid_type(at, "integer")),
        Integer::Other => Err(invalid_type(at, "integer")),
    }
}

fn wrapped(integer: Integer, at: &Path<'_>) -> Result<u64, QmpError> {
    match integer {
        Integer::Value(wide) => u64::try_from(wide)
            .or_else(|_| i64::try_from(wide).map(i64::cast_unsigned))
            .map_err(|_| expects(at, "uint64")),
        Integer::Other => Err(expects(at, "uint64")),
    }
}

fn unsigned(value: &Value, at: &Path<'_>, mode: Mode) -> Result<u64, QmpError> {
    wrapped(integer(value, at, mode)?, at)
}

/// Reads a `size`.
pub(crate) fn size(value: &Value, at: &Path<'_>, mode: Mode) -> Result<u64, QmpError> {
    match value {
        Value::String(text) if mode.takes_strings() => {
            wrapped(Integer::Value(keyval::size(text, at)?), at)
        }
        _ => unsigned(value, at, mode),
    }
}

impl Decode for i64 {
    fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError> {
        signed(value, at, mode)
    }
}

impl Decode for u64 {
    fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError> {
        unsigned(value, at, mode)
    }
}

macro_rules! narrow {
    ($($ty:ty, $wide:ident, $name:literal;)*) => {$(
        impl Decode for $ty {
            fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError> {
                Self::try_from($wide(value, at, mode)?).map_err(|_| expects(at, $name))
            }
        }
    )*};
}

narrow! {
    i8, signed, "int8_t";
    i16, signed, "int16_t";
    i32, signed, "int32_t";
    u8, unsigned, "uint8_t";
    u16, unsigned, "uint16_t";
    u32, unsigned, "uint32_t";
}

impl Decode for f64 {
    fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError> {
        match value {
            Value::String(text) if mode.takes_strings() => keyval::number(text, at),
            _ => value.as_f64().ok_or_else(|| invalid_type(at, "number")),
        }
    }
}

impl Decode for bool {
    fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError> {
        match value {
            Value::Bool(value) => Ok(*value),
            Value::String(text) if mode.takes_strings() => keyval::boolean(text, at),
            _ => Err(invalid_type(at, "boolean")),
        }
    }
}
