//! A board as a device tree: each device's node from its driver, interrupts in the terms of the
//! controllers that they lead to.
//!
//! The guest is given this tree. As a file it has labels besides, which [`super::import`] takes for
//! ids, so that reading it gives the same board again; [`dropped()`] says what does not come back.

mod dropped;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use boardwright_devicetree::{Node, Tree};
use qapi_runtime::QmpError;

use super::import::{import, written};
use super::view::console_rank;
use super::{Board, Name, View};
use crate::devices::node::{Phandles, Place, in_order};
use crate::qapi::MachineOptions;

pub use dropped::dropped;

/// Ticks a second of `time` where no machine timer is.
pub const DEFAULT_TIMEBASE: u32 = 10_000_000;

/// What a board is that nobody has named.
pub const NO_MODEL: &str = "boardwright,none";

/// The tree of a board, as a guest is given it.
pub fn describe(board: &Board) -> Tree {
    Export::of(board).tree()
}

/// The tree of a board as a file: with the ids of devices as labels, and commands for what nodes
/// have no words for, so that reading it gives the same board.
///
/// # Errors
/// What the nodes say cannot be read, which is a fault of a driver.
pub fn as_file(board: &Board) -> Result<Tree, QmpError> {
    let mut tree = with_labels(board);
    let mut told = import(&tree, &crate::machines::empty())?.board()?;
    // Of the machine, the nodes have what a tree is to say. What it starts is not the board's.
    let lint = told.machine.lint;
    told.machine = Arc::new(MachineOptions { lint, ..MachineOptions::clone(&board.machine) });
    if let Some(node) = written(&told.diff(board)?) {
        tree.root.push(node);
    }
    Ok(tree)
}

/// The tree of a board, with the ids of devices as labels.
pub fn with_labels(board: &Board) -> Tree {
    let export = Export::of(board);
    let mut symbols = Node::new("__symbols__");
    for (name, path) in &export.paths {
        if board.device(name).is_some_and(|device| device.named) {
            symbols.push_property(&**name, text(path));
        }
    }
    let mut tree = export.tree();
    tree.root.push(symbols);
    tree
}

/// A string as the value of a property.
fn text(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}

/// A tree that is being put together.
struct Export<'b> {
    board: &'b Board,
    cpus: Node,
    memory: Vec<Node>,
    soc: Node,
    /// What can be done with the devices.
    uses: Vec<Node>,
    /// Back ends and paths of what may be the console.
    consoles: Vec<(String, String)>,
    /// `metal,entry`: a node and an offset into it.
    start: Vec<u32>,
    /// Devices that have a node, and its path.
    paths: Vec<(Name, String)>,
}

impl<'b> Export<'b> {
    fn of(board: &'b Board) -> Self {
        let phandles = Phandles::new(board);
        let mut export = Self {
            board,
            cpus: Node::new("cpus"),
            memory: Vec::new(),
            soc: Node::new("soc")
                .with_u32("#address-cells", 2)
                .with_u32("#size-cells", 2)
                .with_strings("compatible", &["simple-bus"])
                .with_flag("ranges"),
            uses: Vec::new(),
            consoles: Vec::new(),
            start: Vec::new(),
            paths: Vec::new(),
        };
        export.harts(&phandles);
        export.devices(&phandles);
        export
    }

    fn harts(&mut self, phandles: &Phandles) {
        let timebase = self.board.devices().find_map(|device| device.driver().timebase());
        self.cpus = std::mem::take(&mut self.cpus)
            .with_u32("#address-cells", 1)
            .with_u32("#size-cells", 0)
            .with_u32("timebase-frequency", timebase.unwrap_or(DEFAULT_TIMEBASE));
        // Equal harts are a cluster (Linux, bindings/cpu/cpu-topology.txt).
        let mut map = Node::new("cpu-map");
        let (mut harts, mut clusters) = (0, 0);
        for device in in_order(self.board) {
            let place = Place::new(self.board, device, phandles);
            let mut cluster = Node::new(format!("cluster{clusters}"));
            for unit in 0..device.driver().units().map_or(0, |units| units.count) {
                let Some(mut node) = device.driver().unit_node(&place, unit) else { continue };
                let phandle = phandles.of_cpu(harts);
                harts += 1;
                node.set("phandle", phandle.to_be_bytes());
                let core = Node::new(format!("core{unit}")).with_u32("cpu", phandle);
                cluster.push(core);
                if unit == 0 {
                    self.paths.push((device.name.clone(), format!("/cpus/{}", node.name())));
                }
                self.cpus.push(node);
            }
            if !cluster.children().is_empty() {
                clusters += 1;
                map.push(cluster);
            }
        }
        if clusters != 0 {
            self.cpus.push(map);
        }
    }

