//! What of a board a device tree cannot say: found by reading the tree again.

use std::collections::HashSet;

use boardwright_devicetree::Tree;
use boardwright_riscv::CpuProperty;
use qapi_runtime::{QmpError, Value};

use crate::board::compare::{Facts, Key};
use crate::board::import::Reading;
use crate::board::{Board, Device};
use crate::devices::cpu::{self, model};
use crate::qapi::DeviceTreeDropped;

/// What does not come back when the tree of a board is read.
///
/// # Errors
/// The tree cannot be read, which is a fault of a driver.
pub fn dropped(board: &Board, tree: &Tree) -> Result<Vec<DeviceTreeDropped>, QmpError> {
    let phandles = tree.phandles();
    let reading = Reading::of(tree, &phandles, &crate::machines::empty())?;
    let (here, back) = (Facts::of_board(board), Facts::of_tree(&reading));
    let mut all = Vec::new();
    let mut tell = |device: &Device, text: String| {
        all.push(DeviceTreeDropped { device: device.path(), text });
    };
    let mut told = HashSet::new();
    for device in board.devices() {
        if device.driver().units().is_some() {
            harts(&reading, device, &mut tell);
            continue;
        }
        let Some(addr) = board.address_of(&device.name, 0) else {
            tell(device, format!("{} is at no address", device.kind()));
            continue;
        };
        let key = Key { addr, kind: device.kind() };
        let (Some(facts), Some(read)) = (here.devices.get(&key), back.devices.get(&key)) else {
            tell(device, format!("{} at {addr:#x} has no node", device.kind()));
            continue;
        };
        if facts.place != device.path() {
            tell(device, format!("'{}' is at the same address", facts.place));
            continue;
        }
        for (name, value) in &facts.properties {
            let other = read.properties.get(name).unwrap_or(&Value::Null);
            if value != other {
                tell(device, format!("'{name}' {value} reads back as {other}"));
            }
        }
        for (output, target) in &facts.outputs {
            if read.outputs.get(output) != Some(target) {
                tell(device, format!("that {output} leads to {target}"));
            }
        }
        for mapping in board.mappings_of(&device.name) {
            if let Some(alias) = &mapping.alias {
                tell(device, format!("alias '{alias}' at {:#x}", mapping.addr));
            }
            if mapping.priority != 0 && told.insert(device.name.clone()) {
                tell(device, format!("priority {} of its mapping", mapping.priority));
            }
        }
    }
    Ok(all)
}

/// What a hart array has and the nodes of its harts do not say.
fn harts(reading: &Reading<'_>, device: &Device, tell: &mut impl FnMut(&Device, String)) {
    let (Some(units), Some(cpu)) = (device.driver().units(), cpu::of_units(&device.options)) else {
        return;
    };
    let back = reading.harts.iter().find(|hart| hart.hartid == units.first_hartid);
    let Some(back) = back.and_then(|hart| model::parse(&hart.cpu_type).ok()) else {
        tell(device, "its harts have no nodes".into());
        return;
    };
    for property in CpuProperty::all() {
        let (value, other) = (model::value(property, &cpu), model::value(property, &back));
        if value != other {
            tell(device, format!("'{}' {value} reads back as {other}", property.name()));
        }
    }
    if let Some(start) = device.driver().reset_vector()
        && reading.entry != Some(start)
    {
        tell(device, format!("'resetvec' {start:#x}: the harts do not all start in one memory"));
    }
}
