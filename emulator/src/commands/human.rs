//! The human monitor: lines for people, each a transport of the same commands.

use std::fmt::Write as _;
use std::path::Path;

use qapi_runtime::{QmpError, Value};
use serde_json::json;

use super::inspect;
use crate::backends::char::Plain;
use crate::board::{Board, View};
use crate::devices::PortDirection;
use crate::door::{Command, Door};
use crate::qapi::LogItem;

/// What prints something about the program; `info NAME`.
struct Info {
    name: &'static str,
    help: &'static str,
    print: fn(&mut Door, usize) -> Result<String, QmpError>,
}

/// A line's first word.
struct Verb {
    name: &'static str,
    alias: Option<&'static str>,
    arguments: &'static str,
    help: &'static str,
    run: fn(&mut Door, &str, usize) -> Result<String, QmpError>,
}

const INFOS: &[Info] = &[
    Info { name: "chardev", help: "show the character devices", print: info_chardev },
    Info { name: "cpus", help: "show infos for each CPU", print: inspect::cpus },
    Info {
        name: "mtree",
        help: "show memory tree",
        print: |door, _| Ok(mtree(&door.stage.board()?.view())),
    },
    Info { name: "name", help: "show the current VM name", print: info_name },
    Info {
        name: "qtree",
        help: "show device tree",
        print: |door, _| Ok(qtree(door.stage.board()?)),
    },
    Info {
        name: "registers",
        help: "show the cpu registers",
        print: |door, hart| inspect::registers(door, false, hart),
    },
    Info {
        name: "registers -a",
        help: "show the registers of all cpus",
        print: |door, hart| inspect::registers(door, true, hart),
    },
    Info { name: "status", help: "show the current VM status", print: info_status },
    Info {
        name: "version",
        help: "show the version",
        print: |_, _| Ok(format!("{}\n", version())),
    },
];

const VERBS: &[Verb] = &[
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
        run: device_add,
    },
    Verb {
        name: "gdbserver",
        alias: None,
        arguments: "[device]",
        help: "serve debuggers on a back end (default: tcp::1234), or no longer (none)",
        run: gdbserver,
    },
    Verb {
        name: "help",
        alias: Some("?"),
        arguments: "[cmd]",
        help: "show the help",
        run: |_, _, _| Ok(help()),
    },
    Verb {
        name: "info",
        alias: None,
        arguments: "[subcommand]",
        help: "show various information about the system state",
        run: info,
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
        name: "nmi",
        alias: None,
        arguments: "",
        help: "inject an NMI on the default CPU",
        run: |door, _, hart| plain(door, "inject-nmi", json!({ "cpu-index": hart })),
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
        name: "system_powerdown",
        alias: None,
        arguments: "",
        help: "send system power down event",
        run: |door, _, _| plain(door, "system_powerdown", json!({})),
    },
    Verb {
        name: "system_reset",
        alias: None,
        arguments: "",
        help: "reset the system",
        run: |door, _, _| plain(door, "system_reset", json!({})),
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
        let verb = VERBS.iter().find(|verb| verb.name == word || verb.alias == Some(word));
        let text = match verb {
            Some(verb) => (verb.run)(self, rest.trim(), hart)
                .unwrap_or_else(|error| format!("Error: {error}\n")),
            None => format!("unknown command: '{word}'\n"),
        };
        text.replace('\n', "\r\n")
    }
}

fn plain(door: &mut Door, name: &str, arguments: Value) -> Result<String, QmpError> {
    door.execute(&Command::new(name, arguments)?)?;
    Ok(String::new())
}

