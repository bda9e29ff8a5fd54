//! The board as a value: which devices there are, where their regions are mapped, how their ports
//! are wired.
//!
//! Before `ready` nothing runs. A command takes the board, makes a changed copy and, when all of it
//! went well, puts the copy in its place; so a failed command leaves nothing behind. The maps are
//! persistent, so a copy costs nothing and an edit costs the depth of a tree.
//!
//! The board knows a device by what its driver declares (properties, regions, ports), never by its
//! behaviour.

mod backends;
mod bus;
pub mod compare;
mod diff;
pub mod draw;
mod dump;
pub mod export;
pub mod import;
mod journal;
pub mod lint;
mod list;
mod map;
mod object;
mod path;
#[cfg(test)]
mod random;
mod range;
mod view;
mod wire;

use std::fmt;
use std::sync::Arc;

use qapi_runtime::QmpError;
use rpds::RedBlackTreeMapSync;

use crate::devices::{Driver, PortDirection, Region, Units};
use crate::qapi::{DeviceDriver, DeviceOptions, DeviceOptionsDriver, MachineOptions};

pub use dump::Change;
pub use journal::{Entry, Journal, Origin};
pub use map::{Mapping, RegionRef};
pub use object::{Object, Property, change_machine, cpu_properties, driver_properties};
pub(crate) use path::not_found;
pub use view::{Span, View};
pub use wire::PortRef;

/// The most harts of a board: each has a thread.
pub const MOST_HARTS: u32 = 512;

/// The name of a device: its id, or one made from its driver. Unique on a board.
pub type Name = Arc<str>;

/// A device as the board sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its unique name, the last part of its path.
    pub name: Name,
    /// Whether the name is an id that somebody gave it.
    pub named: bool,
    /// Driver and properties, as given.
    pub options: DeviceOptionsDriver,
    /// How many devices were added before it.
    pub order: u64,
    /// The number in the board's journal of the command that made it.
    pub entry: u64,
    resolved: Resolved,
}

/// The driver with its files read, where it has any; follows from the properties.
#[derive(Clone)]
struct Resolved(Option<Arc<dyn Driver>>);

impl PartialEq for Resolved {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "files read" } else { "no files" })
    }
}

impl Resolved {
    fn new(options: &DeviceOptionsDriver) -> Result<Self, QmpError> {
        crate::devices::driver(options).resolve().map(Self)
    }
}

impl Device {
    /// Which driver it has.
    pub fn kind(&self) -> DeviceDriver {
        self.options.tag()
    }

    /// What its driver declares.
    pub fn driver(&self) -> &dyn Driver {
        match &self.resolved.0 {
            Some(driver) => &**driver,
            None => crate::devices::driver(&self.options),
        }
    }

    /// Its place in the object tree.
    pub fn path(&self) -> String {
        let home = if self.named { "peripheral" } else { "peripheral-anon" };
        format!("/machine/{home}/{}", self.name)
    }
}

/// A board before it runs. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Board {
    /// The machine it was made for, with its properties.
    pub machine: Arc<MachineOptions>,
    devices: RedBlackTreeMapSync<Name, Arc<Device>>,
    /// Names in the order of creation: images are loaded in it, drawings follow it.
    created: RedBlackTreeMapSync<u64, Name>,
    /// How many unnamed devices of each driver there are: the next one's number.
    unnamed: RedBlackTreeMapSync<DeviceDriver, u32>,
    mappings: RedBlackTreeMapSync<map::Key, Mapping>,
    /// Which mappings stand in a region.
    nested: RedBlackTreeMapSync<(RegionRef, map::Key), ()>,
    /// The next mapping's order.
    next_mapping: u64,
    /// What hangs on a bus: by the device that has the bus, and the slot.
    seats: RedBlackTreeMapSync<(Name, u32), Name>,
    wires: wire::Wires,
    backends: backends::Backends,
    journal: Journal,
    waivers: lint::Waivers,
}

impl Board {
    /// An empty board for a machine.
    pub fn new(machine: MachineOptions) -> Self {
        Self::begin(machine, Journal::default())
    }

    /// An empty board for a machine that commands have made.
    pub fn begin(machine: MachineOptions, journal: Journal) -> Self {
        Self {
            journal,
            waivers: lint::Waivers::default(),
            machine: Arc::new(machine),
            devices: RedBlackTreeMapSync::new_sync(),
            created: RedBlackTreeMapSync::new_sync(),
            unnamed: RedBlackTreeMapSync::new_sync(),
            mappings: RedBlackTreeMapSync::new_sync(),
            nested: RedBlackTreeMapSync::new_sync(),
            next_mapping: 0,
            seats: RedBlackTreeMapSync::new_sync(),
            wires: wire::Wires::default(),
            backends: backends::Backends::default(),
        }
    }

