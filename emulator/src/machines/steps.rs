//! What templates write their boards with: the commands that a user would give.

use std::ops::RangeInclusive;

use qapi_runtime::{QmpError, Value};
use serde_json::json;

use super::Plan;
use crate::door::Command;
use crate::qapi::{MachineOptions, MachineType};

/// Commands that build a board, one after the other.
#[derive(Default)]
pub(super) struct Steps {
    commands: Vec<Command>,
}

impl Steps {
    fn command(&mut self, name: &str, arguments: Value) {
        // The arguments are objects throughout, so this cannot fail.
        self.commands.extend(Command::new(name, arguments));
    }

    /// Adds a device: the arguments of `device_add`.
    pub(super) fn add(&mut self, device: Value) {
        self.command("device_add", device);
    }

    /// Maps a region of a device.
    pub(super) fn map(&mut self, device: &str, addr: u64) {
        self.command("sysbus-mmio-map", json!({ "device": device, "addr": addr }));
    }

    /// Maps one of a device's regions.
    pub(super) fn map_region(&mut self, device: &str, region: u32, addr: u64) {
        let mapping = json!({ "device": device, "mmio": region, "addr": addr });
        self.command("sysbus-mmio-map", mapping);
    }

    /// Maps the begin of a device's first region a second time.
    pub(super) fn view(&mut self, device: &str, alias: &str, addr: u64, size: u64) {
        let view = json!({ "device": device, "addr": addr, "alias": alias, "size": size });
        self.command("sysbus-mmio-map", view);
    }

    /// Adds a device and maps its first region.
    pub(super) fn place(&mut self, addr: u64, mut device: Value, id: &str) {
        device["id"] = id.into();
        self.add(device);
        self.map(id, addr);
    }

    /// A placeholder for what is not modelled.
    pub(super) fn placeholder(&mut self, addr: u64, size: u64, id: &str) {
        let device = json!({ "driver": "unimplemented-device", "name": id, "size": size });
        self.place(addr, device, id);
    }

    /// Leads an output of a device to an input.
    pub(super) fn wire(&mut self, device: &str, output: &str, input: &str) {
        self.command("qom-set", json!({ "path": device, "property": output, "value": input }));
    }

    /// Leads the interrupts of a device to consecutive inputs of another.
    pub(super) fn interrupts(
        &mut self,
        device: &str,
        controller: &str,
        inputs: RangeInclusive<u32>,
    ) {
        for (index, input) in inputs.enumerate() {
            let output = format!("sysbus-irq[{index}]");
            self.wire(device, &output, &format!("{controller}/unnamed-gpio-in[{input}]"));
        }
    }

    /// All of them.
    pub(super) fn plan(self, kind: MachineType) -> Plan {
        Plan::of(kind, self.commands)
    }
}

/// How many harts the options ask for, on a machine that has so many.
///
/// # Errors
/// They ask for another number.
pub(super) fn harts(
    options: &MachineOptions,
    usual: u32,
    range: &RangeInclusive<u32>,
) -> Result<u32, QmpError> {
    let harts = options.smp.as_ref().and_then(|smp| smp.cpus).unwrap_or(usual);
    let name = options.type_.tag();
    let refuse = |which: &str, limit: u32| {
        Err(QmpError::generic(format!(
            "Invalid SMP CPUs {harts}. The {which} CPUs supported by machine '{name}' is {limit}"
        )))
    };
    if harts < *range.start() {
        refuse("min", *range.start())
    } else if harts > *range.end() {
        refuse("max", *range.end())
    } else {
        Ok(harts)
    }
}

/// What becomes of a property that is set when the board is there already.
///
/// # Errors
/// The board was made from it.
pub(super) fn follow(property: &str) -> Result<(), QmpError> {
    match property {
        "append" | "dtb" | "dumpdtb" | "firmware" | "initrd" | "kernel" => Ok(()),
        _ => used(property),
    }
}

/// Refuses a property that comes too late.
pub(super) fn used(property: &str) -> Result<(), QmpError> {
    Err(QmpError::generic(format!(
        "Property '{property}' of the machine is used on entering 'initialized': set it before"
    )))
}