fn device_add(door: &mut Door, line: &str, _hart: usize) -> Result<String, QmpError> {
    // The same spelling as the option's, read by the same reader.
    let asked = crate::cli::parse(["-device", line])
        .map_err(|error| QmpError::generic(error.to_string()))?;
    if let Some(ask) = &asked.ask {
        return crate::program::help::answer(ask);
    }
    for step in asked.devices {
        door.execute(&step.command)?;
    }
    Ok(String::new())
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

fn help() -> String {
    VERBS.iter().fold(String::new(), |mut text, verb| {
        let alias = verb.alias.map(|alias| format!("|{alias}")).unwrap_or_default();
        let _ = writeln!(text, "{}{alias} {} -- {}", verb.name, verb.arguments, verb.help);
        text
    })
}

fn info(door: &mut Door, what: &str, hart: usize) -> Result<String, QmpError> {
    match INFOS.iter().find(|info| info.name == what) {
        Some(info) => (info.print)(door, hart),
        None if what.is_empty() => Ok(INFOS.iter().fold(String::new(), |mut text, info| {
            let _ = writeln!(text, "info {}  -- {}", info.name, info.help);
            text
        })),
        None => Ok(format!("unknown command: 'info {what}'\n")),
    }
}

fn version() -> String {
    let (major, minor, micro) = crate::QEMU_VERSION;
    format!("{major}.{minor}.{micro} ({})", crate::PACKAGE)
}

fn query(door: &mut Door, name: &str) -> Result<Value, QmpError> {
    door.execute(&Command::new(name, json!({}))?)
}

fn info_status(door: &mut Door, _hart: usize) -> Result<String, QmpError> {
    let status = query(door, "query-status")?;
    let name = status["status"].as_str().unwrap_or_default();
    Ok(match name {
        "running" => "VM status: running\n".into(),
        "paused" => "VM status: paused\n".into(),
        _ => format!("VM status: paused ({name})\n"),
    })
}

fn info_name(door: &mut Door, _hart: usize) -> Result<String, QmpError> {
    let name = query(door, "query-name")?;
    Ok(name["name"].as_str().map(|name| format!("{name}\n")).unwrap_or_default())
}

fn info_chardev(door: &mut Door, _hart: usize) -> Result<String, QmpError> {
    let list = query(door, "query-chardev")?;
    let lines = list.as_array().into_iter().flatten().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_string();
        format!("{}: filename={}\n", text("label"), text("filename"))
    });
    Ok(lines.collect())
}

/// Mappings by address; what is hidden by another is said to be.
fn mtree(view: &View) -> String {
    let mut text = String::from(
        "address-space: memory\n  0000000000000000-ffffffffffffffff (prio 0, i/o): system\n",
    );
    let mut order: Vec<usize> = (0..view.mappings.len()).collect();
    order.sort_by_key(|&index| (view.mappings[index].addr, view.mappings[index].order));
    for index in order {
        let mapping = &view.mappings[index];
        let seen: u128 = view
            .spans
            .iter()
            .filter(|span| span.mapping == index)
            .map(|span| u128::from(span.last - span.first) + 1)
            .sum();
        let hidden = match seen {
            0 => " [hidden]",
            seen if seen < u128::from(mapping.size) => " [partly hidden]",
            _ => "",
        };
        let alias =
            mapping.alias.as_ref().map(|alias| format!(" (alias {alias})")).unwrap_or_default();
        let _ = writeln!(
            text,
            "    {:016x}-{:016x} (prio {}): {}[{}]{alias}{hidden}",
            mapping.addr,
            mapping.last(),
            mapping.priority,
            mapping.device,
            mapping.region
        );
    }
    text
}

/// Devices with their regions and wires.
fn qtree(board: &Board) -> String {
    let mut text = String::from("bus: main-system-bus\n  type System\n");
    for device in board.devices() {
        let id = if device.named { &*device.name } else { "" };
        let _ = writeln!(text, "  dev: {}, id \"{id}\"", device.kind());
        for port in device.driver().ports() {
            let way = if port.direction == PortDirection::Input { "in" } else { "out" };
            let _ = writeln!(text, "    gpio-{way} \"{}\" {}", port.name, port.count);
        }
        for (from, to) in board.wires_from(device) {
            let _ =
                writeln!(text, "    irq {} -> {}", board.port_path(&from), board.port_path(&to));
        }
        let mappings = board.mappings_of(&device.name);
        for mapping in mappings.filter_map(|mapping| board.placed(mapping)) {
            let _ = writeln!(text, "    mmio {:016x}/{:016x}", mapping.addr, mapping.size);
        }
    }
    text
}
