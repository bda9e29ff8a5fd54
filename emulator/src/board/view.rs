//! The memory map as harts see it: every mapping at its address, and who is seen where they overlap.

use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::map::RegionRef;
use super::{Board, Device, Mapping, Name};

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
    /// Every mapping that has an address, in the order in which they were made; `addr` is where
    /// harts find it. What stands in a region that is not mapped has none.
    pub mappings: Vec<Mapping>,
    /// Sorted, without overlap.
    pub spans: Vec<Span>,
}

impl View {
    /// Decides the overlaps of mappings that stand in the same.
    pub fn of_neighbours(mut mappings: Vec<Mapping>) -> Self {
        mappings.sort_by_key(|mapping| mapping.order);
        let spans = flatten(&mappings, (0..mappings.len()).collect());
        Self { mappings, spans }
    }
}

/// Of two consoles the one with the lower rank comes first, by their back ends: the one on `serial0`,
/// then others; those on none last.
pub(super) fn console_rank(chardev: &str) -> (bool, usize, &str) {
    (chardev.is_empty(), chardev.len(), chardev)
}

impl Board {
    /// The memory map with overlaps decided.
    pub fn view(&self) -> View {
        let mut placed: Vec<(Mapping, usize)> = self
            .mappings
            .values()
            .filter_map(|mapping| {
                let (base, depth) = self.base_of(mapping)?;
                Some((Mapping { addr: base + mapping.addr, ..mapping.clone() }, depth))
            })
            .collect();
        placed.sort_by_key(|(mapping, _)| mapping.order);
        // What stands in a region wins over the region, whatever its priority; so each region's
        // contents are decided on their own, the innermost first.
        let mut groups: HashMap<Option<RegionRef>, (usize, Vec<usize>)> = HashMap::new();
        for (index, (mapping, depth)) in placed.iter().enumerate() {
            groups.entry(mapping.parent.clone()).or_insert((*depth, Vec::new())).1.push(index);
        }
        let mappings: Vec<Mapping> = placed.into_iter().map(|(mapping, _)| mapping).collect();
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, (depth, _))| std::cmp::Reverse(*depth));
        let mut contents: HashMap<RegionRef, Vec<Span>> = HashMap::new();
        let mut spans = Vec::new();
        for (parent, (_, members)) in groups {
            let decided = nest(flatten(&mappings, members), &mappings, &contents);
            match parent {
                Some(region) => drop(contents.insert(region, decided)),
                None => spans = decided,
            }
        }
        View { mappings, spans }
    }

    /// The address of offset 0 of what a mapping stands in, and how many regions that is in.
    fn base_of(&self, mapping: &Mapping) -> Option<(u64, usize)> {
        let (mut base, mut depth) = (0, 0);
        let mut parent = mapping.parent.as_ref();
        while let Some(region) = parent {
            let outer = self.mapping_of(region)?;
            base += outer.addr;
            depth += 1;
            parent = outer.parent.as_ref();
        }
        Some((base, depth))
    }

    /// A mapping with the address at which harts find it; none where it stands in what is not
    /// mapped.
    pub fn placed(&self, mapping: &Mapping) -> Option<Mapping> {
        let (base, _) = self.base_of(mapping)?;
        Some(Mapping { addr: base + mapping.addr, ..mapping.clone() })
    }

    /// Where harts find offset 0 of a region, aliases apart.
    pub fn address_of(&self, device: &super::Name, region: u32) -> Option<u64> {
        let mapping = self.mapping_of(&RegionRef { device: device.clone(), region })?;
        self.base_of(mapping).map(|(base, _)| base + mapping.addr)
    }

    /// The device that a person talks to.
    pub fn console(&self) -> Option<Name> {
        let devices = self.devices().filter_map(|device| {
            Some((device.driver().console()?.to_owned(), device.name.clone()))
        });
        devices.min_by(|(a, _), (b, _)| console_rank(a).cmp(&console_rank(b))).map(|(_, name)| name)
    }

    /// The devices with a region that is memory, with where harts find it, lowest address first.
    pub fn memories(&self) -> Vec<(Arc<Device>, Mapping)> {
        let mut found: Vec<_> = self
            .devices()
            .filter(|device| device.driver().regions().iter().any(|region| region.kind.is_ram()))
            .flat_map(|device| self.mappings_of(&device.name).map(|m| (device.clone(), m.clone())))
            .filter(|(_, mapping)| mapping.alias.is_none())
            .filter_map(|(device, mapping)| Some((device, self.placed(&mapping)?)))
            .collect();
        found.sort_by_key(|(_, mapping)| mapping.addr);
        found
    }
}

/// Puts the contents of regions where the regions are seen.
fn nest(
    outer: Vec<Span>,
    mappings: &[Mapping],
    contents: &HashMap<RegionRef, Vec<Span>>,
) -> Vec<Span> {
    if contents.is_empty() {
        return outer;
    }
    let mut all = Vec::with_capacity(outer.len());
    for span in outer {
        let mapping = &mappings[span.mapping];
        let inner = match &mapping.alias {
            None => contents.get(&mapping.region_ref()).map_or(&[][..], Vec::as_slice),
            // An alias shows the region without what stands in it.
            Some(_) => &[],
        };
        let begin = inner.partition_point(|inner| inner.last < span.first);
        let mut at = Some(span.first);
        for inner in inner[begin..].iter().take_while(|inner| inner.first <= span.last) {
            let (first, last) = (inner.first.max(span.first), inner.last.min(span.last));
            if let Some(at) = at.filter(|at| *at < first) {
                all.push(Span { first: at, last: first - 1, mapping: span.mapping });
            }
            all.push(Span { first, last, mapping: inner.mapping });
            at = last.checked_add(1);
        }
        if let Some(first) = at.filter(|at| *at <= span.last) {
            all.push(Span { first, ..span });
        }
    }
    all
}

/// Sweeps over the addresses with a heap of what is there, the winner on top: n log n.
fn flatten(mappings: &[Mapping], mut starts: Vec<usize>) -> Vec<Span> {
    starts.sort_by_key(|&index| mappings[index].addr);
    let mut starts = starts.into_iter().peekable();
    let mut present = BinaryHeap::new();
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
        let mut mapping = Mapping::whole("d".into(), 0, addr, size);
        (mapping.order, mapping.priority) = (order, priority);
        mapping
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
            let spans: Vec<_> = flatten(&mappings, (0..mappings.len()).collect())
                .iter()
                .map(|s| (s.first, s.last, s.mapping))
                .collect();
            assert_eq!(spans, *expected, "{name}");
        }
    }
}
