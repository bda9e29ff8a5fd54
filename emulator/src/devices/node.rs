//! What a driver is told when it writes its device-tree node.

use std::collections::HashMap;
use std::sync::Arc;

use boardwright_devicetree::Node;

use super::PortDirection;
use crate::board::{Board, Device, Name, PortRef};

/// Which lines the entries of `interrupts-extended` are, where that is not all of them in order.
pub const LINES: &str = "boardwright,interrupt-lines";

/// Where a device stands, in the words of a device tree.
pub struct Place<'a> {
    /// The board.
    pub board: &'a Board,
    /// The device on it.
    pub device: &'a Device,
    phandles: &'a Phandles,
}

/// The phandle of every hart's and every other controller's node; the same for the same board.
pub struct Phandles {
    first: HashMap<Name, u32>,
    /// The first that no controller has.
    free: u32,
}

/// The devices in the order in which trees have them, which does not depend on that in which they
/// were added: harts by id, then by address.
pub fn in_order(board: &Board) -> Vec<&Arc<Device>> {
    let mut devices: Vec<_> = board.devices().collect();
    devices.sort_by_cached_key(|device| {
        let hartid = device.driver().units().map_or(u64::MAX, |units| units.first_hartid);
        (hartid, board.address_of(&device.name, 0).unwrap_or(u64::MAX))
    });
    devices
}

impl Phandles {
    /// Numbers the devices: a hart array gets one a hart, anything else one.
    pub fn new(board: &Board) -> Self {
        let mut next = 1;
        let mut first = HashMap::new();
        for device in in_order(board) {
            first.insert(device.name.clone(), next);
            next += device.driver().units().map_or(1, |units| units.count);
        }
        Self { first, free: next }
    }

    /// The phandle of a hart itself, by its place among all; its controller has another.
    pub fn of_cpu(&self, index: u32) -> u32 {
        self.free + index
    }

    /// The phandle of a device, or of its child.
    pub fn of(&self, device: &Name, unit: u32) -> u32 {
        self.first.get(device).map_or(0, |first| first + unit)
    }
}

impl<'a> Place<'a> {
    /// Of a device.
    pub fn new(board: &'a Board, device: &'a Device, phandles: &'a Phandles) -> Self {
        Self { board, device, phandles }
    }

    /// Address and size of a region that is mapped.
    pub fn region(&self, index: u32) -> Option<(u64, u64)> {
        let addr = self.board.address_of(&self.device.name, index)?;
        let size = self.device.driver().regions().get(index as usize)?.size;
        Some((addr, size))
    }

    /// A node `NAME@ADDRESS` with `reg` for region 0; `None` when that is not mapped.
    pub fn bus_node(&self, name: &str, compatible: &[&str]) -> Option<Node> {
        let (addr, size) = self.region(0)?;
        let node = Node::new(format!("{name}@{addr:x}")).with_strings("compatible", compatible);
        Some(node.with_u64s("reg", &[addr, size]))
    }

    /// This device's own phandle.
    pub fn phandle(&self) -> u32 {
        self.unit_phandle(0)
    }

    /// The phandle of a child of this device.
    pub fn unit_phandle(&self, unit: u32) -> u32 {
        self.phandles.of(&self.device.name, unit)
    }

    /// The input that an output leads to, as cells.
    pub fn specifier(&self, input: &PortRef) -> Option<Vec<u32>> {
        let controller = self.board.device(&input.device)?;
        let mut cells = vec![self.phandles.of(&input.device, input.unit)];
        cells.extend(controller.driver().interrupt_specifier(input.line)?);
        Some(cells)
    }

    /// The pin of a GPIO controller that drives an input, as cells: phandle and number.
    pub fn pin(&self, input: &PortRef) -> Option<Vec<u32>> {
        let output = self.board.peer(input)?;
        let number = self.board.device(&output.device)?.driver().pin_number(output)?;
        Some(vec![self.phandles.of(&output.device, output.unit), number])
    }

    /// Says where the device's outputs lead, where there is something to say: in the short form
    /// when it is one controller for all of them and no hart's. Lines that lead nowhere are left
    /// out; which ones are there is then said besides.
    pub fn with_interrupts(&self, node: Node) -> Node {
        let mut specifiers = Vec::new();
        let mut lines = Vec::new();
        let mut of_harts = false;
        let ports = self.device.driver().ports();
        // Outputs are counted over all ports.
        let before = |port: u32| -> u32 {
            let outputs = ports.iter().take(port as usize);
            outputs.filter(|p| p.direction == PortDirection::Output).map(|p| p.count).sum()
        };
        for (output, input) in self.board.wires_from(self.device) {
            if let Some(specifier) = self.specifier(&input) {
                specifiers.push(specifier);
                lines.push(before(output.port) + output.line);
                let controller = self.board.device(&input.device);
                of_harts |= controller.is_some_and(|device| device.driver().units().is_some());
            }
        }
        let Some(parent) = specifiers.first().and_then(|specifier| specifier.first()).copied()
        else {
            return node;
        };
        let is_one = specifiers.iter().all(|specifier| specifier.first() == Some(&parent));
        let node = if is_one && !of_harts {
            let cells: Vec<u32> =
                specifiers.iter().flat_map(|cells| &cells[1..]).copied().collect();
            node.with_u32("interrupt-parent", parent).with_cells("interrupts", &cells)
        } else {
            node.with_cells("interrupts-extended", &specifiers.concat())
        };
        if (0..).zip(&lines).all(|(place, line)| place == *line) {
            return node;
        }
        node.with_cells(LINES, &lines)
    }
}
