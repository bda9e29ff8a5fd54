//! Nodes that no driver reads: a placeholder over their registers, and a remark that says all that
//! the tree knows of them.

use crate::devices::binding::{Described, Found, Part};
use crate::qapi::{DeviceOptionsDriver, DeviceTreeProblem, UnimplementedDeviceProperties};

/// What stands for such a node.
pub(super) fn read(node: &Described<'_, '_>) -> Found {
    let mut found = node.nothing();
    let compatible = node.node.compatible().join(", ");
    let mut text = format!("compatible '{compatible}' is not modelled");
    for region in node.regions.iter().filter(|region| region.size != 0) {
        let properties = UnimplementedDeviceProperties {
            name: Some(node.node.name().to_string()),
            size: Some(region.size),
        };
        let options = DeviceOptionsDriver::UnimplementedDevice(properties);
        found.devices.push(Part::new(options).at(region.address));
        text +=
            &format!("; reg {:#x}, {:#x} bytes: unimplemented-device", region.address, region.size);
    }
    let interrupts: Vec<String> = node
        .interrupts
        .iter()
        .map(|one| format!("{:?} of {}", one.cells, one.controller.path()))
        .collect();
    if !interrupts.is_empty() {
        text += &format!("; interrupts {}: not wired", interrupts.join(", "));
    }
    let below = node.node.node().children().len();
    if below != 0 {
        text += &format!("; {below} nodes below it");
    }
    let problem = match found.devices.is_empty() {
        true => DeviceTreeProblem::LeftOut,
        false => DeviceTreeProblem::NotModelled,
    };
    found.remark(problem, text);
    found
}
