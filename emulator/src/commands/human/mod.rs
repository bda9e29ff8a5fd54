//! The human monitor: lines for people, each a transport of the same commands.
//!
//! A line's first word is looked for among the [`VERBS`], which are what QEMU spells otherwise than
//! its schema, then among the commands of the schema (`schema`). `info` does the same with what can
//! be asked (`info`).

mod info;
mod inspect;
mod schema;

use std::path::Path;

use qapi_runtime::{QmpError, Value, nearest};
use serde_json::json;

use crate::backends::char::Plain;
use crate::door::{Command, Door};
use crate::qapi::{COMMANDS, LogItem};

/// A line's first word.
struct Verb {
    name: &'static str,
    alias: Option<&'static str>,
    arguments: &'static str,
    help: &'static str,
    run: fn(&mut Door, &str, usize) -> Result<String, QmpError>,
}

const VERBS: &[Verb] = &[
    Verb {
        name: "chardev-add",
        alias: None,
        arguments: "kind,id=id[,prop=value][,...]",
        help: "add chardev, like -chardev on the command line",
        run: |door, line, _| option(door, "-chardev", line),
    },
    Verb {
        name: "cont",
        alias: Some("c"),
        arguments: "",
        help: "resume emulation",
        run: |door, _, _| plain(door, "cont", json!({})),
    },
    Verb {
        name: "cpu",
        alias: None,
        arguments: "index",
        help: "set the default CPU",
        run: inspect::cpu,
    },
    Verb {
        name: "device_add",
        alias: None,
        arguments: "driver[,prop=value][,...]",
        help: "add device, like -device on the command line",
        run: |door, line, _| option(door, "-device", line),
    },
    Verb {
        name: "gdbserver",
        alias: None,
        arguments: "[device]",
        help: "serve debuggers on a back end (default: tcp::1234), or no longer (none)",
        run: gdbserver,
    },
    Verb { name: "help", alias: Some("?"), arguments: "[cmd]", help: "show the help", run: help },
    Verb {
        name: "hostfwd_add",
        alias: None,
        arguments: "[netdev_id] [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport",
        help: "redirect TCP or UDP connections from host to guest (requires -net user)",
        run: |door, line, _| forward(door, "x-hostfwd-add", line),
    },
    Verb {
        name: "hostfwd_remove",
        alias: None,
        arguments: "[netdev_id] [tcp|udp]:[hostaddr]:hostport",
        help: "remove host-to-guest TCP or UDP redirection",
        run: |door, line, _| forward(door, "x-hostfwd-remove", line),
    },
    Verb {
        name: "info",
        alias: None,
        arguments: "[subcommand]",
        help: "show various information about the system state",
        run: info::run,
    },
    Verb {
        name: "log",
        alias: None,
        arguments: "item1[,...]",
        help: "activate logging of the specified items; none for none",
        run: log,
    },
    Verb {
        name: "logfile",
        alias: None,
        arguments: "filename",
        help: "output logs to 'filename'",
        run: logfile,
    },
    Verb {
        name: "netdev_add",
        alias: None,
        arguments: "[user|tap|socket|stream],id=str[,prop=value][,...]",
        help: "add host network device, like -netdev on the command line",
        run: |door, line, _| option(door, "-netdev", line),
    },
    Verb {
        name: "nmi",
        alias: None,
        arguments: "",
        help: "inject an NMI on the default CPU",
        run: |door, _, hart| plain(door, "inject-nmi", json!({ "cpu-index": hart })),
    },
    Verb {
        name: "object_add",
        alias: None,
        arguments: "kind,id=id[,prop=value][,...]",
        help: "create QOM object, like -object on the command line",
        run: |door, line, _| option(door, "-object", line),
    },
    Verb {
        name: "print",
        alias: Some("p"),
        arguments: "/fmt expr",
        help: "print expression value (use $reg for CPU register access)",
        run: inspect::print,
    },
    Verb {
        name: "quit",
        alias: Some("q"),
        arguments: "",
        help: "quit the emulator",
        run: |door, _, _| plain(door, "quit", json!({})),
    },
    Verb {
        name: "stop",
        alias: Some("s"),
        arguments: "",
        help: "stop emulation",
        run: |door, _, _| plain(door, "stop", json!({})),
    },
    Verb {
        name: "x",
        alias: None,
        arguments: "/fmt addr",
        help: "virtual memory dump starting at 'addr'",
        run: inspect::x,
    },
    Verb {
        name: "xp",
        alias: None,
        arguments: "/fmt addr",
        help: "physical memory dump starting at 'addr'",
        run: inspect::xp,
    },
];

impl Verb {
    /// The line of `help`, laid out as clients expect who read it.
    fn line(&self) -> String {
        let alias = self.alias.map(|alias| format!("|{alias}")).unwrap_or_default();
        format!("{}{alias} {} -- {}\n", self.name, self.arguments, self.help)
    }
}

