//! From a Rust value to a JSON value.

use crate::{Map, Value};

/// A type that can be put on the wire.
pub trait Encode {
    /// Its JSON value.
    fn encode(&self) -> Value;
}

/// Adds a member to an object.
pub fn put<T: Encode + ?Sized>(object: &mut Map, name: &str, value: &T) {
    object.insert(name.to_owned(), value.encode());
}

/// Adds an optional member to an object, if it is present.
pub fn put_some<T: Encode>(object: &mut Map, name: &str, value: &Option<T>) {
    if let Some(value) = value {
        put(object, name, value);
    }
}

macro_rules! as_is {
    ($($ty:ty)*) => {$(
        impl Encode for $ty {
            fn encode(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

// JSON has no number for a `f64` that is infinite or not a number; those become null.
as_is!(i8 i16 i32 i64 u8 u16 u32 u64 f64 bool);

impl Encode for str {
    fn encode(&self) -> Value {
        Value::from(self)
    }
}

impl Encode for String {
    fn encode(&self) -> Value {
        Value::from(self.as_str())
    }
}

impl Encode for Value {
    fn encode(&self) -> Value {
        self.clone()
    }
}

impl Encode for Map {
    fn encode(&self) -> Value {
        Value::Object(self.clone())
    }
}

impl Encode for () {
    fn encode(&self) -> Value {
        Value::Null
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self) -> Value {
        Value::Array(self.iter().map(Encode::encode).collect())
    }
}

impl<T: Encode + ?Sized> Encode for Box<T> {
    fn encode(&self) -> Value {
        (**self).encode()
    }
}
