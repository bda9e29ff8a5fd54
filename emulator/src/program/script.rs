//! Verb `run`: a board script through the one door, each step shown.

use std::io::Write;

use qapi_runtime::{QmpError, Value};

use crate::backends::char::Plain;
use crate::cli::script::{Script, ScriptError};
use crate::door::Door;

/// Why a script has stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error("Cannot read '{path}': {}", Plain(source))]
    Read { path: String, source: std::io::Error },
    #[error("{0}")]
    Syntax(#[from] ScriptError),
}

/// Executes all lines, or up to the first that fails.
///
/// # Errors
/// The file cannot be read, a line is malformed (nothing is executed then), or a command fails.
pub(super) fn run(door: &mut Door, script: &Script) -> Result<(), Failed> {
    let path = script.path.display().to_string();
    let text = std::fs::read_to_string(&script.path)
        .map_err(|source| Failed::Read { path: path.clone(), source })?;
    let lines = Script::parse(&text, &path)?;
    for line in lines {
        if door.ended().is_some() {
            break;
        }
        let before = door.phase();
        say(&format!("{path}:{}: {}", line.number, line.text));
        let answer = door
            .execute(&line.command)
            .map_err(|error| line.error(&path, format!("{}{}", error.desc, hint(&error))))?;
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
pub(super) fn hint(error: &QmpError) -> String {
    let Some(data) = &error.data else { return String::new() };
    let list = |key: &str| {
        let names: Vec<&str> = data[key].as_array()?.iter().filter_map(Value::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(phases) = list("allowed-phases") {
        let now = data["phase"].as_str().unwrap_or_default();
        return format!(" (now '{now}'; permitted at: {phases})");
    }
    let near = list("nearest").map(|names| format!(" (did you mean {names}?)"));
    let accepted = || list("accepted").map(|names| format!(" (accepted: {names})"));
    near.or_else(accepted).unwrap_or_default()
}
