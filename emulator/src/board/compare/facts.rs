//! What a tree and a board both say, in the same terms: devices by driver and address, their
//! properties, and where their interrupts lead.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use qapi_runtime::{Encode, Map, Value};

use crate::board::import::Reading;
use crate::board::{Board, PortRef};
use crate::devices::{self, driver};
use crate::qapi::{DeviceDriver, DeviceOptions, DeviceOptionsDriver};

/// What a device is known by on both sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::board) struct Key {
    /// Address of region 0.
    pub(in crate::board) addr: u64,
    /// Its driver.
    pub(in crate::board) kind: DeviceDriver,
}

/// Where an interrupt leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::board) enum Target {
    Hart {
        hartid: u64,
        cause: u32,
    },
    Device {
        key: Key,
        line: u32,
    },
    /// To what is not modelled.
    Unknown(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hart { hartid, cause } => write!(f, "interrupt {cause} of hart {hartid}"),
            Self::Device { key, line } => {
                write!(f, "interrupt {line} of the {} at {:#x}", key.kind, key.addr)
            }
            Self::Unknown(path) => write!(f, "'{path}'"),
        }
    }
}

/// A device.
#[derive(Clone, Debug)]
pub(in crate::board) struct DeviceFacts {
    /// Path of its node, or on the board.
    pub(in crate::board) place: String,
    /// Size of region 0.
    pub(in crate::board) size: u64,
    /// Its properties with their defaults; without those that concern the host or are said
    /// elsewhere.
    pub(in crate::board) properties: Map,
    /// Outputs that are wired.
    pub(in crate::board) outputs: BTreeMap<String, Target>,
}

/// Everything but the harts.
pub(in crate::board) struct Facts {
    /// Ticks a second of the harts' `time`.
    pub(in crate::board) timebase: Option<u32>,
    /// The devices that stand somewhere.
    pub(in crate::board) devices: BTreeMap<Key, DeviceFacts>,
}

impl Facts {
    /// Of a tree.
    pub(in crate::board) fn of_tree(reading: &Reading<'_>) -> Self {
        let mut harts = HashMap::new();
        for hart in &reading.harts {
            if let Some(controller) = &hart.controller {
                harts.insert(controller.path(), hart.hartid);
            }
        }
        let mut controllers = HashMap::new();
        for entry in reading.entries.iter().filter(|entry| entry.node.has("#interrupt-cells")) {
            let part = entry.found.devices.first();
            if let Some((part, (_, addr))) = part.and_then(|p| Some((p, *p.regions.first()?))) {
                controllers.insert(entry.node.path(), Key { addr, kind: part.options.tag() });
            }
        }
        let mut devices = BTreeMap::new();
        for entry in &reading.entries {
            let place = entry.node.path();
            for part in &entry.found.devices {
                let Some(&(0, addr)) = part.regions.first() else { continue };
                let target = |index: &usize| {
                    let interrupt = entry.interrupts.get(*index)?;
                    let controller = interrupt.controller.path();
                    let line = *interrupt.cells.first()?;
                    Some(match (harts.get(&controller), controllers.get(&controller)) {
                        (Some(hartid), _) => Target::Hart { hartid: *hartid, cause: line },
                        (_, Some(key)) => Target::Device { key: key.clone(), line },
                        _ => Target::Unknown(controller),
                    })
                };
                let outputs = part.wires.iter();
                let outputs =
                    outputs.filter_map(|(label, index)| Some((label.clone(), target(index)?)));
                let facts = device(place.clone(), &part.options, outputs.collect());
                devices.insert(Key { addr, kind: part.options.tag() }, facts);
            }
        }
        Self { timebase: reading.timebase, devices }
    }

    /// Of a board.
    pub(in crate::board) fn of_board(board: &Board) -> Self {
        let key = |port: &PortRef| {
            let addr = board.address_of(&port.device, 0)?;
            Some(Key { addr, kind: board.device(&port.device)?.kind() })
        };
        let target = |port: &PortRef| {
            let units = board.device(&port.device).and_then(|device| device.driver().units());
            match (units, key(port)) {
                (Some(units), _) => {
                    let hartid = units.first_hartid + u64::from(port.unit);
                    Target::Hart { hartid, cause: port.line }
                }
                (None, Some(key)) => Target::Device { key, line: port.line },
                (None, None) => Target::Unknown(port.device.to_string()),
            }
        };
        let mut devices = BTreeMap::new();
        for one in board.devices() {
            let Some(addr) = board.address_of(&one.name, 0) else { continue };
            let ports = one.driver().ports();
            let outputs = board.wires_from(one).into_iter().filter_map(|(from, to)| {
                let port = ports.get(from.port as usize)?;
                Some((format!("{}[{}]", port.name, from.line), target(&to)))
            });
            let facts = device(one.path(), &one.options, outputs.collect());
            // Of two at one address, the guest can tell no difference.
            devices.entry(Key { addr, kind: one.kind() }).or_insert(facts);
        }
        let timebase = board.devices().find_map(|device| device.driver().timebase());
        Self { timebase, devices }
    }
}

fn device(
    place: String,
    options: &DeviceOptionsDriver,
    outputs: BTreeMap<String, Target>,
) -> DeviceFacts {
    let size = driver(options).regions().first().map_or(0, |region| region.size);
    let mut properties = match devices::defaults(options.tag()) {
        Value::Object(defaults) => defaults,
        _ => Map::new(),
    };
    if let Value::Object(given) = (DeviceOptions { id: None, driver: options.clone() }).encode() {
        properties.extend(given);
    }
    for name in ["driver", "bus", "chardev", "timebase-freq"] {
        properties.remove(name);
    }
    DeviceFacts { place, size, properties, outputs }
}
