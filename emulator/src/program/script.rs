//! Verb `run`: a board script through the one door, each step shown.

use std::io::Write;

use qapi_runtime::{QmpError, Value};

use crate::cli::script::{Line, Script, ScriptError};
use crate::cli::ScriptRun;
use crate::door::Door;

/// Why a script has stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("Cannot read '{path}': {source}")]
    Read { path: String, source: std::io::Error },
    #[error("{0}")]
    Syntax(#[from] ScriptError),
    #[error("{place}: {}{}\n    {text}", error.desc, hint(error))]
    Command { place: String, text: String, error: QmpError },
}

/// Executes all lines, or up to the first that fails.
///
/// # Errors
/// The file cannot be read, a line is malformed (nothing is executed then), or a command fails.
pub(super) fn run(door: &mut Door, script: &ScriptRun) -> Result<(), Failed> {
    let path = script.path.display().to_string();
    let text = std::fs::read_to_string(&script.path)
        .map_err(|source| Failed::Read { path: path.clone(), source })?;
    let lines = Script::parse(&text, &path)?;
    for Line { number, text, command } in lines {
        let before = door.phase();
        say(&format!("{path}:{number}: {text}"));
        let answer = door.execute(&command).map_err(|error| Failed::Command {
            place: format!("{path}:{number}"),
            text: text.clone(),
            error,
        })?;
        if answer.as_object().is_none_or(|object| !object.is_empty()) {
            say(&format!("    {answer}"));
        }
        if door.phase() != before {
            say(&format!("    -> {}", door.phase()));
        }
    }
    Ok(())
}

/// Steps go to standard error: standard output is the guest's console.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What the error's data has for people: permitted phases, near names.
fn hint(error: &QmpError) -> String {
    let Some(data) = &error.data else { return String::new() };
    let list = |key: &str| {
        let names: Vec<&str> = data[key].as_array()?.iter().filter_map(Value::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    match (list("allowed-phases"), list("nearest")) {
        (Some(phases), _) => {
            let now = data["phase"].as_str().unwrap_or_default();
            format!(" (now '{now}'; permitted at: {phases})")
        }
        (None, Some(names)) => format!(" (did you mean {names}?)"),
        (None, None) => String::new(),
    }
}

/// Says on standard error what an error's data has for people.
pub(super) fn print_nearest(error: &QmpError) {
    let hint = hint(error);
    if !hint.is_empty() {
        say(&format!("boardwright:{hint}"));
    }
}
