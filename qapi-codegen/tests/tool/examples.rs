//! Examples compared with the schema.

use qapi_codegen::check_examples;

use crate::{load, schema};

/// A schema with one command whose documentation has this conversation, from line 5 on.
fn with(conversation: &str) -> String {
    let lines: String = conversation.lines().map(|line| format!("#     {line}\n")).collect();
    format!(
        "##\n# @c:\n#\n# .. qmp-example::\n#\n{lines}##\n\
         {{ 'command': 'c', 'data': 'Union', 'boxed': true, 'returns': [ 'Reply' ] }}\n\
         {{ 'enum': 'Kind', 'data': [ 'a', 'b' ] }}\n\
         {{ 'struct': 'First', 'data': {{ 'x': 'uint8', '*l': [ 'Value' ] }} }}\n\
         {{ 'union': 'Union', 'base': {{ 'k': 'Kind', '*t': 'bool' }}, 'discriminator': 'k',\n\
            'data': {{ 'a': 'First' }} }}\n\
         {{ 'alternate': 'Value', 'data': {{ 'k': 'Kind', 'n': 'null' }} }}\n\
         {{ 'struct': 'Reply', 'data': {{ 'r': 'any' }} }}\n\
         {{ 'command': 'plain', 'allow-oob': true }}\n\
         {{ 'command': 'silent', 'success-response': false }}\n\
         {{ 'command': 'raw', 'data': {{ 'a': 'int' }}, 'gen': false }}\n\
         {{ 'command': 'loose', 'data': {{ 'n': 'int', 'b': 'bool' }}, \
            'features': [ 'keyval-values' ] }}\n\
         {{ 'event': 'E', 'data': {{ 'e': 'number' }} }}\n"
    )
}

fn check(conversation: &str) -> Vec<String> {
    let found = check_examples(&schema(&with(conversation)));
    assert_eq!(found.examples, 1);
    found.errors.iter().map(|error| format!("{}: {}", error.line, error.message)).collect()
}

#[test]
fn right() {
    for conversation in [
        "-> { 'execute': 'plain' }\n<- { 'return': {} }",
        "-> { 'exec-oob': 'plain', 'id': 1 }\n<- { 'return': {}, 'id': 1 }",
        "-> { 'execute': 'c',\n     'arguments': { 'k': 'a', 'x': 255, 'l': [ 'b', null ] } }\n\
         <- { 'return': [ { 'r': [] } ] }",
        "-> { 'execute': 'c', 'arguments': { 'k': 'b', 't': true } }\n<- { 'return': [] }",
        "-> { 'execute': 'c', 'arguments': { ... } }\n<- { 'return': [ { ... }, ... ] }",
        "-> { 'execute': 'c', 'arguments': { 'k': ..., 'x': 1 } }\n<- ...",
        "-> { 'execute': 'plain' }\n<- { 'error': { 'class': 'GenericError', 'desc': 'no' } }",
        "<- { 'event': 'E', 'data': { 'e': 0.5 },\n     'timestamp': { 'seconds': 1, \
         'microseconds': 2 } }",
        "-> { 'execute': 'raw', 'arguments': { 'anything': [] } }\n<- { 'return': {} }",
        "-> { 'execute': 'loose', 'arguments': { 'n': '0x10', 'b': 'on' } }\n<- { 'return': {} }",
        "-> { 'execute': 'silent' }",
        "A remark.\n-> { 'execute': 'plain' }\n\n<- { 'return': {} }",
        "-> { 'execute': 'plain', 'id': 1 }\n-> { 'execute': 'c', 'arguments': { 'k': 'b' }, \
         'id': 2 }\n<- { 'return': [], 'id': 2 }\n<- { 'return': {}, 'id': 1 }",
    ] {
        assert_eq!(check(conversation), Vec::<String>::new(), "{conversation}");
    }
}

