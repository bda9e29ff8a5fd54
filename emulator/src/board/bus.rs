//! Devices that hang on buses of others: which bus, which slot.

use std::sync::Arc;

use qapi_runtime::QmpError;

use super::{Board, Device, Name};
use crate::devices::{BusKind, Seat, driver, virtio};
use crate::qapi::DeviceOptionsDriver;

impl Board {
    /// The device whose bus a device hangs on, and the slot there.
    pub fn seat(&self, device: &Device) -> Option<(&Arc<Device>, u32)> {
        let seat = device.driver().seat()?;
        Some((self.find_bus(seat.kind, seat.bus?)?, seat.slot))
    }

    /// The devices on the bus of a device, with their slots.
    pub fn on_bus_of(&self, owner: &Device) -> impl Iterator<Item = (&Arc<Device>, u32)> {
        self.seats
            .range((owner.name.clone(), 0)..=(owner.name.clone(), u32::MAX))
            .filter_map(|((_, slot), name)| Some((self.device(name)?, *slot)))
    }

    /// The device that has a bus: by its id or path, or by QEMU's name of the bus, which is `ID.0`
    /// or has the number of the bus among all of its kind.
    fn find_bus(&self, kind: BusKind, name: &str) -> Option<&Arc<Device>> {
        if let Ok(device) = self.find_device(name) {
            return Some(device);
        }
        let (stem, number) = name.rsplit_once('.')?;
        if number == "0"
            && let Some(device) = self.device(stem)
        {
            return Some(device);
        }
        let number = number.parse().ok().filter(|_| stem == kind.name())?;
        self.devices().filter(|device| has_bus(device, kind)).nth(number)
    }

    /// The bus of a kind that QEMU chooses for a device that names none: its list of buses begins
    /// with the one that was made last.
    fn free_bus(&self, kind: BusKind) -> Option<&Arc<Device>> {
        if kind == BusKind::Pci {
            // The root bus, and not that of a port.
            return self
                .devices()
                .find(|device| has_bus(device, kind) && !device.driver().hot_plug());
        }
        let names = self.created.iter().rev().map(|(_, name)| name);
        let free = |device: &Device| {
            kind == BusKind::VirtioSerial || !self.seats.contains_key(&(device.name.clone(), 0))
        };
        names
            .filter_map(|name| self.device(name))
            .find(|device| has_bus(device, kind) && free(device))
    }

    /// What a driver's name stands for that leaves the transport open: the device on PCI where the
    /// board has such a bus and no other is named.
    pub fn chosen(&self, options: DeviceOptionsDriver) -> DeviceOptionsDriver {
        virtio::chosen(options, |options| match driver(options).seat().and_then(|seat| seat.bus) {
            Some(name) => self
                .find_bus(BusKind::Pci, name)
                .is_some_and(|device| has_bus(device, BusKind::Pci)),
            None => self.free_bus(BusKind::Pci).is_some(),
        })
    }

    /// A device that is to be added, with its bus by the name of the device that has it.
    pub(super) fn seated(
        &self,
        options: DeviceOptionsDriver,
    ) -> Result<DeviceOptionsDriver, QmpError> {
        let driver = driver(&options);
        let Some(seat) = driver.seat() else { return Ok(options) };
        let bus = match seat.bus {
            Some(name) => self.find_bus(seat.kind, name).ok_or_else(|| {
                let text = format!("Bus '{name}' not found: 'bus' names {}", seat.kind.owner());
                let buses = self.devices().filter(|device| has_bus(device, seat.kind));
                QmpError::generic(text).with_nearest(name, buses.map(|device| &*device.name))
            })?,
            None => self.free_bus(seat.kind).ok_or_else(|| {
                QmpError::generic(format!(
                    "No '{}' bus found for device '{}'",
                    seat.kind.type_name(),
                    options.tag()
                ))
            })?,
        };
        let slot = match seat.slot {
            Seat::ANY => Some(self.free_slot(bus, &options)?),
            Seat::NONE => None,
            // In the one way in which it is written.
            slot => Some(slot),
        };
        let options = match seat.bus {
            Some(name) if name == &*bus.name => options,
            _ => driver.on_the_bus(&bus.name).unwrap_or(options),
        };
        Ok(slot.and_then(|slot| crate::devices::driver(&options).in_slot(slot)).unwrap_or(options))
    }

