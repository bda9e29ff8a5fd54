//! A board from a device tree: the tree read as a list of ordinary commands.
//!
//! What a node is, the driver says that reads its kind ([`crate::devices::binding`]). The reader
//! gives names, character back ends and wires, the latter once all devices are known, whatever the
//! order of the nodes is. What is not understood becomes an `unimplemented-device` over its
//! registers and a remark; nothing is passed over in silence.

mod cpus;
mod unknown;

use std::collections::{HashMap, HashSet};

use boardwright_devicetree::{Interrupt, NodeRef, Phandles, Tree, TreeError};
use qapi_runtime::{Encode, Map, QmpError, Value};
use serde_json::json;

use crate::board::Origin;
use crate::devices::binding::{Binding, Described, Found, Nodes, Part};
use crate::devices::{PortDirection, bindings, driver};
use crate::door::{Command, Step};
use crate::machines::Plan;
use crate::qapi::{CommandOrigin, DeviceOptions, MachineOptions};

/// Nodes that describe no device on a bus.
const NO_DEVICES: &[&str] =
    &["chosen", "aliases", "cpus", "__symbols__", "reserved-memory", "options"];
/// What only others look up: a number.
const NUMBERS: &[&str] = &["fixed-clock", "fixed-factor-clock"];

/// The commands that build the board a tree describes.
///
/// # Errors
/// A property that has to be understood is malformed; the message names node and property.
pub fn commands(tree: &Tree, options: &MachineOptions) -> Result<Plan, QmpError> {
    let phandles = tree.phandles();
    let mut import = Import {
        tree,
        options,
        phandles: &phandles,
        plan: Plan::default(),
        ids: HashSet::new(),
        harts: HashMap::new(),
        inputs: HashMap::new(),
    };
    import.cpus()?;
    let nodes = import.read().map_err(wrong)?;
    let serials = import.serials(&nodes);
    let mut added = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        added.push(import.add(place, node, &serials));
    }
    for (node, ids) in nodes.iter().zip(added) {
        import.wire(node, &ids);
    }
    Ok(import.plan)
}

/// A node that was read.
struct Entry<'t> {
    node: NodeRef<'t>,
    interrupts: Vec<Interrupt<'t>>,
    found: Found,
}

/// What takes the interrupts of a controller.
struct Inputs {
    /// Its path on the board.
    path: String,
    /// How many there are.
    count: u32,
}

struct Import<'t> {
    tree: &'t Tree,
    options: &'t MachineOptions,
    phandles: &'t Phandles<'t>,
    plan: Plan,
    /// Ids given so far.
    ids: HashSet<String>,
    /// `mhartid`, by path of the hart's interrupt controller.
    harts: HashMap<String, u64>,
    /// By path of an interrupt controller.
    inputs: HashMap<String, Inputs>,
}

fn wrong(error: TreeError) -> QmpError {
    QmpError::generic(format!("Device tree: {error}"))
}

impl<'t> Import<'t> {
    fn command(&mut self, node: &NodeRef<'_>, name: &str, arguments: Value) {
        let place = match &self.options.dtb {
            Some(file) => format!("{file}: {}", node.path()),
            None => node.path(),
        };
        let origin = Origin::new(CommandOrigin::DeviceTree, place);
        // The arguments are objects throughout, so this cannot fail.
        let command = Command::new(name, arguments);
        self.plan.steps.extend(command.map(|command| Step { command, origin }));
    }

    fn remark(&mut self, node: &NodeRef<'_>, what: &str) {
        self.plan.remarks.push(format!("Device tree: {}: {what}", node.path()));
    }

