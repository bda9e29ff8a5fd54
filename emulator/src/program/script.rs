//! Verb `run`: a board script through the one door, each step shown.

use std::io::Write;

use qapi_runtime::{QmpError, Value};

use crate::backends::char::Plain;
use crate::cli::script::{Line, Script, ScriptError};
use crate::door::Door;
use crate::qapi::Phase;

/// Why a script has stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("Cannot read '{path}': {}", Plain(source))]
    Read { path: String, source: std::io::Error },
    #[error("{0}")]
    Syntax(#[from] ScriptError),
}

/// What happens on the way.
pub(super) enum Progress<'a> {
    /// A command is about to be executed; the file it stands in.
    Line(&'a str, &'a Line),
    /// It has an answer.
    Answer(&'a Value),
    /// It has entered a phase.
    Phase(Phase),
}

/// Executes all lines, or up to the first that fails, and shows each.
///
/// # Errors
/// As [`execute`].
pub(super) fn run(door: &mut Door, script: &Script) -> Result<(), Box<Failed>> {
    execute(door, script, |progress| match progress {
        Progress::Line(file, line) => say(&format!("{file}:{}: {}", line.number, line.text)),
        Progress::Answer(answer) => say(&format!("    {answer}")),
        Progress::Phase(phase) => say(&format!("    -> {phase}")),
    })
}

/// Executes all lines, up to the first that fails or ends the program, or that would run a board
/// that is only looked at.
///
/// # Errors
/// The file cannot be read, a line is malformed (nothing is executed then), or a command fails.
pub(super) fn execute(
    door: &mut Door,
    script: &Script,
    mut tell: impl FnMut(Progress<'_>),
) -> Result<(), Box<Failed>> {
    let path = script.path.display().to_string();
    let text = std::fs::read_to_string(&script.path)
        .map_err(|source| Failed::Read { path: path.clone(), source })?;
    let lines = Script::parse(&text, &path).map_err(Failed::from)?;
    for line in lines {
        if door.ended().is_some() || door.seen {
            break;
        }
        let before = door.phase();
        tell(Progress::Line(&path, &line));
        let answer = door
            .perform(&line.step(&path))
            .map_err(|error| line.error(&path, format!("{}{}", error.desc, hint(&error))))
            .map_err(Failed::from)?;
        if answer.as_object().is_none_or(|object| !object.is_empty()) {
            tell(Progress::Answer(&answer));
        }
        if door.phase() != before {
            tell(Progress::Phase(door.phase()));
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