    /// The first slot of a bus that is free and can be this device's.
    fn free_slot(&self, bus: &Device, options: &DeviceOptionsDriver) -> Result<u32, QmpError> {
        let (kind, slots) =
            bus.driver().bus().map_or((BusKind::Pci, 0), |bus| (bus.kind, bus.slots));
        let free = |slot: &u32| !self.seats.contains_key(&(bus.name.clone(), *slot));
        let first = bus.driver().own_slots().max(driver(options).first_slot());
        (first..slots).step_by(kind.step()).find(free).ok_or_else(|| {
            let name = self.bus_name(bus);
            QmpError::generic(match kind {
                BusKind::VirtioSerial => format!(
                    "virtio-serial-bus: Maximum port limit for this device reached: bus '{name}' is full"
                ),
                _ => format!(
                    "PCI: no slot/function available for {}, all in use or reserved: bus '{name}' is full",
                    options.tag()
                ),
            })
        })
    }

    /// What QEMU calls the bus of a device.
    pub fn bus_name(&self, owner: &Device) -> String {
        let Some(bus) = owner.driver().bus() else { return owner.name.to_string() };
        if bus.kind == BusKind::Pci && owner.driver().hot_plug() {
            return owner.name.to_string();
        }
        let mut buses = self.devices().filter(|device| has_bus(device, bus.kind));
        let number = buses.position(|device| device.name == owner.name).unwrap_or(0);
        format!("{}.{number}", bus.kind.name())
    }

    /// Refuses a device, of that name, that is to be added or taken away while a guest runs and has no bus for that.
    ///
    /// # Errors
    /// QEMU's texts.
    pub fn check_hot(&self, options: &DeviceOptionsDriver, name: &str) -> Result<(), QmpError> {
        const SYSTEM_BUS: &str = "main-system-bus";
        let driver = driver(options);
        let refused =
            |bus: &str| QmpError::generic(format!("Bus '{bus}' does not support hotplugging"));
        if driver.on_bus() {
            return Err(refused(SYSTEM_BUS));
        }
        let options = self.seated(options.clone())?;
        let seat = crate::devices::driver(&options).seat();
        match seat.and_then(|seat| self.find_bus(seat.kind, seat.bus?)) {
            None => Err(QmpError::generic(format!("Device '{name}' does not support hotplugging"))),
            Some(bus) if bus.driver().hot_plug() => self.check_exposed(bus, &options),
            Some(bus) => Err(refused(&self.bus_name(bus))),
        }
    }

    /// A guest looks at what is new in a slot of PCI when function 0 comes: the others have to be there then.
    fn check_exposed(&self, bus: &Device, options: &DeviceOptionsDriver) -> Result<(), QmpError> {
        let seat = driver(options).seat().filter(|seat| seat.kind == BusKind::Pci);
        let slot = seat.map_or(0, |seat| seat.slot);
        let first = self.seats.get(&(bus.name.clone(), slot & !7)).filter(|_| slot & 7 != 0);
        let Some(first) = first.and_then(|name| self.device(name)) else { return Ok(()) };
        Err(QmpError::generic(format!(
            "PCI: slot {} function 0 already occupied by {}, new func {} cannot be exposed to guest.",
            slot >> 3,
            first.kind(),
            options.tag()
        )))
    }

    /// A slot has several functions where its first one says so.
    fn check_functions(&self, new: &Device, owner: &Device, slot: u32) -> Result<(), QmpError> {
        let at = |function: u32| {
            let other = self.seats.get(&(owner.name.clone(), slot & !7 | function));
            other.filter(|other| **other != new.name).and_then(|other| self.device(other))
        };
        let (device, function) = (slot >> 3, slot & 7);
        if function != 0 {
            return match at(0).is_some_and(|first| !first.driver().multifunction()) {
                true => Err(QmpError::generic(format!(
                    "PCI: single function device can't be populated in function {device:x}.{function:x}"
                ))),
                false => Ok(()),
            };
        }
        match (1..8).find(|function| at(*function).is_some()) {
            Some(function) if !new.driver().multifunction() => Err(QmpError::generic(format!(
                "PCI: {device:x}.0 indicates single function, but {device:x}.{function:x} is already populated."
            ))),
            _ => Ok(()),
        }
    }

    /// A chassis has each slot once.
    fn check_chassis(&self, new: &Device) -> Result<(), QmpError> {
        let Some(place @ (chassis, slot)) = new.driver().chassis_slot() else { return Ok(()) };
        let same = |other: &&Arc<Device>| {
            other.name != new.name && other.driver().chassis_slot() == Some(place)
        };
        match self.devices().find(same) {
            None => Ok(()),
            Some(other) => Err(QmpError::generic(format!(
                "Can't add chassis slot, error -16: slot {slot} of chassis {chassis} is that of '{}': give another chassis or slot",
                other.name
            ))),
        }
    }

