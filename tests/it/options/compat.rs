//! `-compat`: what clients may use and see of what is deprecated or unstable.

use anyhow::Result;
use boardwright_tests::program::Program;
use boardwright_tests::transcript::words;
use serde_json::{Value, json};

/// The class and the text of an error, or none.
type Refusal = Option<(&'static str, &'static str)>;

/// A command line, a command with its arguments, and the answer.
const ROWS: &[(&str, &str, &str, Refusal)] = &[
    ("", "x-log-set", r#"{"items": []}"#, None),
    ("-compat unstable-input=accept", "x-log-set", r#"{"items": []}"#, None),
    ("-compat deprecated-input=reject", "x-log-set", r#"{"items": []}"#, None),
    (
        "-compat unstable-input=reject",
        "x-log-set",
        r#"{"items": []}"#,
        Some(("CommandNotFound", "Unstable command x-log-set disabled by policy")),
    ),
    // Before the arguments, and before the phase gate.
    (
        "-compat unstable-input=reject",
        "x-sysbus-mmio-map",
        r#"{"zz": 1}"#,
        Some(("CommandNotFound", "Unstable command x-sysbus-mmio-map disabled by policy")),
    ),
    // Later options win, item by item.
    (
        "-compat unstable-input=reject -compat deprecated-input=reject,unstable-output=hide",
        "x-log-set",
        "{}",
        Some(("CommandNotFound", "Unstable command x-log-set disabled by policy")),
    ),
    (
        "-compat unstable-input=reject -compat unstable-input=accept",
        "x-log-set",
        r#"{"items": []}"#,
        None,
    ),
    ("-compat unstable-input=reject", "query-status", "{}", None),
];

#[test]
fn what_is_unstable_can_be_rejected() -> Result<()> {
    for (options, command, arguments, expected) in ROWS {
        let (_program, mut client) = Program::with_qmp(&words(options))?;
        let answer = client.try_execute(command, serde_json::from_str(arguments)?)?;
        let error = answer["error"].as_object().map(|error| (&error["class"], &error["desc"]));
        let expected = expected.map(|(class, desc)| (json!(class), json!(desc)));
        let expected = expected.as_ref().map(|(class, desc)| (class, desc));
        assert_eq!(error, expected, "{options}: {command}");
    }
    Ok(())
}

/// The schema's only deprecated member is one of introspection itself.
#[test]
fn what_is_deprecated_can_be_hidden() -> Result<()> {
    for (options, shown) in [("", true), ("-compat deprecated-output=hide", false)] {
        let (_program, mut client) = Program::with_qmp(&words(options))?;
        let schema = client.execute("query-qmp-schema", json!({}))?;
        let entries = schema.as_array().map(Vec::as_slice).unwrap_or_default();
        let enums = entries.iter().filter(|entry| entry["meta-type"] == "enum");
        let with_values = enums.filter(|entry| entry.get("values").is_some()).count();
        assert_eq!(with_values > 0, shown, "{options}");
        let members = entries.iter().filter_map(|entry| entry["members"].as_array()).flatten();
        let deprecated = |member: &&Value| {
            member["features"].as_array().is_some_and(|list| list.contains(&json!("deprecated")))
        };
        assert_eq!(members.filter(deprecated).count() > 0, shown, "{options}");
    }
    Ok(())
}
