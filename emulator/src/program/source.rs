//! A board as an argument of a verb: whatever it is written as, it becomes the value.
//!
//! Nothing of the machine runs, and nothing is opened: a script is executed through the one door,
//! up to `initialized`, on a host that keeps back ends and logs to itself.

use std::fmt;
use std::path::Path;

use qapi_runtime::{Decode, Mode, QmpError, Value};

use super::{Failure, remote, script};
use crate::backends::host::Host;
use crate::board::{Board, Origin};
use crate::cli::{self, script::Script};
use crate::door::{Door, Purpose, Startup};
use crate::phase::Arrival;
use crate::qapi::{BoardDump, CommandOrigin, Phase};

/// The forms, for help texts.
pub(crate) const HELP: &str = "\
A BOARD is one of:
  FILE.qmp [NAME=VALUE...]            a board script, up to phase 'initialized', with its parameters
  FILE.dts, FILE.dtb                  a device tree, as machine sifive_dt reads it
  FILE.json                           what board-dump returns
  machine:TYPE[,PROP=VALUE...]        a machine, as -M has it
  unix:SOCKET                         a running program, by its QMP socket
";

/// Where a board comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// As written.
    text: String,
    form: Form,
    /// What follows it, for a script.
    parameters: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Script,
    Tree,
    Dump,
    Machine,
    Program,
}

/// The parts of `NAME=VALUE`, if a word is that: a name has letters, digits, `-` and `_`.
fn parameter(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let plain = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    (name.starts_with(|char: char| char.is_ascii_alphabetic()) && name.chars().all(plain))
        .then_some((name, value))
}

/// Understands operands: boards, each with the parameters that follow it.
///
/// # Errors
/// A word is neither.
pub(crate) fn sources(operands: &[String]) -> Result<Vec<Source>, Failure> {
    let mut sources: Vec<Source> = Vec::new();
    for word in operands {
        match parameter(word) {
            Some((name, value)) => match sources.last_mut() {
                Some(last) if last.form == Form::Script => {
                    last.parameters.push((name.into(), value.into()));
                }
                _ => {
                    return Err(Failure::Misuse(format!(
                        "'{word}': a parameter follows the script that declares it"
                    )));
                }
            },
            None => {
                let form = Form::of(word)?;
                sources.push(Source { text: word.clone(), form, parameters: Vec::new() });
            }
        }
    }
    Ok(sources)
}

impl Form {
    fn of(word: &str) -> Result<Self, Failure> {
        if word.starts_with("machine:") {
            return Ok(Self::Machine);
        }
        if word.starts_with("unix:") {
            return Ok(Self::Program);
        }
        match Path::new(word).extension().and_then(|end| end.to_str()) {
            Some("qmp") => Ok(Self::Script),
            Some("dts" | "dtb") => Ok(Self::Tree),
            Some("json") => Ok(Self::Dump),
            _ => Err(Failure::Misuse(format!("'{word}' is no board.\n{}", HELP.trim_end()))),
        }
    }
}

impl Source {
    /// Whether a board that is built here comes with its back ends.
    pub(crate) fn has_backends(&self) -> bool {
        matches!(self.form, Form::Machine | Form::Script | Form::Tree)
    }

    /// The board as it stands at `initialized`.
    ///
    /// # Errors
    /// It cannot be read or built; the text names the source and the place in it.
    pub(crate) fn board(&self) -> Result<Board, Failure> {
        match self.form {
            Form::Dump => self.dump(),
            Form::Program => self.program(),
            Form::Machine | Form::Script | Form::Tree => Ok(self.door()?.board()?),
        }
    }

    /// The same, behind a door, for a board that is built here.
    ///
    /// # Errors
    /// As [`Source::board`].
    pub(crate) fn door(&self) -> Result<Door, Failure> {
        let mut door = looking()?;
        match self.form {
            Form::Script => self.script(&mut door)?,
            Form::Tree => {
                // Commas separate properties: in a value, they are doubled.
                let path = self.text.replace(',', ",,");
                self.machine(&mut door, &format!("sifive_dt,dtb={path}"))?;
            }
            Form::Machine => {
                let machine = self.text.trim_start_matches("machine:").to_string();
                self.machine(&mut door, &machine)?;
            }
            Form::Dump | Form::Program => {}
        }
        Ok(door)
    }

    /// What `board-dump` returned, in a file.
    fn dump(&self) -> Result<Board, Failure> {
        let text =
            std::fs::read(&self.text).map_err(super::host(format!("Cannot read '{self}'")))?;
        let value = serde_json::from_slice(&text)
            .map_err(|error| Failure::Misuse(format!("'{self}': not JSON: {error}")))?;
        self.built(&value)
    }

    /// What `board-dump` returns in a program that runs.
    fn program(&self) -> Result<Board, Failure> {
        let socket = self.text.trim_start_matches("unix:");
        let value = remote::dump(socket)
            .map_err(|problem| Failure::Misuse(format!("'{self}': {problem}")))?;
        self.built(&value)
    }

    fn built(&self, dump: &Value) -> Result<Board, Failure> {
        let decoded = BoardDump::decode(dump, &qapi_runtime::Path::ARGUMENTS, Mode::STRICT);
        let built = decoded.and_then(|dump| match dump {
            BoardDump::Json(image) => Board::from_image(&image, |place| {
                Origin::new(CommandOrigin::Script, format!("{self}: {place}"))
            }),
            _ => Err(QmpError::generic("Parameter 'format' expects 'json'")),
        });
        built.map_err(|error| self.failed(error))
    }

    fn script(&self, door: &mut Door) -> Result<(), Failure> {
        let script = Script { path: self.text.clone().into(), variables: self.parameters.clone() };
        script::execute(door, &script, |_| {})?;
        match door.phase() {
            Phase::NoMachine => Err(Failure::Misuse(format!(
                "'{self}' makes no machine: machine-set type=none is how a board begins"
            ))),
            _ => self.arrive(door),
        }
    }

    fn machine(&self, door: &mut Door, machine: &str) -> Result<(), Failure> {
        let invocation = cli::parse(["-M", machine])
            .map_err(|error| Failure::Misuse(format!("'{self}': {error}")))?;
        if invocation.ask.is_some() {
            return Err(Failure::Misuse(format!("'{self}' asks for help: -M {machine} gives it")));
        }
        for step in invocation.machine.iter().chain(&invocation.accel) {
            door.perform(step).map_err(|error| self.failed(error))?;
        }
        self.arrive(door)
    }

    fn arrive(&self, door: &mut Door) -> Result<(), Failure> {
        door.advance(Phase::Initialized, Arrival::Be).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: QmpError) -> Failure {
        Failure::Step(self.to_string(), Box::new(error))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        self.parameters.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// A door that leads to a board and no further.
///
/// # Errors
/// The host gives no thread.
pub(crate) fn looking() -> Result<Door, Failure> {
    let host = Host::closed().map_err(super::host("Cannot start the input and output thread"))?;
    Ok(Door::new(host, Startup { purpose: Purpose::Look, ..Startup::default() }))
}
