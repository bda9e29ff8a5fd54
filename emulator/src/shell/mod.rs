//! A shell for QMP servers: Boardwright, QEMU, and whatever else speaks QMP.
//!
//! A line is a command in the syntax of board scripts, which is qmp-shell's, or a request in JSON.
//! What can be completed and explained comes from the server's own schema and from its live objects;
//! the texts of the documentation are those of this program's schema, where names agree.

mod complete;
mod editor;
mod help;
mod line;
mod live;
mod session;

use std::io::{BufRead, IsTerminal, Write};

use crate::backends::io_thread::IoThread;
use line::{Entry, Reader};
pub use session::Problem;
use session::Session;

/// What a shell is asked to do.
#[derive(Clone, Debug, Default)]
pub struct Task {
    /// Where the server is.
    pub address: String,
    /// Lines to execute; without any, those of standard input, typed or piped.
    pub lines: Vec<String>,
    /// Print every message as one line of JSON.
    pub json: bool,
}

/// What came of a line.
enum Next {
    GoOn,
    Leave,
    Failed,
}

/// Connects and executes lines up to the first that fails; at a terminal, up to the end.
///
/// # Errors
/// There is no connection, or it is lost.
pub fn run(task: &Task) -> Result<u8, Problem> {
    let io = IoThread::start().map_err(Problem::Host)?;
    let session = Session::connect(io.handle().clone(), &task.address, task.json)?;
    if !task.lines.is_empty() {
        return execute_all(&session, task.lines.iter().map(|line| Ok(line.clone())));
    }
    let input = std::io::stdin();
    if input.is_terminal() && std::io::stdout().is_terminal() {
        return editor::interact(&session);
    }
    execute_all(&session, input.lock().lines())
}

/// Lines that nobody types: the first that fails ends the shell.
fn execute_all(
    session: &Session,
    lines: impl Iterator<Item = std::io::Result<String>>,
) -> Result<u8, Problem> {
    session.print_events();
    let mut reader = Reader::default();
    for line in lines {
        match execute(session, &mut reader, &line.map_err(Problem::Host)?)? {
            Next::GoOn => {}
            Next::Leave => break,
            Next::Failed => return Ok(1),
        }
    }
    if reader.is_open() {
        complain("line: the input ends within a block or a request");
        return Ok(1);
    }
    session.settle();
    Ok(0)
}

/// Executes a line and prints what came of it.
fn execute(session: &Session, reader: &mut Reader, text: &str) -> Result<Next, Problem> {
    let entry = match reader.read(text) {
        Ok(entry) => entry,
        Err(message) => {
            complain(&message);
            return Ok(Next::Failed);
        }
    };
    match entry {
        Entry::More => {}
        Entry::Leave => return Ok(Next::Leave),
        Entry::Help(topic) => {
            let text = help::answer(session.schema()?, topic.as_deref());
            return Ok(match text {
                Ok(text) => {
                    session.print(text.trim_end());
                    Next::GoOn
                }
                Err(message) => {
                    complain(&message);
                    Next::Failed
                }
            });
        }
        Entry::Commands(commands) => {
            for command in commands {
                match session.execute(&command.name, command.arguments)? {
                    // The server goes, and with it whom to talk to.
                    Ok(()) if command.name == "quit" => return Ok(Next::Leave),
                    Ok(()) => {}
                    Err(message) => {
                        complain(&message);
                        return Ok(Next::Failed);
                    }
                }
            }
        }
    }
    Ok(Next::GoOn)
}

fn complain(message: &str) {
    if !message.is_empty() {
        // Standard error that is closed is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{message}");
    }
}
