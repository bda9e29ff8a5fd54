//! The answer to query-qmp-schema at run time: put together, and under a policy.

use crate::{OutputPolicy, Policy, Value};

/// Joins the pieces of generated JSON text. Each element of an array ends in a comma, so that any
/// of them may be absent; the comma before a closing bracket is dropped.
pub fn join(pieces: &[&str]) -> String {
    let mut text = String::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
    let mut in_string = false;
    for c in pieces.iter().flat_map(|piece| piece.chars()) {
        match c {
            '"' => in_string = !in_string,
            ']' if !in_string => {
                let end = text.trim_end().len();
                if text[..end].ends_with(',') {
                    text.remove(end - 1);
                }
            }
            _ => {}
        }
        text.push(c);
    }
    text
}

/// Takes out of an introspection table what the policy hides from clients: as in the reference,
/// commands, events, types and members that are deprecated, where deprecated output is hidden.
/// Values of enumerations stay, and so does what is unstable.
pub fn hide_deprecated(schema: &mut Value, policy: Policy) {
    if policy.deprecated_output != OutputPolicy::Hide {
        return;
    }
    let keep = |entry: &Value| {
        let features = entry.get("features").and_then(Value::as_array);
        !features.is_some_and(|features| features.iter().any(|name| name == "deprecated"))
    };
    let Some(entities) = schema.as_array_mut() else { return };
    entities.retain(keep);
    for entity in entities.iter_mut().filter(|entity| entity["meta-type"] == "object") {
        if let Some(members) = entity.get_mut("members").and_then(Value::as_array_mut) {
            members.retain(keep);
        }
    }
}
