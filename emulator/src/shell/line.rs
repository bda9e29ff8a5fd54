//! What lines ask for.

use std::path::Path;

use qapi_runtime::{Map, Value};

use crate::cli::script::{Program, Variables};
use crate::door::Command;

/// What was typed, understood.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    /// Commands: one, unless a loop makes more of it; none for an empty line.
    Commands(Vec<Command>),
    /// `help`, with or without a topic.
    Help(Option<String>),
    /// `exit`.
    Leave,
    /// More lines belong to it: a block is open, or a request.
    More,
}

/// Reads line after line: what is open goes on in the next one, and variables stay.
#[derive(Default)]
pub(super) struct Reader {
    /// The lines that are not understood yet, as there is more to come.
    pending: String,
    variables: Variables,
}

impl Reader {
    /// Understands a line, together with those before it that it ends.
    ///
    /// # Errors
    /// It is neither text of a board script nor a request; the text shows the place.
    pub(super) fn read(&mut self, line: &str) -> Result<Entry, String> {
        let begun = std::mem::take(&mut self.pending);
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            _ if !begun.is_empty() => {}
            ["exit"] => return Ok(Entry::Leave),
            ["help" | "?"] => return Ok(Entry::Help(None)),
            ["help", topic] => return Ok(Entry::Help(Some((*topic).into()))),
            _ => {}
        }
        let text = begun + line;
        let understood = match text.trim_start().starts_with('{') {
            true => request(&text)?,
            false => self.script(&text)?,
        };
        Ok(understood.unwrap_or_else(|| {
            self.pending = text + "\n";
            Entry::More
        }))
    }

    /// Whether something is open.
    pub(super) fn is_open(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Forgets what is open.
    pub(super) fn drop_open(&mut self) {
        self.pending.clear();
    }

    /// Text of a board script; none while it is not all there.
    fn script(&mut self, text: &str) -> Result<Option<Entry>, String> {
        if text.trim_end_matches([' ', '\t']).ends_with('\\') {
            return Ok(None);
        }
        let program = match Program::parse(Path::new("line"), text.into()) {
            Ok(program) => program,
            Err(error) if error.unfinished => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let commands = program.commands(&mut self.variables, &crate::program::read_script);
        commands.map(|commands| Some(Entry::Commands(commands))).map_err(|error| error.to_string())
    }
}

/// A request as it goes over the wire; its id is passed over. None while it is not all there.
fn request(text: &str) -> Result<Option<Entry>, String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) if error.is_eof() => return Ok(None),
        Err(error) => return Err(format!("line: {error}")),
    };
    let name = value.get("execute").or_else(|| value.get("exec-oob")).and_then(Value::as_str);
    let name = name.ok_or(r#"line: a request has a member "execute""#)?;
    let arguments = match value.get("arguments") {
        None => Map::new(),
        Some(Value::Object(arguments)) => arguments.clone(),
        Some(_) => return Err(r#"line: member "arguments" is an object"#.into()),
    };
    Ok(Some(Entry::Commands(vec![Command { name: name.into(), arguments }])))
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
            (
                "include /no/x.qmp",
                "line:1:1: Cannot read '/no/x.qmp': No such file or directory\ninclude /no/x.qmp\n^",
            ),
            // Several lines are one entry where the first leaves something open.
            ("for i in 0..2 {\na x=$i\n}", r#"More More a {"x":0} a {"x":1}"#),
            ("if false {\na\n} else {\nb\n}", "More More More More b {}"),
            ("a x=1 \\\ny=2", r#"More a {"x":1,"y":2}"#),
            ("{\n\"execute\": \"a\"\n}", "More More a {}"),
            ("for i in 0..2 {\nhelp\n}", "More More help {} help {}"),
            // Variables stay; those of a mistake do not.
            ("let n = 2\na x=${n * 2}", r#"Commands([]) a {"x":4}"#),
            (
                "let n = 2\nlet n = 1 / 0\na x=$n",
                "Commands([]) line:1:11: division by zero\nlet n = 1 / 0\n          ^ a {\"x\":2}",
            ),
        ];
        for (text, expected) in rows {
            let mut reader = Reader::default();
            let mut shown = Vec::new();
            for line in text.split('\n') {
                shown.push(match reader.read(line) {
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
                });
            }
            assert_eq!(shown.join(" "), expected, "{text}");
        }
    }
}
