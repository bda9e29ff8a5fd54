//! The targets of the schema language.

use std::io;
use std::path::Path;

use qapi_codegen::Options;
use qapi_schema::{Diagnostics, Schema, load_with};

use crate::choices::Choices;
use crate::sentence;

/// What schemas are made of.
pub(crate) const DICTIONARY: &[&str] = &[
    "{ 'include': 'other.json' }\n",
    "{ 'include': 'schema.json' }\n",
    "{ 'pragma': { 'doc-required': true } }\n",
    "##\n# @Sa:\n#\n# @a: text\n##\n",
    "# Features:\n",
    "# Returns: x\n",
    "# Since: 1\n",
    "#     deep\n",
    "'if': { 'all': [ 'A', { 'not': 'B' } ] },",
    "'features': [ 'f' ],",
    "true",
    "[]",
    "{}",
];

/// Text through everything that reads schemas. There is no lexer apart from the parser.
pub(crate) fn parser(text: &[u8]) {
    check(&load(text), text);
}

/// What gets past the grammar, through the checks and, if it passes, the generator.
pub(crate) fn checker(bytes: &[u8]) {
    let text = sentence::schema(&mut Choices::new(bytes));
    let loaded = load(text.as_bytes());
    check(&loaded, text.as_bytes());
    match loaded {
        Ok(schema) => {
            let output = qapi_codegen::generate(&schema, &Options::default());
            assert!(!output.is_empty());
        }
        Err(errors) => {
            let syntax = ["expected", "stray", "funny-character", "unterminated-string"];
            let code = errors.iter().next().map_or("", |first| first.problem.code());
            assert!(!syntax.contains(&code), "what should be well-formed is not:\n{text}");
        }
    }
}

/// Loads the text as the root of a schema that may include another file, and itself.
fn load(text: &[u8]) -> Result<Schema, Diagnostics> {
    load_with(Path::new("schema.json"), &mut |path| match path.to_str() {
        Some("schema.json") => Ok(text.to_vec()),
        Some("other.json") => Ok(b"{ 'enum': 'Other', 'data': [ 'a' ] }\n".to_vec()),
        _ => Err(io::ErrorKind::NotFound.into()),
    })
}

/// What holds of every answer.
fn check(loaded: &Result<Schema, Diagnostics>, text: &[u8]) {
    let errors = match loaded {
        Ok(schema) => {
            assert!(qapi_schema::dump(schema).starts_with("module ./builtin\n"));
            return;
        }
        Err(errors) => errors,
    };
    assert!(errors.iter().next().is_some(), "refused without an error");
    let json = errors.json();
    let first = json["errors"][0]["qemu"].as_str();
    assert_eq!(first, Some(errors.qemu().as_str()));
    assert!(errors.to_string().contains("error: "));
    let lines = 1 + text.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
    for error in json["errors"].as_array().into_iter().flatten() {
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()));
        let place = &error["place"];
        let number = |key: &str| place[key].as_u64().unwrap_or(0);
        if place["file"] == "schema.json" {
            assert!((1..=lines).contains(&number("line")), "{error}");
            assert!(number("column") >= 1 && number("start") <= number("end"), "{error}");
        }
    }
}