impl Door {
    /// Executes a line of the human monitor; what it prints, mistakes included, lines ending in
    /// CR LF. `hart` is the one that the line is about.
    pub(crate) fn human(&mut self, line: &str, hart: usize) -> String {
        let line = line.trim();
        // `x/4i` has no space before its format.
        let end = line.find(|letter: char| letter.is_whitespace() || letter == '/');
        let (word, rest) = line.split_at(end.unwrap_or(line.len()));
        if word.is_empty() {
            return String::new();
        }
        let rest = rest.trim();
        let printed = match (verb(word), schema::find(word)) {
            (Some(verb), _) => (verb.run)(self, rest, hart),
            (None, Some(command)) => schema::run(self, command, rest),
            (None, None) => Ok(unknown(word)),
        };
        let text = printed.unwrap_or_else(|error| format!("Error: {error}\n"));
        text.replace('\n', "\r\n")
    }
}

fn plain(door: &mut Door, name: &str, arguments: Value) -> Result<String, QmpError> {
    door.execute(&Command::new(name, arguments)?)?;
    Ok(String::new())
}

/// A line that is spelled like an option of the command line, and read by the same reader.
fn option(door: &mut Door, option: &str, line: &str) -> Result<String, QmpError> {
    let asked = crate::cli::parse(["-nodefaults", option, line])
        .map_err(|error| QmpError::generic(error.to_string()))?;
    if let Some(ask) = &asked.ask {
        return crate::program::help::answer(ask);
    }
    for step in asked.setup.iter().chain(&asked.devices) {
        door.execute(&step.command)?;
    }
    Ok(String::new())
}

/// A rule, behind the name of a back end if there is one.
fn forward(door: &mut Door, command: &str, line: &str) -> Result<String, QmpError> {
    let arguments = match line.split_once(char::is_whitespace) {
        Some((netdev, rule)) => json!({ "netdev": netdev, "rule": rule.trim() }),
        None => json!({ "rule": line }),
    };
    plain(door, command, arguments)
}

fn gdbserver(door: &mut Door, device: &str, _hart: usize) -> Result<String, QmpError> {
    // The same spelling as the option's, read by the same reader.
    let device = if device.is_empty() { crate::cli::GDB } else { device };
    let asked = crate::cli::parse(["-nodefaults", "-gdb", device])
        .map_err(|error| QmpError::generic(error.to_string()))?;
    // Its back end may be the one before.
    plain(door, "x-gdb-server", json!({}))?;
    for step in &asked.setup {
        door.execute(&step.command)?;
    }
    Ok(match asked.setup.is_empty() {
        true => "Disabled gdbserver\n".into(),
        false => format!("Waiting for gdb connection on device '{device}'\n"),
    })
}

/// `log ITEM,...`, or `log none`
fn log(door: &mut Door, line: &str, _hart: usize) -> Result<String, QmpError> {
    let names = line.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none");
    let items: Result<Vec<LogItem>, String> =
        names.map(|name| name.parse().map_err(|_| name.to_owned())).collect();
    let items = items.map_err(|name| {
        QmpError::generic(format!("there is no log item '{name}'"))
            .with_nearest(&name, LogItem::ALL.iter().map(|item| item.as_str()))
    })?;
    door.set_log_items(&items);
    Ok(String::new())
}

fn logfile(door: &mut Door, line: &str, _hart: usize) -> Result<String, QmpError> {
    let path = (!line.is_empty()).then_some(Path::new(line));
    door.host.trace.set_file(path).map_err(|error| {
        QmpError::generic(format!("Cannot write the log to '{line}': {}", Plain(&error)))
    })?;
    Ok(String::new())
}

/// `help`, `help WORD`
fn help(_door: &mut Door, what: &str, _hart: usize) -> Result<String, QmpError> {
    if what.is_empty() {
        let own = VERBS.iter().map(Verb::line);
        let others = COMMANDS.iter().filter(|info| verb(info.name).is_none()).map(|info| {
            format!("{} {} -- {}\n", info.name, schema::arguments(info), schema::brief(info))
        });
        return Ok(own.chain(others).collect());
    }
    match (verb(what), schema::find(what)) {
        (Some(verb), _) => Ok(verb.line()),
        (None, Some(command)) => Ok(schema::about(command)),
        (None, None) => Ok(unknown(what)),
    }
}

fn verb(word: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == word || verb.alias == Some(word))
}

fn unknown(word: &str) -> String {
    let known = VERBS.iter().map(|verb| verb.name).chain(COMMANDS.iter().map(|info| info.name));
    let hint = match nearest(word, known).as_slice() {
        [] => String::new(),
        near => format!("; did you mean {}?", near.join(" or ")),
    };
    format!("unknown command: '{word}'{hint}\n")
}
