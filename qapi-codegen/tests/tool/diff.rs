//! Differences: what matters to a client, and in which direction.

use qapi_codegen::diff::{Old, diff};
use qapi_codegen::{Options, introspect};
use serde_json::json;

use crate::{Scratch, schema};

/// The differences between two schemas, one line each.
fn changes(old: &str, new: &str) -> Vec<String> {
    let old = Old::Schema(Box::new(schema(old)));
    let changes = diff(&old, &schema(new), &Options::default());
    let text = changes.to_string();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.pop();
    lines
}

#[test]
fn what_changed() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("{ 'command': 'c' }", "{ 'command': 'c' }", &[]),
        ("{ 'command': 'c' }", "", &["incompatible: command 'c': is gone"]),
        ("", "{ 'command': 'c' }", &["compatible: command 'c': is new"]),
        ("{ 'event': 'E' }", "", &["incompatible: event 'E': is gone"]),
        (
            "{ 'command': 'c' }",
            "{ 'command': 'c', 'data': { 'a': 'str', '*b': 'str' } }",
            &[
                "incompatible: command 'c': 'arguments.a' is new and mandatory",
                "compatible: command 'c': 'arguments.b' is new and optional",
            ],
        ),
        (
            "{ 'command': 'c', 'data': { '*a': 'str', 'b': 'str', 'c': 'int' } }",
            "{ 'command': 'c', 'data': { 'a': 'str', '*b': 'str' } }",
            &[
                "incompatible: command 'c': 'arguments.a' was optional and is mandatory",
                "incompatible: command 'c': 'arguments.c' is gone",
                "compatible: command 'c': 'arguments.b' was mandatory and is optional",
            ],
        ),
        (
            "{ 'struct': 'Reply', 'data': { 'a': 'str', '*b': 'str', 'c': 'str' } }
             { 'command': 'c', 'returns': 'Reply' }",
            "{ 'struct': 'Reply', 'data': { '*a': 'str', 'b': 'str', 'd': 'str' } }
             { 'command': 'c', 'returns': 'Reply' }",
            &[
                "incompatible: type 'Reply' in answers and events: 'a' was mandatory and is optional",
                "incompatible: type 'Reply' in answers and events: 'c' is gone",
                "compatible: type 'Reply' in answers and events: 'b' was optional and is mandatory",
                "compatible: type 'Reply' in answers and events: 'd' is new",
            ],
        ),
        (
            "{ 'enum': 'Name', 'data': [ 'a', 'b' ] } { 'command': 'c', 'data': { 'n': 'Name' } }",
            "{ 'enum': 'Name', 'data': [ 'b', 'c' ] } { 'command': 'c', 'data': { 'n': 'Name' } }",
            &[
                "incompatible: type 'Name' in arguments: no longer has the value 'a'",
                "compatible: type 'Name' in arguments: has the new value 'c'",
            ],
        ),
        (
            "{ 'enum': 'Name', 'data': [ 'a', 'b' ] } { 'event': 'E', 'data': { 'n': 'Name' } }",
            "{ 'enum': 'Name', 'data': [ 'b', 'c' ] } { 'event': 'E', 'data': { 'n': 'Name' } }",
            &[
                "incompatible: type 'Name' in answers and events: has the new value 'c'",
                "compatible: type 'Name' in answers and events: no longer has the value 'a'",
            ],
        ),
        (
            "{ 'command': 'c', 'data': { 'a': 'str', 'b': 'int', 'n': 'uint8', 'm': 'int' } }",
            "{ 'command': 'c', 'data': { 'a': 'any', 'b': 'str', 'n': 'int', 'm': ['int'] } }",
            &[
                "incompatible: command 'c': 'arguments.b' was an integer from \
                 -9223372036854775808 to 9223372036854775807 and is a string",
                "incompatible: command 'c': 'arguments.m' was an integer from \
                 -9223372036854775808 to 9223372036854775807 and is an array of a number",
                "compatible: command 'c': 'arguments.a' was a string and is any value",
                "compatible: command 'c': 'arguments.n' was an integer from 0 to 255 and is \
                 an integer from -9223372036854775808 to 9223372036854775807",
            ],
        ),
        (
            "{ 'event': 'E', 'data': { 'n': 'uint16' } }",
            "{ 'event': 'E', 'data': { 'n': 'uint8' } }",
            &["compatible: event 'E': 'data.n' was an integer from 0 to 65535 and is an integer \
               from 0 to 255"],
        ),
        // A name is no part of the interface.
        (
            "{ 'struct': 'First', 'data': { 'x': 'int' } } { 'command': 'c', 'data': 'First' }",
            "{ 'command': 'c', 'data': { 'x': 'int' } }",
            &[],
        ),
        (
            "{ 'command': 'c', 'data': { 'v': 'str' } }",
            "{ 'alternate': 'Value', 'data': { 's': 'str', 'n': 'null' } }
             { 'command': 'c', 'data': { 'v': 'Value' } }",
            &["compatible: command 'c': 'arguments.v' can also be null"],
        ),
        (
            "{ 'command': 'c', 'allow-oob': true }",
            "{ 'command': 'c', 'features': [ 'deprecated', 'new' ] }",
            &[
                "incompatible: command 'c': can no longer be executed out of band",
                "notice: command 'c': is now deprecated",
                "compatible: command 'c': has the new feature 'new'",
            ],
        ),
        (
            "{ 'command': 'c', 'features': [ 'unstable', 'old' ] }",
            "{ 'command': 'c' }",
            &[
                "incompatible: command 'c': no longer has the feature 'old'",
                "compatible: command 'c': is no longer unstable",
            ],
        ),
        (
            "{ 'pragma': { 'phase-enum': 'Phase' } } { 'enum': 'Phase', 'data': [ 'a', 'b' ] }
             { 'command': 'c', 'allowed-phases': [ 'a' ] }",
            "{ 'pragma': { 'phase-enum': 'Phase' } } { 'enum': 'Phase', 'data': [ 'a', 'b' ] }
             { 'command': 'c' }",
            &[
                "incompatible: command 'c': is no longer permitted in phase 'a'",
                "compatible: command 'c': is now permitted in phase 'b'",
            ],
        ),
        (
            "{ 'enum': 'Kind', 'data': [ 'a', 'b' ] } { 'struct': 'First', 'data': { 'x': 'int' } }
             { 'union': 'Union', 'base': { 'k': 'Kind' }, 'discriminator': 'k', 'data': { 'a': 'First' } }
             { 'command': 'c', 'data': 'Union', 'boxed': true }",
            "{ 'enum': 'Kind', 'data': [ 'a', 'b' ] } { 'struct': 'Second', 'data': { 'y': 'int' } }
             { 'union': 'Union', 'base': { 'k': 'Kind' }, 'discriminator': 'k', 'data': { 'b': 'Second' } }
             { 'command': 'c', 'data': 'Union', 'boxed': true }",
            &[
                "incompatible: type 'Union' in arguments: 'k=a.x' is gone",
                "incompatible: type 'Union' in arguments: 'k=b.y' is new and mandatory",
            ],
        ),
        // Types that contain themselves have an end.
        (
            "{ 'struct': 'Tree', 'data': { '*t': 'Tree', 'x': 'int' } } { 'command': 'c', 'data': 'Tree' }",
            "{ 'struct': 'Tree', 'data': { '*t': 'Tree' } } { 'command': 'c', 'data': 'Tree' }",
            &["incompatible: type 'Tree' in arguments: 'x' is gone"],
        ),
    ];
    for (old, new, expected) in rows {
        assert_eq!(changes(old, new), *expected, "{old}\n-> {new}");
    }
}

