//! The object tree over the board, for the `qom-` commands: objects, their properties, reading and
//! setting them.

use std::sync::Arc;

use boardwright_riscv::{CpuModel, CpuProperty};
use qapi_runtime::{Decode, Encode, Map, Mode, Path, QmpError, Value};

use super::path::split_index;
use super::{Board, Device, PortRef};
use crate::devices::{self, Port, PortDirection};
use crate::machines;
use crate::qapi::{DeviceOptions, MachineOptions};

/// The path of the bus of devices with regions.
pub(super) const SYSTEM_BUS: &str = "/machine/unattached/sysbus";

/// A place in the object tree.
#[derive(Clone, Debug)]
pub enum Object {
    /// `/`
    Root,
    /// `/machine`
    Machine,
    /// `/machine/unattached`: what the machine has of itself.
    Unattached,
    /// `/machine/unattached/sysbus`: the bus of devices with regions.
    SystemBus,
    /// `/machine/peripheral`: devices with an id.
    Peripheral,
    /// `/machine/peripheral-anon`: devices without.
    PeripheralAnon,
    /// A device.
    Device(Arc<Device>),
    /// A child of a device.
    Unit(Arc<Device>, u32),
}

/// A property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// A QAPI type, `child<TYPE>` or `link<TYPE>`.
    pub ty: String,
    /// What it says.
    pub description: Option<String>,
    /// Its value when not given.
    pub default: Option<Value>,
}

impl Property {
    /// Whether it is an object below this one; interrupt lines are not counted.
    pub fn is_child(&self) -> bool {
        self.ty.starts_with("child<") && self.ty != "child<irq>"
    }

    /// One of which no more is to be said.
    pub fn new(name: impl Into<String>, ty: impl Into<String>) -> Self {
        Self { name: name.into(), ty: ty.into(), description: None, default: None }
    }
}

impl Object {
    /// Its whole path.
    pub fn path(&self) -> String {
        match self {
            Self::Root => "/".into(),
            Self::Machine => "/machine".into(),
            Self::Unattached => "/machine/unattached".into(),
            Self::SystemBus => SYSTEM_BUS.into(),
            Self::Peripheral => "/machine/peripheral".into(),
            Self::PeripheralAnon => "/machine/peripheral-anon".into(),
            Self::Device(device) => device.path(),
            Self::Unit(device, unit) => {
                let name = device.driver().units().map_or("", |units| units.names[0]);
                format!("{}/{name}[{unit}]", device.path())
            }
        }
    }

    /// The ports it has.
    pub fn ports(&self) -> Vec<Port> {
        match self {
            Self::Device(device) if device.driver().units().is_none() => device.driver().ports(),
            Self::Unit(device, _) => device.driver().ports(),
            _ => Vec::new(),
        }
    }

    /// The line called `name[N]`, or `name` where there is one line only, or by a name of its own.
    pub fn port(&self, label: &str) -> Option<PortRef> {
        let ports = self.ports();
        let (index, line) = match split_index(label) {
            Some((name, line)) => {
                (ports.iter().position(|port| port.name == name && line < port.count)?, line)
            }
            None => match ports.iter().position(|port| port.name == label && port.count == 1) {
                Some(index) => (index, 0),
                None => {
                    let device = self.device().filter(|_| !ports.is_empty())?;
                    let named = device.driver().line_names().iter().find(|l| l.name == label)?;
                    (named.port as usize, named.line)
                }
            },
        };
        let (device, unit) = match self {
            Self::Device(device) => (device, 0),
            Self::Unit(device, unit) => (device, *unit),
            _ => return None,
        };
        Some(PortRef { device: device.name.clone(), unit, port: u32::try_from(index).ok()?, line })
    }

    fn device(&self) -> Option<&Arc<Device>> {
        match self {
            Self::Device(device) | Self::Unit(device, _) => Some(device),
            _ => None,
        }
    }

    /// The name of its type.
    pub fn type_name(&self, board: &Board) -> String {
        match self {
            Self::Root | Self::Unattached | Self::Peripheral | Self::PeripheralAnon => {
                "container".into()
            }
            Self::SystemBus => "System".into(),
            Self::Machine => format!("{}-machine", board.machine.type_.tag()),
            Self::Device(device) => device.kind().to_string(),
            Self::Unit(device, _) => device.driver().units().map_or_else(String::new, |u| u.kind),
        }
    }
}

