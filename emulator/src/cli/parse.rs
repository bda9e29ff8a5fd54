//! The option loop: finds each option in the table and hands its value to what understands it.

use std::ffi::OsString;

use qapi_runtime::{Map, Value};

use crate::door::Step;

use super::chars::{self, Chars, Mode, Surroundings};
use super::device::{self, Device};
use super::drives::Drives;
use super::error::CliError;
use super::invocation::{Ask, Given, Invocation, is_help};
use super::keyval;
use super::machine::MachineParts;
use super::net::Nets;
use super::options::{self, Id};
use super::script::Script;
use super::shares::Shares;

/// A number of instructions, of which people count in thousands: `50M` is fifty million.
pub fn instructions(text: &str) -> Option<u64> {
    let units = [('k', 1_000), ('K', 1_000), ('M', 1_000_000), ('G', 1_000_000_000)];
    let unit =
        units.into_iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (digits, factor) = unit.unwrap_or((text, 1));
    let number: u64 = digits.replace('_', "").parse().ok()?;
    number.checked_mul(factor).filter(|number| *number > 0)
}

/// A whole number, in hexadecimal after `0x`.
fn seed(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A word of the command line as text.
///
/// # Errors
/// It is not UTF-8.
pub fn text(word: OsString) -> Result<String, CliError> {
    word.into_string()
        .map_err(|word| CliError::NotText { argument: word.to_string_lossy().into_owned() })
}

/// Understands a command line, given without the program's own name.
///
/// # Errors
/// The first thing that is wrong, as a text that names the option and the way out.
pub fn parse<I>(arguments: I) -> Result<Invocation, CliError>
where
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let mut words = arguments.into_iter().map(|word| text(word.into()));
    let mut parser = Parser::default();
    let mut first = true;
    while let Some(word) = words.next().transpose()? {
        let Some(name) = option_name(&word) else {
            parser.word(&word, std::mem::take(&mut first))?;
            continue;
        };
        first = false;
        let row = options::find(name).ok_or_else(|| CliError::unknown_option(&word))?;
        // As in QEMU, the next word is the value whatever it looks like: `-append -v`.
        let value = match row.value {
            Some(_) => {
                words.next().transpose()?.ok_or_else(|| CliError::missing_value(&word, row))?
            }
            None => String::new(),
        };
        if let Some(ask) = parser.option(row.id, Given { option: &word, value: &value })? {
            // What is asked for is printed whatever else the line says.
            return Ok(Invocation { ask: Some(ask), ..parser.invocation });
        }
    }
    parser.finish()
}

/// The name of an option with one dash or two.
fn option_name(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    (!name.is_empty()).then_some(name)
}

#[derive(Debug, Default)]
struct Parser {
    invocation: Invocation,
    machine: MachineParts,
    chars: Chars,
    nets: Nets,
    shares: Shares,
    around: Surroundings,
    log: Option<Step>,
    semihosting: Option<Step>,
    /// Policies and actions.
    settings: Vec<Step>,
    objects: Vec<Step>,
    drives: Drives,
}

