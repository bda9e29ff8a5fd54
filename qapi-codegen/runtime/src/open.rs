//! What a generated client makes of names that its schema does not have.
//!
//! A server may be newer than the client. In a client's types every enumeration, every union and
//! the list of events therefore has one case more, for what the schema does not name; it carries
//! what came, so that nothing is lost. A server's types have no such case: what a client sends is
//! known or refused.

use crate::{Decode, Map, Mode, ObjectReader, ObjectWriter, Path, QmpError, Value, invalid_type};

/// A generated enumeration that takes names that it does not know.
pub trait OpenEnum: Clone + 'static {
    /// Its name in the schema.
    const NAME: &'static str;
    /// The values that the schema has, in its order.
    const KNOWN: &'static [Self];

    /// The value of a name that is none of the known ones.
    fn unknown(name: &str) -> Self;

    /// The value as spelled on the wire.
    fn as_str(&self) -> &str;

    /// The value of that name, whatever it is.
    fn named(name: &str) -> Self {
        let known = Self::KNOWN.iter().find(|value| value.as_str() == name);
        known.cloned().unwrap_or_else(|| Self::unknown(name))
    }
}

/// Reads an open enumeration off the wire.
pub fn decode_open_enum<E: OpenEnum>(value: &Value, at: &Path<'_>) -> Result<E, QmpError> {
    value.as_str().map(E::named).ok_or_else(|| invalid_type(at, "string"))
}

/// The branch of a union for a value of the discriminator that the schema does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownBranch {
    /// The discriminator's value.
    pub case: Box<str>,
    /// All members of the object, those that the union's branches share included.
    pub members: Map,
}

impl UnknownBranch {
    /// Takes the object as it is.
    pub fn read(case: Box<str>, object: &mut ObjectReader<'_>) -> Self {
        Self { case, members: object.all().clone() }
    }

    /// Adds the members that the object does not have yet.
    pub fn write(&self, object: &mut ObjectWriter) {
        object.complete(&self.members);
    }
}

/// An event that the schema does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownEvent {
    /// Its name on the wire.
    pub name: String,
    /// Its data; an empty object where it has none.
    pub data: Value,
}

/// The events of a schema, as a client hears them: a generated enumeration.
pub trait AnyEvent: Sized {
    /// The event of that name. One that the schema does not have is no error.
    fn read(name: &str, data: &Value) -> Result<Self, QmpError>;

    /// Its name on the wire.
    fn name(&self) -> &str;
}

/// Every event as it came: for clients without a schema.
impl AnyEvent for UnknownEvent {
    fn read(name: &str, data: &Value) -> Result<Self, QmpError> {
        Ok(Self { name: name.into(), data: data.clone() })
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Reads the data of an event.
pub fn event_data<T: Decode>(data: &Value) -> Result<T, QmpError> {
    T::decode(data, &Path::DATA, Mode::LENIENT)
}