    /// A device that is to be taken away has nothing on its bus.
    pub(super) fn check_bus_empty(&self, owner: &Device) -> Result<(), QmpError> {
        match self.on_bus_of(owner).next() {
            None => Ok(()),
            Some((other, _)) => Err(QmpError::generic(format!(
                "Device '{}' has '{}' on its bus: take that away first",
                owner.name, other.name
            ))),
        }
    }

    /// A device names a bus and a slot that is there and free; a bus has the slots that are in use.
    pub(super) fn check_seat(&self, new: &Device) -> Result<(), QmpError> {
        let error = |text: String| Err(QmpError::generic(text));
        if let (Some(seat), Some((owner, slot))) = (new.driver().seat(), self.seat(new)) {
            let Some(bus) = owner.driver().bus().filter(|bus| bus.kind == seat.kind) else {
                return error(format!("Device '{}' is not {}", owner.name, seat.kind.owner()));
            };
            if slot >= bus.slots {
                return error(match seat.kind {
                    BusKind::Pci => format!(
                        "PCI: slot {} is not valid for {}, parent device only allows plugging into slot 0.",
                        slot >> 3,
                        new.kind()
                    ),
                    BusKind::VirtioSerial => format!(
                        "virtio-serial-bus: Out-of-range port id specified, max. allowed: {}",
                        bus.slots - 1
                    ),
                    _ => format!(
                        "Parameter 'cs' expects a chip select of '{}', 0 to {}, not {slot}",
                        owner.name,
                        bus.slots - 1
                    ),
                });
            }
            let occupied = |by: &str| {
                format!(
                    "PCI: slot {} function {} not available for {}, in use by {by}",
                    slot >> 3,
                    slot & 7,
                    new.kind()
                )
            };
            if slot < owner.driver().own_slots() {
                return error(occupied(&format!("'{}' itself", owner.name)));
            }
            if seat.kind == BusKind::Pci {
                self.check_functions(new, owner, slot)?;
                self.check_chassis(new)?;
            }
            let taken = self.seats.get(&(owner.name.clone(), slot));
            if let Some(other) = taken.filter(|other| **other != new.name) {
                return error(match seat.kind {
                    BusKind::Pci => {
                        let kind =
                            self.device(other).map_or("a device", |other| other.kind().as_str());
                        occupied(&format!("{kind},id={other}"))
                    }
                    BusKind::Spi => {
                        format!("Chip select {slot} of '{}' is taken by '{other}'", owner.name)
                    }
                    BusKind::Virtio => {
                        format!("Bus '{}' is full: '{other}' is on it", owner.name)
                    }
                    BusKind::VirtioSerial => {
                        format!("virtio-serial-bus: A port already exists at id {slot}: '{other}'")
                    }
                });
            }
        }
        if let (Some((owner, _)), Some(name)) = (self.seat(new), new.driver().name_on_bus()) {
            let mut others = self.on_bus_of(owner).filter(|(other, _)| other.name != new.name);
            if others.any(|(other, _)| other.driver().name_on_bus() == Some(name)) {
                return error(format!("virtio-serial-bus: A port already exists by name {name}"));
            }
        }
        let slots = new.driver().bus().map_or(0, |bus| bus.slots);
        match self.on_bus_of(new).find(|(_, slot)| *slot >= slots) {
            None => Ok(()),
            Some((other, slot)) => {
                error(format!("Chip select {slot} of '{}' is taken by '{}'", new.name, other.name))
            }
        }
    }

    /// Notes where a device hangs, or that it does no longer.
    pub(super) fn take_seat(&mut self, device: &Device, there: bool) {
        let Some(place) = self.seat(device).map(|(owner, slot)| (owner.name.clone(), slot)) else {
            return;
        };
        if there {
            self.seats.insert_mut(place, device.name.clone());
        } else {
            self.seats.remove_mut(&place);
        }
    }

    /// Where a device hangs, for those that call devices by other names.
    pub(super) fn reseated(
        &self,
        device: &Device,
        label: impl Fn(&Name) -> Option<Name>,
    ) -> DeviceOptionsDriver {
        let seat = self.seat(device).and_then(|(owner, _)| label(&owner.name));
        seat.and_then(|name| device.driver().on_the_bus(&name))
            .unwrap_or_else(|| device.options.clone())
    }
}

fn has_bus(device: &Device, kind: BusKind) -> bool {
    device.driver().bus().is_some_and(|bus| bus.kind == kind)
}
