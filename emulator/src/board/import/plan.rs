//! From what a tree was read as to commands: ids, character back ends, wires.

use std::collections::{HashMap, HashSet};

use boardwright_devicetree::NodeRef;
use qapi_runtime::{Decode, Encode, Map, Mode, Path, QmpError, Value};
use serde_json::json;

use super::{Entry, Imported, Planned, Reading};
use crate::board::export::NO_MODEL;
use crate::board::{Change, check_id};
use crate::devices::binding::Pin;
use crate::devices::{PortDirection, driver};
use crate::qapi::{
    DeviceDriver, DeviceOptions, DeviceTreeInterrupt, DeviceTreeProblem, DeviceTreeRegion,
    DeviceTreeRemark, MachineOptions, SysbusMmioMap,
};

/// How many inputs a hart has.
const HART_INPUTS: u32 = 64;

/// The changes that make a board of what was read.
///
/// # Errors
/// A node describes what is no device.
pub(super) fn plan(reading: &Reading<'_>, options: &MachineOptions) -> Result<Imported, QmpError> {
    let mut plan = Plan {
        imported: Imported { changes: Vec::new(), written: Vec::new(), report: Vec::new() },
        ids: Ids::new(reading),
        inputs: HashMap::new(),
        driven: HashMap::new(),
    };
    plan.identity(&reading.tree.root(), options);
    plan.harts(reading)?;
    let serials = serials(reading);
    let ids: Result<Vec<Vec<String>>, QmpError> = (0..)
        .zip(&reading.entries)
        .map(|(place, entry)| plan.add(entry, serials.get(&place)))
        .collect();
    let ids = ids?;
    let paths: HashMap<String, &String> = reading
        .entries
        .iter()
        .zip(&ids)
        .filter_map(|(entry, ids)| Some((entry.node.path(), ids.first()?)))
        .collect();
    for (entry, ids) in reading.entries.iter().zip(&ids) {
        plan.wire(entry, ids);
        plan.pins(entry, ids, &paths);
    }
    Ok(plan.imported)
}

/// What takes the interrupts of a controller.
struct Inputs {
    /// Its path on the board.
    path: String,
    /// How many there are.
    count: u32,
}

struct Plan {
    imported: Imported,
    ids: Ids,
    /// By path of an interrupt controller.
    inputs: HashMap<String, Inputs>,
    /// Which node drives an input.
    driven: HashMap<String, String>,
}

impl Plan {
    fn change(&mut self, node: &NodeRef<'_>, change: Change) {
        self.imported.changes.push(Planned { node: node.path(), change });
    }

    /// Adds a device that has been written as `device_add` is told of it.
    fn device(&mut self, node: &NodeRef<'_>, device: &Value) -> Result<(), QmpError> {
        let options = DeviceOptions::decode(device, &Path::ARGUMENTS, Mode::STRICT);
        let options = options.map_err(|error| QmpError {
            desc: format!("Device tree: {}: {}", node.path(), error.desc),
            ..error
        })?;
        self.change(node, Change::Add(options));
        Ok(())
    }

    /// What the tree calls the board.
    fn identity(&mut self, root: &NodeRef<'_>, options: &MachineOptions) {
        let model = root.property("model").and_then(|model| model.str().ok());
        let compatible = root.compatible().join(" ");
        if let Some(model) = model.filter(|model| options.model.is_none() && *model != NO_MODEL) {
            self.change(root, Change::of_machine("model", model.into()));
        }
        let chosen = root.child("chosen").and_then(|chosen| chosen.property("bootargs"));
        let append = chosen.and_then(|append| append.str().ok()).filter(|text| !text.is_empty());
        if let Some(append) = append.filter(|_| options.append.is_none()) {
            self.change(root, Change::of_machine("append", append.into()));
        }
        let own = compatible.is_empty() || compatible == model.unwrap_or(NO_MODEL);
        if options.compatible.is_none() && !own {
            self.change(root, Change::of_machine("compatible", compatible.into()));
        }
    }

