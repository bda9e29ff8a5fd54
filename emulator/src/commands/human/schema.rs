//! Every command of the schema as a line: `NAME VALUE... KEY=VALUE...`.
//!
//! Values without a key are the arguments in the schema's order, those first that have to be there.
//! The rest is a line of a board script.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use qapi_runtime::{CommandInfo, MemberInfo, QmpError, Value};

use crate::cli::script::{Line, Program};
use crate::door::{Command, Door};
use crate::qapi::COMMANDS;

/// The command that a word means; people write `qom-list` as `qom_list`.
pub(super) fn find(word: &str) -> Option<&'static CommandInfo> {
    let spelled = |name: &str| name.replace('-', "_") == word.replace('-', "_");
    COMMANDS.iter().copied().find(|info| spelled(info.name))
}

/// The command `query-WHAT`.
pub(super) fn query(what: &str) -> Option<&'static CommandInfo> {
    find(&format!("query-{what}"))
}

/// The names behind `query-`, of commands that need no argument.
pub(super) fn queries() -> impl Iterator<Item = (&'static str, &'static CommandInfo)> {
    let plain = |info: &&CommandInfo| members(info).iter().all(|member| member.optional);
    COMMANDS
        .iter()
        .copied()
        .filter(plain)
        .filter_map(|info| Some((info.name.strip_prefix("query-")?, info)))
}

fn members(info: &CommandInfo) -> &'static [MemberInfo] {
    info.arguments.map_or(&[], |arguments| arguments.members)
}

/// The members in the order in which values without a key are taken.
fn places(info: &CommandInfo) -> impl Iterator<Item = &'static MemberInfo> {
    let (optional, required): (Vec<_>, Vec<_>) =
        members(info).iter().partition(|member| member.optional);
    required.into_iter().chain(optional)
}

/// What its arguments look like.
pub(super) fn arguments(info: &CommandInfo) -> String {
    let names = places(info).map(|member| match member.optional {
        true => format!("[{}]", member.name),
        false => member.name.into(),
    });
    names.collect::<Vec<_>>().join(" ")
}

/// The first sentence about it, on one line.
pub(super) fn brief(info: &CommandInfo) -> String {
    let line = info.doc.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = line.split_once(". ").map_or(line.as_str(), |(first, _)| first);
    first.trim_end_matches('.').into()
}

/// All there is to say about it.
pub(super) fn about(info: &CommandInfo) -> String {
    let mut text = format!("{} {}\n", info.name, arguments(info));
    let told = |doc: &str| doc.split_whitespace().collect::<Vec<_>>().join(" ");
    if !info.doc.is_empty() {
        let _ = writeln!(text, "    {}", told(info.doc));
    }
    for member in places(info) {
        let _ = writeln!(text, "  {} ({})  {}", member.name, member.ty, told(member.doc));
    }
    text
}

/// Executes the command with what a line says, and shows its answer.
///
/// # Errors
/// The line is not understood, or the command fails.
pub(super) fn run(door: &mut Door, info: &CommandInfo, line: &str) -> Result<String, QmpError> {
    let answer = door.execute(&read(info, line)?)?;
    Ok(show(&answer))
}

fn read(info: &CommandInfo, line: &str) -> Result<Command, QmpError> {
    let mut text = info.name.to_owned();
    let mut rest = line.trim();
    let mut places = places(info);
    while let Some((value, more)) = bare(rest) {
        let Some(member) = places.next() else {
            return Err(QmpError::generic(format!(
                "'{}' takes no more than '{}': '{value}' is too much",
                info.name,
                arguments(info)
            )));
        };
        let _ = write!(text, " {}={value}", member.name);
        rest = more;
    }
    text.push(' ');
    text.push_str(rest);
    let mut command = Command { name: info.name.into(), arguments: qapi_runtime::Map::new() };
    let no_file = |path: &Path| Err(format!("'{}' is no argument", path.display()));
    Program::parse(Path::new("line"), text)
        .and_then(|program| {
            program.walk(&[], &no_file, &mut |line: &Line| {
                command = line.command.clone();
                Ok(ControlFlow::Continue(()))
            })
        })
        .map_err(|error| QmpError::generic(error.to_string()))?;
    Ok(command)
}

