//! The normal form as data of the schema, and boards out of such data.

use std::collections::{HashMap, HashSet};

use qapi_runtime::{QmpError, Value};

use super::{Change, Item, Normal};
use crate::board::{Board, Mapping, Name, Origin, PortRef, RegionRef};
use crate::devices;
use crate::machines;
use crate::qapi::{BoardImage, BoardMapping, BoardWire, DeviceMap, MachineOptions, SysbusMmioMap};

/// First parts of whole paths, which an id may be, too.
const ROOTS: &[&str] = &["machine", "peripheral", "peripheral-anon"];

impl Normal {
    /// As the schema has it.
    pub(in crate::board) fn image(&self) -> BoardImage {
        let paths = Paths::of(self);
        BoardImage {
            machine: self.machine.clone(),
            objects: Some(self.objects.values().cloned().collect())
                .filter(|objects: &Vec<_>| !objects.is_empty()),
            backends: Some(self.backends.clone()).filter(|backends| !backends.is_empty()),
            devices: self.items.iter().map(Item::request).collect(),
            mappings: self.mappings.iter().map(|mapping| paths.mapping(mapping)).collect(),
            wires: self
                .wires
                .iter()
                .map(|(from, to)| BoardWire { from: paths.port(from), to: paths.port(to) })
                .collect(),
            waivers: Some(self.waivers.clone()).filter(|waivers| !waivers.is_empty()),
        }
    }
}

/// How things are called in commands.
pub(in crate::board) struct Paths<'n>(HashMap<&'n Name, &'n Item>);

impl<'n> Paths<'n> {
    pub(in crate::board) fn of(normal: &'n Normal) -> Self {
        Self(normal.by_label())
    }

    /// A device: its label, unless that leads elsewhere.
    pub(in crate::board) fn device(&self, label: &Name) -> String {
        if ROOTS.contains(&&**label) {
            return format!("/machine/peripheral/{label}");
        }
        label.to_string()
    }

    /// The child of a device that has a port, or the device.
    pub(in crate::board) fn owner(&self, port: &PortRef) -> String {
        let units = self.0.get(&port.device).and_then(|item| item.device.driver().units());
        let child = units.map(|units| format!("/{}[{}]", units.names[0], port.unit));
        format!("{}{}", self.device(&port.device), child.unwrap_or_default())
    }

    /// The name of a port's row of lines.
    pub(in crate::board) fn port_name(&self, port: &PortRef) -> &'static str {
        let item = self.0.get(&port.device);
        let ports = item.map(|item| item.device.driver().ports()).unwrap_or_default();
        ports.get(port.port as usize).map_or("?", |port| port.name)
    }

    pub(in crate::board) fn line(&self, port: &PortRef) -> String {
        format!("{}[{}]", self.port_name(port), port.line)
    }

    pub(in crate::board) fn port(&self, port: &PortRef) -> String {
        format!("{}/{}", self.owner(port), self.line(port))
    }

    /// A region, by name where that is enough.
    fn region(&self, region: &RegionRef) -> String {
        let item = self.0.get(&region.device);
        let regions = item.map(|item| item.device.driver().regions()).unwrap_or_default();
        let name = regions.get(region.region as usize).map(|region| region.name.as_str());
        let unique = |name: &&str| regions.iter().filter(|other| other.name == *name).count() == 1;
        let plain = |name: &&str| !name.contains('/') && name.parse::<u32>().is_err();
        let index = region.region.to_string();
        format!(
            "{}/{}",
            self.device(&region.device),
            name.filter(unique).filter(plain).unwrap_or(&index)
        )
    }

    /// A mapping, without what is so anyway.
    pub(in crate::board) fn mapping(&self, mapping: &Mapping) -> BoardMapping {
        let item = self.0.get(&mapping.device);
        let regions = item.map(|item| item.device.driver().regions()).unwrap_or_default();
        let whole = regions.get(mapping.region as usize).map_or(0, |region| region.size);
        let alias = mapping.alias.is_some();
        BoardMapping {
            device: self.device(&mapping.device),
            mmio: Some(mapping.region).filter(|region| *region != 0),
            addr: mapping.addr,
            parent: mapping.parent.as_ref().map(|parent| self.region(parent)),
            priority: Some(mapping.priority).filter(|priority| *priority != 0),
            alias: mapping.alias.clone(),
            offset: Some(mapping.offset).filter(|offset| alias && *offset != 0),
            size: Some(mapping.size).filter(|size| alias && *size + mapping.offset != whole),
        }
    }
}

