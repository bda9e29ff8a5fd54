//! How answers and errors are told: to people, as the reference generator does, or to tools.

use std::io::{self, Write};
use std::path::Path;

use qapi_schema::{Diagnostics, nearest};
use serde_json::{Value, json};

use crate::Examples;
use crate::diff::Changes;

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Human,
    Qemu,
    Json,
}

impl Format {
    /// The format of that name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        match name {
            "human" => Ok(Self::Human),
            "qemu" => Ok(Self::Qemu),
            "json" => Ok(Self::Json),
            other => {
                let near = nearest(other, ["human", "qemu", "json"].into_iter());
                let there = near.unwrap_or("human, qemu, json");
                Err(format!("--format {other}: there is no such format; there is {there}"))
            }
        }
    }
}

/// Something wrong that is no error in the schema.
pub(super) struct Wrong {
    /// For people, with its place.
    pub(super) text: String,
    json: Value,
}

impl Wrong {
    /// A file that is not as it would be written.
    pub(super) fn stale(path: &Path, what: &str) -> Self {
        let path = path.display().to_string();
        Self {
            text: format!("{path}: {what}"),
            json: json!({ "code": "stale", "message": what, "place": { "file": path } }),
        }
    }
}

/// Tells errors in the schema.
pub(super) fn diagnostics(diagnostics: &Diagnostics, format: Format) {
    match format {
        Format::Human => eprintln!("{diagnostics}"),
        Format::Qemu => eprintln!("{}", diagnostics.qemu()),
        Format::Json => eprintln!("{:#}", diagnostics.json()),
    }
}

/// Tells what else is wrong, with the way out; `true` if nothing is.
pub(super) fn wrong(wrong: &[Wrong], format: Format, help: &str) -> bool {
    match format {
        Format::Json if !wrong.is_empty() => {
            let errors: Vec<_> = wrong.iter().map(|wrong| &wrong.json).collect();
            eprintln!("{:#}", json!({ "errors": errors, "total": wrong.len(), "files": [] }));
        }
        _ => {
            wrong.iter().for_each(|wrong| eprintln!("{}", wrong.text));
            if !wrong.is_empty() && !help.is_empty() {
                eprintln!("{help}");
            }
        }
    }
    wrong.is_empty()
}

/// Tells which examples are wrong; `true` if none is.
pub(super) fn examples(found: &Examples, format: Format) -> bool {
    let errors = found.errors.iter();
    let list: Vec<_> =
        errors.map(|error| Wrong { text: error.to_string(), json: error.json() }).collect();
    let fine = wrong(&list, format, "");
    if format != Format::Json {
        let (examples, messages) = (found.examples, found.messages);
        println!("{examples} examples, {messages} messages, {} wrong", list.len());
    }
    fine
}

/// Tells what changed.
pub(super) fn changes(changes: &Changes, format: Format) {
    match format {
        Format::Json => println!("{:#}", changes.json()),
        Format::Human | Format::Qemu => println!("{changes}"),
    }
}

/// Prints a text as it is. A reader that has seen enough is no error.
pub(super) fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
