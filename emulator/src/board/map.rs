//! Where regions of devices are put: in the harts' address space, or in a region of another device.

use qapi_runtime::{QmpError, Value};

use super::{Board, Device, Name, Object};
use crate::devices::Region;
use crate::qapi::{DeviceMap, DeviceUnmap, SysbusMmioMap};

/// The parent that is no region: the harts' address space.
const SYSTEM: &str = "system";

/// A region of a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionRef {
    /// The device.
    pub device: Name,
    /// Index into the regions that the driver declares.
    pub region: u32,
}

/// What a mapping is found by. A region has one mapping of its own and any number of aliases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    device: Name,
    region: u32,
    alias: Option<String>,
}

/// A region, or a part of it, at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The device.
    pub device: Name,
    /// Index into the regions that the driver declares.
    pub region: u32,
    /// The region it stands in; none for the harts' address space.
    pub parent: Option<RegionRef>,
    /// First address: an offset where there is a parent.
    pub addr: u64,
    /// Size in bytes, not 0.
    pub size: u64,
    /// Where in the region the view begins.
    pub offset: u64,
    /// Higher is seen first, among those with the same parent.
    pub priority: i32,
    /// The alias's name, when it is one.
    pub alias: Option<String>,
    /// How many mappings were made before it; among equals of priority the later is seen.
    pub order: u64,
    /// The number in the board's journal of the command that made it.
    pub entry: u64,
}

/// What is asked for, by index or by name of the region alike.
struct Request<'a> {
    device: &'a Device,
    region: u32,
    /// The region in messages.
    label: String,
    parent: Option<RegionRef>,
    addr: u64,
    priority: Option<i32>,
    alias: Option<&'a String>,
    offset: Option<u64>,
    size: Option<u64>,
}

impl Mapping {
    /// All of a region.
    pub(super) fn whole(device: Name, region: u32, addr: u64, size: u64) -> Self {
        Self {
            device,
            region,
            parent: None,
            addr,
            size,
            offset: 0,
            priority: 0,
            alias: None,
            order: 0,
            entry: 0,
        }
    }

    /// The last address.
    pub fn last(&self) -> u64 {
        self.addr + (self.size - 1)
    }

    /// Of mappings at the same address, the one with the greatest is seen.
    pub fn precedence(&self) -> (i32, u64) {
        (self.priority, self.order)
    }

    /// The region that is mapped.
    pub fn region_ref(&self) -> RegionRef {
        RegionRef { device: self.device.clone(), region: self.region }
    }

    fn key(&self) -> Key {
        Key { device: self.device.clone(), region: self.region, alias: self.alias.clone() }
    }
}

impl Board {
    /// Puts a region into the memory map: the command `sysbus-mmio-map`.
    ///
    /// # Errors
    /// The texts of the RFC's `sysbus-mmio-map`; nothing is mapped then.
    pub fn map(&mut self, request: &SysbusMmioMap) -> Result<(), QmpError> {
        let device = self.find_device(&request.device)?.clone();
        let region = u32::from(request.mmio.unwrap_or(0));
        permitted_with_alias(request.alias.as_ref(), request.offset, request.size)?;
        if device.driver().regions().get(region as usize).is_none() {
            return Err(QmpError::generic(format!(
                "MMIO index '{region}' does not exist in '{}'",
                request.device
            )));
        }
        self.put(&Request {
            device: &device,
            region,
            label: format!("MMIO index '{region}'"),
            parent: None,
            addr: request.addr,
            priority: request.priority,
            alias: request.alias.as_ref(),
            offset: request.offset,
            size: request.size,
        })
    }

