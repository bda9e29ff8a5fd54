//! Serial ports, monitors and character back ends.
//!
//! `-chardev` and `-mon` are commands as they stand. `-serial`, `-monitor` and `-qmp` are short
//! forms: each makes a back end, under the id that QEMU gives it, and perhaps a monitor on it.

use qapi_runtime::{Map, Value};

use crate::door::Step;

use super::error::CliError;
use super::invocation::{Ask, Given, is_help};
use super::keyval;

/// The forms of a back end, for messages.
const FORMS: &str = "stdio, pty, null, file:PATH, unix:PATH[,server=on][,wait=off], \
                     tcp:HOST:PORT[,server=on][,wait=off], chardev:ID or none";

/// What options say of how this program is started, as far as it decides about defaults.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings {
    /// `-nodefaults`
    pub nodefaults: bool,
    /// `-nographic`
    pub nographic: bool,
    /// `-display none`
    pub no_display: bool,
    /// `-daemonize`
    pub daemonize: bool,
    /// The verb `run`: a person is there, who ends the program with Ctrl-A x.
    pub run: bool,
}

/// Which monitor a short form makes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    /// `-monitor`
    Readline,
    /// `-qmp`
    Control,
    /// `-qmp-pretty`
    Pretty,
}

/// Where `-s` serves debuggers.
pub(crate) const GDB: &str = "tcp::1234";
/// The back end that `-gdb` makes. It lives as long as the server on it.
pub(crate) const GDB_ID: &str = "gdb";

/// What has been said so far.
#[derive(Debug, Default)]
pub(super) struct Chars {
    chardevs: Vec<Step>,
    monitors: Vec<Step>,
    /// The back end of each serial port.
    pub serials: Vec<Option<String>>,
    /// Ports that use a back end of `-chardev`: the option, and the id.
    borrowed: Vec<(CliError, String)>,
    /// The option that uses standard input and output.
    stdio: Option<String>,
    /// How many back ends short forms of monitors have made.
    made_for_monitors: usize,
    /// Whether an option says where a monitor is to be, if only nowhere.
    monitor_given: bool,
    /// The server for debuggers: its back end, if it makes one, and itself.
    debugger: Vec<Step>,
}

impl Chars {
    /// `-chardev KIND,id=ID,...`, or JSON as `chardev-add` has it
    pub(super) fn chardev(&mut self, given: Given<'_>) -> Result<Option<Ask>, CliError> {
        if let Some(arguments) = given.json()? {
            self.chardevs.push(given.step("chardev-add", arguments));
            return Ok(None);
        }
        let mut settings = given.settings("backend")?;
        let kind = settings.shift_remove("backend").unwrap_or_default();
        let kind = kind.as_str().unwrap_or_default();
        if is_help(kind) {
            return Ok(Some(Ask::ChardevHelp));
        }
        let Some(id) = settings.shift_remove("id") else {
            return Err(given.error("has no id: add id=NAME"));
        };
        if kind == "stdio" {
            self.claim_stdio(given)?;
        }
        let mut arguments = Map::from_iter([("id".into(), id), ("backend".into(), kind.into())]);
        arguments.extend(settings);
        wait_by_default(&mut arguments);
        self.chardevs.push(given.step("x-chardev-add", arguments));
        Ok(None)
    }

    /// `-serial BACKEND`
    pub(super) fn serial(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let label = format!("serial{}", self.serials.len());
        let port = match (given.value, given.value.strip_prefix("chardev:")) {
            ("none", _) => None,
            (_, Some(id)) => {
                let problem = format!("there is no back end '{id}': add -chardev KIND,id={id}");
                self.borrowed.push((given.error(problem), id.into()));
                Some(id.into())
            }
            _ => {
                let shared = given.value.strip_prefix("mon:");
                let mut arguments = head(&label, shared.is_some());
                let backend = self.backend(given, shared.unwrap_or(given.value))?;
                let stdio = backend.get("backend").is_some_and(|kind| kind == "stdio");
                arguments.extend(backend);
                if shared.is_some() {
                    // Shared with a monitor, Ctrl-C is for the guest: Ctrl-A x ends the program.
                    if stdio {
                        arguments.insert("signal".into(), false.into());
                    }
                    self.monitor_given = true;
                    self.add_monitor(given, &label, Mode::Readline);
                }
                self.chardevs.push(given.step("x-chardev-add", arguments));
                Some(label)
            }
        };
        self.serials.push(port);
        Ok(())
    }

