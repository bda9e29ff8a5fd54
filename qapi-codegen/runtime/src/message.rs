//! What a server hears and says: the shape of a request, whose members are checked in the order
//! in which QEMU checks them; the answer; the greeting.

use crate::{Map, QmpError, Value};

/// A well-formed request.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The command.
    pub name: String,
    /// Its arguments; empty if there are none.
    pub arguments: Map,
}

/// Whether a message asks to be run out of band: only if it cannot be meant in band.
pub fn is_out_of_band(message: &Value) -> bool {
    message
        .as_object()
        .is_some_and(|members| members.contains_key("exec-oob") && !members.contains_key("execute"))
}

/// Takes the `id` out of a message. There is none in what is no object.
pub fn take_id(message: &mut Value) -> Option<Value> {
    // Member order only matters for the first problem found, which `Call::read` settles itself.
    message.as_object_mut()?.swap_remove("id")
}

impl Call {
    /// Checks a message whose `id` was taken out.
    ///
    /// # Errors
    ///
    /// What to answer, in the words that clients know.
    pub fn read(message: Value, oob_enabled: bool) -> Result<Self, QmpError> {
        let Value::Object(members) = message else {
            return Err(QmpError::generic("QMP input must be a JSON object"));
        };
        let mut members: Vec<(String, Value)> = members.into_iter().collect();
        members.sort_by_cached_key(|(name, _)| bucket(name));

        let mut command: Option<(String, String)> = None;
        let mut arguments = Map::new();
        for (name, value) in members {
            let wrong =
                |what: &str| Err(QmpError::generic(format!("QMP input member '{name}' {what}")));
            match (name.as_str(), value) {
                ("execute", value) | ("exec-oob", value) if name == "execute" || oob_enabled => {
                    let Value::String(called) = value else { return wrong("must be a string") };
                    if let Some((earlier, _)) = command {
                        return wrong(&format!("clashes with '{earlier}'"));
                    }
                    command = Some((name, called));
                }
                ("arguments", Value::Object(given)) => arguments = given,
                ("arguments", _) => return wrong("must be an object"),
                _ => return wrong("is unexpected"),
            }
        }
        match command {
            Some((_, name)) => Ok(Self { name, arguments }),
            None => Err(QmpError::generic("QMP input lacks member 'execute'")),
        }
    }
}

/// The answer to a request. An `id` is echoed if there was one.
pub fn response(id: Option<Value>, result: Result<Value, QmpError>) -> Value {
    let id = id.map(|id| ("id".to_owned(), id));
    let mut members = Map::new();
    match result {
        Ok(value) => {
            members.insert("return".into(), value);
            members.extend(id);
        }
        Err(error) => {
            members.extend(id);
            members.insert("error".into(), error.to_value());
        }
    }
    Value::Object(members)
}

/// What a client is greeted with.
pub fn greeting(version: Value, capabilities: &[&str]) -> Value {
    let capabilities = capabilities.iter().copied().map(Value::from).collect();
    let mut members = Map::new();
    members.insert("version".into(), version);
    members.insert("capabilities".into(), Value::Array(capabilities));
    Value::Object(Map::from_iter([("QMP".to_owned(), Value::Object(members))]))
}

/// Where QEMU's hash table keeps a member. With several mistakes in one request this decides
/// which is reported; scripts have been seen to compare that text.
fn bucket(name: &str) -> u32 {
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
    let mut value = 0x238F_13AF_u32.wrapping_mul(length);
    for (at, byte) in (0u32..).zip(name.bytes()) {
        value = value.wrapping_add(u32::from(byte) << (at.wrapping_mul(5) % 24));
    }
    value.wrapping_mul(1_103_515_243).wrapping_add(12345) % 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_inspected_in_recorded_order() {
        // Orders seen in transcripts.
        for order in [&["micro", "minor", "major"][..], &["timestamp", "event", "data"]] {
            assert!(order.is_sorted_by_key(|name| bucket(name)), "{order:?}");
        }
        assert!(bucket("return") < bucket("id") && bucket("id") < bucket("error"));
        assert!(bucket("exec-oob") < bucket("execute"));
    }

    #[test]
    fn shapes() {
        let rows: &[(&str, bool, &str)] = &[
            ("1", false, "QMP input must be a JSON object"),
            ("null", false, "QMP input must be a JSON object"),
            ("[]", false, "QMP input must be a JSON object"),
            ("{}", false, "QMP input lacks member 'execute'"),
            ("{'arguments': {}}", false, "QMP input lacks member 'execute'"),
            ("{'execute': 1}", false, "QMP input member 'execute' must be a string"),
            (
                "{'execute': 'a', 'arguments': null}",
                false,
                "QMP input member 'arguments' must be an object",
            ),
            (
                "{'execute': 'a', 'arguments': []}",
                true,
                "QMP input member 'arguments' must be an object",
            ),
            ("{'execute': 'a', 'extra': 1}", false, "QMP input member 'extra' is unexpected"),
            ("{'Execute': 'a'}", false, "QMP input member 'Execute' is unexpected"),
            ("{'exec-oob': 'a'}", false, "QMP input member 'exec-oob' is unexpected"),
            (
                "{'exec-oob': 'a', 'execute': 'b'}",
                false,
                "QMP input member 'exec-oob' is unexpected",
            ),
            (
                "{'exec-oob': 'a', 'execute': 'b'}",
                true,
                "QMP input member 'execute' clashes with 'exec-oob'",
            ),
            ("{'exec-oob': null}", true, "QMP input member 'exec-oob' must be a string"),
        ];
        for (text, oob, expected) in rows {
            let message = crate::json::parse(text.as_bytes()).unwrap();
            let error = Call::read(message, *oob).unwrap_err();
            assert_eq!(error, QmpError::generic(*expected), "{text}");
        }
        let message = crate::json::parse(b"{'execute': '', 'arguments': {'a': 1}}");
        let call = Call::read(message.unwrap(), false).unwrap();
        assert_eq!((call.name.as_str(), call.arguments.len()), ("", 1));
    }
}