    /// Puts a region into the memory map or into another region: the command `device-map`.
    ///
    /// # Errors
    /// There is no such region, it is mapped already, or it does not fit; nothing is mapped then.
    pub fn map_named(&mut self, request: &DeviceMap) -> Result<(), QmpError> {
        let device = self.find_device(&request.device)?.clone();
        let region = match &request.region {
            Some(selector) => select(&device, selector)?,
            None => only(&device)?,
        };
        permitted_with_alias(request.alias.as_ref(), request.offset, request.size)?;
        let name = &device.driver().regions()[region as usize].name;
        self.put(&Request {
            device: &device,
            region,
            label: format!("Region '{name}' of '{}'", request.device),
            parent: request.parent.as_deref().map(|path| self.parent(path)).transpose()?.flatten(),
            addr: request.addr,
            priority: request.priority,
            alias: request.alias.as_ref(),
            offset: request.offset,
            size: request.size,
        })
    }

    fn put(&mut self, request: &Request<'_>) -> Result<(), QmpError> {
        let &Request { device, region, ref label, addr, .. } = request;
        let whole = device.driver().regions().get(region as usize).map_or(0, |region| region.size);
        let offset = request.offset.unwrap_or(0);
        let size = request.size.unwrap_or(whole.saturating_sub(offset));
        let mapping = Mapping {
            parent: request.parent.clone(),
            offset,
            priority: request.priority.unwrap_or(0),
            alias: request.alias.cloned(),
            order: self.next_mapping,
            entry: self.journal().len(),
            ..Mapping::whole(device.name.clone(), region, addr, size)
        };
        let key = mapping.key();
        if self.mappings.contains_key(&key) {
            return Err(QmpError::generic(match request.alias {
                None => format!("{label} is already mapped"),
                Some(alias) => format!("Alias '{alias}' of {label} exists already"),
            }));
        }
        if size == 0 || offset.checked_add(size).is_none_or(|end| end > whole) {
            return Err(QmpError::generic(format!(
                "Alias of {size:#x} bytes at offset {offset:#x} is not within {label} of {whole:#x} bytes"
            )));
        }
        match &request.parent {
            None if addr.checked_add(size - 1).is_none() => {
                return Err(QmpError::generic(format!(
                    "Parameter 'addr' expects an address at which {size:#x} bytes end below 2^64, not {addr:#x}"
                )));
            }
            None => {}
            Some(parent) => {
                self.check_fits(parent, addr, size)?;
                self.check_not_within(label, &mapping.region_ref(), parent)?;
                self.nested.insert_mut((parent.clone(), key.clone()), ());
            }
        }
        self.next_mapping += 1;
        self.mappings.insert_mut(key, mapping);
        Ok(())
    }

    /// The parent that a path names; none for the harts' address space.
    fn parent(&self, path: &str) -> Result<Option<RegionRef>, QmpError> {
        if path == SYSTEM {
            return Ok(None);
        }
        let (device, region) = match self.lookup(path)? {
            Some(Object::Device(device)) => {
                let region = only(&device)?;
                (device, region)
            }
            _ => {
                let (outer, name) = path.rsplit_once('/').ok_or_else(|| self.not_found(path))?;
                let device = self.find_device(outer)?;
                (device.clone(), select(device, &name.into())?)
            }
        };
        Ok(Some(RegionRef { device: device.name.clone(), region }))
    }

    fn check_fits(&self, parent: &RegionRef, addr: u64, size: u64) -> Result<(), QmpError> {
        let Some(outer) = self.region(parent) else { return Ok(()) };
        if addr.checked_add(size).is_some_and(|end| end <= outer.size) {
            return Ok(());
        }
        Err(QmpError::generic(format!(
            "Parameter 'addr' expects an offset at which {size:#x} bytes end within region '{}' of '{}', which has {:#x} bytes, not {addr:#x}",
            outer.name, parent.device, outer.size
        )))
    }

    /// Nothing stands in itself.
    fn check_not_within(
        &self,
        label: &str,
        region: &RegionRef,
        parent: &RegionRef,
    ) -> Result<(), QmpError> {
        let mut at = Some(parent);
        while let Some(outer) = at {
            if outer == region {
                return Err(QmpError::generic(format!("{label} would stand in itself")));
            }
            at = self.mapping_of(outer).and_then(|mapping| mapping.parent.as_ref());
        }
        Ok(())
    }

