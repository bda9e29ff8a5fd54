//! The memory map: regions of devices at addresses, and what is seen where they overlap.

use std::sync::Arc;

use qapi_runtime::QmpError;

use super::{Board, Device, Name};
use crate::qapi::SysbusMmioMap;

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
    /// First physical address.
    pub addr: u64,
    /// Size in bytes, not 0.
    pub size: u64,
    /// Where in the region the view begins.
    pub offset: u64,
    /// Higher is seen first.
    pub priority: i32,
    /// The alias's name, when it is one.
    pub alias: Option<String>,
    /// How many mappings were made before it; among equals of priority the later is seen.
    pub order: u64,
    /// The number in the board's journal of the command that made it.
    pub entry: u64,
}

impl Mapping {
    /// The last address.
    pub fn last(&self) -> u64 {
        self.addr + (self.size - 1)
    }

    /// Of mappings at the same address, the one with the greatest is seen.
    pub fn precedence(&self) -> (i32, u64) {
        (self.priority, self.order)
    }
}

/// A run of addresses at which one mapping is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// First address.
    pub first: u64,
    /// Last address.
    pub last: u64,
    /// Index into [`View::mappings`].
    pub mapping: usize,
}

/// The memory map as a hart sees it.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Every mapping, in the order in which they were made.
    pub mappings: Vec<Mapping>,
    /// Sorted, without overlap.
    pub spans: Vec<Span>,
}

impl Board {
    /// Puts a region into the memory map.
    ///
    /// # Errors
    /// The texts of the RFC's `sysbus-mmio-map`; nothing is mapped then.
    pub fn map(&mut self, request: &SysbusMmioMap) -> Result<(), QmpError> {
        let device = self.find_device(&request.device)?.clone();
        let region = u32::from(request.mmio.unwrap_or(0));
        if request.alias.is_none() {
            for (given, member) in [(request.offset, "offset"), (request.size, "size")] {
                if given.is_some() {
                    let text = format!("{member} is only permitted when alias is set");
                    return Err(QmpError::generic(text));
                }
            }
        }
        let regions = device.driver().regions();
        let Some(declared) = regions.get(region as usize) else {
            return Err(QmpError::generic(format!(
                "MMIO index '{region}' does not exist in '{}'",
                request.device
            )));
        };
        let key = Key { device: device.name.clone(), region, alias: request.alias.clone() };
        if self.mappings.contains_key(&key) {
            return Err(QmpError::generic(match &request.alias {
                None => format!("MMIO index '{region}' is already mapped"),
                Some(alias) => format!("Alias '{alias}' of MMIO index '{region}' exists already"),
            }));
        }
        let offset = request.offset.unwrap_or(0);
        let size = request.size.unwrap_or(declared.size.saturating_sub(offset));
        if size == 0 || offset.checked_add(size).is_none_or(|end| end > declared.size) {
            return Err(QmpError::generic(format!(
                "Alias of {size:#x} bytes at offset {offset:#x} is not within MMIO index '{region}' of {:#x} bytes",
                declared.size
            )));
        }
        if request.addr.checked_add(size - 1).is_none() {
            return Err(QmpError::generic(format!(
                "Parameter 'addr' expects an address at which {size:#x} bytes end below 2^64, not {:#x}",
                request.addr
            )));
        }
        let mapping = Mapping {
            device: device.name.clone(),
            region,
            addr: request.addr,
            size,
            offset,
            priority: request.priority.unwrap_or(0),
            alias: request.alias.clone(),
            order: self.next_mapping,
            entry: self.journal().len(),
        };
        self.next_mapping += 1;
        self.mappings.insert_mut(key, mapping);
        Ok(())
    }