    /// The board with one device more, and that device.
    ///
    /// # Errors
    /// The id is taken or malformed, or the driver refuses its properties.
    pub fn add(&mut self, options: DeviceOptions) -> Result<Arc<Device>, QmpError> {
        let options = DeviceOptions { driver: self.chosen(options.driver), ..options };
        let kind = options.driver.tag();
        let name: Name = match &options.id {
            Some(id) => {
                check_id(id)?;
                id.as_str().into()
            }
            None => {
                let number = self.unnamed.get(&kind).copied().unwrap_or(0);
                Self::unnamed_name(kind, number)
            }
        };
        if self.devices.contains_key(&name) {
            return Err(QmpError::generic(format!("Duplicate device ID '{name}'")));
        }
        let named = options.id.is_some();
        let order = self.next_order();
        let options = self.seated(options.driver)?;
        let resolved = Resolved::new(&options)?;
        let device = Arc::new(Device {
            name: name.clone(),
            named,
            options,
            order,
            entry: self.journal.len(),
            resolved,
        });
        let driver = device.driver();
        if driver.needs_id() && !named {
            return Err(QmpError::generic(format!("Device '{kind}' needs an id: add id=NAME")));
        }
        driver.check()?;
        if let Some(done) = driver.instead(self) {
            return done.map(|()| device.clone());
        }
        self.check_harts(&device)?;
        self.check_seat(&device)?;
        if !named {
            let next = self.unnamed.get(&kind).copied().unwrap_or(0) + 1;
            self.unnamed.insert_mut(kind, next);
        }
        self.created.insert_mut(order, name.clone());
        self.devices.insert_mut(name, device.clone());
        self.take_seat(&device, true);
        driver.added(self, &device)?;
        Ok(device)
    }

    /// Takes a device away, with its mappings and wires, and with the mappings of what stands in
    /// its regions.
    ///
    /// # Errors
    /// There is no such device.
    pub fn remove(&mut self, path: &str) -> Result<Arc<Device>, QmpError> {
        let device = self.find_device(path)?.clone();
        self.check_bus_empty(&device)?;
        self.take_seat(&device, false);
        self.unmap_all(&device.name);
        for port in self.ports_in_use(&device.name) {
            self.disconnect(&port);
        }
        self.created.remove_mut(&device.order);
        self.devices.remove_mut(&device.name);
        Ok(device)
    }

    /// What a device without an id is called.
    fn unnamed_name(kind: DeviceDriver, number: u32) -> Name {
        format!("{kind}[{number}]").into()
    }

    /// Gives a device other properties of the same driver; used by `qom-set`.
    fn replace(&mut self, device: &Device, options: DeviceOptionsDriver) -> Result<(), QmpError> {
        let options = self.seated(options)?;
        let resolved = Resolved::new(&options)?;
        let changed = Device { options, resolved, ..device.clone() };
        changed.driver().check()?;
        self.check_harts(&changed)?;
        self.check_seat(&changed)?;
        self.check_still_fits(device, &changed)?;
        self.take_seat(device, false);
        self.take_seat(&changed, true);
        self.devices.insert_mut(device.name.clone(), Arc::new(changed));
        Ok(())
    }

