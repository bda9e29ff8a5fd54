//! A stub in a device tree: what it stands for, where it is, and, in properties of our own, what it
//! is made of.

use boardwright_devicetree::{Node, Problem, TreeError};
use qapi_runtime::{Decode, Encode, Mode, Path};

use crate::devices::Driver;
use crate::devices::binding::{Binding, Described, Found, Nodes};
use crate::devices::node::Place;
use crate::qapi::{DeviceOptionsDriver, RegfileProperties, RegfileRegister};

/// What every stub is, after what it stands for.
const COMPATIBLE: &str = "boardwright,regfile";
const FILE: &str = "boardwright,file";
const PERIPHERAL: &str = "boardwright,peripheral";
/// The list of registers, as JSON.
const REGISTERS: &str = "boardwright,registers";
const SIZE: &str = "boardwright,size";

pub(super) const BINDINGS: &[Binding] =
    &[Binding { nodes: Nodes::Compatible(&[COMPATIBLE]), read }];

fn read(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let text = |name: &str| -> Result<Option<String>, TreeError> {
        node.node.property(name).map(|property| property.str().map(String::from)).transpose()
    };
    let stands_for = node.node.compatible().first().filter(|name| **name != COMPATIBLE).copied();
    let stub = RegfileProperties {
        file: text(FILE)?,
        peripheral: text(PERIPHERAL)?,
        registers: registers(node)?,
        size: node.node.property(SIZE).map(|size| size.u64()).transpose()?,
        compatible: stands_for.map(String::from),
    };
    // Without its description it has no outputs yet.
    let options = DeviceOptionsDriver::Regfile(stub.clone());
    let driver = stub.resolve().map_err(|error| node.node.error(FILE, Problem::Wrong(error.desc)));
    Ok(match driver? {
        Some(driver) => node.device_of(options, &*driver),
        None => node.device(options),
    })
}

fn registers(node: &Described<'_, '_>) -> Result<Option<Vec<RegfileRegister>>, TreeError> {
    let Some(list) = node.node.property(REGISTERS) else { return Ok(None) };
    let wrong = |text: String| list.error(Problem::Wrong(text));
    let value = serde_json::from_str(list.str()?).map_err(|error| wrong(error.to_string()))?;
    let path = Path::ARGUMENTS.member("registers");
    let decoded = Vec::<RegfileRegister>::decode(&value, &path, Mode::KEYVAL);
    decoded.map(Some).map_err(|error| wrong(error.desc))
}

pub(super) fn write(stub: &RegfileProperties, place: &Place<'_>) -> Option<Node> {
    let names: Vec<&str> = stub.compatible.as_deref().into_iter().chain([COMPATIBLE]).collect();
    let mut node = place.bus_node("stub", &names)?;
    let registers = stub.registers.as_ref().map(|list| list.encode().to_string());
    for (name, value) in
        [(FILE, &stub.file), (PERIPHERAL, &stub.peripheral), (REGISTERS, &registers)]
    {
        if let Some(value) = value {
            node = node.with_str(name, value);
        }
    }
    if let Some(size) = stub.size {
        node = node.with_u64s(SIZE, &[size]);
    }
    Some(place.with_interrupts(node))
}