    /// Takes mappings of a device away: the command `device-unmap`.
    ///
    /// # Errors
    /// There are none of which all that is said holds.
    pub fn unmap(&mut self, request: &DeviceUnmap) -> Result<(), QmpError> {
        let device = self.find_device(&request.device)?.clone();
        let region =
            request.region.as_ref().map(|selector| select(&device, selector)).transpose()?;
        let meant = |mapping: &&Mapping| {
            region.is_none_or(|region| mapping.region == region)
                && (request.alias.is_none() || mapping.alias == request.alias)
        };
        let keys: Vec<Key> = match (region, &request.alias) {
            // Not a walk over all views of the region.
            (Some(region), Some(_)) => {
                let (device, alias) = (device.name.clone(), request.alias.clone());
                let key = Key { device, region, alias };
                Some(key).filter(|key| self.mappings.contains_key(key)).into_iter().collect()
            }
            _ => self.mappings_of(&device.name).filter(meant).map(Mapping::key).collect(),
        };
        if keys.is_empty() {
            let what = match (&request.alias, region) {
                (Some(alias), _) => format!("has no alias '{alias}'"),
                (None, Some(_)) => "does not have that region mapped".into(),
                (None, None) => "is not mapped".into(),
            };
            return Err(QmpError::generic(format!("Device '{}' {what}", request.device)));
        }
        keys.iter().for_each(|key| self.take_away(key));
        Ok(())
    }

    fn take_away(&mut self, key: &Key) {
        if let Some(parent) = self.mappings.get(key).and_then(|mapping| mapping.parent.clone()) {
            self.nested.remove_mut(&(parent, key.clone()));
        }
        self.mappings.remove_mut(key);
    }

    /// Takes away all mappings of a device, and those that stand in its regions.
    pub(super) fn unmap_all(&mut self, device: &Name) {
        let own = self.mappings_of(device).map(Mapping::key);
        let keys: Vec<Key> =
            own.chain(self.standing_in(device).map(|(_, key)| key.clone())).collect();
        keys.iter().for_each(|key| self.take_away(key));
    }

    /// The mappings that stand in regions of a device.
    fn standing_in(&self, device: &Name) -> impl Iterator<Item = &(RegionRef, Key)> {
        let region = RegionRef { device: device.clone(), region: 0 };
        // The empty name is before every other.
        let first = (region, Key { device: "".into(), region: 0, alias: None });
        self.nested
            .range(first..)
            .take_while(move |((parent, _), ())| parent.device == *device)
            .map(|(place, ())| place)
    }

    /// Whether something stands in a region of a device.
    pub(super) fn is_parent(&self, device: &Name) -> bool {
        self.standing_in(device).next().is_some()
    }

    /// Moves the mapping of a device's region, or makes it; for machines whose memory has an
    /// address among their properties.
    pub fn remap(&mut self, device: &Device, region: u32, addr: u64) -> Result<(), QmpError> {
        self.take_away(&Key { device: device.name.clone(), region, alias: None });
        let request = SysbusMmioMap {
            device: device.path(),
            mmio: u8::try_from(region).ok(),
            addr,
            priority: None,
            alias: None,
            offset: None,
            size: None,
        };
        self.map(&request)
    }

    /// The mappings of a device, each with its address in what it stands in.
    pub fn mappings_of(&self, device: &Name) -> impl Iterator<Item = &Mapping> {
        let first = Key { device: device.clone(), region: 0, alias: None };
        self.mappings
            .range(first..)
            .take_while(move |(key, _)| key.device == *device)
            .map(|(_, mapping)| mapping)
    }

    /// Whether a region is mapped more than once: as itself and as aliases, or as several aliases.
    pub(super) fn has_several_mappings(&self, region: &RegionRef) -> bool {
        let &RegionRef { ref device, region } = region;
        let first = Key { device: device.clone(), region, alias: None };
        let here = |(key, _): &(&Key, &Mapping)| key.device == *device && key.region == region;
        self.mappings.range(first..).take_while(here).nth(1).is_some()
    }