    fn devices(&mut self, phandles: &Phandles) {
        let view = self.board.view();
        let seen: HashSet<&Name> =
            view.spans.iter().map(|span| &view.mappings[span.mapping].device).collect();
        let mut placed: HashSet<String> = HashSet::new();
        let mut memories: HashMap<String, usize> = HashMap::new();
        for device in in_order(self.board) {
            let driver = device.driver();
            let place = Place::new(self.board, device, phandles);
            let Some(node) = driver.node(&place) else {
                if let Some(node) = self.uses(driver.uses(&place)) {
                    self.paths.push((device.name.clone(), node));
                }
                continue;
            };
            if place.region(0).is_some() && !seen.contains(&device.name) {
                // What others hide altogether is not there for the guest.
                continue;
            }
            if node.get("device_type").is_some_and(|kind| kind == b"memory\0") {
                let path = format!("/{}", node.name());
                match memories.get(node.name()).and_then(|index| self.memory.get_mut(*index)) {
                    // Of two that begin at the same address, the larger is all of the memory there.
                    Some(other) if other.get("reg") >= node.get("reg") => continue,
                    Some(other) => {
                        *other = node;
                        self.paths.retain(|(_, taken)| *taken != path);
                    }
                    None => {
                        memories.insert(node.name().to_string(), self.memory.len());
                        self.memory.push(node);
                    }
                }
                self.paths.push((device.name.clone(), path));
                continue;
            }
            // Two devices of a kind at one address are one node; the first is as good as the other.
            if !placed.insert(node.name().to_string()) {
                continue;
            }
            let path = format!("/soc/{}", node.name());
            if let Some(chardev) = driver.console() {
                self.consoles.push((chardev.to_string(), path.clone()));
            }
            self.uses(driver.uses(&place));
            self.paths.push((device.name.clone(), path));
            self.soc.push(node);
        }
        // The first is the console.
        self.consoles.sort_by(|(a, _), (b, _)| console_rank(a).cmp(&console_rank(b)));
        self.entry(phandles, &view);
    }

    /// Adds nodes at the root; returns the path of the first that was new.
    fn uses(&mut self, nodes: Vec<Node>) -> Option<String> {
        let mut first = None;
        for node in nodes {
            if self.uses.iter().all(|other| other.name() != node.name()) {
                first.get_or_insert_with(|| format!("/{}", node.name()));
                self.uses.push(node);
            }
        }
        first
    }

    /// Where all harts start, if that is one place in something that has a node.
    fn entry(&mut self, phandles: &Phandles, view: &View) {
        let arrays = self.board.devices().filter(|device| device.driver().units().is_some());
        let mut starts = arrays.map(|device| device.driver().reset_vector());
        let Some(Some(start)) = starts.next() else { return };
        if starts.any(|other| other != Some(start)) {
            return;
        }
        let Some(span) = view.spans.iter().find(|span| span.first <= start && start <= span.last)
        else {
            return;
        };
        let mapping = &view.mappings[span.mapping];
        let Some((name, path)) = self.paths.iter().find(|(name, _)| *name == mapping.device) else {
            return;
        };
        let node = path.rsplit('/').next().unwrap_or_default();
        let mut memory = self.memory.iter_mut().filter(|memory| memory.name() == node);
        let Some(node) = memory.next().or_else(|| self.soc.child_mut(node)) else { return };
        let phandle = phandles.of(name, 0);
        node.set("phandle", phandle.to_be_bytes());
        let (high, low) = ((start - mapping.addr) >> 32, start - mapping.addr);
        let cells = [phandle, high as u32, low as u32];
        self.start = cells
            .into_iter()
            .enumerate()
            .filter(|(i, cell)| *i != 1 || *cell != 0)
            .map(|(_, cell)| cell)
            .collect();
    }

    fn tree(&self) -> Tree {
        let machine = &self.board.machine;
        let model = machine.model.as_deref().unwrap_or(NO_MODEL);
        let compatible = machine.compatible.as_deref().unwrap_or(model);
        // Without words for itself, a board is what its model is.
        let compatible: Vec<&str> = match machine.compatible {
            Some(_) => compatible.split_whitespace().collect(),
            None => vec![compatible],
        };
        let mut chosen = Node::new("chosen");
        if let Some((_, path)) = self.consoles.first() {
            chosen = chosen.with_str("stdout-path", path);
        }
        if let Some(append) = &machine.append {
            chosen = chosen.with_str("bootargs", append);
        }
        if !self.start.is_empty() {
            chosen = chosen.with_cells("metal,entry", &self.start);
        }
        let mut root = Node::root()
            .with_u32("#address-cells", 2)
            .with_u32("#size-cells", 2)
            .with_strings("compatible", &compatible)
            .with_str("model", model)
            .with_child(chosen);
        // Only what leads somewhere has a name for the guest.
        let named = self.consoles.iter().filter(|(chardev, _)| !chardev.is_empty());
        let mut aliases = Node::new("aliases");
        for (index, (_, path)) in named.enumerate() {
            aliases.push_property(format!("serial{index}"), text(path));
        }
        if aliases.properties().len() != 0 {
            root.push(aliases);
        }
        root.push(self.cpus.clone());
        self.memory.iter().for_each(|node| root.push(node.clone()));
        root.push(self.soc.clone());
        self.uses.iter().for_each(|node| root.push(node.clone()));
        Tree::new(root)
    }
}
