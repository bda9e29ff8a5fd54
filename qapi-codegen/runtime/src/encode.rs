//! From a Rust value to a JSON value.

use crate::{Map, Object, ObjectWriter, Policy, Value};

/// A type that can be put on the wire.
pub trait Encode {
    /// Its JSON value, without what the policy hides.
    fn encode_under(&self, policy: Policy) -> Value;

    /// Its JSON value.
    fn encode(&self) -> Value {
        self.encode_under(Policy::ACCEPT)
    }
}

macro_rules! as_is {
    ($($ty:ty)*) => {$(
        impl Encode for $ty {
            fn encode_under(&self, _policy: Policy) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

// JSON has no number for a `f64` that is infinite or not a number; those become null.
as_is!(i8 i16 i32 i64 u8 u16 u32 u64 f64 bool);

impl Encode for str {
    fn encode_under(&self, _policy: Policy) -> Value {
        Value::from(self)
    }
}

impl Encode for String {
    fn encode_under(&self, _policy: Policy) -> Value {
        Value::from(self.as_str())
    }
}

impl Encode for Value {
    fn encode_under(&self, _policy: Policy) -> Value {
        self.clone()
    }
}

impl Encode for Map {
    fn encode_under(&self, _policy: Policy) -> Value {
        Value::Object(self.clone())
    }
}

impl Encode for () {
    fn encode_under(&self, _policy: Policy) -> Value {
        Value::Null
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode_under(&self, policy: Policy) -> Value {
        Value::Array(self.iter().map(|element| element.encode_under(policy)).collect())
    }
}

impl<T: Object> Encode for T {
    fn encode_under(&self, policy: Policy) -> Value {
        let mut writer = ObjectWriter::new(policy);
        self.write(&mut writer);
        Value::Object(writer.finish())
    }
}
