//! The first thing that a server says.

use crate::{Map, Value};

/// The server's greeting.
#[derive(Clone, Debug, PartialEq)]
pub struct Greeting {
    members: Map,
}

impl Greeting {
    /// The greeting in a message, if it is one.
    pub(super) fn read(message: &Value) -> Option<Self> {
        message.get("QMP")?.as_object().map(|members| Self { members: members.clone() })
    }

    /// Whether the server has that capability.
    pub fn offers(&self, capability: &str) -> bool {
        let offered = self.members.get("capabilities").and_then(Value::as_array);
        offered.is_some_and(|offered| offered.iter().any(|name| name == capability))
    }

    /// The server's version, for servers that tell it as QEMU does: major, minor, micro.
    pub fn version(&self) -> Option<(u64, u64, u64)> {
        let version = self.members.get("version")?.get("qemu")?;
        let part = |name| version.get(name).and_then(Value::as_u64);
        Some((part("major")?, part("minor")?, part("micro")?))
    }

    /// All of it.
    pub fn members(&self) -> &Map {
        &self.members
    }
}