/// A value without a key at the begin of a line, and what follows it.
fn bare(line: &str) -> Option<(&str, &str)> {
    let end = match line.strip_prefix('"') {
        Some(quoted) => {
            let mut escaped = false;
            let close = quoted.find(|letter| {
                let ends = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            })?;
            close + 2
        }
        None => line.find(char::is_whitespace).unwrap_or(line.len()),
    };
    let (word, rest) = line.split_at_checked(end)?;
    let has_key = !word.starts_with('"') && word.contains('=');
    (!word.is_empty() && !has_key).then(|| (word, rest.trim_start()))
}

/// An answer for people: members by line, what is in them indented.
fn show(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(members) if members.is_empty() => {}
        Value::String(string) => {
            text.push_str(string);
            if !string.is_empty() && !string.ends_with('\n') {
                text.push('\n');
            }
        }
        Value::Object(_) | Value::Array(_) => lines(&mut text, value, 0),
        value => {
            let _ = writeln!(text, "{value}");
        }
    }
    text
}

fn lines(text: &mut String, value: &Value, depth: usize) {
    let indent = depth * 2;
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let _ = write!(text, "{:indent$}{name}:", "");
                inner(text, value, depth);
            }
        }
        Value::Array(values) => {
            for value in values {
                let _ = write!(text, "{:indent$}-", "");
                match value {
                    // The first member stands beside the dash.
                    Value::Object(members) if !members.is_empty() => {
                        let mut own = String::new();
                        lines(&mut own, value, depth + 1);
                        let _ = write!(text, " {}", own.trim_start());
                    }
                    value => inner(text, value, depth),
                }
            }
        }
        value => inner(text, value, depth),
    }
}

fn inner(text: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            text.push('\n');
            lines(text, value, depth + 1);
        }
        Value::Array(values) if !values.is_empty() => {
            text.push('\n');
            lines(text, value, depth + 1);
        }
        Value::Object(_) => text.push_str(" {}\n"),
        Value::Array(_) => text.push_str(" []\n"),
        Value::String(string) => {
            let _ = writeln!(text, " {string}");
        }
        value => {
            let _ = writeln!(text, " {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lines_are_commands() {
        let rows = [
            ("device_del", "uart1", r#"{"id":"uart1"}"#),
            ("device_del", "id=uart1", r#"{"id":"uart1"}"#),
            ("qom-get", "uart1 property=size", r#"{"path":"uart1","property":"size"}"#),
            ("qom_set", "a b 0x10", r#"{"path":"a","property":"b","value":16}"#),
            ("qom-set", r#"a b "two words""#, r#"{"path":"a","property":"b","value":"two words"}"#),
            ("sysbus-mmio-map", "u 4KiB priority=1", r#"{"device":"u","addr":4096,"priority":1}"#),
            ("stop", "", "{}"),
            ("stop", "now", "'stop' takes no more than '': 'now' is too much"),
            ("device_del", "a b", "'device_del' takes no more than 'id': 'b' is too much"),
        ];
        for (name, line, expected) in rows {
            let info = find(name).unwrap();
            let got = match read(info, line) {
                Ok(command) => serde_json::to_string(&command.arguments).unwrap(),
                Err(error) => error.to_string(),
            };
            assert_eq!(got, expected, "{name} {line}");
        }
    }

    #[test]
    fn answers_are_lines() {
        let rows = [
            (json!({}), ""),
            (json!("text"), "text\n"),
            (json!(5), "5\n"),
            (json!({"a": 1, "b": {"c": "x"}, "d": []}), "a: 1\nb:\n  c: x\nd: []\n"),
            (json!([{"a": 1, "b": [1, 2]}, {}]), "- a: 1\n  b:\n    - 1\n    - 2\n- {}\n"),
        ];
        for (value, expected) in rows {
            assert_eq!(show(&value), expected, "{value}");
        }
    }
}
