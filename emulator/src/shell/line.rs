//! What a line asks for.

use std::ops::ControlFlow;
use std::path::Path;

use qapi_runtime::{Map, Value};

use crate::cli::script::{Line, Program};
use crate::door::Command;

/// A line, understood.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    /// Commands: one, unless a loop makes more of it; none for an empty line.
    Commands(Vec<Command>),
    /// `help`, with or without a topic.
    Help(Option<String>),
    /// `exit`.
    Leave,
}

/// Understands a line.
///
/// # Errors
/// It is neither a line of a board script nor a request; the text shows the place.
pub(super) fn read(text: &str) -> Result<Entry, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["exit"] => return Ok(Entry::Leave),
        ["help" | "?"] => return Ok(Entry::Help(None)),
        ["help", topic] => return Ok(Entry::Help(Some((*topic).into()))),
        [first, ..] if first.starts_with('{') => {
            return request(text).map(|command| Entry::Commands(vec![command]));
        }
        _ => {}
    }
    let mut commands = Vec::new();
    let refuse = |path: &Path| Err(format!("'{}': a shell includes no files", path.display()));
    Program::parse(Path::new("line"), text.into())
        .map_err(Box::new)
        .and_then(|program| {
            program.walk(&[], &refuse, &mut |line: &Line| {
                commands.push(line.command.clone());
                Ok(ControlFlow::Continue(()))
            })
        })
        .map_err(|error| error.to_string())?;
    Ok(Entry::Commands(commands))
}

/// A request as it goes over the wire; its id is passed over.
fn request(text: &str) -> Result<Command, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("line: {error}"))?;
    let name = value.get("execute").or_else(|| value.get("exec-oob")).and_then(Value::as_str);
    let name = name.ok_or(r#"line: a request has a member "execute""#)?;
    let arguments = match value.get("arguments") {
        None => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(r#"line: member "arguments" is an object"#.into()),
    };
    Ok(Command { name: name.into(), arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let rows = [
            ("", "Commands([])"),
            ("  # nothing", "Commands([])"),
            ("help", "Help(None)"),
            ("help stop", r#"Help(Some("stop"))"#),
            (" exit ", "Leave"),
            ("stop", r#"stop {}"#),
            ("a b.c=0x10 d=[1] e=x", r#"a {"b":{"c":16},"d":[1],"e":"x"}"#),
            ("for i in 0..2 { a x=$i }", r#"a {"x":0} a {"x":1}"#),
            (r#"{"execute": "a", "arguments": {"x": 1}, "id": 7}"#, r#"a {"x":1}"#),
            (r#"{"execute": "a"}"#, "a {}"),
            (r#"{"x": 1}"#, r#"line: a request has a member "execute""#),
            (r#"{"execute": "a", "arguments": 1}"#, r#"line: member "arguments" is an object"#),
            ("a b", "line:1:3: expected key=value, found 'b'\na b\n  ^"),
            ("include x.qmp", "line:1:1: 'x.qmp': a shell includes no files\ninclude x.qmp\n^"),
        ];
        for (text, expected) in rows {
            let shown = match read(text) {
                Ok(Entry::Commands(commands)) if !commands.is_empty() => commands
                    .iter()
                    .map(|command| {
                        let arguments = serde_json::to_string(&command.arguments).unwrap();
                        format!("{} {arguments}", command.name)
                    })
                    .collect::<Vec<_>>()
                    .join(" "),
                Ok(entry) => format!("{entry:?}"),
                Err(error) => error,
            };
            assert_eq!(shown, expected, "{text}");
        }
    }
}
