//! The device tree that the guest gets: the board as it stands, each device's node from its driver.

use std::collections::HashSet;
use std::path::Path;

use boardwright_devicetree::{Node, Tree};
use boardwright_riscv::{CpuModel, Extension};
use qapi_runtime::QmpError;

use crate::backends::char::Plain;
use crate::board::{Board, Device, Name};
use crate::devices::node::{Phandles, Place};
use crate::qapi::{DeviceDriver, DeviceOptionsDriver};

/// Ticks a second of `time` where no machine timer is.
const DEFAULT_TIMEBASE: u32 = 10_000_000;

/// Reads a tree, source or binary.
///
/// # Errors
/// It cannot be read; the message names the place in it.
pub fn read(path: &str) -> Result<Tree, QmpError> {
    Tree::read(Path::new(path)).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| match cause.downcast_ref() {
            Some(host) => format!(": {}", Plain(host)),
            None => format!(": {cause}"),
        });
        let text = error.to_string();
        let cause = cause.filter(|cause| !text.contains(cause.trim_start_matches(": ")));
        QmpError::generic(format!("{text}{}", cause.unwrap_or_default()))
    })
}

/// The tree as a flattened blob.
///
/// # Errors
/// A name in it cannot be written.
pub fn to_blob(tree: &Tree) -> Result<Vec<u8>, QmpError> {
    tree.to_blob()
        .map_err(|error| QmpError::generic(format!("Cannot write the device tree: {error}")))
}

/// Describes a board; `initrd` is where an initial file system lies, first address and end.
///
/// # Errors
/// A hart array has no CPU.
pub fn describe(board: &Board, initrd: Option<(u64, u64)>) -> Result<Tree, QmpError> {
    let phandles = Phandles::new(board);
    let mut soc = Node::new("soc")
        .with_u32("#address-cells", 2)
        .with_u32("#size-cells", 2)
        .with_strings("compatible", &["simple-bus"])
        .with_flag("ranges");
    let view = board.view();
    let seen: HashSet<&Name> =
        view.spans.iter().map(|span| &view.mappings[span.mapping].device).collect();
    let mut memory: Vec<Node> = Vec::new();
    let mut consoles: Vec<(String, String)> = Vec::new();
    let mut finisher = None;
    let mut placed: HashSet<String> = HashSet::new();
    for device in board.devices() {
        let place = Place::new(board, device, &phandles);
        let Some(node) = device.driver().node(&place) else { continue };
        if place.region(0).is_some() && !seen.contains(&device.name) {
            // What others hide altogether is not there for the guest.
            continue;
        }
        if node.base_name() == "memory" {
            // Of two that begin at the same address, the larger one is all of the memory there.
            match memory.iter_mut().find(|other: &&mut Node| other.name() == node.name()) {
                Some(other) if other.get("reg") < node.get("reg") => *other = node,
                Some(_) => {}
                None => memory.push(node),
            }
            continue;
        }
        // Two devices of a kind at one address are one node; the first is as good as the other.
        if !placed.insert(node.name().to_string()) {
            continue;
        }
        if let Some(chardev) = console(device) {
            consoles.push((chardev, format!("/soc/{}", node.name())));
        }
        if device.kind() == DeviceDriver::RiscvSifiveTest {
            finisher.get_or_insert(place.phandle());
        }
        soc.push(node);
    }
    // The console is the one on `serial0`; those on no back end come last.
    consoles.sort_by_key(|(chardev, _)| (chardev.is_empty(), chardev.clone()));
    let model = format!("boardwright,{}", board.machine.type_.tag());
    let mut root = Node::root()
        .with_u32("#address-cells", 2)
        .with_u32("#size-cells", 2)
        .with_str("compatible", &model)
        .with_str("model", &model)
        .with_child(chosen(board, consoles.first().map(|(_, path)| path.as_str()), initrd));
    // Only what leads somewhere has a name for the guest.
    consoles.retain(|(chardev, _)| !chardev.is_empty());
    if !consoles.is_empty() {
        let aliases =
            (0..).zip(&consoles).fold(Node::new("aliases"), |node, (index, (_, path))| {
                node.with_str(&format!("serial{index}"), path)
            });
        root.push(aliases);
    }
    root.push(cpus(board, &phandles)?);
    memory.into_iter().for_each(|node| root.push(node));
    root.push(soc);
    if let Some(phandle) = finisher {
        for (name, value) in [("poweroff", 0x5555), ("reboot", 0x7777)] {
            let node = Node::new(name)
                .with_strings("compatible", &[&format!("syscon-{name}")])
                .with_u32("regmap", phandle)
                .with_u32("offset", 0)
                .with_u32("value", value);
            root.push(node);
        }
    }
    Ok(Tree::new(root))
}

