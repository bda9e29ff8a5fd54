//! The normal form of a board: what it means, without how it came to be.
//!
//! The order of creation means something for harts (their numbers), for what is loaded (the last
//! one wins), for timers and consoles (the first one is told to the guest) and for mappings that
//! overlap with the same priority (the last one is seen). There it is kept; everything else is put
//! in order by address and name. Devices without an id are numbered anew in that order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::board::{Board, Device, Mapping, Name, PortRef, RegionRef, wire};
use crate::boot::Firmware;
use crate::devices;
use crate::machines;
use crate::qapi::{
    BoardCommand, DeviceDriver, DeviceOptions, DeviceOptionsDriver, LintWaiver, MachineOptions,
    ObjectOptions,
};

/// Most buses one behind the other: there are 256 PCI buses.
const DEEPEST: usize = 256;

/// A device in the normal form.
#[derive(Clone, Debug)]
pub(in crate::board) struct Item {
    /// The device itself, for what its driver declares.
    pub device: Arc<Device>,
    /// Its id, or what it is called when the board is built from the normal form.
    pub label: Name,
    /// Driver and properties.
    pub options: DeviceOptionsDriver,
    /// Devices of one group stand in the order of their creation.
    pub group: Group,
}

/// What devices stand in order by, the order of creation apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::board) enum Group {
    /// Harts.
    Harts,
    /// By lowest address and id; all that have no id are called the same.
    Placed(u64, Name),
    /// What hangs on another's bus, after that: by how many buses lie between it and the first, by
    /// the lowest address and the id of what has the first, and by the slots from there on.
    Seated(usize, u64, Name, Vec<u32>),
    /// Timers.
    Timers,
    /// Consoles: those with a back end first, by its name, as the guest's tree has them.
    Consoles(bool, String),
    /// What is on no bus: loaders.
    Loaders,
}

/// A board in the normal form. Devices go by their labels throughout.
#[derive(Clone, Debug)]
pub(in crate::board) struct Normal {
    pub machine: MachineOptions,
    /// What devices name and is no device, by id.
    pub objects: BTreeMap<String, ObjectOptions>,
    /// The commands that made the back ends of the host; not compared.
    pub backends: Vec<BoardCommand>,
    pub items: Vec<Item>,
    /// In order of the address; those that overlap with the same priority stand together, in the
    /// order of their creation.
    pub mappings: Vec<Mapping>,
    /// How many of them stand together, from the first on.
    pub rows: Vec<usize>,
    pub wires: Vec<(PortRef, PortRef)>,
    /// Outputs that are wired when their devices are added, otherwise than they are on this board.
    pub unwanted: Vec<PortRef>,
    /// By rule and object; without those that are about what is not there any more.
    pub waivers: Vec<LintWaiver>,
}

impl Group {
    fn of(device: &Device, board: &Board) -> Self {
        let driver = device.driver();
        if driver.units().is_some() {
            return Self::Harts;
        }
        if driver.timebase().is_some() {
            return Self::Timers;
        }
        if let Some(chardev) = driver.console() {
            return Self::Consoles(chardev.is_empty(), chardev.into());
        }
        let place = |device: &Device| {
            let addr = board.mappings_of(&device.name).map(|mapping| mapping.addr).min();
            let name = if device.named { device.name.clone() } else { "".into() };
            (addr.unwrap_or(u64::MAX), name)
        };
        let mut slots = Vec::new();
        let mut first = device;
        // A device that hangs on its own bus is nowhere.
        while let Some((owner, slot)) = board.seat(first).filter(|_| slots.len() < DEEPEST) {
            slots.insert(0, slot);
            first = owner;
        }
        let (addr, name) = place(first);
        match slots.len() {
            0 if !driver.on_bus() => Self::Loaders,
            0 => Self::Placed(addr, name),
            depth => Self::Seated(depth, addr, name, slots),
        }
    }
}

impl Normal {
    /// The normal form of a board.
    pub(in crate::board) fn of(board: &Board) -> Self {
        Self::with_names(board).0
    }

    /// The same, with the label of each device by its name.
    pub(in crate::board) fn with_names(board: &Board) -> (Self, HashMap<Name, Name>) {
        let mut devices: Vec<(Group, &Arc<Device>)> =
            board.devices().map(|device| (Group::of(device, board), device)).collect();
        // Stable: the order of creation remains within a group.
        devices.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut unnamed: HashMap<DeviceDriver, u32> = HashMap::new();
        let mut labels = HashMap::with_capacity(devices.len());
        let mut places = HashMap::with_capacity(devices.len());
        let mut items = Vec::with_capacity(devices.len());
        for (place, (group, device)) in devices.into_iter().enumerate() {
            let label = if device.named {
                device.name.clone()
            } else {
                let number = unnamed.entry(device.kind()).or_default();
                let label = Board::unnamed_name(device.kind(), *number);
                *number += 1;
                label
            };
            places.insert(label.clone(), place);
            labels.insert(device.name.clone(), label.clone());
            items.push(Item {
                device: device.clone(),
                label,
                options: device.options.clone(),
                group,
            });
        }
        for item in &mut items {
            let options = board.reseated(&item.device, |owner| labels.get(owner).cloned());
            item.options = devices::normal(&options);
        }
        let (mappings, rows) = mappings(board, &labels);
        let mut bare = Board { wires: wire::Wires::default(), ..board.clone() };
        for item in &items {
            // What fails now does so again when the board is built.
            let _ = item.device.driver().added(&mut bare, &item.device);
        }
        let relabel = |port: &PortRef| PortRef { device: labels[&port.device].clone(), ..*port };
        let mut wires: Vec<_> =
            board.wires().map(|(from, to)| (relabel(from), relabel(to))).collect();
        wires.sort_by_key(|(from, _)| (places[&from.device], from.unit, from.port, from.line));
        let unwanted = bare.wires().filter(|(from, to)| board.wired_to(from) != Some(to));
        let unwanted = unwanted.map(|(from, _)| relabel(from)).collect();
        let machine = machine(&board.machine);
        let mut waivers = waivers(board, |name| labels.get(name).cloned());
        waivers.sort_by(|a, b| (a.rule, &a.object).cmp(&(b.rule, &b.object)));
        let (objects, backends) = (board.objects(), board.backend_commands().to_vec());
        let normal =
            Self { machine, objects, backends, items, mappings, rows, wires, unwanted, waivers };
        (normal, labels)
    }