    /// Moves the mapping of a device's region, or makes it; for machines whose memory has an
    /// address among their properties.
    pub fn remap(&mut self, device: &Device, region: u32, addr: u64) -> Result<(), QmpError> {
        let key = Key { device: device.name.clone(), region, alias: None };
        self.mappings.remove_mut(&key);
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

    /// The mappings of a device.
    pub fn mappings_of(&self, device: &Name) -> impl Iterator<Item = &Mapping> {
        let first = Key { device: device.clone(), region: 0, alias: None };
        self.mappings
            .range(first..)
            .take_while(move |(key, _)| key.device == *device)
            .map(|(_, mapping)| mapping)
    }

    /// Where a region is mapped, aliases apart.
    pub fn address_of(&self, device: &Name, region: u32) -> Option<u64> {
        let key = Key { device: device.clone(), region, alias: None };
        self.mappings.get(&key).map(|mapping| mapping.addr)
    }

    /// The memory map with overlaps decided.
    pub fn view(&self) -> View {
        let mut mappings: Vec<Mapping> = self.mappings.values().cloned().collect();
        mappings.sort_by_key(|mapping| mapping.order);
        let spans = flatten(&mappings);
        View { mappings, spans }
    }

    /// The devices with a region that is memory, with its address and size, lowest address first.
    pub fn memories(&self) -> Vec<(Arc<Device>, Mapping)> {
        let mut found: Vec<_> = self
            .devices()
            .filter(|device| device.driver().regions().iter().any(|region| region.kind.is_ram()))
            .flat_map(|device| self.mappings_of(&device.name).map(|m| (device.clone(), m.clone())))
            .filter(|(_, mapping)| mapping.alias.is_none())
            .collect();
        found.sort_by_key(|(_, mapping)| mapping.addr);
        found
    }
}

/// Sweeps over the addresses with a heap of what is there, the winner on top: n log n.
fn flatten(mappings: &[Mapping]) -> Vec<Span> {
    let mut starts: Vec<usize> = (0..mappings.len()).collect();
    starts.sort_by_key(|&index| mappings[index].addr);
    let mut starts = starts.into_iter().peekable();
    let mut present = std::collections::BinaryHeap::new();
    let mut spans: Vec<Span> = Vec::new();
    let mut at = 0_u64;
    loop {
        if present.is_empty() {
            match starts.peek() {
                Some(&index) => at = mappings[index].addr,
                None => return spans,
            }
        }
        while let Some(&index) = starts.peek() {
            if mappings[index].addr > at {
                break;
            }
            present.push((mappings[index].precedence(), index));
            starts.next();
        }
        while present.peek().is_some_and(|&(_, index)| mappings[index].last() < at) {
            present.pop();
        }
        let Some(&(_, winner)) = present.peek() else { continue };
        let mut last = mappings[winner].last();
        if let Some(&index) = starts.peek() {
            // A mapping that begins here may win from there on.
            last = last.min(mappings[index].addr - 1);
        }
        match spans.last_mut() {
            Some(span) if span.mapping == winner && span.last.checked_add(1) == Some(at) => {
                span.last = last;
            }
            _ => spans.push(Span { first: at, last, mapping: winner }),
        }
        match last.checked_add(1) {
            Some(next) => at = next,
            None => return spans,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(order: u64, addr: u64, size: u64, priority: i32) -> Mapping {
        let device = "d".into();
        Mapping { device, region: 0, addr, size, offset: 0, priority, alias: None, order, entry: 0 }
    }

    #[test]
    fn overlaps_are_decided_by_priority_then_by_order() {
        type Case = (&'static str, &'static [(u64, u64, i32)], &'static [(u64, u64, usize)]);
        let cases: &[Case] = &[
            ("nothing", &[], &[]),
            ("apart", &[(0x10, 0x10, 0), (0x40, 0x10, 0)], &[(0x10, 0x1f, 0), (0x40, 0x4f, 1)]),
            ("later wins", &[(0, 0x20, 0), (8, 8, 0)], &[(0, 7, 0), (8, 15, 1), (16, 0x1f, 0)]),
            ("priority wins", &[(0, 0x20, 1), (8, 8, 0)], &[(0, 0x1f, 0)]),
            ("tail", &[(0, 0x20, 0), (0x10, 0x20, -1)], &[(0, 0x1f, 0), (0x20, 0x2f, 1)]),
            ("top of the space", &[(u64::MAX - 1, 2, 0)], &[(u64::MAX - 1, u64::MAX, 0)]),
            ("all of it", &[(0, u64::MAX, 0), (0, 1, 1)], &[(0, 0, 1), (1, u64::MAX - 1, 0)]),
        ];
        for (name, input, expected) in cases {
            let mappings: Vec<_> = (0_u64..)
                .zip(*input)
                .map(|(order, &(addr, size, priority))| mapping(order, addr, size, priority))
                .collect();
            let spans: Vec<_> =
                flatten(&mappings).iter().map(|s| (s.first, s.last, s.mapping)).collect();
            assert_eq!(spans, *expected, "{name}");
        }
    }
}
