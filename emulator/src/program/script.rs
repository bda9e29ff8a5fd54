//! Board scripts from their files through the one door.

use std::fmt::Write as _;
use std::io::{Read as _, Write};
use std::ops::ControlFlow;
use std::path::Path;

use qapi_runtime::{QmpError, Value};

use crate::backends::char::Plain;
use crate::cli::script::{Line, Program, Script, ScriptError};
use crate::door::Door;
use crate::qapi::Phase;

/// Why a script has stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("{0}")]
    Read(String),
    #[error("{0}")]
    Script(#[from] Box<ScriptError>),
}

/// What happens on the way.
pub(super) enum Progress<'a> {
    /// A command is about to be executed.
    Line(&'a Line),
    /// It has an answer.
    Answer(&'a Value),
    /// It has entered a phase.
    Phase(Phase),
}

/// The longest script; what has no end is none.
const MOST_BYTES: u64 = 256 << 20;

/// The text of a file.
///
/// # Errors
/// It cannot be read, as a message.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let cannot = |why: &dyn std::fmt::Display| format!("Cannot read '{}': {why}", path.display());
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| cannot(&Plain(&error)))?;
    match text.len() as u64 > MOST_BYTES {
        true => Err(cannot(&format_args!("a script can have {} MiB", MOST_BYTES >> 20))),
        false => Ok(text),
    }
}

/// Reads a script.
///
/// # Errors
/// The file cannot be read, or a line is malformed.
pub(super) fn load(path: &Path) -> Result<Program, Failed> {
    let text = read(path).map_err(Failed::Read)?;
    Ok(Program::parse(path, text)?)
}

/// The parameters of a script, for people.
///
/// # Errors
/// It cannot be read, or a declaration contradicts itself.
pub(super) fn help(path: &Path) -> Result<String, Failed> {
    let parameters = load(path)?.parameters()?;
    let mut text = format!("usage: boardwright run {} [OPTION...]", path.display());
    if parameters.is_empty() {
        text.push_str("\n\nThe script has no parameters.\n");
        return Ok(text);
    }
    text.push_str(" [NAME=VALUE...]\n\nParameters:\n");
    for parameter in parameters {
        let (form, about) = parameter.describe();
        let _ = writeln!(text, "  {form:<24}  {about}");
    }
    Ok(text)
}

/// Executes all lines, or up to the first that fails, and shows each.
///
/// # Errors
/// As [`execute`].
pub(super) fn run(door: &mut Door, script: &Script) -> Result<(), Failed> {
    execute(door, script, |progress| match progress {
        Progress::Line(line) => say(&format!("{}: {}", line.place, line.text)),
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
) -> Result<(), Failed> {
    let program = load(&script.path)?;
    let mut step = |line: &Line| {
        let before = door.phase();
        tell(Progress::Line(line));
        let answer = door
            .perform(&line.step())
            .map_err(|error| format!("{}{}", error.desc, hint(&error)))?;
        if answer.as_object().is_none_or(|object| !object.is_empty()) {
            tell(Progress::Answer(&answer));
        }
        if door.phase() != before {
            tell(Progress::Phase(door.phase()));
        }
        Ok(match door.ended().is_some() || door.seen {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    };
    Ok(program.walk(&script.variables, &read, &mut step)?)
}

/// Steps go to standard error: standard output is the guest's console.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// What the error's data has for people: permitted phases and what leads there, near names, what
/// there is instead.
pub(crate) fn hint(error: &QmpError) -> String {
    let Some(data) = &error.data else { return String::new() };
    let list = |key: &str| {
        let names: Vec<&str> = data[key].as_array()?.iter().filter_map(Value::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(phases) = list("allowed-phases") {
        let now = data["phase"].as_str().unwrap_or_default();
        return format!(" (now '{now}'; permitted at: {phases}){}", next_step(now, &phases));
    }
    let near = list("nearest").map(|names| format!(" (did you mean {names}?)"));
    let accepted = || list("accepted").map(|names| format!(" (accepted: {names})"));
    let children = || {
        let parent = data["parent"].as_str()?;
        list("children").map(|names| format!(" ({parent} has {names})"))
    };
    near.or_else(accepted).or_else(children).unwrap_or_default()
}

/// What leads from a phase to the next one of some others.
fn next_step(now: &str, permitted: &str) -> String {
    let phase = |name: &str| Phase::ALL.iter().copied().find(|phase| phase.as_str() == name);
    let Some(now) = phase(now) else { return String::new() };
    let later = permitted.split(", ").filter_map(phase).filter(|phase| *phase > now).min();
    match (now, later) {
        (_, None) => "; that is over: no phase is entered a second time".into(),
        (Phase::NoMachine, Some(Phase::MachineCreated)) => "; next: machine-set type=...".into(),
        (Phase::NoMachine, Some(later)) => {
            format!("; next: machine-set type=..., then set-machine-phase phase={later}")
        }
        (_, Some(later)) => format!("; next: set-machine-phase phase={later}"),
    }
}
