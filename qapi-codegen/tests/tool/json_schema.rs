//! The interface as JSON Schema.

use qapi_codegen::{Options, json_schema};
use serde_json::{Value, json};

use crate::{load, schema};

/// Every reference in a document.
fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(elements) => elements.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn references_lead_somewhere() {
    for path in ["tests/toy/toy.json", "../emulator/qapi/qapi-schema.json"] {
        let document = json_schema(&load(path), &Options::default());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{path}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{path}: {reference}");
        }
    }
}

#[test]
fn definitions() {
    let text = "\
##
# @Enum:
#
# Colours.
#
# @a: the first
##
{ 'enum': 'Enum', 'data': [ 'a', 'b' ] }
{ 'struct': 'Base', 'data': { 'id': 'str' } }
{ 'struct': 'Struct', 'base': 'Base',
  'data': { '*n': 'uint8', 'l': [ 'Enum' ], '*c': { 'type': 'any', 'if': 'C' } } }
{ 'union': 'Union', 'base': { 'e': 'Enum' }, 'discriminator': 'e', 'data': { 'a': 'Struct' } }
{ 'alternate': 'Alternate', 'data': { 's': 'str', 'o': 'Struct' } }
{ 'command': 'c', 'data': 'Union', 'boxed': true, 'returns': 'Struct' }
{ 'command': 'd', 'data': { '*x': 'Alternate' }, 'allow-oob': true,
  'features': [ 'deprecated' ] }
{ 'event': 'V', 'data': { 'b': 'bool' } }
"
    .replacen("# @a: the first\n", "# @a: the first\n#\n# @b: the second\n", 1);
    let document = json_schema(&schema(&text), &Options::default());
    assert_eq!(document["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let closed =
        |name: &str| json!({ "$ref": format!("#/$defs/{name}"), "unevaluatedProperties": false });
    let rows = [
        (
            "Enum",
            json!({ "type": "string", "description": "Colours.", "anyOf": [
                { "const": "a", "description": "the first" },
                { "const": "b", "description": "the second" } ] }),
        ),
        (
            "Struct",
            json!({ "type": "object", "allOf": [ { "$ref": "#/$defs/Base" } ], "required": [ "l" ],
                "properties": {
                    "n": { "type": "integer", "minimum": 0, "maximum": 255 },
                    "l": { "type": "array", "items": { "$ref": "#/$defs/Enum" } } } }),
        ),
        (
            "Union",
            json!({ "type": "object", "required": [ "e" ],
                "properties": { "e": { "$ref": "#/$defs/Enum" } },
                "oneOf": [
                    { "properties": { "e": { "const": "a" } }, "$ref": "#/$defs/Struct" },
                    { "properties": { "e": { "const": "b" } } } ] }),
        ),
        ("Alternate", json!({ "anyOf": [ { "type": "string" }, closed("Struct") ] })),
        ("command.c.arguments", closed("Union")),
        ("command.c.returns", closed("Struct")),
        (
            "command.d.arguments",
            json!({ "type": "object", "required": [], "unevaluatedProperties": false,
                "properties": { "x": { "$ref": "#/$defs/Alternate" } } }),
        ),
        (
            "event.V.data",
            json!({ "type": "object", "required": [ "b" ], "unevaluatedProperties": false,
                "properties": { "b": { "type": "boolean" } } }),
        ),
    ];
    for (name, expected) in rows {
        assert_eq!(document["$defs"][name], expected, "{name}");
    }
    assert_eq!(document["$defs"]["command.c"]["required"], json!(["execute", "arguments"]));
    assert_eq!(document["$defs"]["command.d"]["deprecated"], true);
    assert_eq!(document["$defs"]["command.d"]["required"], json!([]));
    let with = json_schema(&schema(&text), &Options::default().define(["C"]));
    assert_eq!(with["$defs"]["Struct"]["properties"]["c"], json!({}));
}
