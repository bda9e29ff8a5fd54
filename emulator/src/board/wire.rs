//! Wires: which output leads to which input. One output has one input and the other way round.

use qapi_runtime::QmpError;
use rpds::RedBlackTreeMapSync;

use super::{Board, Device, Name};
use crate::devices::PortDirection;

/// One line of a port of a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRef {
    /// The device.
    pub device: Name,
    /// The child of the device that has the port (a hart of an array); 0 where there are none.
    pub unit: u32,
    /// Index into what the driver declares.
    pub port: u32,
    /// The line within the port.
    pub line: u32,
}

/// All wires of a board, to be found from either end.
#[derive(Clone, Debug, Default)]
pub(super) struct Wires {
    forward: RedBlackTreeMapSync<PortRef, PortRef>,
    backward: RedBlackTreeMapSync<PortRef, PortRef>,
    /// By output, the number in the board's journal of the command that made the wire.
    entries: RedBlackTreeMapSync<PortRef, u64>,
}

impl Wires {
    pub(super) fn input_of(&self, output: &PortRef) -> Option<&PortRef> {
        self.forward.get(output)
    }

    fn output_of(&self, input: &PortRef) -> Option<&PortRef> {
        self.backward.get(input)
    }

    pub(super) fn leaving(&self, device: &Name) -> impl Iterator<Item = (&PortRef, &PortRef)> {
        on_device(&self.forward, device)
    }

    fn entering(&self, device: &Name) -> impl Iterator<Item = (&PortRef, &PortRef)> {
        on_device(&self.backward, device)
    }

    fn remove(&mut self, output: &PortRef) {
        if let Some(input) = self.forward.get(output).cloned() {
            self.forward.remove_mut(output);
            self.backward.remove_mut(&input);
            self.entries.remove_mut(output);
        }
    }
}

fn on_device<'a>(
    wires: &'a RedBlackTreeMapSync<PortRef, PortRef>,
    device: &Name,
) -> impl Iterator<Item = (&'a PortRef, &'a PortRef)> {
    let first = PortRef { device: device.clone(), unit: 0, port: 0, line: 0 };
    let last = PortRef { unit: u32::MAX, port: u32::MAX, line: u32::MAX, ..first.clone() };
    wires.range(first..=last)
}

impl Board {
    /// Wires an output to an input.
    ///
    /// # Errors
    /// The ends are not an output and an input, or one of them is taken by another wire; the
    /// message names it.
    pub fn connect(&mut self, output: &PortRef, input: &PortRef) -> Result<(), QmpError> {
        for (end, wanted) in [(output, PortDirection::Output), (input, PortDirection::Input)] {
            if self.direction(end) != Some(wanted) {
                return Err(QmpError::generic(format!(
                    "'{}' is not an interrupt {wanted}",
                    self.port_path(end)
                )));
            }
        }
        match self.wires.output_of(input) {
            Some(driver) if driver == output => return Ok(()),
            Some(driver) => {
                return Err(QmpError::generic(format!(
                    "'{}' is already driven by '{}'",
                    self.port_path(input),
                    self.port_path(driver)
                )));
            }
            None => {}
        }
        self.wires.remove(output);
        self.wires.forward.insert_mut(output.clone(), input.clone());
        self.wires.backward.insert_mut(input.clone(), output.clone());
        self.wires.entries.insert_mut(output.clone(), self.journal().len());
        Ok(())
    }

    /// The same for an output that drives nothing yet.
    ///
    /// # Errors
    /// As for [`Board::connect`], or the output drives another input.
    pub fn connect_free(&mut self, output: &PortRef, input: &PortRef) -> Result<(), QmpError> {
        match self.wires.input_of(output) {
            Some(other) if other != input => Err(QmpError::generic(format!(
                "'{}' drives '{}' already; a device 'split-irq' drives several inputs",
                self.port_path(output),
                self.port_path(other)
            ))),
            _ => self.connect(output, input),
        }
    }

    /// The other end of the wire at a port.
    pub fn peer(&self, port: &PortRef) -> Option<&PortRef> {
        self.wires.input_of(port).or_else(|| self.wires.output_of(port))
    }

    /// Takes the wire at a port away, if there is one; either end will do.
    pub fn disconnect(&mut self, port: &PortRef) {
        let output = self.wires.output_of(port).cloned();
        self.wires.remove(output.as_ref().unwrap_or(port));
    }

    /// The number in the board's journal of the command that wired an output; 0 for none.
    pub fn wired_by(&self, output: &PortRef) -> u64 {
        self.wires.entries.get(output).copied().unwrap_or(0)
    }

    /// The inputs of a device that a wire leads to.
    pub fn wired_inputs(&self, device: &Device) -> impl Iterator<Item = &PortRef> {
        self.wires.entering(&device.name).map(|(input, _)| input)
    }

    /// Every wire, output first.
    pub fn wires(&self) -> impl Iterator<Item = (&PortRef, &PortRef)> {
        self.wires.forward.iter()
    }

    /// Whether a wire leads to a device or from it.
    pub fn is_wired(&self, device: &str) -> bool {
        let device = Name::from(device);
        self.wires.leaving(&device).next().is_some()
            || self.wires.entering(&device).next().is_some()
    }

    pub(super) fn ports_in_use(&self, device: &Name) -> Vec<PortRef> {
        let outputs = self.wires.leaving(device).map(|(from, _)| from.clone());
        outputs.chain(self.wires.entering(device).map(|(to, _)| to.clone())).collect()
    }

    /// How many lines the port of a line has.
    pub(super) fn width(&self, line: &PortRef) -> u32 {
        let ports = self.device(&line.device).map(|device| device.driver().ports());
        ports.and_then(|ports| Some(ports.get(line.port as usize)?.count)).unwrap_or(0)
    }

    fn direction(&self, port: &PortRef) -> Option<PortDirection> {
        let device = self.device(&port.device)?;
        device.driver().ports().get(port.port as usize).map(|declared| declared.direction)
    }
}