/// An answer to query-qmp-schema says the same as the schema it came from.
#[test]
fn recorded_answers() {
    let scratch = Scratch::new();
    let old = "{ 'enum': 'Name', 'data': [ 'a', 'b' ] }
               { 'alternate': 'Value', 'data': { 's': 'str', 'n': 'null' } }
               { 'union': 'Union', 'base': { 'k': 'Name' }, 'discriminator': 'k', 'data': {} }
               { 'struct': 'Reply', 'data': { 'x': 'uint8', '*l': [ 'Name' ] } }
               { 'command': 'c', 'data': { 'v': 'Value', 'w': 'Union' }, 'returns': 'Reply' }
               { 'event': 'E' }";
    let (options, old) = (Options::default(), schema(old));
    let answer = introspect(&old, &options);
    let message = json!({ "return": answer, "id": 1 });
    for text in [json!(answer).to_string(), message.to_string()] {
        let recorded = Old::load(&scratch.file("answer.json", &text)).unwrap();
        assert_eq!(diff(&recorded, &old, &options).0, []);
        let new = schema("{ 'command': 'c', 'data': { 'v': 'str' } }");
        let changes = diff(&recorded, &new, &options).to_string();
        for line in [
            "incompatible: command 'c': 'arguments.w' is gone",
            "incompatible: command 'c': 'arguments.v' can no longer be null",
            "incompatible: event 'E': is gone",
        ] {
            assert!(changes.contains(line), "{changes}");
        }
    }
    for (text, message) in [
        ("[ {} ]", "no string 'name'"),
        ("[ { \"name\": \"x\", \"meta-type\": \"wood\" } ]", "meta-type 'wood'"),
        ("[ { \"name\": \"c\", \"meta-type\": \"command\" } ]", "no string 'arg-type'"),
        ("{ 'command': 1 }", "the old schema has errors"),
    ] {
        let error = Old::load(&scratch.file("bad.json", text)).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
}