    /// Asks the drivers what the nodes are.
    fn read(&self) -> Result<Vec<Entry<'t>>, TreeError> {
        let known = Bindings::new();
        let timebase = self.timebase()?;
        // The first memory node is the one that an option may give another size.
        let mut memory = self.options.memory;
        let mut nodes = Vec::new();
        for node in self.bus_nodes() {
            let (regions, interrupts) = (node.reg()?, node.interrupts(self.phandles)?);
            let mut described = Described {
                node,
                regions,
                interrupts,
                timebase,
                memory: None,
                harts: &self.harts,
                phandles: self.phandles,
            };
            let found = match known.of(&described.node) {
                Some(binding) => {
                    if let Nodes::Type(_) = binding.nodes {
                        described.memory = memory.take();
                    }
                    (binding.read)(&described)?
                }
                None if NUMBERS.iter().any(|name| described.node.is_compatible(name)) => {
                    described.nothing()
                }
                None => unknown::read(&described),
            };
            let Described { node, interrupts, .. } = described;
            nodes.push(Entry { node, interrupts, found });
        }
        Ok(nodes)
    }

    fn timebase(&self) -> Result<Option<u32>, TreeError> {
        let Some(cpus) = self.tree.find("/cpus") else { return Ok(None) };
        let found = std::iter::once(cpus.clone())
            .chain(cpus.children())
            .find_map(|node| node.property("timebase-frequency"));
        found.map(|property| property.u32()).transpose()
    }

    /// Nodes that may be devices: those at the root and on simple buses.
    fn bus_nodes(&self) -> Vec<NodeRef<'t>> {
        let mut found = Vec::new();
        let mut open: Vec<NodeRef<'t>> = self.tree.root().children().rev().collect();
        while let Some(node) = open.pop() {
            if node.is_compatible("simple-bus") {
                open.extend(node.children().rev());
            } else if !NO_DEVICES.contains(&node.node().base_name()) && node.is_enabled() {
                found.push(node);
            }
        }
        found
    }

    /// The serial port of each device that has one, by the place of its node: the console's is the
    /// first; then come those with an alias, `serialN`, then the others by address.
    fn serials(&self, nodes: &[Entry<'t>]) -> HashMap<usize, String> {
        let console = self.tree.stdout().map(|node| node.path());
        let aliases: HashMap<&str, u32> = self
            .tree
            .aliases()
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, path)| Some((path, name.strip_prefix("serial")?.parse().ok()?)))
            .collect();
        let mut ports: Vec<_> = nodes
            .iter()
            .enumerate()
            .filter_map(|(place, entry)| {
                let is_port = |part: &&Part| driver(&part.options).console().is_some();
                let part = entry.found.devices.iter().find(is_port)?;
                let path = entry.node.path();
                let alias = aliases.get(path.as_str()).copied().unwrap_or(u32::MAX);
                let address = part.regions.first().map(|(_, addr)| *addr);
                Some((console.as_ref() != Some(&path), alias, address, place))
            })
            .collect();
        ports.sort_unstable();
        // Where the console is no port of these, its back end is kept for it.
        let first = usize::from(console.is_some() && ports.first().is_none_or(|port| port.0));
        let names = (first..).map(|number| format!("serial{number}"));
        ports.into_iter().map(|(.., place)| place).zip(names).collect()
    }

    /// Adds and maps what a node describes; returns the ids.
    fn add(
        &mut self,
        place: usize,
        entry: &Entry<'t>,
        serials: &HashMap<usize, String>,
    ) -> Vec<String> {
        let node = &entry.node;
        for remark in &entry.found.remarks {
            self.remark(node, remark);
        }
        let mut ids: Vec<String> = Vec::new();
        for (index, part) in entry.found.devices.iter().enumerate() {
            let id = match (&part.id, ids.first()) {
                (Some(id), _) => self.id(node, id.clone()),
                (None, None) => self.id(node, node.name().to_string()),
                (None, Some(first)) => self.id(node, format!("{first}.{index}")),
            };
            let declared = driver(&part.options);
            let options = DeviceOptions { id: Some(id.clone()), driver: part.options.clone() };
            let mut arguments = match options.encode() {
                Value::Object(arguments) => arguments,
                _ => Map::new(),
            };
            if let (Some(_), Some(serial)) = (declared.console(), serials.get(&place)) {
                arguments.insert("chardev".into(), serial.as_str().into());
            }
            self.command(node, "device_add", Value::Object(arguments));
            for (region, addr) in &part.regions {
                let mut mapping = json!({ "device": id, "addr": addr });
                if *region != 0 {
                    mapping["mmio"] = (*region).into();
                }
                self.command(node, "sysbus-mmio-map", mapping);
            }
            let inputs =
                declared.ports().into_iter().find(|port| port.direction == PortDirection::Input);
            if let Some(inputs) = inputs.filter(|_| node.has("#interrupt-cells")) {
                let inputs = Inputs { path: id.clone(), count: inputs.count };
                self.inputs.insert(node.path(), inputs);
            }
            ids.push(id);
        }
        ids
    }

    /// An id for a device of a node: the one wanted where that is one and is free, otherwise made
    /// from the node's path.
    fn id(&mut self, node: &NodeRef<'t>, wanted: String) -> String {
        let id = if super::check_id(&wanted).is_ok() && !self.ids.contains(&wanted) {
            wanted
        } else {
            let known = |c: char| c.is_ascii_alphanumeric() || "-._@,".contains(c);
            let path = node.path().replace('/', ".");
            let path = format!("dt{}", path.replace(|c| !known(c), "_"));
            if self.ids.contains(&path) { format!("{path}.{wanted}") } else { path }
        };
        self.ids.insert(id.clone());
        id
    }

    /// Leads the interrupts of a node to their controllers.
    fn wire(&mut self, entry: &Entry<'t>, ids: &[String]) {
        for (part, id) in entry.found.devices.iter().zip(ids) {
            for (output, index) in &part.wires {
                let Some(interrupt) = entry.interrupts.get(*index) else { continue };
                let controller = interrupt.controller.path();
                let Some(inputs) = self.inputs.get(&controller) else {
                    let text = format!(
                        "interrupt {index} leads to '{controller}', which is not modelled: not wired"
                    );
                    self.remark(&entry.node, &text);
                    continue;
                };
                let line = interrupt.cells.first().copied().unwrap_or(u32::MAX);
                if line >= inputs.count {
                    let text = format!(
                        "interrupt {index} is {line} of '{controller}', which has {}: not wired",
                        inputs.count
                    );
                    self.remark(&entry.node, &text);
                    continue;
                }
                let input = format!("{}/unnamed-gpio-in[{line}]", inputs.path);
                let wire = json!({ "path": id, "property": output, "value": input });
                self.command(&entry.node, "qom-set", wire);
            }
        }
    }
}

/// The drivers' bindings, to be found by what a node says.
struct Bindings {
    compatible: HashMap<&'static str, &'static Binding>,
    types: HashMap<&'static str, &'static Binding>,
}

impl Bindings {
    fn new() -> Self {
        let mut all = Self { compatible: HashMap::new(), types: HashMap::new() };
        for binding in bindings() {
            match binding.nodes {
                Nodes::Compatible(names) => {
                    all.compatible.extend(names.iter().map(|name| (*name, binding)));
                }
                Nodes::Type(name) => {
                    all.types.insert(name, binding);
                }
            }
        }
        all
    }

    /// The one for a node: by its type, or by the first string of `compatible` that has one.
    fn of(&self, node: &NodeRef<'_>) -> Option<&'static Binding> {
        let kind = node.property("device_type").and_then(|kind| kind.str().ok());
        let by_type = kind.and_then(|kind| self.types.get(kind));
        by_type
            .or_else(|| node.compatible().iter().find_map(|name| self.compatible.get(name)))
            .copied()
    }
}