impl Board {
    /// The properties of an object.
    pub fn properties(&self, object: &Object) -> Vec<Property> {
        let mut properties = vec![Property::new("type", "string")];
        match object {
            Object::Root => properties.push(Property::new("machine", "child<machine>")),
            Object::Machine => {
                properties.push(Property::new("peripheral", "child<container>"));
                properties.push(Property::new("peripheral-anon", "child<container>"));
                properties.push(Property::new("unattached", "child<container>"));
                properties.extend(machines::properties(self.machine.type_.tag()));
            }
            Object::Unattached => {
                properties.push(Property::new("sysbus", "child<System>"));
                let own = self.device(machines::OWN_HARTS).and_then(|own| own.driver().units());
                properties.extend(own.into_iter().flat_map(|units| {
                    let ty = format!("link<{}>", units.kind);
                    (0..units.count).map(move |n| Property::new(format!("device[{n}]"), &*ty))
                }));
            }
            Object::SystemBus => {}
            Object::Peripheral => properties.extend(self.children(true)),
            Object::PeripheralAnon => properties.extend(self.children(false)),
            Object::Device(device) => {
                properties.push(Property::new("hotplugged", "bool"));
                properties.extend(driver_properties(device.kind()));
                let driver = device.driver();
                if let Some(units) = driver.units() {
                    let name = units.names[0];
                    properties.extend((0..units.count).map(|unit| {
                        Property::new(format!("{name}[{unit}]"), format!("child<{}>", units.kind))
                    }));
                }
                for (index, region) in driver.regions().iter().enumerate() {
                    let mut property =
                        Property::new(format!("mmio[{index}]"), "link<memory-region>");
                    property.description =
                        Some(format!("{}, {:#x} bytes", region.name, region.size));
                    properties.push(property);
                }
            }
            Object::Unit(device, unit) => {
                if let Some(cpu) = devices::cpu::of_unit(&device.options, *unit) {
                    properties.extend(cpu_properties(&cpu));
                }
            }
        }
        for port in object.ports() {
            let ty = match port.direction {
                PortDirection::Input => "child<irq>",
                PortDirection::Output => "link<irq>",
            };
            properties.extend(
                (0..port.count).map(|line| Property::new(format!("{}[{line}]", port.name), ty)),
            );
        }
        properties
    }

    fn children(&self, named: bool) -> impl Iterator<Item = Property> {
        self.devices()
            .filter(move |device| device.named == named)
            .map(|device| Property::new(&*device.name, format!("child<{}>", device.kind())))
    }

    /// The value of a property.
    ///
    /// # Errors
    /// The object has no such property.
    pub fn get(&self, object: &Object, property: &str) -> Result<Value, QmpError> {
        if property == "type" {
            return Ok(self.type_name(object).into());
        }
        if let Some(port) = object.port(property) {
            let path = match self.wired_to(&port) {
                Some(input) => self.port_path(input),
                None if self.is_output(&port) => String::new(),
                None => self.port_path(&port),
            };
            return Ok(path.into());
        }
        let child = match object {
            Object::Unit(..) => None,
            _ if property.is_empty() => None,
            _ => self.lookup(&format!("{}/{property}", object.path().trim_end_matches('/')))?,
        };
        if let Some(child) = child {
            return Ok(child.path().into());
        }
        match object {
            Object::Machine => machines::get(&self.machine, property),
            Object::Device(device) => self.get_of_device(device, property),
            Object::Unit(device, unit) => devices::cpu::of_unit(&device.options, *unit)
                .zip(CpuProperty::find(property))
                .map(|(cpu, property)| devices::cpu::model::value(property, &cpu)),
            _ => None,
        }
        .ok_or_else(|| self.no_property(object, property))
    }

    fn get_of_device(&self, device: &Device, property: &str) -> Option<Value> {
        if property == "hotplugged" {
            return Some(false.into());
        }
        if let Some(("mmio", region)) = split_index(property) {
            device.driver().regions().get(region as usize)?;
            let addr = self.address_of(&device.name, region);
            return Some(addr.map_or_else(|| "".into(), |addr| format!("{addr:#x}").into()));
        }
        let declared = devices::properties(device.kind()).iter().find(|p| p.name == property)?;
        let given = options_object(device);
        let value = given.get(declared.name).cloned();
        Some(
            value
                .or_else(|| devices::defaults(device.kind()).get(declared.name).cloned())
                .unwrap_or_else(|| empty_of(declared.ty)),
        )
    }

