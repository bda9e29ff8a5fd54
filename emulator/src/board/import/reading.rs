//! What the nodes of a tree are: harts, devices as their drivers read them, and the rest.

use std::collections::HashMap;

use boardwright_devicetree::{Interrupt, NodeRef, Phandles, Problem, Region, Tree, TreeError};
use qapi_runtime::QmpError;

use super::cpus::{self, Hart};
use super::{Remark, unknown, words, wrong};
use crate::devices::binding::{Binding, Described, Found, Nodes};
use crate::devices::bindings;
use crate::qapi::{DeviceTreeProblem, MachineOptions};

/// Nodes at the root that describe no device.
const NO_DEVICES: &[&str] =
    &["chosen", "aliases", "cpus", "__symbols__", "reserved-memory", "options", words::NAME];
/// What needs no device: clocks, which only others look up, and a region that answers every access
/// with an error, as an address without a device does.
const NOTHING: &[&str] = &["fixed-clock", "fixed-factor-clock", "sifive,error0"];

/// A tree that was read.
pub(in crate::board) struct Reading<'t> {
    /// The tree.
    pub(in crate::board) tree: &'t Tree,
    /// The harts, sorted by id.
    pub(in crate::board) harts: Vec<Hart<'t>>,
    /// Where they start, if the tree says.
    pub(in crate::board) entry: Option<u64>,
    /// Ticks a second of their `time`, if the tree says.
    pub(in crate::board) timebase: Option<u32>,
    /// All other nodes that mean something, in the order of the tree.
    pub(in crate::board) entries: Vec<Entry<'t>>,
}

/// A node that is or may be devices.
pub(in crate::board) struct Entry<'t> {
    /// The node.
    pub(in crate::board) node: NodeRef<'t>,
    /// Its registers, as the harts see them.
    pub(in crate::board) regions: Vec<Region>,
    /// Where its interrupts lead.
    pub(in crate::board) interrupts: Vec<Interrupt<'t>>,
    /// What it is.
    pub(in crate::board) found: Found,
}

impl<'t> Reading<'t> {
    /// Reads a tree.
    ///
    /// # Errors
    /// A property that has to be understood is malformed.
    pub(in crate::board) fn of(
        tree: &'t Tree,
        phandles: &Phandles<'t>,
        options: &MachineOptions,
    ) -> Result<Self, QmpError> {
        let harts = cpus::read(tree, options)?;
        let mut entry = None;
        // Firmware and kernel say themselves where they start.
        if options.firmware.is_none() && options.kernel.is_none() {
            entry = metal_entry(tree, phandles).map_err(wrong)?;
        }
        let timebase = timebase(tree).map_err(wrong)?;
        let mut reading = Self { tree, harts, entry, timebase, entries: Vec::new() };
        reading.entries = reading.devices(phandles, options).map_err(wrong)?;
        Ok(reading)
    }

    /// Asks the drivers what the nodes are.
    fn devices(
        &self,
        phandles: &Phandles<'t>,
        options: &MachineOptions,
    ) -> Result<Vec<Entry<'t>>, TreeError> {
        let known = Bindings::new();
        let controllers =
            self.harts.iter().filter_map(|hart| Some((hart.controller.as_ref()?, hart)));
        let harts: HashMap<String, u64> =
            controllers.map(|(controller, hart)| (controller.path(), hart.hartid)).collect();
        // The first memory node is the one that an option may give another size.
        let mut memory = options.memory;
        let mut entries = Vec::new();
        for node in bus_nodes(self.tree) {
            let mut remarks = Vec::new();
            let Some(regions) = reachable(node.reg(), &mut remarks)? else {
                let found = Found { remarks, ..Found::default() };
                let regions = node.local_reg().unwrap_or_default();
                entries.push(Entry { node, regions, interrupts: Vec::new(), found });
                continue;
            };
            let interrupts = match is_pci_bridge(&node) {
                true => node.pins(phandles),
                false => node.interrupts(phandles),
            };
            let interrupts = leading(interrupts, &mut remarks)?;
            let mut described = Described {
                node,
                regions,
                interrupts,
                timebase: self.timebase,
                memory: None,
                harts: &harts,
                phandles,
            };
            let mut found = match known.of(&described.node) {
                Some(binding) => {
                    if let Nodes::Type(_) = binding.nodes {
                        described.memory = memory.take();
                    }
                    let mut found = (binding.read)(&described)?;
                    children_left_out(&described.node, &mut found);
                    found
                }
                None if is_nothing(&described.node) => described.nothing(),
                None => unknown::read(&described),
            };
            found.remarks.extend(remarks);
            let Described { node, regions, interrupts, .. } = described;
            entries.push(Entry { node, regions, interrupts, found });
        }
        Ok(entries)
    }
}

