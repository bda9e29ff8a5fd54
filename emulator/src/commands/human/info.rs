//! `info`: what there is to see, in QEMU's words where people know them; else the answer of the
//! command `query-NAME`.

use std::collections::HashMap;
use std::fmt::Write as _;

use qapi_runtime::{QmpError, Value};
use serde_json::json;

use super::{inspect, schema};
use crate::board::{Board, Device, View};
use crate::devices::PortDirection;
use crate::door::{Command, Door};

/// What prints something about the program; `info NAME`.
struct Info {
    name: &'static str,
    help: &'static str,
    print: fn(&mut Door, usize) -> Result<String, QmpError>,
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
    Info { name: "network", help: "show the network state", print: info_network },
    Info { name: "pci", help: "show PCI info", print: info_pci },
    Info {
        name: "qom-tree",
        help: "show QOM composition tree",
        print: |door, _| {
            let mut text = String::from("/machine (machine)\n");
            qom_tree(door, "/machine", 1, &mut text)?;
            Ok(text)
        },
    },
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
        name: "usernet",
        help: "show user network stack connection states",
        print: info_usernet,
    },
    Info {
        name: "version",
        help: "show the version",
        print: |_, _| Ok(format!("{}\n", version())),
    },
];

/// `info`, `info WHAT`
pub(super) fn run(door: &mut Door, what: &str, hart: usize) -> Result<String, QmpError> {
    if what.is_empty() {
        let own = INFOS.iter().map(|info| format!("info {}  -- {}\n", info.name, info.help));
        let others = schema::queries()
            .filter(|(name, _)| INFOS.iter().all(|info| info.name != *name))
            .map(|(name, command)| format!("info {name}  -- {}\n", schema::brief(command)));
        return Ok(own.chain(others).collect());
    }
    if let Some(info) = INFOS.iter().find(|info| info.name == what) {
        return (info.print)(door, hart);
    }
    let (name, rest) = what.split_once(char::is_whitespace).unwrap_or((what, ""));
    match schema::query(name) {
        Some(command) => schema::run(door, command, rest),
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

fn texts<'a>(one: &'a Value, keys: [&str; 4]) -> [&'a str; 4] {
    keys.map(|key| one[key].as_str().unwrap_or_default())
}

fn info_network(door: &mut Door, _hart: usize) -> Result<String, QmpError> {
    let list = query(door, "x-query-netdev")?;
    let lines = list.as_array().into_iter().flatten().map(|one| {
        let [id, info, device, device_info] = texts(one, ["id", "info", "device", "device-info"]);
        let own = format!("{id}: index=0,{info}\n");
        match device {
            "" => own,
            device => format!("{device}: index=0,{device_info}\n \\ {own}"),
        }
    });
    Ok(lines.collect())
}

fn info_usernet(door: &mut Door, _hart: usize) -> Result<String, QmpError> {
    let list = query(door, "x-query-netdev")?;
    let mut text = String::new();
    for one in list.as_array().into_iter().flatten() {
        let [id, info, ..] = texts(one, ["id", "info", "", ""]);
        if !info.starts_with("type=user") {
            continue;
        }
        let _ = writeln!(text, "Hub -1 ({id}):");
        let _ = writeln!(text, "  Protocol[State]    Source Address         Dest. Address");
        for forward in one["forwards"].as_array().into_iter().flatten() {
            let [protocol, host, guest, _] = texts(forward, ["protocol", "host", "guest", ""]);
            let state = format!("{}[HOST_FORWARD]", protocol.to_uppercase());
            let _ = writeln!(text, "  {state:<18} {host:<22} {guest}");
        }
    }
    Ok(text)
}

fn info_pci(door: &mut Door, _hart: usize) -> Result<String, QmpError> {
    let mut text = String::new();
    for bus in query(door, "query-pci")?.as_array().into_iter().flatten() {
        pci_devices(&bus["devices"], &mut text);
    }
    Ok(text)
}

/// Functions, and behind a bridge those that it leads to.
fn pci_devices(devices: &Value, text: &mut String) {
    for device in devices.as_array().into_iter().flatten() {
        let number = |key: &str| device[key].as_i64().unwrap_or_default();
        let (class, id) = (&device["class_info"], &device["id"]);
        let of = |key: &str| id[key].as_i64();
        let what = match class["desc"].as_str() {
            Some(name) => name.to_owned(),
            None => format!("Class {:04}", class["class"].as_i64().unwrap_or_default()),
        };
        let _ = writeln!(
            text,
            "  Bus {:2}, device {:3}, function {}:\n    {what}: PCI device {:04x}:{:04x}",
            number("bus"),
            number("slot"),
            number("function"),
            of("vendor").unwrap_or_default(),
            of("device").unwrap_or_default(),
        );
        if let (Some(vendor), Some(subsystem)) = (of("subsystem-vendor"), of("subsystem")) {
            let _ = writeln!(text, "      PCI subsystem {vendor:04x}:{subsystem:04x}");
        }
        if let Some(pin @ 1..=4) = device["irq_pin"].as_u64() {
            let pin = char::from(b'@' + pin as u8);
            let _ = writeln!(text, "      IRQ {}, pin {pin}", number("irq"));
        }
        let bridge = &device["pci_bridge"];
        pci_bridge(&bridge["bus"], text);
        for region in device["regions"].as_array().into_iter().flatten() {
            pci_region(region, text);
        }
        let _ = writeln!(text, "      id \"{}\"", device["qdev_id"].as_str().unwrap_or_default());
        pci_devices(&bridge["devices"], text);
    }
}

fn pci_bridge(bus: &Value, text: &mut String) {
    if bus.is_null() {
        return;
    }
    let number = |key: &str| bus[key].as_i64().unwrap_or_default();
    let _ = writeln!(
        text,
        "      BUS {}.\n      secondary bus {}.\n      subordinate bus {}.",
        number("number"),
        number("secondary"),
        number("subordinate"),
    );
    for (name, key, digits) in [
        ("IO", "io_range", 4),
        ("memory", "memory_range", 8),
        ("prefetchable memory", "prefetchable_range", 8),
    ] {
        let [base, limit] = ["base", "limit"].map(|end| bus[key][end].as_i64().unwrap_or_default());
        let _ = writeln!(text, "      {name} range [0x{base:0digits$x}, 0x{limit:0digits$x}]");
    }
}

fn pci_region(region: &Value, text: &mut String) {
    let number = |key: &str| region[key].as_i64().unwrap_or_default();
    let is = |key: &str| region[key].as_bool().unwrap_or_default();
    let (bar, first) = (number("bar"), number("address"));
    // QEMU does not mind that a region has no address.
    let last = first.wrapping_add(number("size")).wrapping_sub(1);
    let _ = match region["type"].as_str() {
        Some("io") => writeln!(text, "      BAR{bar}: I/O at 0x{first:04x} [0x{last:04x}]."),
        _ => writeln!(
            text,
            "      BAR{bar}: {} bit{} memory at 0x{first:08x} [0x{last:08x}].",
            if is("mem_type_64") { 64 } else { 32 },
            if is("prefetch") { " prefetchable" } else { "" },
        ),
    };
}

/// What is below a path, as `qom-list` tells it.
fn qom_tree(door: &mut Door, path: &str, depth: usize, text: &mut String) -> Result<(), QmpError> {
    let list = door.execute(&Command::new("qom-list", json!({ "path": path }))?)?;
    for property in list.as_array().into_iter().flatten() {
        let word = |key: &str| property[key].as_str().unwrap_or_default();
        let kind = word("type").strip_prefix("child<").and_then(|kind| kind.strip_suffix('>'));
        let Some(kind) = kind else { continue };
        let name = word("name");
        let _ = writeln!(text, "{:indent$}/{name} ({kind})", "", indent = depth * 2);
        qom_tree(door, &format!("{path}/{name}"), depth + 1, text)?;
    }
    Ok(())
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

/// Devices with their regions and wires, each on its bus.
fn qtree(board: &Board) -> String {
    let mut tree = Qtree { board, text: String::new(), buses: HashMap::new() };
    tree.bus("", "main-system-bus", "System");
    for device in board.devices().filter(|device| board.seat(device).is_none()) {
        tree.device(device, 1);
    }
    tree.text
}

/// A tree that is being written.
struct Qtree<'b> {
    board: &'b Board,
    text: String,
    /// How many buses of each kind have been met.
    buses: HashMap<&'static str, u32>,
}

impl Qtree<'_> {
    fn bus(&mut self, indent: &str, name: &str, kind: &str) {
        let _ = writeln!(self.text, "{indent}bus: {name}\n{indent}  type {kind}");
    }

    fn device(&mut self, device: &Device, depth: usize) {
        let (board, indent) = (self.board, "  ".repeat(depth));
        let mut line = |text: std::fmt::Arguments<'_>| {
            let _ = writeln!(self.text, "{indent}{text}");
        };
        let id = if device.named { &*device.name } else { "" };
        line(format_args!("dev: {}, id \"{id}\"", device.kind()));
        for port in device.driver().ports() {
            let way = if port.direction == PortDirection::Input { "in" } else { "out" };
            line(format_args!("  gpio-{way} \"{}\" {}", port.name, port.count));
        }
        for (from, to) in board.wires_from(device) {
            line(format_args!("  irq {} -> {}", board.port_path(&from), board.port_path(&to)));
        }
        let mappings = board.mappings_of(&device.name);
        for mapping in mappings.filter_map(|mapping| board.placed(mapping)) {
            line(format_args!("  mmio {:016x}/{:016x}", mapping.addr, mapping.size));
        }
        let Some(bus) = device.driver().bus() else { return };
        let kind = bus.kind.name();
        let number = self.buses.entry(kind).or_default();
        let name = match device.driver().hot_plug() {
            true => device.name.to_string(),
            false => format!("{kind}.{number}"),
        };
        *number += 1;
        self.bus(&format!("{indent}  "), &name, bus.kind.type_name());
        for (other, _) in board.on_bus_of(device) {
            self.device(other, depth + 2);
        }
    }
}