    /// The mapping of a region, aliases apart.
    pub(super) fn mapping_of(&self, region: &RegionRef) -> Option<&Mapping> {
        let key = Key { device: region.device.clone(), region: region.region, alias: None };
        self.mappings.get(&key)
    }

    /// What a region is.
    pub fn region(&self, region: &RegionRef) -> Option<Region> {
        let mut regions = self.device(&region.device)?.driver().regions();
        let index = region.region as usize;
        (index < regions.len()).then(|| regions.swap_remove(index))
    }
}

/// An offset or a size makes a further view of a region, which has a name.
fn permitted_with_alias(
    alias: Option<&String>,
    offset: Option<u64>,
    size: Option<u64>,
) -> Result<(), QmpError> {
    let given = [(offset, "offset"), (size, "size")].into_iter().find(|(given, _)| given.is_some());
    match (alias, given) {
        (None, Some((_, member))) => {
            Err(QmpError::generic(format!("{member} is only permitted when alias is set")))
        }
        _ => Ok(()),
    }
}

/// The region that a name or an index means; a name that is a number is an index.
fn select(device: &Device, selector: &Value) -> Result<u32, QmpError> {
    let regions = device.driver().regions();
    let (found, wanted) = match selector {
        Value::String(name) => {
            let named = regions.iter().position(|region| region.name == *name);
            (named.or_else(|| name.parse().ok()), name.clone())
        }
        Value::Number(number) => {
            (number.as_u64().and_then(|index| usize::try_from(index).ok()), number.to_string())
        }
        _ => {
            return Err(QmpError::generic(
                "Invalid parameter type for 'region', expected: name (string) or index (number)",
            ));
        }
    };
    let found = found.filter(|index| *index < regions.len());
    found.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| {
        QmpError::generic(format!(
            "Region '{wanted}' not found; '{}' has {}",
            device.name,
            list(&regions)
        ))
    })
}

/// The region of a device for which none is named.
fn only(device: &Device) -> Result<u32, QmpError> {
    let regions = device.driver().regions();
    match regions.len() {
        1 => Ok(0),
        0 => Err(QmpError::generic(format!("Device '{}' has no regions", device.name))),
        _ => Err(QmpError::generic(format!(
            "Device '{}' has several regions: say which of {}",
            device.name,
            list(&regions)
        ))),
    }
}

