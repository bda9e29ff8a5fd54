//! The device tree that the guest gets: the board as it stands, each device's node from its driver.

use std::collections::HashSet;
use std::path::Path;

use boardwright_devicetree::{Node, Tree};
use qapi_runtime::QmpError;

use crate::backends::char::Plain;
use crate::board::{Board, Name};
use crate::devices::node::{Phandles, Place};

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
pub fn describe(board: &Board, initrd: Option<(u64, u64)>) -> Tree {
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
    let mut uses = Vec::new();
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
        if let Some(chardev) = device.driver().console() {
            consoles.push((chardev.to_string(), format!("/soc/{}", node.name())));
        }
        for node in device.driver().uses(&place) {
            if uses.iter().all(|other: &Node| other.name() != node.name()) {
                uses.push(node);
            }
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
    root.push(cpus(board, &phandles));
    memory.into_iter().for_each(|node| root.push(node));
    root.push(soc);
    uses.into_iter().for_each(|node| root.push(node));
    Tree::new(root)
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

fn cpus(board: &Board, phandles: &Phandles) -> Node {
    let timebase = board.devices().find_map(|device| device.driver().timebase());
    let mut cpus = Node::new("cpus")
        .with_u32("#address-cells", 1)
        .with_u32("#size-cells", 0)
        .with_u32("timebase-frequency", timebase.unwrap_or(DEFAULT_TIMEBASE));
    for (device, unit) in board.harts() {
        let place = Place::new(board, &device, phandles);
        if let Some(node) = device.driver().unit_node(&place, unit) {
            cpus.push(node);
        }
    }
    cpus
}
