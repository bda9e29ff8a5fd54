//! A board from a device tree: the tree read as a list of ordinary commands.
//!
//! Two passes. The first gives every node a device, so that the second can wire interrupts whatever
//! the order of the nodes is. What is not understood becomes an `unimplemented-device` over its
//! registers and a remark; nothing is passed over in silence.

mod controllers;
mod cpus;
mod peripherals;

use std::collections::{HashMap, HashSet};

use boardwright_devicetree::{NodeRef, Tree, TreeError};
use qapi_runtime::{QmpError, Value};
use serde_json::json;

use crate::door::Command;
use crate::machines::Plan;
use crate::qapi::MachineOptions;

/// Nodes that describe no device on a bus.
const NO_DEVICES: &[&str] =
    &["chosen", "aliases", "cpus", "__symbols__", "reserved-memory", "options"];

/// The commands that build the board a tree describes.
///
/// # Errors
/// A property that has to be understood is malformed; the message names node and property.
pub fn commands(tree: &Tree, options: &MachineOptions) -> Result<Plan, QmpError> {
    let mut import = Import {
        tree,
        options,
        plan: Plan::default(),
        ids: HashSet::new(),
        serials: 0,
        harts: HashMap::new(),
        inputs: HashMap::new(),
    };
    import.cpus()?;
    let nodes: Vec<NodeRef<'_>> = import.bus_nodes();
    let mut wiring = Vec::new();
    for node in &nodes {
        if let Some(wires) = import.node(node).map_err(wrong)? {
            wiring.push((node, wires));
        }
    }
    for (node, wires) in wiring {
        import.wire(node, &wires).map_err(wrong)?;
    }
    Ok(import.plan)
}

/// How the interrupts of a node are to be wired, once all devices exist.
enum Wires {
    /// They are outputs of one device: `sysbus-irq[N]` in order.
    Irqs(String),
    /// The pairs of software and timer interrupt of a CLINT: names of swi and mtimer.
    Clint(String, String),
    /// The contexts of a PLIC: its name.
    Plic(String),
}

/// A hart as the rest of the tree refers to it.
struct HartPlace {
    /// Its path on the board.
    path: String,
    hartid: u64,
}

struct Import<'t> {
    tree: &'t Tree,
    options: &'t MachineOptions,
    plan: Plan,
    /// Ids given so far.
    ids: HashSet<String>,
    /// How many serial ports have a back end that is not the console's.
    serials: usize,
    /// By path of the hart's interrupt controller.
    harts: HashMap<String, HartPlace>,
    /// By path of another interrupt controller: the device that has the inputs.
    inputs: HashMap<String, String>,
}

fn wrong(error: TreeError) -> QmpError {
    QmpError::generic(format!("Device tree: {error}"))
}

impl<'t> Import<'t> {
    fn command(&mut self, name: &str, arguments: Value) {
        // The arguments are objects throughout, so this cannot fail.
        self.plan.commands.extend(Command::new(name, arguments));
    }

    fn remark(&mut self, node: &NodeRef<'_>, what: &str) {
        self.plan.remarks.push(format!("Device tree: {}: {what}", node.path()));
    }

    /// An id for what a node describes: its name where that is one and is free, otherwise its
    /// path as one.
    fn id(&mut self, node: &NodeRef<'t>) -> String {
        let name = node.name();
        let id = if super::check_id(name).is_ok() && !self.ids.contains(name) {
            name.to_string()
        } else {
            let known = |c: char| c.is_ascii_alphanumeric() || "-._@,".contains(c);
            let path = node.path().replace('/', ".");
            format!("dt{}", path.replace(|c| !known(c), "_"))
        };
        self.ids.insert(id.clone());
        id
    }

    fn map(&mut self, device: &str, addr: u64) {
        self.command("sysbus-mmio-map", json!({ "device": device, "addr": addr }));
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

    /// Leads the interrupts of a node to their controllers.
    fn wire(&mut self, node: &NodeRef<'t>, wires: &Wires) -> Result<(), TreeError> {
        match wires {
            Wires::Irqs(device) => {
                for (index, interrupt) in node.interrupts()?.iter().enumerate() {
                    let controller = interrupt.controller.path();
                    match self.input(&controller, &interrupt.cells) {
                        Some(input) => self.connect(device, &format!("sysbus-irq[{index}]"), &input),
                        None => self.remark(
                            node,
                            &format!("interrupt {index} leads to '{controller}', which is not modelled: not wired"),
                        ),
                    }
                }
            }
            Wires::Clint(swi, mtimer) => self.wire_clint(node, swi, mtimer)?,
            Wires::Plic(plic) => self.wire_plic(node, plic)?,
        }
        Ok(())
    }

    /// The input that a specifier means, as a path on the board.
    fn input(&self, controller: &str, cells: &[u32]) -> Option<String> {
        let hart = self.harts.get(controller).map(|hart| &hart.path);
        let device = hart.or_else(|| self.inputs.get(controller))?;
        Some(format!("{device}/unnamed-gpio-in[{}]", cells.first()?))
    }

    fn connect(&mut self, device: &str, output: &str, input: &str) {
        self.command("qom-set", json!({ "path": device, "property": output, "value": input }));
    }
}