    /// `-monitor BACKEND`, `-qmp BACKEND`
    pub(super) fn monitor(&mut self, given: Given<'_>, mode: Mode) -> Result<(), CliError> {
        self.monitor_given = true;
        if given.value == "none" {
            return Ok(());
        }
        let id = match given.value.strip_prefix("chardev:") {
            Some(id) => id.to_owned(),
            None => {
                let label = format!("compat_monitor{}", self.made_for_monitors);
                self.made_for_monitors += 1;
                let mut arguments = head(&label, false);
                arguments.extend(self.backend(given, given.value)?);
                self.chardevs.push(given.step("x-chardev-add", arguments));
                label
            }
        };
        self.add_monitor(given, &id, mode);
        Ok(())
    }

    /// `-mon ID,mode=control`
    pub(super) fn mon(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let mut arguments = given.settings("chardev")?;
        // A monitor's own id has no use: no command refers to it.
        arguments.shift_remove("id");
        if !arguments.contains_key("chardev") {
            return Err(given.error("names no back end: add chardev=ID"));
        }
        self.monitor_given = true;
        self.monitors.push(given.step("x-monitor-add", arguments));
        Ok(())
    }

    /// `-gdb BACKEND`; the last one counts.
    pub(super) fn debugger(&mut self, given: Given<'_>) -> Result<(), CliError> {
        self.debugger.clear();
        if given.value == "none" {
            return Ok(());
        }
        let id = match given.value.strip_prefix("chardev:") {
            Some(id) => id.to_owned(),
            None => {
                let mut arguments = head(GDB_ID, false);
                arguments.extend(self.backend(given, given.value)?);
                // As in QEMU, a TCP socket listens, and nobody waits for the debugger.
                if given.value.starts_with("tcp:") {
                    arguments.shift_remove("nodelay");
                    arguments.entry("server").or_insert("on".into());
                    if !given.value.contains("wait") {
                        arguments.insert("wait".into(), "off".into());
                    }
                }
                self.debugger.push(given.step("x-chardev-add", arguments));
                GDB_ID.to_owned()
            }
        };
        let arguments = Map::from_iter([("chardev".into(), id.into())]);
        self.debugger.push(given.step("x-gdb-server", arguments));
        Ok(())
    }

    /// What is there without being asked for: QEMU's rules, for a program that has no windows.
    /// Tells whether serial port 0 is such.
    pub(super) fn defaults(&mut self, around: Surroundings) -> Result<bool, CliError> {
        if around.nodefaults {
            return Ok(false);
        }
        let terminal =
            self.stdio.is_none() && !around.daemonize && (around.nographic || !around.no_display);
        let implicit = |value| Given { option: "-serial", value };
        if self.serials.is_empty() {
            let value = match (terminal, self.monitor_given && !around.run) {
                (false, _) => "null",
                (true, true) => "stdio",
                (true, false) => "mon:stdio",
            };
            self.serial(implicit(value))?;
            return Ok(true);
        }
        if terminal && !self.monitor_given {
            self.monitor(Given { option: "-monitor", value: "stdio" }, Mode::Readline)?;
        }
        Ok(false)
    }

    /// The commands: back ends before what stands on them.
    pub(super) fn finish(self, around: Surroundings) -> Result<Vec<Step>, CliError> {
        let exists = |id: &str| {
            let is = |step: &Step| step.command.arguments.get("id").is_some_and(|own| own == id);
            self.chardevs.iter().any(is)
        };
        if let Some((problem, _)) = self.borrowed.iter().find(|(_, id)| !exists(id)) {
            return Err(problem.clone());
        }
        if let (true, Some(user)) = (around.daemonize, self.stdio) {
            return Err(CliError::BadValue {
                option: "-daemonize".into(),
                problem: format!("a daemon has no stdio, which {user} uses: give it a socket"),
            });
        }
        Ok(self.chardevs.into_iter().chain(self.monitors).chain(self.debugger).collect())
    }