/// Nodes that may be devices: those at the root and on buses that show them to the harts.
fn bus_nodes(tree: &Tree) -> Vec<NodeRef<'_>> {
    let mut found = Vec::new();
    let mut open: Vec<NodeRef<'_>> = tree
        .root()
        .children()
        .rev()
        .filter(|node| !NO_DEVICES.contains(&node.node().base_name()))
        .collect();
    while let Some(node) = open.pop() {
        if !node.is_enabled() {
            continue;
        }
        if is_bus(&node) {
            open.extend(node.children().rev());
        } else {
            found.push(node);
        }
    }
    found
}

/// Whether a node is understood and no device: interrupts that go through a nexus are wired to where
/// it leads them.
fn is_nothing(node: &NodeRef<'_>) -> bool {
    let nexus = node.has("interrupt-map") && !node.has("reg");
    nexus || NOTHING.iter().any(|name| node.is_compatible(name))
}

/// Whether a node is a bridge to a PCI bus, whose interrupts are the pins there.
fn is_pci_bridge(node: &NodeRef<'_>) -> bool {
    let kind = node.property("device_type");
    kind.and_then(|kind| kind.strings().ok()).is_some_and(|kinds| kinds == ["pci"])
}

/// A bus without registers of its own, which therefore needs no driver.
fn is_bus(node: &NodeRef<'_>) -> bool {
    let container = node.has("ranges") && !node.has("reg") && !node.node().children().is_empty();
    node.is_compatible("simple-bus") || container
}

/// Registers; nothing and a remark when the harts cannot reach them.
fn reachable(
    regions: Result<Vec<Region>, TreeError>,
    remarks: &mut Vec<Remark>,
) -> Result<Option<Vec<Region>>, TreeError> {
    match regions {
        Ok(regions) => Ok(Some(regions)),
        Err(error) => match error.problem {
            Problem::NotMapped(_) | Problem::OutsideRanges { .. } | Problem::TooWide(_) => {
                let text = format!("`{}` {}: left out", error.property, error.problem);
                remarks.push((DeviceTreeProblem::LeftOut, text));
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

/// Interrupts; none and a remark when they lead to nothing.
fn leading<'t>(
    interrupts: Result<Vec<Interrupt<'t>>, TreeError>,
    remarks: &mut Vec<Remark>,
) -> Result<Vec<Interrupt<'t>>, TreeError> {
    interrupts.or_else(|error| match error.problem {
        Problem::NoSuchPhandle(_)
        | Problem::NoInterruptParent
        | Problem::NotAController(_)
        | Problem::NotInMap { .. }
        | Problem::TooManyNexuses(_) => {
            let text = format!("`{}` {}: not wired", error.property, error.problem);
            remarks.push((DeviceTreeProblem::Interrupt, text));
            Ok(Vec::new())
        }
        _ => Err(error),
    })
}

/// Says which nodes below a device its driver has not looked at.
fn children_left_out(node: &NodeRef<'_>, found: &mut Found) {
    if found.has_children {
        return;
    }
    let names: Vec<&str> =
        node.children().filter(NodeRef::is_enabled).map(|child| child.name()).collect();
    if !names.is_empty() {
        let text = format!("what stands below is not modelled: {}", names.join(", "));
        found.remark(DeviceTreeProblem::LeftOut, text);
    }
}

fn timebase(tree: &Tree) -> Result<Option<u32>, TreeError> {
    let Some(cpus) = tree.find("/cpus") else { return Ok(None) };
    let found = std::iter::once(cpus.clone())
        .chain(cpus.children())
        .find_map(|node| node.property("timebase-frequency"));
    found.map(|property| property.u32()).transpose()
}

/// Where the harts start: `/chosen metal,entry`, a node and an offset into its registers.
fn metal_entry(tree: &Tree, phandles: &Phandles<'_>) -> Result<Option<u64>, TreeError> {
    let chosen = tree.find("/chosen");
    let Some(entry) = chosen.and_then(|chosen| chosen.property("metal,entry")) else {
        return Ok(None);
    };
    let cells = entry.u32s()?;
    let [phandle, offset @ ..] = cells.as_slice() else { return Ok(None) };
    let Some(node) = phandles.get(*phandle) else {
        return Err(entry.error(Problem::NoSuchPhandle(*phandle)));
    };
    let base = node.reg()?.first().map_or(0, |region| region.address);
    let offset = offset.iter().fold(0_u64, |sum, cell| sum << 32 | u64::from(*cell));
    Ok(Some(base.wrapping_add(offset)))
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