    /// Sets a property; of an output port, wires it.
    ///
    /// # Errors
    /// The object has no such property, or the value does not fit; nothing changes then.
    pub fn set(&mut self, object: &Object, property: &str, value: &Value) -> Result<(), QmpError> {
        if let Some(port) = object.port(property) {
            let Value::String(path) = value else {
                return Err(QmpError::generic(format!(
                    "Invalid parameter type for '{property}', expected: string"
                )));
            };
            if path.is_empty() {
                self.disconnect(&port);
                return Ok(());
            }
            let other = self.find_port(path)?;
            // Either end may be the one that is set: scripts in the wild do both.
            return if self.is_output(&port) {
                self.connect(&port, &other)
            } else {
                self.connect(&other, &port)
            };
        }
        if let Object::Unit(device, unit) = object {
            let changed = devices::cpu::with_property(&device.options, *unit, property, value)?;
            if let Some(options) = changed {
                return self.replace(device, options);
            }
        }
        match object {
            Object::Machine if machines::has(self.machine.type_.tag(), property) => {
                machines::set_on_board(self, property, value)
            }
            Object::Device(device) if has_property(device, property) => {
                let mut given = options_object(device);
                given.insert(property.into(), value.clone());
                let options =
                    DeviceOptions::decode(&Value::Object(given), &Path::ARGUMENTS, Mode::KEYVAL)?;
                self.replace(device, options.driver)
            }
            _ if self.properties(object).iter().any(|known| known.name == property) => {
                Err(QmpError::generic(format!(
                    "Property '{}.{property}' is read-only",
                    self.type_name(object)
                )))
            }
            _ => Err(self.no_property(object, property)),
        }
    }

    fn type_name(&self, object: &Object) -> String {
        object.type_name(self)
    }

    fn is_output(&self, port: &PortRef) -> bool {
        self.device(&port.device)
            .and_then(|device| device.driver().ports().get(port.port as usize).cloned())
            .is_some_and(|port| port.direction == PortDirection::Output)
    }

    fn no_property(&self, object: &Object, property: &str) -> QmpError {
        let known = self.properties(object);
        QmpError::generic(format!("Property '{}.{property}' not found", self.type_name(object)))
            .with_nearest(property, known.iter().map(|p| p.name.as_str()))
    }
}

/// The properties of a driver, with their defaults.
pub fn driver_properties(kind: crate::qapi::DeviceDriver) -> impl Iterator<Item = Property> {
    let defaults = devices::defaults(kind);
    devices::properties(kind).iter().map(move |member| Property {
        name: member.name.into(),
        ty: member.ty.into(),
        description: Some(member.doc.into()).filter(|doc: &String| !doc.is_empty()),
        default: defaults.get(member.name).cloned(),
    })
}

/// The properties of a CPU, with its values as their defaults.
pub fn cpu_properties(cpu: &CpuModel) -> impl Iterator<Item = Property> {
    CpuProperty::all().map(|property| Property {
        default: Some(devices::cpu::model::value(property, cpu)),
        ..Property::new(property.name(), property.type_name())
    })
}

fn has_property(device: &Device, property: &str) -> bool {
    devices::properties(device.kind()).iter().any(|member| member.name == property)
}

/// Driver and properties as `device_add` would be told.
pub(super) fn options_object(device: &Device) -> Map {
    let options = DeviceOptions { id: None, driver: device.options.clone() };
    match options.encode() {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// What an absent property without a default reads as.
fn empty_of(ty: &str) -> Value {
    match ty {
        "str" => "".into(),
        "bool" => false.into(),
        _ => 0.into(),
    }
}

/// A machine's options with one property changed.
///
/// # Errors
/// The value does not fit.
pub fn change_machine(
    options: &MachineOptions,
    property: &str,
    value: &Value,
) -> Result<MachineOptions, QmpError> {
    let mut given = match options.encode() {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    // What is named by nothing is not there.
    if *value == "" {
        given.remove(property);
    } else {
        given.insert(property.into(), value.clone());
    }
    MachineOptions::decode(&Value::Object(given), &Path::ARGUMENTS, Mode::KEYVAL)
}