/// A wire, made by the output's property.
pub(super) fn wire(paths: &Paths<'_>, from: &PortRef, to: &str) -> Change {
    Change::Set(paths.owner(from), paths.line(from), to.into())
}

pub(in crate::board) fn map(mapping: &BoardMapping) -> Result<Change, QmpError> {
    let BoardMapping { device, mmio, addr, parent, priority, alias, offset, size } =
        mapping.clone();
    if parent.is_some() {
        let region = mmio.map(Value::from);
        let request = DeviceMap { device, region, addr, parent, priority, alias, offset, size };
        return Ok(Change::MapWithin(request));
    }
    let mmio = mmio.map(u8::try_from).transpose().map_err(|_| {
        QmpError::generic(format!("Parameter 'mmio' of a mapping of '{device}' is too large"))
    })?;
    Ok(Change::Map(SysbusMmioMap { device, mmio, addr, priority, alias, offset, size }))
}

/// What leads an output, `DEVICE/PORT[N]`, to an input, or nowhere.
fn lead(from: &str, to: &str) -> Result<Change, QmpError> {
    let (path, output) = from.rsplit_once('/').ok_or_else(|| {
        QmpError::generic(format!("'{from}' is no output: expected DEVICE/PORT[N]"))
    })?;
    Ok(Change::Set(path.into(), output.into(), to.into()))
}

/// Builds the board.
pub(super) fn build(
    image: &BoardImage,
    origin: impl Fn(&str) -> Origin,
) -> Result<Board, QmpError> {
    check_machine(&image.machine)?;
    let mut board = Board::new(image.machine.clone());
    let step = |board: &mut Board, place: String, change: Result<Change, QmpError>| {
        let at = |error: QmpError| QmpError { desc: format!("{place}: {}", error.desc), ..error };
        let change = change.map_err(at)?;
        let done = board.edited(origin(&place), change.command(), |board| change.apply(board));
        *board = done.map_err(at)?.0;
        Ok::<_, QmpError>(())
    };
    for (index, object) in image.objects.iter().flatten().enumerate() {
        step(&mut board, format!("objects[{index}]"), Ok(Change::Provide(object.clone())))?;
    }
    for (index, device) in image.devices.iter().enumerate() {
        step(&mut board, format!("devices[{index}]"), Ok(Change::Add(device.clone())))?;
    }
    for (index, mapping) in image.mappings.iter().enumerate() {
        step(&mut board, format!("mappings[{index}]"), map(mapping))?;
    }
    // Some devices wire themselves when they are added.
    let ends = |wire: &BoardWire| {
        Some((board.find_port(&wire.from).ok()?, board.find_port(&wire.to).ok()?))
    };
    let wanted: HashSet<(PortRef, PortRef)> = image.wires.iter().filter_map(ends).collect();
    let made = board.wires().map(|(from, to)| (from.clone(), to.clone()));
    let made: Vec<_> = made.filter(|wire| !wanted.contains(wire)).collect();
    for (from, _) in made {
        let path = board.port_path(&from);
        step(&mut board, "wires".into(), lead(&path, ""))?;
    }
    for (index, BoardWire { from, to }) in image.wires.iter().enumerate() {
        step(&mut board, format!("wires[{index}]"), lead(from, to))?;
    }
    for (index, waiver) in image.waivers.iter().flatten().enumerate() {
        step(&mut board, format!("waivers[{index}]"), Ok(Change::Waive(waiver.clone())))?;
    }
    board.know(image.backends.as_deref().unwrap_or_default())?;
    Ok(board)
}

fn check_machine(machine: &MachineOptions) -> Result<(), QmpError> {
    let misplaced = |what: &str| {
        Err(QmpError::generic(format!(
            "machine: {what} is not for a board that is given by its devices: expected type 'none' and the software it starts"
        )))
    };
    if machine.type_ != machines::empty().type_ {
        return misplaced("type other than 'none', or with properties of its own,");
    }
    if machine.memory.is_some() {
        return misplaced("member 'memory'");
    }
    if machine.smp.is_some() {
        return misplaced("member 'smp'");
    }
    machine.cpu.as_deref().map_or(Ok(()), |cpu| devices::cpu::model::parse(cpu).map(drop))
}