    fn add_monitor(&mut self, given: Given<'_>, chardev: &str, mode: Mode) {
        let name = if matches!(mode, Mode::Readline) { "readline" } else { "control" };
        let mut arguments =
            Map::from_iter([("chardev".into(), chardev.into()), ("mode".into(), name.into())]);
        if matches!(mode, Mode::Pretty) {
            arguments.insert("pretty".into(), true.into());
        }
        self.monitors.push(given.step("x-monitor-add", arguments));
    }

    fn claim_stdio(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let option = format!("{} {}", given.option, given.value);
        match &self.stdio {
            Some(user) => Err(given.error(format!(
                "stdio is in use by {user}: share it with -chardev stdio,id=ID,mux=on and chardev:ID"
            ))),
            None => {
                self.stdio = Some(option);
                Ok(())
            }
        }
    }

    /// The members that a short form says of its back end.
    fn backend(&mut self, given: Given<'_>, text: &str) -> Result<Map, CliError> {
        let kind = |kind: &str| Map::from_iter([("backend".into(), Value::from(kind))]);
        match text.split_once(':') {
            None if text == "stdio" => {
                self.claim_stdio(given)?;
                Ok(kind("stdio"))
            }
            None if matches!(text, "pty" | "null") => Ok(kind(text)),
            // All of it is the path: commas are not special here.
            Some(("file", path)) if !path.is_empty() => {
                let mut file = kind("file");
                file.insert("path".into(), path.into());
                Ok(file)
            }
            Some(("unix", rest)) => socket(given, rest, |socket, path| {
                socket.insert("path".into(), path.into());
                (!path.is_empty()).then_some(())
            }),
            Some(("tcp", rest)) => socket(given, rest, |socket, address| {
                let (host, port) = address.rsplit_once(':')?;
                let host =
                    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                if !host.is_empty() {
                    socket.insert("host".into(), host.into());
                }
                socket.insert("port".into(), port.into());
                (!port.is_empty()).then_some(())
            }),
            Some((kind @ ("telnet" | "tn3270" | "websocket" | "udp" | "pipe"), _)) => {
                Err(given.error(format!("'{kind}' is not supported: expected {FORMS}")))
            }
            _ => Err(given.error(format!("'{text}' is no back end: expected {FORMS}"))),
        }
    }
}

/// The first members of a back end that a short form makes.
fn head(id: &str, mux: bool) -> Map {
    let mut arguments = Map::from_iter([("id".into(), id.into())]);
    // Set by `backend`; here only to come before `mux`.
    arguments.insert("backend".into(), Value::Null);
    if mux {
        arguments.insert("mux".into(), true.into());
    }
    arguments
}

/// An option's server waits for its first client unless it says otherwise; a command's does not.
fn wait_by_default(socket: &mut Map) {
    let server = socket.get("server").is_some_and(|server| server == "on");
    if server && !socket.contains_key("wait") {
        socket.insert("wait".into(), "on".into());
    }
}

/// A socket: its address, then flags and settings.
fn socket(
    given: Given<'_>,
    text: &str,
    address: impl FnOnce(&mut Map, &str) -> Option<()>,
) -> Result<Map, CliError> {
    let mut socket = Map::from_iter([("backend".into(), Value::from("socket"))]);
    let mut parts = keyval::items(text).into_iter();
    let first = keyval::split(text).into_iter().next().unwrap_or_default();
    address(&mut socket, &first).ok_or_else(|| {
        given.error(format!("'{first}' is no address: expected unix:PATH or tcp:HOST:PORT"))
    })?;
    // The address may have a `=` in it; only what follows is settings.
    parts.next();
    for item in parts {
        let (key, value) = item.setting();
        given.put(&mut socket, &key, value.into())?;
    }
    wait_by_default(&mut socket);
    Ok(socket)
}