impl Parser {
    fn option(&mut self, id: Id, given: Given<'_>) -> Result<Option<Ask>, CliError> {
        let mut ask = None;
        match id {
            Id::Accel => ask = self.machine.accel(given)?,
            Id::Action => self.actions(given)?,
            Id::Append => self.machine.member(given, "append"),
            Id::Bios => self.machine.member(given, "firmware"),
            Id::Blockdev => self.drives.blockdev(given)?,
            Id::Budget => {
                let budget = instructions(given.value).ok_or_else(|| {
                    let text = given.value;
                    given.error(format!("'{text}' is no number of instructions: 50M is one"))
                })?;
                self.invocation.budget = Some(budget);
            }
            Id::Chardev => ask = self.chars.chardev(given)?,
            Id::Compat => self.compat(given)?,
            Id::Cpu if is_help(given.value) => ask = Some(Ask::CpuHelp),
            Id::Cpu => self.machine.member(given, "cpu"),
            Id::Daemonize => {
                self.around.daemonize = true;
                self.invocation.daemonize = true;
            }
            Id::Device => match device::device(given)? {
                Device::Add(step) => self.invocation.devices.push(step),
                Device::Ask(list) => ask = Some(list),
            },
            Id::Display => {
                only_none(given, "there are no windows")?;
                self.around.no_display = true;
            }
            Id::Drive => {
                if let Some((property, drive)) = self.drives.drive(given)? {
                    self.machine.set(given, &property, drive);
                }
            }
            Id::Dtb => self.machine.member(given, "dtb"),
            Id::Gdb => self.chars.debugger(given)?,
            Id::GdbDefault => self.chars.debugger(Given { value: chars::GDB, ..given })?,
            Id::Help => {
                let script = self.invocation.script.as_ref().map(|script| script.path.clone());
                let script = script.filter(|path| !path.as_os_str().is_empty());
                ask = Some(script.map_or(Ask::Help, Ask::ScriptHelp));
            }
            Id::Fsdev => self.shares.fsdev(given)?,
            Id::FwCfg => self.machine.fw_cfg(given)?,
            Id::Icount => self.setting(given, "x-icount-set", "shift")?,
            Id::Initrd => self.machine.member(given, "initrd"),
            Id::Kernel => self.machine.member(given, "kernel"),
            Id::LoadVm => {
                let file = Map::from_iter([("file".into(), given.value.into())]);
                self.invocation.load = Some(given.step("snapshot-load", file));
            }
            Id::Log if is_help(given.value) => ask = Some(Ask::LogHelp),
            Id::Log => self.log_items(given),
            Id::LogFile => drop(self.log(given).insert("filename".into(), given.value.into())),
            Id::LogFilter => drop(self.log(given).insert("filter".into(), given.value.into())),
            Id::Machine => ask = self.machine.machine(given)?,
            Id::Memory => self.machine.memory(given)?,
            Id::Mon => self.chars.mon(given)?,
            Id::Monitor => self.chars.monitor(given, Mode::Readline)?,
            Id::Name => self.name(given)?,
            Id::Net => self.nets.net(given)?,
            Id::Netdev => self.nets.netdev(given)?,
            Id::Nic => self.nets.nic(given)?,
            Id::NoDefaults => self.around.nodefaults = true,
            Id::NoGraphic => self.around.nographic = true,
            Id::NoUserConfig => {}
            Id::NoReboot => self.action(given, "reboot", "shutdown"),
            Id::NoShutdown => self.action(given, "shutdown", "pause"),
            Id::Object => self.object(given)?,
            Id::Pidfile => self.invocation.pidfile = Some(given.value.into()),
            Id::Preconfig => self.invocation.preconfig = true,
            Id::Qmp => self.chars.monitor(given, Mode::Control)?,
            Id::QmpPretty => self.chars.monitor(given, Mode::Pretty)?,
            Id::Rtc => self.setting(given, "x-rtc-set", "base")?,
            Id::Seed => {
                let text = given.value;
                let seed = seed(text)
                    .ok_or_else(|| given.error(format!("Invalid seed number: {text}")))?;
                self.invocation.seed = Some(seed);
            }
            Id::Semihosting => drop(self.semihosting(given)),
            Id::SemihostingConfig => self.semihosting_config(given)?,
            Id::Serial => self.chars.serial(given)?,
            Id::Snapshot => self.drives.snapshot(),
            Id::Smp => self.machine.smp(given)?,
            Id::Stopped => self.invocation.stopped = true,
            Id::Version => ask = Some(Ask::Version),
            Id::Vga => only_none(given, "there is no graphics card")?,
            Id::Virtfs => self.shares.virtfs(given)?,
        }
        Ok(ask)
    }

    /// A word that is no option: a verb, its script, a variable for the script.
    fn word(&mut self, word: &str, first: bool) -> Result<(), CliError> {
        match &mut self.invocation.script {
            None if first && word == "run" => {
                self.around.run = true;
                // The script's path comes with the next word; `finish` misses it.
                self.invocation.script = Some(Script::new(""));
            }
            Some(script) if script.path.as_os_str().is_empty() => script.path = word.into(),
            Some(script) => match word.split_once('=') {
                Some((name, value)) if !name.is_empty() => {
                    script.variables.push((name.into(), value.into()));
                }
                _ => {
                    return Err(CliError::Unexpected {
                        argument: word.into(),
                        hint: "after run SCRIPT come options and NAME=VALUE".into(),
                    });
                }
            },
            None => {
                let hint = match word {
                    "run" => "this verb comes first: run SCRIPT [OPTION...] [NAME=VALUE...]",
                    _ => "a board script is executed by run SCRIPT, other files by -kernel FILE",
                };
                let hint = hint.into();
                return Err(CliError::Unexpected { argument: word.into(), hint });
            }
        }
        Ok(())
    }

