//! One variant of a board: built, run to its end, and what became of it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backends::char::{CharConfig, Chardev};
use crate::backends::host::Host;
use crate::cli::script::{Datum, Script};
use crate::door::{Door, Startup};
use crate::program::{Failure, host, script};
use crate::qapi::Phase;

/// How much of the console is kept: the newest.
const CONSOLE: usize = 64 << 10;

/// How a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The guest powers off with a status: 0 is a pass.
    Ended(u8),
    /// The budget is used up.
    Timeout,
    /// It has not come to run.
    Error,
}

/// A run.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// How many instructions its harts have executed.
    pub(super) instructions: u64,
    pub(super) time: Duration,
    /// What it has written to its first serial port.
    pub(super) console: String,
    /// Why it has not come to run.
    pub(super) error: Option<String>,
}

impl Outcome {
    pub(super) fn error(text: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Error,
            instructions: 0,
            time: Duration::ZERO,
            console: String::new(),
            error: Some(text.into()),
        }
    }

    pub(super) fn passed(&self) -> bool {
        self.verdict == Verdict::Ended(0)
    }

    /// `pass`, `fail 4`, `timeout` or `error`.
    pub(super) fn status(&self) -> String {
        match self.verdict {
            Verdict::Ended(0) => "pass".into(),
            Verdict::Ended(status) => format!("fail {status}"),
            Verdict::Timeout => "timeout".into(),
            Verdict::Error => "error".into(),
        }
    }

    /// The last line that says something: of the error, or of the console.
    pub(super) fn last_line(&self) -> &str {
        let text = match &self.error {
            // The first line says what is wrong, the others where.
            Some(error) => return error.lines().next().unwrap_or_default(),
            None => &self.console,
        };
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default()
    }
}

/// Builds the board with these values and runs it.
pub(super) fn run(path: &Path, values: &[(String, Datum)], budget: u64) -> Outcome {
    let begun = Instant::now();
    let outcome = build_and_run(path, values, budget);
    let outcome = outcome.unwrap_or_else(|failure| Outcome::error(failure.to_string()));
    Outcome { time: begun.elapsed(), ..outcome }
}

fn build_and_run(path: &Path, values: &[(String, Datum)], budget: u64) -> Result<Outcome, Failure> {
    let host = Host::start().map_err(host("Cannot start the input and output thread"))?;
    let console = console(&host)?;
    let mut door = Door::new(host, Startup { budget: Some(budget), ..Startup::default() });
    let variables = values.iter().map(|(name, value)| (name.clone(), value.to_string()));
    let script = Script { path: path.into(), variables: variables.collect() };
    script::execute(&mut door, &script, |_| {})?;
    if door.ended().is_none() && door.phase() != Phase::Ready {
        return Ok(Outcome::error(format!("the script ends at '{}'", door.phase())));
    }
    // Whoever sweeps wants to see it run, whatever the script has left it at.
    door.run_machine();
    let status = door.serve();
    let machine = door.stage.machine();
    Ok(Outcome {
        verdict: if door.exhausted { Verdict::Timeout } else { Verdict::Ended(status) },
        instructions: machine.map_or(0, |machine| machine.harts().budget().spent()),
        time: Duration::ZERO,
        console: said(&console),
        error: None,
    })
}

/// The first serial port, kept in memory.
fn console(host: &Host) -> Result<Arc<Chardev>, Failure> {
    let config = CharConfig::Ringbuf { size: CONSOLE };
    let failed = |error| Failure::Misuse(format!("Cannot keep the console: {error}"));
    let console = host.open("serial0", &config).map_err(failed)?;
    host.chardevs.add(console.clone())?;
    Ok(console)
}

fn said(console: &Chardev) -> String {
    let bytes = console.ring_read(CONSOLE).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\r', "")
}