    /// The devices, in the order of their creation.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.created.values().filter_map(|name| self.devices.get(name))
    }

    /// The device that was added last.
    pub(in crate::board) fn newest(&self) -> Option<&Arc<Device>> {
        self.created.last().and_then(|(_, name)| self.devices.get(name))
    }

    /// The device of that name.
    pub fn device(&self, name: &str) -> Option<&Arc<Device>> {
        self.devices.get(name)
    }

    /// How many devices there are.
    pub fn len(&self) -> usize {
        self.devices.size()
    }

    /// Whether there is no device.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// All harts in the order of the board: the array and the number within it.
    pub fn harts(&self) -> Vec<(Arc<Device>, u32)> {
        self.devices()
            .filter_map(|device| device.driver().units().map(|units| (device, units.count)))
            .flat_map(|(device, count)| (0..count).map(|unit| (device.clone(), unit)))
            .collect()
    }

    /// The device and the child that have a hart, by its `mhartid`.
    pub fn hart(&self, hartid: u64) -> Option<(Arc<Device>, u32)> {
        self.devices().find_map(|device| {
            let units = device.driver().units()?;
            let unit = hartid.checked_sub(units.first_hartid)?;
            (unit < units.count.into()).then(|| (device.clone(), unit as u32))
        })
    }

    fn next_order(&self) -> u64 {
        self.created.last().map_or(0, |(order, _)| order + 1)
    }

    /// Harts have ids of their own, and there are not more of them than the host has threads for.
    fn check_harts(&self, new: &Device) -> Result<(), QmpError> {
        let Some(new_units) = new.driver().units() else { return Ok(()) };
        let ids = |units: &Units| units.first_hartid..units.first_hartid + u64::from(units.count);
        let mut total = u64::from(new_units.count);
        for other in self.devices().filter(|other| other.name != new.name) {
            let Some(units) = other.driver().units() else { continue };
            let (a, b) = (ids(&units), ids(&new_units));
            if a.start < b.end && b.start < a.end {
                return Err(QmpError::generic(format!(
                    "Hart ids {} to {} of '{}' meet those of '{}': choose another hartid-base",
                    b.start,
                    b.end - 1,
                    new.name,
                    other.name
                )));
            }
            total += u64::from(units.count);
        }
        if total > MOST_HARTS.into() {
            return Err(QmpError::generic(format!(
                "A board can have {MOST_HARTS} harts; with '{}' it would have {total}",
                new.name
            )));
        }
        Ok(())
    }

    /// Changed properties may take away ports and regions; what is wired or mapped must stay.
    fn check_still_fits(&self, old: &Device, new: &Device) -> Result<(), QmpError> {
        let regions = new.driver().regions();
        if self.is_parent(&old.name) && regions != old.driver().regions() {
            return Err(QmpError::generic(format!(
                "Others stand in a region of '{}', which would change",
                old.name
            )));
        }
        for mapping in self.mappings_of(&old.name) {
            let size = |regions: &[Region]| regions.get(mapping.region as usize).map(|r| r.size);
            if size(&regions) != size(&old.driver().regions()) {
                // Harts would see what the region does not have, or not all that it has.
                return Err(QmpError::generic(format!(
                    "Region {} of '{}' is mapped and would change its size",
                    mapping.region, old.name
                )));
            }
        }
        for port in self.ports_in_use(&old.name) {
            let units = new.driver().units().map_or(1, |units| units.count);
            let exists = port.unit < units
                && new
                    .driver()
                    .ports()
                    .get(port.port as usize)
                    .is_some_and(|p| port.line < p.count);
            if !exists {
                return Err(QmpError::generic(format!(
                    "Port '{}' is wired and would vanish",
                    self.port_path(&port)
                )));
            }
        }
        Ok(())
    }

    /// The port's declaration, as `name[line]` relative to its device or child.
    fn port_label(device: &Device, port: &PortRef) -> String {
        let ports = device.driver().ports();
        let name = ports.get(port.port as usize).map_or("?", |p| p.name);
        format!("{name}[{}]", port.line)
    }

    /// The whole path of a port.
    pub fn port_path(&self, port: &PortRef) -> String {
        let Some(device) = self.devices.get(&port.device) else { return port.device.to_string() };
        let child = device
            .driver()
            .units()
            .map(|units| format!("/{}[{}]", units.names[0], port.unit))
            .unwrap_or_default();
        format!("{}{child}/{}", device.path(), Self::port_label(device, port))
    }

    /// What interrupt inputs a port leads to, if it is an output that is wired.
    pub fn wired_to(&self, output: &PortRef) -> Option<&PortRef> {
        self.wires.input_of(output)
    }

    /// The outputs of a device that are wired, each with the input it leads to.
    pub fn wires_from(&self, device: &Device) -> Vec<(PortRef, PortRef)> {
        let ports = device.driver().ports();
        self.wires
            .leaving(&device.name)
            .filter(|(from, _)| {
                ports.get(from.port as usize).is_some_and(|p| p.direction == PortDirection::Output)
            })
            .map(|(from, to)| (from.clone(), to.clone()))
            .collect()
    }
}

/// An id starts with a letter and has letters, digits, `-`, `.`, `_`; QEMU's rule, with `@` and `,`
/// besides, which device-tree node names have.
pub(crate) fn check_id(id: &str) -> Result<(), QmpError> {
    let mut chars = id.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
    if first && chars.all(|c| c.is_ascii_alphanumeric() || "-._@,".contains(c)) {
        return Ok(());
    }
    Err(QmpError::generic(format!(
        "Parameter 'id' expects an identifier: a letter, then letters, digits, '-', '.', '_' or '@', not '{id}'"
    )))
}
