//! How a driver reads nodes of a device tree: which ones, and what they are on a board.

use std::collections::HashMap;

use boardwright_devicetree::{Interrupt, NodeRef, Problem, Region, TreeError};

use super::node::LINES;
use super::{Driver, PortDirection, driver};
use crate::qapi::{DeviceOptionsDriver, DeviceTreeProblem};

/// The nodes of a kind, and how they are read.
pub struct Binding {
    /// Which nodes.
    pub nodes: Nodes,
    /// What such a node is.
    ///
    /// # Errors
    /// A property that has to be understood is missing or malformed.
    pub read: fn(&Described<'_, '_>) -> Result<Found, TreeError>,
}

/// Which nodes a binding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nodes {
    /// Those with one of these strings in `compatible`.
    Compatible(&'static [&'static str]),
    /// Those with this `device_type`.
    Type(&'static str),
}

/// A node as a driver is shown it.
pub struct Described<'a, 't> {
    /// The node.
    pub node: NodeRef<'t>,
    /// `reg`, in the harts' address space.
    pub regions: Vec<Region>,
    /// Where its interrupts go, whichever form says so.
    pub interrupts: Vec<Interrupt<'t>>,
    /// Ticks a second of the harts' `time`, if the tree says.
    pub timebase: Option<u32>,
    /// The size that the user wants this memory to have instead of that in `reg`.
    pub memory: Option<u64>,
    /// `mhartid` of a hart, by the path of its interrupt controller.
    pub harts: &'a HashMap<String, u64>,
    /// Nodes by their phandles.
    pub phandles: &'a boardwright_devicetree::Phandles<'t>,
}

/// What a node is on a board.
#[derive(Debug, Default)]
pub struct Found {
    /// Its devices; none where the node says something about others.
    pub devices: Vec<Part>,
    /// What of it is not modelled.
    pub remarks: Vec<(DeviceTreeProblem, String)>,
    /// Whether the nodes below it are understood as parts of it.
    pub has_children: bool,
}

impl Found {
    /// These devices.
    pub fn devices(devices: Vec<Part>) -> Self {
        Self { devices, ..Self::default() }
    }

    /// Tells the user of something that is not modelled.
    pub fn remark(&mut self, problem: DeviceTreeProblem, text: impl Into<String>) {
        self.remarks.push((problem, text.into()));
    }
}

/// A device that a node describes, or one of several.
#[derive(Debug)]
pub struct Part {
    /// Its id, where that is not the node's name.
    pub id: Option<String>,
    /// What it is. A character back end is given to it by the reader of the tree.
    pub options: DeviceOptionsDriver,
    /// Regions and their addresses.
    pub regions: Vec<(u32, u64)>,
    /// Pins that drive it.
    pub pins: Vec<Pin>,
    /// Outputs, `sysbus-irq[0]`, and which of the node's interrupts each of them is.
    pub wires: Vec<(String, usize)>,
}

/// A pin of a GPIO controller that drives a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Path of the controller's node.
    pub controller: String,
    /// The pin's number.
    pub line: u32,
    /// The input that it leads to.
    pub input: String,
}

impl Part {
    /// A device with nothing mapped and nothing wired.
    pub fn new(options: DeviceOptionsDriver) -> Self {
        Self { id: None, options, regions: Vec::new(), pins: Vec::new(), wires: Vec::new() }
    }

    /// With an id of its own.
    pub fn named(self, id: String) -> Self {
        Self { id: Some(id), ..self }
    }

    /// With region 0 at an address.
    pub fn at(mut self, addr: u64) -> Self {
        self.regions.push((0, addr));
        self
    }

    /// With outputs that are interrupts of the node.
    pub fn wired(mut self, wires: impl IntoIterator<Item = (String, usize)>) -> Self {
        self.wires.extend(wires);
        self
    }
}

impl From<Part> for Found {
    fn from(part: Part) -> Self {
        Self::devices(vec![part])
    }
}