    fn remark(&mut self, entry: &Entry<'_>, problem: DeviceTreeProblem, text: String) {
        let region = |region: &boardwright_devicetree::Region| DeviceTreeRegion {
            addr: region.address,
            size: region.size,
        };
        let interrupt = |interrupt: &boardwright_devicetree::Interrupt<'_>| DeviceTreeInterrupt {
            controller: interrupt.controller.path(),
            specifier: interrupt.cells.clone(),
        };
        self.imported.report.push(DeviceTreeRemark {
            problem,
            node: entry.node.path(),
            compatible: entry.node.compatible().into_iter().map(String::from).collect(),
            reg: entry.regions.iter().map(region).collect(),
            interrupts: entry.interrupts.iter().map(interrupt).collect(),
            text,
        });
    }

    /// Equal harts with consecutive ids become one array; a name begins a new one.
    fn harts(&mut self, reading: &Reading<'_>) -> Result<(), QmpError> {
        let arrays = reading.harts.chunk_by(|a, b| {
            a.cpu_type == b.cpu_type
                && a.hartid.checked_add(1) == Some(b.hartid)
                && self.ids.symbol(&b.node).is_none()
        });
        let arrays: Vec<_> = arrays.collect();
        for (index, array) in arrays.into_iter().enumerate() {
            let Some(first) = array.first() else { continue };
            let usual = if index == 0 { "cpus".to_string() } else { format!("cpus{index}") };
            let id = self.ids.give(&first.node, usual);
            // As numbers, not as a driver's properties: what does not fit is for the command to refuse.
            let mut device = json!({
                "driver": DeviceDriver::RiscvHartArray.as_str(), "id": id,
                "cpu-type": first.cpu_type, "num-harts": array.len(), "hartid-base": first.hartid,
            });
            if let Some(entry) = reading.entry {
                device["resetvec"] = entry.into();
            }
            self.device(&first.node, &device)?;
            for (unit, hart) in array.iter().enumerate() {
                let path = format!("{id}/harts[{unit}]");
                let inputs = Inputs { path, count: HART_INPUTS };
                if let Some(controller) = &hart.controller {
                    self.inputs.insert(controller.path(), inputs);
                }
                for (problem, text) in &hart.remarks {
                    self.imported.report.push(DeviceTreeRemark {
                        problem: *problem,
                        node: hart.node.path(),
                        compatible: Vec::new(),
                        reg: Vec::new(),
                        interrupts: Vec::new(),
                        text: text.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Adds and maps what a node describes; returns the ids.
    fn add(&mut self, entry: &Entry<'_>, serial: Option<&String>) -> Result<Vec<String>, QmpError> {
        let node = &entry.node;
        for (problem, text) in &entry.found.remarks {
            self.remark(entry, *problem, text.clone());
        }
        let mut ids: Vec<String> = Vec::new();
        for (index, part) in entry.found.devices.iter().enumerate() {
            let id = match (&part.id, ids.first()) {
                (Some(id), _) => self.ids.unique(node, id.clone()),
                (None, None) => self.ids.give(node, node.name().to_string()),
                (None, Some(first)) => self.ids.unique(node, format!("{first}.{index}")),
            };
            let declared = driver(&part.options);
            let mut device =
                match (DeviceOptions { id: Some(id.clone()), driver: part.options.clone() })
                    .encode()
                {
                    Value::Object(device) => device,
                    _ => Map::new(),
                };
            // What hangs on the bus of the node's first device knows the node's name only.
            if let (Some(first), Some(bus)) = (ids.first(), device.get_mut("bus"))
                && bus.as_str() == Some(node.name())
            {
                *bus = first.as_str().into();
            }
            if let (Some(_), Some(serial)) = (declared.console(), serial) {
                device.insert("chardev".into(), serial.as_str().into());
            }
            self.device(node, &Value::Object(device))?;
            for (region, addr) in &part.regions {
                let mapping = SysbusMmioMap {
                    device: id.clone(),
                    // A driver has few regions, numbered from 0.
                    mmio: u8::try_from(*region).ok().filter(|region| *region != 0),
                    addr: *addr,
                    priority: None,
                    alias: None,
                    offset: None,
                    size: None,
                };
                self.change(node, Change::Map(mapping));
            }
            let inputs =
                declared.ports().into_iter().find(|port| port.direction == PortDirection::Input);
            if let Some(inputs) = inputs.filter(|_| node.has("#interrupt-cells")) {
                let inputs = Inputs { path: id.clone(), count: inputs.count };
                self.inputs.insert(node.path(), inputs);
            }
            ids.push(id);
        }
        Ok(ids)
    }

    /// Leads the interrupts of a node to their controllers.
    fn wire(&mut self, entry: &Entry<'_>, ids: &[String]) {
        for (part, id) in entry.found.devices.iter().zip(ids) {
            for (output, index) in &part.wires {
                match self.input(entry, *index) {
                    Ok(input) => {
                        let wire = Change::Set(id.clone(), output.clone(), input.into());
                        self.change(&entry.node, wire);
                    }
                    Err(text) => {
                        let text = format!("interrupt {index} {text}: not wired");
                        self.remark(entry, DeviceTreeProblem::Interrupt, text);
                    }
                }
            }
        }
    }

    /// Leads the pins that a node names to it.
    fn pins(&mut self, entry: &Entry<'_>, ids: &[String], devices: &HashMap<String, &String>) {
        for (part, id) in entry.found.devices.iter().zip(ids) {
            for Pin { controller, line, input } in &part.pins {
                let Some(from) = devices.get(controller) else {
                    let text = format!("its pin is of '{controller}', which is not modelled");
                    self.remark(entry, DeviceTreeProblem::Interrupt, text);
                    continue;
                };
                let output = format!("unnamed-gpio-out[{line}]");
                if let Some(other) = self.driven.insert(format!("{from}/{output}"), id.clone()) {
                    let text = format!("pin {line} of '{controller}' leads to '{other}' already");
                    self.remark(entry, DeviceTreeProblem::Interrupt, text);
                    continue;
                }
                let wire = Change::Set((*from).clone(), output, format!("{id}/{input}").into());
                self.change(&entry.node, wire);
            }
        }
    }

    /// The input that an interrupt of a node leads to; otherwise why it leads nowhere.
    fn input(&mut self, entry: &Entry<'_>, index: usize) -> Result<String, String> {
        let interrupt = entry.interrupts.get(index).ok_or("does not exist")?;
        let controller = interrupt.controller.path();
        let Some(inputs) = self.inputs.get(&controller) else {
            return Err(format!("leads to '{controller}', which is not modelled"));
        };
        let line = interrupt.cells.first().copied().unwrap_or(u32::MAX);
        if line >= inputs.count {
            return Err(format!("is {line} of '{controller}', which has {}", inputs.count));
        }
        let input = format!("{}/unnamed-gpio-in[{line}]", inputs.path);
        match self.driven.insert(input.clone(), entry.node.path()) {
            None => Ok(input),
            Some(other) => {
                let text = format!("is {line} of '{controller}', which '{other}' drives already");
                self.driven.insert(input, other);
                Err(text)
            }
        }
    }
}

/// The ids of a board.
struct Ids {
    given: HashSet<String>,
    /// Names of nodes that several have: none of them is an id.
    ambiguous: HashSet<String>,
    /// The labels of a tree that kept them, by path; of several at one node, the first.
    symbols: HashMap<String, String>,
}

impl Ids {
    fn new(reading: &Reading<'_>) -> Self {
        let mut seen = HashSet::new();
        let names = reading.entries.iter().map(|entry| entry.node.name());
        let ambiguous = names.filter(|name| !seen.insert(*name)).map(String::from).collect();
        let mut symbols = HashMap::new();
        for symbol in reading.tree.find("/__symbols__").iter().flat_map(NodeRef::properties) {
            if let Ok(path) = symbol.str() {
                symbols.entry(path.into()).or_insert_with(|| symbol.name().into());
            }
        }
        Self { given: HashSet::new(), ambiguous, symbols }
    }

    fn symbol(&self, node: &NodeRef<'_>) -> Option<&String> {
        // Most trees have none: no path is made for nothing.
        if self.symbols.is_empty() { None } else { self.symbols.get(&node.path()) }
    }

    /// An id for the device of a node: its label, otherwise its usual name if no other node has it.
    fn give(&mut self, node: &NodeRef<'_>, usual: String) -> String {
        let wanted = self.symbol(node).cloned().unwrap_or(usual);
        self.unique(node, wanted)
    }

    /// An id that is one and is free: the one wanted, otherwise made from the node's path.
    fn unique(&mut self, node: &NodeRef<'_>, wanted: String) -> String {
        let free = |id: &String| {
            check_id(id).is_ok() && !self.given.contains(id) && !self.ambiguous.contains(id)
        };
        let id = if free(&wanted) {
            wanted
        } else {
            let known = |c: char| c.is_ascii_alphanumeric() || "-._@,".contains(c);
            let path = format!("dt{}", node.path().replace('/', ".").replace(|c| !known(c), "_"));
            let mut id = path.clone();
            let mut number = 1;
            while self.given.contains(&id) {
                id = format!("{path}.{number}");
                number += 1;
            }
            id
        };
        self.given.insert(id.clone());
        id
    }
}

/// The serial port of each device that has one, by the place of its node: the console's is the
/// first; then come those with an alias, `serialN`, then the others by address.
fn serials(reading: &Reading<'_>) -> HashMap<usize, String> {
    let console = reading.tree.stdout().map(|node| node.path());
    let aliases: HashMap<&str, u32> = reading
        .tree
        .aliases()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, path)| Some((path, name.strip_prefix("serial")?.parse().ok()?)))
        .collect();
    let mut ports: Vec<_> = reading
        .entries
        .iter()
        .enumerate()
        .filter_map(|(place, entry)| {
            let mut parts = entry.found.devices.iter();
            let part = parts.find(|part| driver(&part.options).console().is_some())?;
            let path = entry.node.path();
            let alias = aliases.get(path.as_str()).copied().unwrap_or(u32::MAX);
            let address = part.regions.first().map(|(_, addr)| *addr);
            Some((console.as_ref() != Some(&path), alias, address, place))
        })
        .collect();
    ports.sort_unstable();
    // Where the console is none of these, its back end is kept for it.
    let first = usize::from(console.is_some() && ports.first().is_none_or(|port| port.0));
    let names = (first..).map(|number| format!("serial{number}"));
    ports.into_iter().map(|(.., place)| place).zip(names).collect()
}
