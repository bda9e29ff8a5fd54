//! The board as a list of devices with their properties, regions and ports: what `device-list`
//! answers.

use qapi_runtime::{Map, Value};

use super::object::{SYSTEM_BUS, options_object};
use super::{Board, Device, Mapping, PortRef};
use crate::devices::{Port, PortDirection, RegionKind, defaults};
use crate::qapi::{
    DeviceInfo, DeviceLine, DeviceLineDirection, DeviceMapping, DevicePort, DeviceRegion,
    DeviceRegionKind, ResetTreeInfo,
};

/// Where devices without a bus hang.
const MACHINE: &str = "/machine";

impl Board {
    /// All that is to be said about a device.
    pub fn describe(&self, device: &Device) -> DeviceInfo {
        let driver = device.driver();
        let regions = (0..).zip(driver.regions()).map(|(index, region)| DeviceRegion {
            name: region.name,
            index,
            size: region.size,
            kind: match region.kind {
                RegionKind::Io => DeviceRegionKind::Io,
                RegionKind::Ram => DeviceRegionKind::Ram,
                RegionKind::Rom => DeviceRegionKind::Rom,
                RegionKind::Flash => DeviceRegionKind::Flash,
            },
            mappings: self
                .mappings_of(&device.name)
                .filter(|mapping| mapping.region == index)
                .map(|mapping| self.describe_mapping(mapping))
                .collect(),
        });
        let mut properties = match defaults(device.kind()) {
            Value::Object(defaults) => defaults,
            _ => Map::new(),
        };
        properties.extend(options_object(device));
        properties.shift_remove("driver");
        let ports = driver.ports();
        let children: Vec<(u32, Option<String>)> = match driver.units() {
            None => vec![(0, None)],
            Some(units) => {
                (0..units.count).map(|n| (n, Some(format!("{}[{n}]", units.names[0])))).collect()
            }
        };
        let ports = children
            .iter()
            .flat_map(|(unit, child)| ports.iter().enumerate().map(move |port| (unit, child, port)))
            .map(|(unit, child, (index, port))| {
                self.describe_port(device, *unit, child.clone(), index as u32, port)
            })
            .collect();
        DeviceInfo {
            id: device.named.then(|| device.name.to_string()),
            path: device.path(),
            driver: device.kind(),
            hotplugged: false,
            properties: Value::Object(properties),
            regions: regions.collect(),
            ports,
        }
    }

    fn describe_mapping(&self, mapping: &Mapping) -> DeviceMapping {
        let parent = mapping.parent.as_ref().map(|parent| {
            let region = self.region(parent).map(|region| region.name).unwrap_or_default();
            format!("{}/{region}", parent.device)
        });
        let is_whole = mapping.alias.is_none();
        DeviceMapping {
            addr: mapping.addr,
            size: mapping.size,
            priority: mapping.priority,
            parent,
            alias: mapping.alias.clone(),
            offset: (!is_whole).then_some(mapping.offset),
        }
    }

    fn describe_port(
        &self,
        device: &Device,
        unit: u32,
        child: Option<String>,
        index: u32,
        port: &Port,
    ) -> DevicePort {
        let names = device.driver().line_names();
        let line = |line: u32| {
            let own = PortRef { device: device.name.clone(), unit, port: index, line };
            let name = names.iter().find(|name| name.port == index && name.line == line);
            let peer = self.peer(&own);
            (name.is_some() || peer.is_some()).then(|| DeviceLine {
                line,
                name: name.map(|name| name.name.into()),
                peer: peer.map(|peer| self.port_path(peer)),
            })
        };
        DevicePort {
            name: port.name.into(),
            child,
            direction: match port.direction {
                PortDirection::Input => DeviceLineDirection::Input,
                PortDirection::Output => DeviceLineDirection::Output,
            },
            width: port.count,
            lines: (0..port.count).filter_map(line).collect(),
        }
    }

    /// Who is reset by whom, in the order in which it happens.
    pub fn reset_tree(&self) -> Vec<ResetTreeInfo> {
        let entry = |path: &str, parent: Option<&str>| ResetTreeInfo {
            path: path.into(),
            parent: parent.map(String::from),
        };
        let mut tree = vec![entry(MACHINE, None), entry(SYSTEM_BUS, Some(MACHINE))];
        for device in self.devices() {
            let parent = if device.driver().on_bus() { SYSTEM_BUS } else { MACHINE };
            let path = device.path();
            tree.push(entry(&path, Some(parent)));
            for unit in 0..device.driver().units().map_or(0, |units| units.count) {
                tree.push(entry(&super::Object::Unit(device.clone(), unit).path(), Some(&path)));
            }
        }
        tree
    }
}