impl Described<'_, '_> {
    /// The usual: one device, its regions where `reg` says, its interrupts in order.
    pub fn device(&self, options: DeviceOptionsDriver) -> Found {
        let declared = options.clone();
        self.device_of(options, driver(&declared))
    }

    /// The same for a device of which the options alone do not say what it has.
    pub fn device_of(&self, options: DeviceOptionsDriver, declared: &dyn Driver) -> Found {
        let mut part = Part::new(options);
        if self.regions.is_empty() && !declared.regions().is_empty() {
            return self.without_registers();
        }
        let addresses = self.regions.iter().map(|region| region.address);
        part.regions = (0..).zip(addresses).take(declared.regions().len()).collect();
        let outputs: Vec<String> = declared
            .ports()
            .iter()
            .filter(|port| port.direction == PortDirection::Output)
            .flat_map(|port| (0..port.count).map(|line| format!("{}[{line}]", port.name)))
            .collect();
        let (count, interrupts) = (outputs.len(), self.interrupts.len());
        let lines = self.node.property(LINES).and_then(|lines| lines.u32s().ok());
        let lines = lines.unwrap_or_else(|| (0..).take(interrupts).collect());
        part.wires = (0..interrupts)
            .zip(lines)
            .filter_map(|(place, line)| Some((outputs.get(line as usize)?.clone(), place)))
            .collect();
        let mut found = Found::from(part);
        if interrupts > count {
            let text = format!(
                "has {interrupts} interrupts, and the device {count}: the others are not wired"
            );
            found.remark(DeviceTreeProblem::Interrupt, text);
        }
        found
    }

    /// Nothing on the board: the node says something about others.
    pub fn nothing(&self) -> Found {
        Found::default()
    }

    /// What a device is that nobody can reach.
    pub fn without_registers(&self) -> Found {
        let compatible = self.node.compatible().join(", ");
        let mut found = self.nothing();
        found.remark(DeviceTreeProblem::LeftOut, format!("'{compatible}' has no reg: left out"));
        found
    }

    /// A property that is one number.
    ///
    /// # Errors
    /// It is something else.
    pub fn number(&self, property: &str) -> Result<Option<u32>, TreeError> {
        self.node.property(property).map(|property| property.u32()).transpose()
    }

    /// The frequency of the clock that drives the device: its own word for it, or that of the clock
    /// that it refers to.
    ///
    /// # Errors
    /// A property is malformed.
    pub fn clock(&self) -> Result<Option<u32>, TreeError> {
        const FREQUENCY: &str = "clock-frequency";
        if let Some(frequency) = self.number(FREQUENCY)? {
            return Ok(Some(frequency));
        }
        let Some(clocks) = self.node.property("clocks") else { return Ok(None) };
        let clock = clocks.u32s()?.first().and_then(|phandle| self.phandles.get(*phandle)).cloned();
        clock.and_then(|clock| clock.property(FREQUENCY)).map(|property| property.u32()).transpose()
    }

    /// The first pin of `gpios`: path of the controller's node, number, and whether it is active
    /// while low (Linux, bindings/gpio/gpio.txt).
    ///
    /// # Errors
    /// The property is missing or malformed, or names no node.
    pub fn pin(&self) -> Result<(String, u32, bool), TreeError> {
        let gpios = self.node.require("gpios")?;
        let cells = gpios.u32s()?;
        let [phandle, line, flags, ..] = cells.as_slice() else {
            return Err(gpios.error(Problem::Length {
                found: gpios.bytes().len(),
                expected: "a phandle, a pin and its flags (12)".into(),
            }));
        };
        let controller = self.phandles.get(*phandle);
        let controller = controller.ok_or_else(|| gpios.error(Problem::NoSuchPhandle(*phandle)))?;
        Ok((controller.path(), *line, flags & 1 != 0))
    }

    /// `mhartid` of the hart that an interrupt goes to.
    pub fn hartid(&self, interrupt: &Interrupt<'_>) -> Option<u64> {
        self.harts.get(&interrupt.controller.path()).copied()
    }
}
