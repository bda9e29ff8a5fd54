//! What a command line asks for: commands in the order in which they are to be executed, and the
//! few things about the process itself that no command changes.

use std::path::PathBuf;

use qapi_runtime::{Map, Value};

use crate::board::Origin;
use crate::door::{Command, Step};
use crate::qapi::CommandOrigin;

use super::error::CliError;
use super::keyval;
use super::script::Script;

/// Something to print instead of a machine to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The verbs and options.
    Help,
    /// The parameters of a script.
    ScriptHelp(PathBuf),
    /// The version.
    Version,
    /// The types of machine.
    MachineHelp,
    /// The properties of a type of machine.
    MachineProperties(String),
    /// The drivers of devices.
    DeviceHelp,
    /// The properties of a driver.
    DeviceProperties(String),
    /// The types of CPU.
    CpuHelp,
    /// The accelerators.
    AccelHelp,
    /// The kinds of character back end.
    ChardevHelp,
    /// What can be logged.
    LogHelp,
}

/// A command line, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Invocation {
    /// What to print before ending. The rest is then as far as it was read.
    pub ask: Option<Ask>,
    /// Logging, character back ends and monitors, to be executed at once, in this order.
    pub setup: Vec<Step>,
    /// `machine-set`, if a machine is named.
    pub machine: Option<Step>,
    /// `accel-set`, if an accelerator is named.
    pub accel: Option<Step>,
    /// `device_add`, to be executed on entering `initialized`.
    pub devices: Vec<Step>,
    /// The character back end of each serial port, by number; `None` for one that is not there.
    /// Ports made by `-serial` itself have back ends `serial0`, `serial1`, ...; the name differs
    /// for `-serial chardev:ID`.
    pub serials: Vec<Option<String>>,
    /// Whether serial port 0 is there by default rather than by `-serial`.
    pub serial_default: bool,
    /// `-preconfig`: stop at `accel-created`.
    pub preconfig: bool,
    /// `snapshot-load`, to be executed on entering `ready`.
    pub load: Option<Step>,
    /// `-S`: entering `ready` does not start the guest.
    pub stopped: bool,
    /// `-budget`.
    pub budget: Option<u64>,
    /// `-seed`.
    pub seed: Option<u64>,
    /// `-name`.
    pub name: Option<String>,
    /// `-pidfile`.
    pub pidfile: Option<PathBuf>,
    /// `-daemonize`.
    pub daemonize: bool,
    /// The verb `run`.
    pub script: Option<Script>,
    /// To be printed to standard error; none is a reason to end.
    pub warnings: Vec<String>,
}

/// An option as written, while it is being understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    /// Dashes and name.
    pub option: &'a str,
    /// Its value; empty for an option without.
    pub value: &'a str,
}

impl Given<'_> {
    fn text(self) -> String {
        format!("{} {}", self.option, self.value).trim_end().into()
    }

    /// The error for a value that cannot be right.
    pub(super) fn error(self, problem: impl Into<String>) -> CliError {
        CliError::BadValue { option: self.text(), problem: problem.into() }
    }

    /// The members of a value in JSON; `None` where it is written in another way.
    pub(super) fn json(self) -> Result<Option<Map>, CliError> {
        if !self.value.trim_start().starts_with('{') {
            return Ok(None);
        }
        let members = serde_json::from_str(self.value);
        members.map(Some).map_err(|problem| self.error(format!("not JSON: {problem}")))
    }

    /// The arguments of a command: a value in JSON, or a list as in [`Given::settings`].
    pub(super) fn arguments(self, implied: &str) -> Result<Map, CliError> {
        self.json()?.map_or_else(|| self.settings(implied), Ok)
    }

    /// `key=value` items, the first of which may leave out the key that is implied.
    pub(super) fn settings(self, implied: &str) -> Result<Map, CliError> {
        let mut arguments = Map::new();
        for item in keyval::items_with(implied, self.value) {
            let (key, value) = item.setting();
            self.put(&mut arguments, &key, value.into())?;
        }
        Ok(arguments)
    }

    /// Sets a member of arguments; a key with dots leads into them.
    pub(super) fn put(self, map: &mut Map, key: &str, value: Value) -> Result<(), CliError> {
        keyval::insert(map, key, value).map(drop).map_err(|problem| self.error(problem))
    }

    /// The command this option stands for. What is there by default comes from the option that
    /// would say so.
    pub(super) fn step(self, name: &str, arguments: Map) -> Step {
        Step {
            command: Command { name: name.into(), arguments },
            origin: Origin::new(CommandOrigin::Option, format!("option {}", self.text())),
        }
    }
}

/// Whether a value asks what the option accepts.
pub(super) fn is_help(value: &str) -> bool {
    matches!(value, "help" | "?")
}
