//! The program from its options to its exit status.

mod daemon;
pub(crate) mod help;
mod remote;
mod script;
pub(crate) mod source;
pub(crate) mod verbs;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use qapi_runtime::QmpError;
use serde_json::json;

use crate::backends::char::{Plain, terminal};
use crate::backends::host::Host;
use crate::board::Origin;
use crate::cli::{self, Ask, Invocation};
use crate::door::{Command, Door, Startup, Step};
use crate::phase::Arrival;
use crate::qapi::{CommandOrigin, Phase, ShutdownCause};
use crate::qmp::Monitor;

pub(crate) use script::{hint, read as read_script};

/// How long output may take to reach its reader before the program ends without it.
const DRAIN: Duration = Duration::from_secs(5);

/// Why the program ends before it has begun.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Options(#[from] cli::CliError),
    #[error("{}: {}{}", .0, .1.desc, script::hint(.1))]
    Step(String, Box<QmpError>),
    #[error("{}{}", .0.desc, script::hint(.0))]
    Qmp(Box<QmpError>),
    #[error("{0}")]
    Script(#[from] script::Failed),
    #[error("{what}: {}", Plain(source))]
    Host { what: String, source: std::io::Error },
    #[error("{0}")]
    Misuse(String),
    #[error(
        "No machine specified, and nothing to specify one with: add -M MACHINE (-M help lists them), a monitor (-qmp ...), or run a script (boardwright run SCRIPT)"
    )]
    NothingToDo,
}

impl From<QmpError> for Failure {
    fn from(error: QmpError) -> Self {
        Self::Qmp(Box::new(error))
    }
}

fn host(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
    let what = what.into();
    move |source| Failure::Host { what, source }
}

/// Runs the program with its arguments, its own name left out; returns the exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Result<Vec<String>, _> = arguments.into_iter().map(cli::text).collect();
    match arguments {
        Ok(arguments) if verbs::is_verb(&arguments) => verbs::execute(&arguments),
        Ok(arguments) => start(&arguments).unwrap_or_else(|failure| fail(&failure, 1)),
        Err(error) => fail(&error.into(), 1),
    }
}

/// Says why the program ends; returns its exit status.
fn fail(failure: &Failure, status: u8) -> u8 {
    let _ = writeln!(std::io::stderr(), "boardwright: {failure}");
    status
}

/// Runs a machine, or a script that makes one.
pub(crate) fn start(arguments: &[String]) -> Result<u8, Failure> {
    let invocation = cli::parse(arguments.iter().cloned())?;
    if let Some(ask) = &invocation.ask {
        let text = match ask {
            Ask::ScriptHelp(path) => script::help(path)?,
            ask => help::answer(ask)?,
        };
        // A reader that has gone away is no error of ours.
        let _ = std::io::stdout().write_all(text.as_bytes());
        return Ok(0);
    }
    for warning in &invocation.warnings {
        let _ = writeln!(std::io::stderr(), "boardwright: {warning}");
    }
    if invocation.daemonize && !daemon::is_child() {
        return daemon::detach(arguments).map_err(host("Cannot start in the background"));
    }
    let daemon = if invocation.daemonize {
        Some(daemon::Child::begin().map_err(host("Cannot leave the terminal"))?)
    } else {
        None
    };
    let mut door = open(&invocation)?;
    let status = work(&mut door, &invocation, daemon);
    finish(&mut door, &invocation);
    status
}

/// From the first option to the end of the guest.
fn work(
    door: &mut Door,
    invocation: &Invocation,
    daemon: Option<daemon::Child>,
) -> Result<u8, Failure> {
    attach(door, invocation)?;
    watch_signals(door);
    prepare(door, invocation)?;
    if let Some(path) = &invocation.pidfile {
        std::fs::write(path, format!("{}\n", std::process::id()))
            .map_err(host(format!("Cannot write the pid to '{}'", path.display())))?;
    }
    if let Some(daemon) = daemon {
        daemon.ready().map_err(host("Cannot leave the terminal"))?;
    }
    if door.phase() != Phase::Ready && std::io::stderr().is_terminal() {
        door.host.warn(&format!(
            "at '{}', waiting for commands (-help lists the options)",
            door.phase()
        ));
    }
    let status = if go_on(door, invocation) { door.serve() } else { 0 };
    if door.exhausted {
        let spent = door.stage.machine().map_or(0, |machine| machine.harts().budget().spent());
        door.host.warn(&format!("the budget is used up: {spent} instructions"));
    }
    Ok(status)
}

