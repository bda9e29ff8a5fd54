//! Enumerations: a fixed list of names.

use std::fmt;

use crate::path::Fault;
use crate::{Map, Mode, Path, QmpError, Subject, Value, invalid_type};

/// A generated enumeration.
pub trait Enum: Copy + 'static {
    /// Its name in the schema.
    const NAME: &'static str;
    /// Its values in schema order.
    const ALL: &'static [Self];

    /// The value as spelled on the wire.
    fn as_str(self) -> &'static str;

    /// The features of the value.
    fn features(self) -> &'static [&'static str] {
        &[]
    }
}

/// A text that is not a value of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownValue {
    /// The enumeration's name in the schema.
    pub of: &'static str,
    /// The text.
    pub text: String,
    /// What would have been accepted.
    pub accepted: Vec<&'static str>,
}

impl fmt::Display for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a value of {}: {}", self.text, self.of, self.accepted.join(", "))
    }
}

impl std::error::Error for UnknownValue {}

fn find<E: Enum>(text: &str) -> Option<E> {
    E::ALL.iter().copied().find(|value| value.as_str() == text)
}

/// The value of that name.
pub fn parse_enum<E: Enum>(text: &str) -> Result<E, UnknownValue> {
    find(text).ok_or_else(|| UnknownValue {
        of: E::NAME,
        text: text.into(),
        accepted: E::ALL.iter().map(|value| value.as_str()).collect(),
    })
}

/// Reads an enumeration off the wire. A refusal has in its data the names that are near, or all that
/// are accepted where none is.
pub fn decode_enum<E: Enum>(value: &Value, at: &Path<'_>, mode: Mode) -> Result<E, QmpError> {
    let text = value.as_str().ok_or_else(|| invalid_type(at, "string"))?;
    let value: E = find(text).ok_or_else(|| {
        let error = at.fault(Fault::Value(text));
        let names = || E::ALL.iter().map(|value| value.as_str());
        let error = error.with_nearest(text, names());
        if error.data.is_some() {
            return error;
        }
        let accepted = names().map(Value::from).collect();
        error.with_data(Map::from_iter([("accepted".to_string(), Value::Array(accepted))]))
    })?;
    mode.policy().admit(Subject::Value, text, value.features())?;
    Ok(value)
}
