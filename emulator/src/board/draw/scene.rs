//! What a drawing is of: a board with its devices numbered, and how several equal things become one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::findings::Findings;
use super::text;
use crate::board::{Board, Device, Mapping, Name, PortRef, View};
use crate::devices::{Port, RegionKind};

/// From how many on equal things are drawn as one.
pub(super) const MANY: usize = 6;

/// A board and its devices in the order of their creation.
pub(super) struct Scene<'a> {
    /// The board.
    pub(super) board: &'a Board,
    /// Its devices; a place in this list is a device's number.
    pub(super) devices: Vec<Arc<Device>>,
    /// The memory map, with addresses as harts see them.
    pub(super) view: View,
    /// What lint says of it.
    pub(super) findings: Findings,
    mappings: HashMap<Name, Vec<usize>>,
    numbers: HashMap<Name, u32>,
}

impl<'a> Scene<'a> {
    /// Of a board.
    pub(super) fn new(board: &'a Board) -> Self {
        let devices: Vec<_> = board.devices().cloned().collect();
        let numbers = (0..).zip(&devices).map(|(number, d)| (d.name.clone(), number)).collect();
        let view = board.view();
        let mut mappings: HashMap<Name, Vec<usize>> = HashMap::new();
        for (index, mapping) in view.mappings.iter().enumerate() {
            mappings.entry(mapping.device.clone()).or_default().push(index);
        }
        let paths = (0..).zip(&devices).map(|(number, device)| (device.path(), number)).collect();
        let findings = Findings::of(board, &paths);
        Self { board, devices, view, findings, mappings, numbers }
    }

    /// A line about where the command of that number came from; none for what no command made.
    pub(super) fn origin(&self, entry: u64) -> String {
        let entry = self.board.journal().entry(entry);
        entry.map_or_else(String::new, |entry| format!("\n{}", entry.origin))
    }

    /// A device's number.
    pub(super) fn number(&self, name: &str) -> u32 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    /// The mappings of a device that have an address.
    pub(super) fn mappings_of(&self, device: &Device) -> impl Iterator<Item = &Mapping> {
        let places = self.mappings.get(&device.name).map_or(&[][..], Vec::as_slice);
        places.iter().map(|place| &self.view.mappings[*place])
    }

    /// What names devices, or children of devices, given as numbers of both.
    pub(super) fn names(&self, parts: &[(u32, u32)]) -> String {
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return String::new();
        };
        let device = &self.devices[first.0 as usize];
        if let Some(units) = device.driver().units().filter(|_| first.0 == last.0) {
            let numbers: Vec<u32> = parts.iter().map(|(_, unit)| *unit).collect();
            return format!("{}/{}[{}]", device.name, units.names[0], text::runs(&numbers, '–'));
        }
        let name = |(device, unit): &(u32, u32)| owner(&self.devices[*device as usize], *unit);
        from_to(&name(first), &name(last))
    }

    /// A port as a picture spells it: `irq[0]`, `out[1]`, `in[3]`.
    pub(super) fn port(&self, port: &PortRef) -> String {
        let declared = self.board.device(&port.device).map(|device| device.driver().ports());
        let name = declared.and_then(|ports| ports.get(port.port as usize).map(short_name));
        format!("{}[{}]", name.unwrap_or("?"), port.line)
    }

    /// The thing that has a port: a device, or a child of one.
    pub(super) fn owner(&self, port: &PortRef) -> String {
        let device = self.board.device(&port.device);
        device.map_or_else(String::new, |device| owner(device, port.unit))
    }
}

/// What names the first and the last of several things.
pub(super) fn from_to(first: &str, last: &str) -> String {
    if first == last { first.into() } else { format!("{first} … {last}") }
}

/// A device, or the child of it that has this number, as a path begins with it.
fn owner(device: &Device, unit: u32) -> String {
    match device.driver().units() {
        Some(units) => format!("{}/{}[{unit}]", device.name, units.names[0]),
        None => device.name.to_string(),
    }
}

/// A port's name without what all names of its kind begin with.
pub(super) fn short_name(port: &Port) -> &'static str {
    let name = port.name;
    name.strip_prefix("unnamed-gpio-").or(name.strip_prefix("sysbus-")).unwrap_or(name)
}

/// What a region is drawn as: a class of the style sheet, which is also the word for it.
pub(super) fn region_class(device: &Device, kind: RegionKind) -> &'static str {
    match kind {
        RegionKind::Ram => "ram",
        RegionKind::Rom | RegionKind::Flash => "rom",
        RegionKind::Io if device.driver().is_stand_in() => "stub",
        RegionKind::Io => "mmio",
    }
}

/// Things with a key in common as one group where there are [`MANY`], at the place of the first;
/// the others alone.
pub(super) fn gather<T, K: Hash + Eq>(
    things: Vec<T>,
    key: impl Fn(&T) -> Option<K>,
) -> Vec<Vec<T>> {
    let mut sizes: HashMap<K, usize> = HashMap::new();
    for key in things.iter().filter_map(&key) {
        *sizes.entry(key).or_default() += 1;
    }
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for thing in things {
        let key = key(&thing).filter(|key| sizes.get(key).is_some_and(|size| *size >= MANY));
        match key {
            None => groups.push(vec![thing]),
            Some(key) => match places.get(&key) {
                Some(place) => groups[*place].push(thing),
                None => {
                    places.insert(key, groups.len());
                    groups.push(vec![thing]);
                }
            },
        }
    }
    groups
}

/// A line about several devices: how many of which driver.
pub(super) fn drivers_of<'a>(devices: impl Iterator<Item = &'a Arc<Device>>) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let mut places: HashMap<_, usize> = HashMap::new();
    for device in devices {
        let place = *places.entry(device.kind()).or_insert_with(|| {
            counts.push((device.kind().to_string(), 0));
            counts.len() - 1
        });
        counts[place].1 += 1;
    }
    let told: Vec<String> =
        counts.iter().map(|(driver, n)| format!("{} × {driver}", text::count(*n))).collect();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_of_a_kind_become_one() {
        let things: Vec<u32> = (0..14).collect();
        let groups = gather(things, |n| (*n != 3).then_some(*n % 2));
        let expected: Vec<Vec<u32>> =
            vec![vec![0, 2, 4, 6, 8, 10, 12], vec![1, 5, 7, 9, 11, 13], vec![3]];
        assert_eq!(groups, expected);
        assert_eq!(gather(vec![1, 1, 1, 1, 1], |n| Some(*n)).len(), 5);
    }
}