fn list(regions: &[Region]) -> String {
    if regions.is_empty() {
        return "no regions".into();
    }
    let names: Vec<String> = regions.iter().map(|region| format!("'{}'", region.name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use qapi_runtime::{Decode, Mode, Path};
    use serde_json::json;

    use super::*;
    use crate::qapi::{DeviceOptions, MachineOptions};

    fn decode<T: Decode>(value: &Value) -> T {
        T::decode(value, &Path::ARGUMENTS, Mode::KEYVAL).unwrap()
    }

    /// A bus of 64 KiB with room for others in it, and devices of 4 KiB.
    fn board() -> Board {
        let mut board = Board::new(decode::<MachineOptions>(&json!({ "type": "none" })));
        for (id, size) in [("bus", 0x1_0000), ("inner", 0x2000), ("a", 0x1000), ("b", 0x1000)] {
            let device = json!({ "driver": "sysbus-memory", "id": id, "size": size });
            board.add(decode::<DeviceOptions>(&device)).unwrap();
        }
        board
    }

    fn put(board: &mut Board, request: Value) -> Result<(), String> {
        board.map_named(&decode(&request)).map_err(|error| error.desc)
    }

    fn seen(board: &Board) -> Vec<(u64, u64, String)> {
        let view = board.view();
        let name = |span: &super::super::Span| view.mappings[span.mapping].device.to_string();
        view.spans.iter().map(|span| (span.first, span.last, name(span))).collect()
    }

    #[test]
    fn what_stands_in_a_region_goes_where_it_goes() {
        let mut board = board();
        put(&mut board, json!({ "device": "a", "parent": "inner", "addr": 0x1800 }))
            .expect_err("a does not fit there");
        put(&mut board, json!({ "device": "a", "parent": "inner/memory", "addr": "0x1000" }))
            .unwrap();
        put(&mut board, json!({ "device": "inner", "parent": "bus", "addr": 0x4000 })).unwrap();
        // Not seen before the outermost is somewhere.
        assert_eq!(seen(&board), []);
        put(&mut board, json!({ "device": "bus", "parent": "system", "addr": 0x10_0000 })).unwrap();
        let expected = [
            (0x10_0000, 0x10_3fff, "bus"),
            (0x10_4000, 0x10_4fff, "inner"),
            (0x10_5000, 0x10_5fff, "a"),
            (0x10_6000, 0x10_ffff, "bus"),
        ];
        let expected = expected.map(|(first, last, name)| (first, last, name.to_string()));
        assert_eq!(seen(&board), expected);
        assert_eq!(board.address_of(&"a".into(), 0), Some(0x10_5000));
        // A neighbour of the bus that wins over it hides what stands in it as well.
        put(&mut board, json!({ "device": "b", "addr": 0x10_5800, "priority": 1 })).unwrap();
        assert_eq!(seen(&board)[2], (0x10_5000, 0x10_57ff, "a".into()));
        assert_eq!(seen(&board)[3], (0x10_5800, 0x10_67ff, "b".into()));
        board.unmap(&decode(&json!({ "device": "b" }))).unwrap();
        let bus = board.device("bus").cloned().unwrap();
        board.remap(&bus, 0, 0x20_0000).unwrap();
        assert_eq!(board.address_of(&"a".into(), 0), Some(0x20_5000));
        assert_eq!(seen(&board).len(), 4);
        board.remove("bus").unwrap();
        assert_eq!(seen(&board), []);
        assert_eq!(board.mappings_of(&"a".into()).count(), 1, "a still stands in inner");
        assert_eq!(board.mappings_of(&"inner".into()).count(), 0, "inner stood in the bus");
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let rows = [
            (
                json!({ "device": "a", "region": "regs", "addr": 0 }),
                "Region 'regs' not found; 'a' has 'memory'",
            ),
            (
                json!({ "device": "a", "region": 1, "addr": 0 }),
                "Region '1' not found; 'a' has 'memory'",
            ),
            (
                json!({ "device": "a", "parent": "a", "addr": 0 }),
                "Region 'memory' of 'a' would stand in itself",
            ),
            (
                json!({ "device": "bus", "addr": 0x1000 }),
                "Region 'memory' of 'bus' is already mapped",
            ),
            (json!({ "device": "a", "parent": "nope", "addr": 0 }), "Device 'nope' not found"),
            (
                json!({ "device": "a", "parent": "bus/regs", "addr": 0 }),
                "Region 'regs' not found; 'bus' has 'memory'",
            ),
            (
                json!({ "device": "a", "parent": "bus", "addr": 0xf001 }),
                "Parameter 'addr' expects an offset at which 0x1000 bytes end within region 'memory' of 'bus', which has 0x10000 bytes, not 0xf001",
            ),
            (
                json!({ "device": "a", "addr": 0, "size": 4 }),
                "size is only permitted when alias is set",
            ),
        ];
        let mut board = board();
        put(&mut board, json!({ "device": "bus", "region": "0", "addr": 0 })).unwrap();
        put(&mut board, json!({ "device": "inner", "region": 0, "parent": "bus", "addr": 0 }))
            .unwrap();
        let before = seen(&board);
        for (request, expected) in rows {
            assert_eq!(put(&mut board, request), Err(expected.to_string()));
        }
        // The inner one cannot take in what it stands in.
        board.unmap(&decode(&json!({ "device": "bus" }))).unwrap();
        assert_eq!(
            put(&mut board, json!({ "device": "bus", "parent": "inner", "addr": 0 }))
                .map_err(|e| e.contains("0x10000 bytes")),
            Err(true)
        );
        board.map_named(&decode(&json!({ "device": "bus", "addr": 0 }))).unwrap();
        assert_eq!(seen(&board), before);
    }
}
