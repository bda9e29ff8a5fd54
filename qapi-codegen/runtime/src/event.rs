//! Events, and the object in which they travel.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Encode, Map, Policy, Value};

/// What the schema says about an event.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its features.
    pub features: &'static [&'static str],
    /// The first paragraph of its documentation.
    pub doc: &'static str,
}

/// Something that a server tells without being asked.
pub trait Event: Encode {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What the schema says about it.
    const INFO: EventInfo = EventInfo { name: Self::NAME, features: &[], doc: "" };

    /// The object that goes to clients.
    fn to_wire(&self, at: SystemTime) -> Value {
        wire_event(Self::NAME, self.encode(), at)
    }

    /// The same without what the policy hides; `None` where that is the whole event.
    fn to_wire_under(&self, at: SystemTime, policy: Policy) -> Option<Value> {
        let shown = policy.shows(Self::INFO.features);
        shown.then(|| wire_event(Self::NAME, self.encode_under(policy), at))
    }
}

/// The object in which an event travels; without `data` where that would be empty.
pub fn wire_event(name: &str, data: Value, at: SystemTime) -> Value {
    // A clock before 1970 is wrong anyway; it must not stop an event.
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut timestamp = Map::new();
    timestamp.insert("seconds".into(), since.as_secs().into());
    timestamp.insert("microseconds".into(), since.subsec_micros().into());
    let mut event = Map::new();
    event.insert("timestamp".into(), Value::Object(timestamp));
    event.insert("event".into(), name.into());
    if data.as_object().is_none_or(|data| !data.is_empty()) {
        event.insert("data".into(), data);
    }
    Value::Object(event)
}
