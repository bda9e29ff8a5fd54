//! Nodes that no driver reads: a placeholder over their registers, and a remark that says all that
//! the tree knows of them.

use crate::devices::binding::{Described, Found, Part};
use crate::qapi::{DeviceOptionsDriver, UnimplementedDeviceProperties};

/// What stands for such a node.
pub(super) fn read(node: &Described<'_, '_>) -> Found {
    let mut found = Found::default();
    let compatible = node.node.compatible().join(", ");
    let mut what = format!("compatible '{compatible}' is not modelled");
    for region in node.regions.iter().filter(|region| region.size != 0) {
        let properties = UnimplementedDeviceProperties {
            name: Some(node.node.name().to_string()),
            size: Some(region.size),
        };
        let options = DeviceOptionsDriver::UnimplementedDevice(properties);
        found.devices.push(Part::new(options).at(region.address));
        what +=
            &format!("; reg {:#x}, {:#x} bytes: unimplemented-device", region.address, region.size);
    }
    let interrupts: Vec<String> = node
        .interrupts
        .iter()
        .map(|one| format!("{:?} of {}", one.cells, one.controller.path()))
        .collect();
    if !interrupts.is_empty() {
        what += &format!("; interrupts {}: not wired", interrupts.join(", "));
    }
    found.remarks.push(what);
    found
}
