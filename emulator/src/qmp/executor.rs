//! What a monitor needs of the rest of the program: somebody who runs commands.

use std::fmt;
use std::sync::Arc;

use qapi_runtime::{Map, QmpError, Value};

use super::monitor::MonitorState;

/// What a monitor has to know of a command before it passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandFacts {
    /// Whether it may be run out of band.
    pub allow_oob: bool,
}

/// Called once with what a command came to. `Ok(None)` means that success is not answered.
pub type Done = Box<dyn FnOnce(Result<Option<Value>, QmpError>) + Send>;

/// A command to be run in order.
pub struct Request {
    /// The command.
    pub name: String,
    /// Its arguments, not checked.
    pub arguments: Map,
    /// What the client calls the request.
    pub id: Option<Value>,
    /// Who asks.
    pub monitor: Arc<MonitorState>,
    /// To be called with the result, after the events that the command raised were emitted. If it
    /// is dropped instead, the client is told that the command was abandoned.
    pub done: Done,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {:?})", self.name, self.arguments)
    }
}

/// Runs the commands of control monitors.
pub trait Executor: Send + Sync + 'static {
    /// Queues an in-band command for the machine thread; may be called from any thread, also
    /// from inside [`Request::done`].
    fn submit(&self, request: Request);

    /// What is known of a command; `None` if there is no such command.
    fn lookup(&self, name: &str) -> Option<CommandFacts>;

    /// What to answer where there is no such command.
    fn not_found(&self, name: &str) -> QmpError {
        QmpError::command_not_found(format!("The command {name} has not been found"))
    }

    /// Runs a command that allows it at once, on the caller's thread.
    ///
    /// # Errors
    ///
    /// Whatever the command has to complain about.
    fn out_of_band(
        &self,
        name: &str,
        arguments: &Map,
        monitor: &Arc<MonitorState>,
    ) -> Result<Value, QmpError>;
}

/// Runs the lines typed into human monitors.
pub trait HumanExecutor: Send + Sync + 'static {
    /// Runs a line, now or later, and passes what it prints to `done`. Must not wait for
    /// anything: the caller serves all channels.
    fn run(&self, line: String, done: Box<dyn FnOnce(String) + Send>);
}

impl<F> HumanExecutor for F
where
    F: Fn(String, Box<dyn FnOnce(String) + Send>) + Send + Sync + 'static,
{
    fn run(&self, line: String, done: Box<dyn FnOnce(String) + Send>) {
        self(line, done);
    }
}