/// The back end of a device that may be a console; empty where it has none.
fn console(device: &Device) -> Option<String> {
    match &device.options {
        DeviceOptionsDriver::RiscvSifiveUart(uart) => {
            Some(uart.chardev.clone().unwrap_or_default())
        }
        DeviceOptionsDriver::SerialMm(uart) => Some(uart.chardev.clone().unwrap_or_default()),
        _ => None,
    }
}

fn chosen(board: &Board, console: Option<&str>, initrd: Option<(u64, u64)>) -> Node {
    let mut node = Node::new("chosen");
    if let Some(console) = console {
        node = node.with_str("stdout-path", console);
    }
    if let Some(append) = &board.machine.append {
        node = node.with_str("bootargs", append);
    }
    if let Some((first, end)) = initrd {
        node = node.with_u64("linux,initrd-start", first).with_u64("linux,initrd-end", end);
    }
    node
}

fn cpus(board: &Board, phandles: &Phandles) -> Result<Node, QmpError> {
    let timebase = board.devices().find_map(|device| match &device.options {
        DeviceOptionsDriver::RiscvAclintMtimer(timer) => Some(timer.frequency()),
        _ => None,
    });
    let mut cpus = Node::new("cpus")
        .with_u32("#address-cells", 1)
        .with_u32("#size-cells", 0)
        .with_u32("timebase-frequency", timebase.unwrap_or(DEFAULT_TIMEBASE));
    for (device, unit) in board.harts() {
        let DeviceOptionsDriver::RiscvHartArray(array) = &device.options else { continue };
        let phandle = phandles.of(&device.name, unit);
        cpus.push(cpu(&array.cpu()?, array.hartid(unit), phandle));
    }
    Ok(cpus)
}

fn cpu(model: &CpuModel, hartid: u64, phandle: u32) -> Node {
    let controller = Node::new("interrupt-controller")
        .with_u32("#interrupt-cells", 1)
        .with_flag("interrupt-controller")
        .with_strings("compatible", &["riscv,cpu-intc"])
        .with_phandle(phandle);
    let mut node = Node::new(format!("cpu@{hartid:x}"))
        .with_str("device_type", "cpu")
        .with_u32("reg", u32::try_from(hartid).unwrap_or(u32::MAX))
        .with_str("status", "okay")
        .with_strings("compatible", &["riscv"])
        .with_str("riscv,isa", &model.isa_string())
        .with_str("riscv,isa-base", model.isa_base())
        .with_strings("riscv,isa-extensions", &model.isa_extensions());
    for (extension, name, block) in [
        (Extension::Zicbom, "riscv,cbom-block-size", model.cbom_block),
        (Extension::Zicbop, "riscv,cbop-block-size", model.cbom_block),
        (Extension::Zicboz, "riscv,cboz-block-size", model.cboz_block),
    ] {
        if model.extensions.has(extension) {
            node = node.with_u32(name, block.into());
        }
    }
    if let Some(mmu) = model.mmu.device_tree_name() {
        node = node.with_str("mmu-type", mmu);
    }
    node.with_child(controller)
}
