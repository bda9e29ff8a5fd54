//! The shape of a request: which members it may have, checked in the order QEMU checks them.

use qapi_runtime::{Map, QmpError, Value};

/// A well-formed request.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    /// The command.
    pub(super) name: String,
    /// Its arguments; empty if there are none.
    pub(super) arguments: Map,
}

/// Whether a message asks to be run out of band: only if it cannot be meant in band.
pub(super) fn is_out_of_band(message: &Value) -> bool {
    message
        .as_object()
        .is_some_and(|members| members.contains_key("exec-oob") && !members.contains_key("execute"))
}

/// Takes the `id` out of a message. There is none in what is no object.
pub(super) fn take_id(message: &mut Value) -> Option<Value> {
    // Member order only matters for the first problem found, which `check` settles itself.
    message.as_object_mut()?.swap_remove("id")
}

/// Checks a message whose `id` was taken out.
pub(super) fn check(message: Value, oob_enabled: bool) -> Result<Call, QmpError> {
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
        Some((_, name)) => Ok(Call { name, arguments }),
        None => Err(QmpError::generic("QMP input lacks member 'execute'")),
    }
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
            let message = qapi_runtime::json::parse(text.as_bytes()).unwrap();
            let error = check(message, *oob).unwrap_err();
            assert_eq!(error, QmpError::generic(*expected), "{text}");
        }
        let message = qapi_runtime::json::parse(b"{'execute': '', 'arguments': {'a': 1}}");
        let call = check(message.unwrap(), false).unwrap();
        assert_eq!((call.name.as_str(), call.arguments.len()), ("", 1));
    }
}