fn open(invocation: &Invocation) -> Result<Door, Failure> {
    let host = Host::start().map_err(host("Cannot start the input and output thread"))?;
    let startup = Startup {
        name: invocation.name.clone(),
        stopped: invocation.stopped,
        budget: invocation.budget,
        seed: invocation.seed,
        ..Startup::default()
    };
    Ok(Door::new(host, startup))
}

fn execute(door: &mut Door, step: &Step) -> Result<(), Failure> {
    door.perform(step)
        .map(|_| ())
        .map_err(|error| Failure::Step(step.origin.to_string(), Box::new(error)))
}

/// Logging, back ends and monitors. A socket may wait here for its first client as long as it
/// takes; a signal then ends the program at once, because nobody listens to it yet.
fn attach(door: &mut Door, invocation: &Invocation) -> Result<(), Failure> {
    for step in &invocation.setup {
        execute(door, step)?;
    }
    Ok(())
}

/// The machine and its phases; or the script.
fn prepare(door: &mut Door, invocation: &Invocation) -> Result<(), Failure> {
    for (number, id) in invocation.serials.iter().enumerate() {
        let name = format!("serial{number}");
        if let Some(id) = id.as_ref().filter(|id| **id != name) {
            let alias = json!({ "id": name, "backend": "alias", "chardev": id });
            let command = Command::new("x-chardev-add", alias)?;
            let origin = format!("option -serial chardev:{id}");
            let origin = Origin::new(CommandOrigin::Option, origin);
            execute(door, &Step { command, origin })?;
        }
    }
    door.defer(invocation.devices.clone());
    door.begin_with(invocation.load.clone());
    for step in invocation.machine.iter().chain(&invocation.accel) {
        execute(door, step)?;
    }
    if let Some(script) = &invocation.script {
        return Ok(script::run(door, script)?);
    }
    let target = match (door.phase(), invocation.preconfig) {
        // Only QMP has the command that makes a machine.
        (Phase::NoMachine, _) if has_qmp(door) => return Ok(()),
        (Phase::NoMachine, _) => return Err(Failure::NothingToDo),
        (_, true) => Phase::AccelCreated,
        (_, false) => Phase::Ready,
    };
    door.advance(target, Arrival::Be)?;
    if target == Phase::Ready && !invocation.stopped {
        door.run_machine();
    }
    Ok(())
}

fn has_qmp(door: &Door) -> bool {
    door.host.monitors.iter().any(Monitor::is_control)
}

/// Whether there is anything to wait for: a guest that runs, or somebody who can give commands. A
/// script that ends too early is not saved by the human monitor that is there by default.
fn go_on(door: &Door, invocation: &Invocation) -> bool {
    if door.phase() == Phase::Ready || has_qmp(door) || invocation.script.is_none() {
        return true;
    }
    let text = format!(
        "the script ends at '{}': set-machine-phase phase=ready runs the board",
        door.phase()
    );
    door.host.warn(&text);
    false
}

/// Ends the program when a signal asks for it.
fn watch_signals(door: &Door) {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        let inbox = door.inbox().clone();
        let handle = door.host.io.handle();
        // Here, not in the task: a signal may come as soon as there is a socket or a pid file.
        // Without a handler it does what it does by default: end the program.
        let registered = {
            let _context = handle.enter();
            signal(kind)
        };
        let Ok(mut signals) = registered else { continue };
        handle.spawn(async move {
            if signals.recv().await.is_some() {
                inbox.end(ShutdownCause::HostSignal);
            }
            // The machine thread may be at work on something that does not end, such as a read
            // from a FIFO: whoever asks twice is not kept waiting.
            if signals.recv().await.is_some() {
                terminal::restore();
                std::process::exit(1);
            }
        });
    }
}

/// Lets everything that was said reach its reader, and takes the traces of the program away.
fn finish(door: &mut Door, invocation: &Invocation) {
    door.report_unmodelled();
    door.hub().drain(DRAIN);
    // Before the machine goes, whose consoles would leave the focus to them.
    door.host.monitors.clear();
    door.chardevs().drain(DRAIN);
    door.host.blocks.flush();
    if let Some(path) = &invocation.pidfile {
        // Somebody may have taken it away already.
        let _ = std::fs::remove_file(path);
    }
}