    fn name(&mut self, given: Given<'_>) -> Result<(), CliError> {
        for item in keyval::items_with("guest", given.value) {
            match item.key.as_str() {
                "guest" => self.invocation.name = item.value,
                // Threads have names anyway.
                "debug-threads" => {}
                other => {
                    return Err(given.error(format!(
                        "'{other}' is not supported: expected [guest=]NAME[,debug-threads=on]"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Members add up; several `arg` are a list.
    fn semihosting_config(&mut self, given: Given<'_>) -> Result<(), CliError> {
        for item in keyval::items_with("enable", given.value) {
            let (key, value) = item.setting();
            let arguments = self.semihosting(given);
            if key == "arg" {
                let list = arguments.entry("arg").or_insert_with(|| Value::Array(vec![]));
                if let Value::Array(list) = list {
                    list.push(value.into());
                }
            } else {
                given.put(arguments, &key, value.into())?;
            }
        }
        Ok(())
    }

    /// The arguments of the one command that all options about semihosting stand for.
    fn semihosting(&mut self, given: Given<'_>) -> &mut Map {
        let step =
            self.semihosting.get_or_insert_with(|| given.step("x-semihosting-set", Map::new()));
        &mut step.command.arguments
    }

    /// A policy for each item; the command merges it into those before.
    /// What is to be done about what.
    fn actions(&mut self, given: Given<'_>) -> Result<(), CliError> {
        for item in keyval::split(given.value) {
            let Some((event, action)) = item.split_once('=') else {
                return Err(given.error(format!("'{item}' names no action: expected EVENT=ACTION")));
            };
            self.action(given, event, action);
        }
        Ok(())
    }

    fn action(&mut self, given: Given<'_>, event: &str, action: &str) {
        let arguments = Map::from_iter([(event.into(), action.into())]);
        self.settings.push(given.step("set-action", arguments));
    }

    /// A command whose arguments are the option's items; those of several options add up.
    fn setting(&mut self, given: Given<'_>, command: &str, first: &str) -> Result<(), CliError> {
        let before = self.settings.iter().position(|step| step.command.name == command);
        let before = before.map(|index| self.settings.remove(index).command.arguments);
        let mut arguments = before.unwrap_or_default();
        arguments.extend(given.settings(first)?);
        self.settings.push(given.step(command, arguments));
        Ok(())
    }

    fn compat(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let mut arguments = Map::new();
        for item in keyval::split(given.value) {
            let Some((key, value)) = item.split_once('=') else {
                return Err(given.error(format!("'{item}' says no policy: expected ITEM=POLICY")));
            };
            arguments.insert(key.into(), value.into());
        }
        self.settings.push(given.step("x-compat-set", arguments));
        Ok(())
    }

    /// Several options `-d` add up.
    fn log_items(&mut self, given: Given<'_>) {
        let items = given.value.split(',').filter(|item| !item.is_empty()).map(Value::from);
        if let Some(Value::Array(all)) = self.log(given).get_mut("items") {
            all.extend(items);
        }
    }

    /// The arguments of the one command that `-d`, `-D` and `-dfilter` stand for together.
    fn log(&mut self, given: Given<'_>) -> &mut Map {
        let empty = || Map::from_iter([("items".into(), Value::Array(vec![]))]);
        let step = self.log.get_or_insert_with(|| given.step("x-log-set", empty()));
        &mut step.command.arguments
    }

    /// `-object KIND,id=ID,PROP=VALUE`, or JSON.
    fn object(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let arguments = given.arguments("qom-type")?;
        if !arguments.contains_key("id") {
            return Err(given.error("has no id: expected KIND,id=ID[,PROP=VALUE...]"));
        }
        self.objects.push(given.step("object-add", arguments));
        Ok(())
    }

    fn finish(mut self) -> Result<Invocation, CliError> {
        let mut invocation = self.invocation;
        if invocation.script.as_ref().is_some_and(|script| script.path.as_os_str().is_empty()) {
            return Err(CliError::MissingScript);
        }
        (invocation.machine, invocation.accel) = self.machine.finish(&mut invocation.warnings)?;
        invocation.serial_default = self.chars.defaults(self.around)?;
        invocation.serials = std::mem::take(&mut self.chars.serials);
        let chars = self.chars.finish(self.around)?;
        let log = self.log.into_iter().chain(self.settings).chain(self.objects);
        let (drives, disks) = self.drives.finish();
        let (netdevs, cards) = self.nets.finish();
        let (folders, shared) = self.shares.finish();
        let back_ends = drives.into_iter().chain(netdevs).chain(folders);
        invocation.setup = log.chain(chars).chain(back_ends).chain(self.semihosting).collect();
        invocation.devices.extend(disks);
        invocation.devices.extend(cards);
        invocation.devices.extend(shared);
        Ok(invocation)
    }
}

/// For options that clients pass only to switch something off.
fn only_none(given: Given<'_>, why: &str) -> Result<(), CliError> {
    match given.value {
        "none" => Ok(()),
        _ => Err(given.error(format!("{why}: expected {} none", given.option))),
    }
}
