//! Examples of what a type looks like on the wire, for people who look a name up.

use qapi_schema::model::{Builtin, EntityId, Kind, Schema};
use serde_json::{Map, Value, json};

/// Optional members are shown down to this depth; below it they would only repeat the types.
const OPTIONAL_DEPTH: usize = 2;

/// Where an example stops even if something required is left out: types may contain themselves.
const DEPTH: usize = 6;

/// Examples of a type: one of most types, one a branch of a union.
pub(crate) fn examples(schema: &Schema, id: EntityId) -> Vec<Value> {
    match &schema.get(id).kind {
        Kind::Object(object) => match &object.variants {
            Some(variants) => {
                let cases = variants.cases.iter();
                cases.map(|case| object_example(schema, id, Some(&case.name), 0)).collect()
            }
            None => vec![object_example(schema, id, None, 0)],
        },
        Kind::Enum(definition) => {
            definition.values.iter().map(|value| value.name.as_str().into()).collect()
        }
        Kind::Alternate(branches) => {
            branches.iter().map(|branch| example(schema, branch.ty, 1)).collect()
        }
        _ => vec![example(schema, id, 0)],
    }
}

fn example(schema: &Schema, id: EntityId, depth: usize) -> Value {
    match &schema.get(id).kind {
        Kind::Builtin(builtin) => scalar(*builtin),
        Kind::Enum(definition) => {
            definition.values.first().map_or(Value::Null, |value| value.name.as_str().into())
        }
        Kind::Array(_) if depth > DEPTH => json!([]),
        Kind::Array(element) => Value::Array(vec![example(schema, *element, depth + 1)]),
        Kind::Alternate(branches) => {
            branches.first().map_or(Value::Null, |branch| example(schema, branch.ty, depth + 1))
        }
        Kind::Object(_) if depth > DEPTH => json!({}),
        Kind::Object(_) => object_example(schema, id, None, depth),
        Kind::Command(_) | Kind::Event(_) => Value::Null,
    }
}

/// An object; of a union the given branch, or the first.
fn object_example(schema: &Schema, id: EntityId, case: Option<&str>, depth: usize) -> Value {
    let mut members = Map::new();
    for member in schema.all_members(id) {
        if !member.optional || depth <= OPTIONAL_DEPTH {
            members.insert(member.name.clone(), example(schema, member.ty, depth + 1));
        }
    }
    if let Kind::Object(object) = &schema.get(id).kind
        && let Some(variants) = &object.variants
    {
        let mut cases = variants.cases.iter();
        let chosen = match case {
            Some(name) => cases.find(|case| case.name == name),
            None => cases.next(),
        };
        if let Some(chosen) = chosen {
            members.insert(variants.tag.clone(), chosen.name.as_str().into());
            if let Value::Object(branch) = object_example(schema, chosen.ty, None, depth) {
                members.extend(branch);
            }
        }
    }
    Value::Object(members)
}

fn scalar(builtin: Builtin) -> Value {
    match builtin {
        Builtin::Str => "text".into(),
        Builtin::Number => 0.5.into(),
        Builtin::Bool => true.into(),
        Builtin::Any => "anything".into(),
        Builtin::Null => Value::Null,
        Builtin::Size => 4096.into(),
        _ => 0.into(),
    }
}

/// JSON with a space after each comma and colon.
pub(crate) fn spaced(value: &Value) -> String {
    let join = |parts: Vec<String>, open, close| {
        if parts.is_empty() {
            format!("{open}{close}")
        } else {
            format!("{open} {} {close}", parts.join(", "))
        }
    };
    match value {
        Value::Array(elements) => join(elements.iter().map(spaced).collect(), '[', ']'),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), spaced(value))
            };
            join(members.iter().map(member).collect(), '{', '}')
        }
        scalar => scalar.to_string(),
    }
}