#[test]
fn wrong() {
    let rows = [
        ("-> { 'execute': 'plane' }", "6: there is no command 'plane'"),
        ("-> { 'execute': 'plain'", "6: not JSON: expected ',' or '}'"),
        ("-> { 'execute': 'plain',\n     'args': {} }", "7: 'args' is unexpected"),
        (
            "-> { 'exec-oob': 'c', 'arguments': { 'k': 'b' } }",
            "6: 'c' may not be executed out of band",
        ),
        ("-> { 'execute': 'plain', 'arguments': { 'a': 1 } }", "6: 'a' is unexpected"),
        ("-> { 'execute': 'c' }", "6: 'k' is missing"),
        (
            "-> { 'execute': 'c', 'arguments': { 'k': 'z' } }",
            "6: 'k' is 'z', which is no value of Kind",
        ),
        ("-> { 'execute': 'c', 'arguments': { 'k': 'a' } }", "6: 'x' is missing"),
        (
            "-> { 'execute': 'c', 'arguments': {\n     'k': 'b',\n     'x': 1 } }",
            "8: 'x' is unexpected",
        ),
        (
            "-> { 'execute': 'c', 'arguments': { 'k': 'a', 'x': 256 } }",
            "6: 'x' must be an unsigned integer of 8 bits",
        ),
        (
            "-> { 'execute': 'c', 'arguments': { 'k': 'a', 'x': 1.0 } }",
            "6: 'x' must be an unsigned integer of 8 bits",
        ),
        (
            "-> { 'execute': 'c', 'arguments': { 'k': 'a', 'x': 1, 'l': [ null, 5 ] } }",
            "6: 'l[1]' has no JSON type that Value can have",
        ),
        ("-> { 'execute': 'plain' }\n<- { 'return': [] }", "7: 'must be an object"),
        ("-> { 'execute': 'plain' }\n<- { 'return': { 'a': 1 } }", "7: 'return.a' is unexpected"),
        ("<- { 'return': {} }", "6: this answers no command"),
        (
            "-> { 'execute': 'silent' }\n<- { 'return': {} }",
            "7: 'silent' answers nothing on success",
        ),
        ("<- { 'event': 'F' }", "6: there is no event 'F'"),
        (
            "<- { 'event': 'E', 'data': { 'e': 'x' }, 'timestamp': ... }",
            "6: 'data.e' must be a number",
        ),
        ("<- { 'event': 'E', 'data': { 'e': 1 } }", "6: 'timestamp' is missing"),
        ("-> { 'execute': 'plain' }\n<- { 'error': {} }", "7: 'error.class' is missing"),
        ("-> []", "6: a message is a JSON object"),
        (
            "-> { 'execute': 'loose', 'arguments': { 'n': 'x', 'b': true } }",
            "6: 'n' must be an integer of 64 bits",
        ),
        ("<- { 'strange': 1 }", "6: none of 'return', 'error' and 'event' is there"),
    ];
    for (conversation, expected) in rows {
        let found = check(conversation);
        let expected = expected.replace("'must be", "'return' must be");
        assert!(found.contains(&expected), "{conversation}: {found:?}");
    }
}

#[test]
fn the_place_is_told() {
    let scratch = crate::Scratch::new();
    let text = with("-> { 'execute': 'plane' }");
    let schema = scratch.schema("s.json", &text);
    let error = check_examples(&schema).errors.remove(0);
    let path = scratch.0.join("s.json");
    let expected = format!("{}:6: example of 'c': there is no command 'plane'", path.display());
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.json()["place"]["line"], 6);
    // Free-form documentation has examples, too.
    let schema = scratch.schema("f.json", "\n##\n# Text::\n#\n#     -> not checked\n#\n# .. code-block:: QMP\n#\n#     -> { 'execute': 'x' }\n##\n");
    let found = check_examples(&schema);
    assert_eq!((found.messages, found.errors[0].line), (1, 9));
}

/// The emulator's own interface: every command has an example, and all of them are right.
#[test]
fn the_emulators_examples() {
    let schema = load("../emulator/qapi/qapi-schema.json");
    let found = check_examples(&schema);
    assert!(found.errors.is_empty(), "{:#?}", found.errors);
    let commands = schema
        .entities
        .iter()
        .filter(|entity| matches!(entity.kind, qapi_schema::model::Kind::Command(_)));
    let without: Vec<_> = commands
        .filter(|entity| {
            let doc = entity.doc.as_ref();
            !doc.is_some_and(|doc| doc.sections.iter().any(|(_, text)| text.contains("->")))
        })
        .map(|entity| entity.name.as_str())
        .collect();
    assert_eq!(without, Vec::<&str>::new(), "commands without an example");
}