    /// The devices by their labels.
    pub(in crate::board) fn by_label(&self) -> HashMap<&Name, &Item> {
        self.items.iter().map(|item| (&item.label, item)).collect()
    }
}

impl Item {
    /// The device as `device_add` is told of it.
    pub(in crate::board) fn request(&self) -> DeviceOptions {
        let id = self.device.named.then(|| self.label.to_string());
        DeviceOptions { id, driver: self.options.clone() }
    }
}

/// What the machine keeps when its own devices are devices like others.
fn machine(given: &MachineOptions) -> MachineOptions {
    let template = machines::template(given.type_.tag());
    let dtb = given.dtb.clone().filter(|_| !template.built_from_tree());
    let none = machines::empty();
    // Machine none has no firmware of itself.
    let by_default = given.firmware.is_none() && Firmware::of(given) == Firmware::BuiltIn;
    let firmware = given.firmware.clone().or(by_default.then(|| "default".into()));
    // Where the tree is written to concerns one run.
    MachineOptions {
        smp: None,
        memory: None,
        dtb,
        dumpdtb: None,
        firmware,
        type_: none.type_,
        ..given.clone()
    }
}

fn mappings(board: &Board, labels: &HashMap<Name, Name>) -> (Vec<Mapping>, Vec<usize>) {
    let mut all = board.view_all();
    // Those that can hide each other stand together, by address.
    let space = |mapping: &Mapping| {
        let parent = mapping.parent.as_ref();
        (parent.map(|parent| (labels[&parent.device].clone(), parent.region)), mapping.priority)
    };
    all.sort_by(|a, b| {
        (space(a), a.addr, &a.device, a.region, &a.alias).cmp(&(
            space(b),
            b.addr,
            &b.device,
            b.region,
            &b.alias,
        ))
    });
    let mut rows: Vec<Vec<Mapping>> = Vec::new();
    let mut end = None;
    for mapping in all {
        let last = mapping.last();
        match (rows.last_mut(), end) {
            (Some(row), Some((of_row, end_of_row)))
                if of_row == space(&mapping) && mapping.addr <= end_of_row =>
            {
                end = Some((of_row, end_of_row.max(last)));
                row.push(mapping);
            }
            _ => {
                end = Some((space(&mapping), last));
                rows.push(vec![mapping]);
            }
        }
    }
    rows.sort_by_key(|row| (space(&row[0]).0, row[0].addr, row[0].priority));
    let lengths = rows.iter().map(Vec::len).collect();
    let ordered = rows.into_iter().flat_map(|mut row| {
        row.sort_by_key(|mapping| mapping.order);
        row
    });
    let label = |name: &Name| labels.get(name).cloned();
    (ordered.filter_map(|mapping| mapping.relabelled(label)).collect(), lengths)
}

/// The waivers of a board that are about something that is there, by labels.
pub(in crate::board) fn waivers(
    board: &Board,
    label: impl Fn(&str) -> Option<Name>,
) -> Vec<LintWaiver> {
    let there = board.waivers().iter().filter_map(|waiver| {
        let object = match &waiver.object {
            Some(path) => Some(renamed(&board.waivable(path).ok()??, &label)?),
            None => None,
        };
        Some(LintWaiver { object, ..waiver.told() })
    });
    there.collect()
}

/// A whole path with another name of the device in it; only those without an id have others.
pub(in crate::board) fn renamed(path: &str, name: impl Fn(&str) -> Option<Name>) -> Option<String> {
    const HOME: &str = "/machine/peripheral-anon/";
    let Some(rest) = path.strip_prefix(HOME) else { return Some(path.into()) };
    let (device, part) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some(format!("{HOME}{}{part}", name(device)?))
}

impl Mapping {
    /// The mapping in the normal form: by labels, and the same whatever came before.
    pub(in crate::board) fn relabelled(
        self,
        label: impl Fn(&Name) -> Option<Name>,
    ) -> Option<Self> {
        let parent = match self.parent {
            Some(RegionRef { device, region }) => {
                Some(RegionRef { device: label(&device)?, region })
            }
            None => None,
        };
        Some(Self { device: label(&self.device)?, parent, order: 0, entry: 0, ..self })
    }
}

impl Board {
    /// All mappings.
    pub(in crate::board) fn view_all(&self) -> Vec<Mapping> {
        self.mappings.values().cloned().collect()
    }
}
