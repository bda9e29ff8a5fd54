//! The shell at a terminal: a line editor with completion, history and a prompt that tells the phase.

use std::path::PathBuf;

use qapi_runtime::{Map, Value};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter, Helper};

use super::complete::complete;
use super::line::Reader;
use super::session::Session;
use super::{Next, Problem, execute};

/// The file of the history, where another one than the usual is wanted; empty for none.
const HISTORY: &str = "BOARDWRIGHT_HISTORY";
/// The prompt while a block is open.
const MORE: &str = "... ";
/// How many lines are kept.
const KEPT: usize = 2000;

/// Reads lines and executes them until the user leaves or the server does.
///
/// # Errors
/// The terminal fails, or the connection is lost.
pub(super) fn interact(session: &Session) -> Result<u8, Problem> {
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .auto_add_history(true)
        .max_history_size(KEPT)
        .and_then(|config| config.history_ignore_dups(true))
        .map_err(terminal)?
        .build();
    let mut editor: Editor<Assistant<'_>, FileHistory> =
        Editor::with_config(config).map_err(terminal)?;
    editor.set_helper(Some(Assistant(session)));
    let history = history();
    if let Some(path) = &history {
        // The first time, there is none.
        let _ = editor.load_history(path);
    }
    let mut printer = editor.create_external_printer().map_err(terminal)?;
    session.print(&format!(
        "Connected to {} at {}. help lists the commands, exit leaves, the tabulator completes.",
        session.server(),
        session.address()
    ));
    session.set_printer(Box::new(move |text| {
        let _ = printer.print(format!("{text}\n"));
    }));
    session.print_events();
    let result = read_lines(session, &mut editor);
    if let Some(path) = &history {
        if let Some(folder) = path.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        // A history that cannot be kept is no reason to fail.
        let _ = editor.save_history(path);
    }
    result
}

fn read_lines(
    session: &Session,
    editor: &mut Editor<Assistant<'_>, FileHistory>,
) -> Result<u8, Problem> {
    let mut reader = Reader::default();
    loop {
        let prompt = if reader.is_open() { MORE.into() } else { prompt(session) };
        match editor.readline(&prompt) {
            Ok(line) => match execute(session, &mut reader, &line)? {
                Next::GoOn | Next::Failed => {}
                Next::Leave => return Ok(0),
            },
            Err(ReadlineError::Interrupted) => reader.drop_open(),
            Err(ReadlineError::Eof) => return Ok(0),
            Err(error) => return Err(terminal(error)),
        }
    }
}

/// Where the machine is: its phase while it is built, then whether it runs.
fn prompt(session: &Session) -> String {
    let told = |command: &str, member: &str| {
        let answer = session.ask(command, Map::new())?;
        answer.get(member).and_then(Value::as_str).map(String::from)
    };
    let phase = told("query-machine-phase", "phase").filter(|phase| phase != "ready");
    match phase.or_else(|| told("query-status", "status")) {
        Some(state) => format!("({state}) "),
        None => "(qmp) ".into(),
    }
}

fn history() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(HISTORY) {
        return Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty());
    }
    let folder = match std::env::var_os("XDG_STATE_HOME").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".local/state"),
    };
    Some(folder.join("boardwright/history"))
}

fn terminal(error: ReadlineError) -> Problem {
    match error {
        ReadlineError::Io(error) => Problem::Host(error),
        error => Problem::Host(std::io::Error::other(error)),
    }
}

/// What the editor asks while a line is typed.
struct Assistant<'s>(&'s Session);

impl Completer for Assistant<'_> {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        // Without a schema there is nothing to offer; the next command will say why.
        let Ok(schema) = self.0.schema() else { return Ok((position, Vec::new())) };
        let begun = line.get(..position).unwrap_or_default();
        let (start, found) = complete(begun, schema, self.0);
        let pair = |found: super::complete::Candidate| Pair {
            display: found.shown,
            replacement: found.text,
        };
        Ok((start, found.into_iter().map(pair).collect()))
    }
}

impl Hinter for Assistant<'_> {
    type Hint = String;
}
impl Highlighter for Assistant<'_> {}
impl Validator for Assistant<'_> {}
impl Helper for Assistant<'_> {}
