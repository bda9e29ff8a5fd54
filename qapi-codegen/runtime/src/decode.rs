//! From a JSON value to a Rust value, with the texts that QMP clients know when it does not fit.

use crate::path::Fault;
use crate::{Object, Path, Policy, QmpError, Value, decode_object, scalar};

/// How strictly a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    strings: bool,
    passes_over: bool,
    policy: Policy,
}

impl Mode {
    /// JSON as the schema says.
    pub const STRICT: Self = Self { strings: false, passes_over: false, policy: Policy::ACCEPT };
    /// Numbers and booleans may also come as strings, as on a command line. A command asks for it
    /// with the feature `keyval-values`.
    pub const KEYVAL: Self = Self { strings: true, ..Self::STRICT };
    /// What a server says to a client that may be older: members that the schema does not have
    /// are passed over.
    pub const LENIENT: Self = Self { passes_over: true, ..Self::STRICT };

    /// The same under a policy.
    #[must_use]
    pub const fn under(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Whether a string may stand for a number or a boolean.
    pub const fn takes_strings(self) -> bool {
        self.strings
    }

    /// Whether members that the schema does not have are passed over.
    pub const fn passes_over(self) -> bool {
        self.passes_over
    }

    /// What becomes of what is deprecated or unstable.
    pub const fn policy(self) -> Policy {
        self.policy
    }
}

/// A type that can be read off the wire.
pub trait Decode: Sized {
    /// Reads a value that stands at a path.
    fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError>;
}

/// Reads the arguments of a command.
pub fn arguments<T: Object>(arguments: &Value, mode: Mode) -> Result<T, QmpError> {
    decode_object(arguments, &Path::ARGUMENTS, mode)
}

/// The answer to a value of the wrong type.
pub fn invalid_type(at: &Path<'_>, expected: &str) -> QmpError {
    at.fault(Fault::Type(expected))
}

/// Reads a value of the schema's type `size`, which in Rust is `u64` like `uint64` and differs in
/// the spellings that [`Mode::KEYVAL`] takes.
pub fn decode_size(value: &Value, at: &Path<'_>, mode: Mode) -> Result<u64, QmpError> {
    scalar::size(value, at, mode)
}

/// Reads an array of the schema's type `size`.
pub fn decode_sizes(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Vec<u64>, QmpError> {
    list(value, at, |element, at| decode_size(element, at, mode))
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError> {
        list(value, at, |element, at| T::decode(element, at, mode))
    }
}

impl<T: Object> Decode for T {
    fn decode(value: &Value, at: &Path<'_>, mode: Mode) -> Result<Self, QmpError> {
        decode_object(value, at, mode)
    }
}

impl Decode for Value {
    fn decode(value: &Value, _at: &Path<'_>, _mode: Mode) -> Result<Self, QmpError> {
        Ok(value.clone())
    }
}

impl Decode for () {
    fn decode(value: &Value, at: &Path<'_>, _mode: Mode) -> Result<Self, QmpError> {
        if value.is_null() { Ok(()) } else { Err(invalid_type(at, "null")) }
    }
}

impl Decode for String {
    fn decode(value: &Value, at: &Path<'_>, _mode: Mode) -> Result<Self, QmpError> {
        value.as_str().map(String::from).ok_or_else(|| invalid_type(at, "string"))
    }
}

fn list<T>(
    value: &Value,
    at: &Path<'_>,
    mut decode: impl FnMut(&Value, &Path<'_>) -> Result<T, QmpError>,
) -> Result<Vec<T>, QmpError> {
    let elements = value.as_array().ok_or_else(|| invalid_type(at, "array"))?;
    elements
        .iter()
        .enumerate()
        .map(|(index, element)| decode(element, &at.element(index)))
        .collect()
}
