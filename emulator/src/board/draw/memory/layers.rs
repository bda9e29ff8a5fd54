//! Who is seen at each address and who is hidden there, as rows from the lowest address up.

use std::collections::{BTreeSet, HashMap};

use crate::board::{Mapping, RegionRef, View};

/// How many of those hidden at one place are named.
const NAMED: usize = 3;

/// A run of addresses at which the same mappings lie over each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) first: u64,
    pub(super) last: u64,
    /// The mapping that is seen.
    pub(super) seen: usize,
    /// The uppermost of the mappings below it.
    pub(super) hidden: Vec<usize>,
    /// How many there are below it.
    pub(super) depth: usize,
}

impl Cell {
    pub(super) fn size(&self) -> u128 {
        u128::from(self.last - self.first) + 1
    }
}

/// A run of addresses at which one mapping is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Its mapping.
    pub(super) mapping: usize,
    /// In the order of their addresses, without a hole; not empty.
    pub(super) cells: Vec<Cell>,
}

impl Block {
    pub(super) fn first(&self) -> u64 {
        self.cells.first().map_or(0, |cell| cell.first)
    }

    pub(super) fn last(&self) -> u64 {
        self.cells.last().map_or(0, |cell| cell.last)
    }

    /// Whether all of the mapping is seen here and hides nothing.
    pub(super) fn is_plain(&self, mapping: &Mapping) -> bool {
        self.cells.len() == 1
            && self.cells[0].depth == 0
            && self.first() == mapping.addr
            && self.last() == mapping.last()
    }
}

/// Cuts the address space where a mapping begins or ends.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let mut edges: Vec<(u128, bool, usize)> = Vec::with_capacity(2 * view.mappings.len());
    for (index, mapping) in view.mappings.iter().enumerate() {
        edges.push((mapping.addr.into(), true, index));
        edges.push((u128::from(mapping.last()) + 1, false, index));
    }
    edges.sort_unstable();
    let nests = Nests::new(view);
    let mut spans = view.spans.iter().peekable();
    let mut present = BTreeSet::new();
    let mut blocks: Vec<Block> = Vec::new();
    for (index, (at, begins, mapping)) in edges.iter().enumerate() {
        let rank = (view.mappings[*mapping].precedence(), *mapping);
        if *begins {
            present.insert(rank);
        } else {
            present.remove(&rank);
        }
        let next = edges.get(index + 1).filter(|(next, ..)| next > at);
        let Some(next) = next.map(|(next, ..)| *next) else { continue };
        let (Ok(first), Ok(last)) = (u64::try_from(*at), u64::try_from(next - 1)) else { continue };
        while spans.next_if(|span| span.last < first).is_some() {}
        // Between two edges nothing begins or ends: who is seen at the first is seen throughout.
        let Some(span) = spans.peek().filter(|span| span.first <= first) else { continue };
        let seen = span.mapping;
        let around = nests.around(seen);
        let below = present.iter().rev().map(|(_, mapping)| *mapping);
        let hidden = below.filter(|other| *other != seen && !around.contains(other));
        let depth = present.len().saturating_sub(1 + around.len());
        let cell = Cell { first, last, seen, hidden: hidden.take(NAMED).collect(), depth };
        match blocks.last_mut() {
            Some(block) if block.mapping == seen && block.last().checked_add(1) == Some(first) => {
                block.cells.push(cell);
            }
            _ => blocks.push(Block { mapping: seen, cells: vec![cell] }),
        }
    }
    blocks
}

/// What stands in what: regions that others stand in are meant to be below them.
struct Nests<'a> {
    view: &'a View,
    places: HashMap<RegionRef, usize>,
}

impl<'a> Nests<'a> {
    fn new(view: &'a View) -> Self {
        let whole = view.mappings.iter().enumerate().filter(|(_, mapping)| mapping.alias.is_none());
        Self { view, places: whole.map(|(index, m)| (m.region_ref(), index)).collect() }
    }

    /// The mappings of the regions that a mapping stands in.
    fn around(&self, mapping: usize) -> Vec<usize> {
        let outer = |mapping: &usize| {
            let parent = self.view.mappings[*mapping].parent.as_ref()?;
            self.places.get(parent).copied()
        };
        std::iter::successors(outer(&mapping), outer).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::board::draw::tests::{add, empty, map, nest};

    fn told(steps: &[Value]) -> Vec<String> {
        let mut board = empty();
        for (number, step) in steps.iter().enumerate() {
            let id = format!("m{number}");
            add(&mut board, &json!({ "driver": "sysbus-memory", "id": id, "size": step["size"] }));
            let mut request = json!({ "device": id, "addr": step["addr"] });
            for key in ["parent", "priority"] {
                if let Some(value) = step.get(key) {
                    request[key] = value.clone();
                }
            }
            let request = &mut request;
            if step.get("parent").is_some() {
                nest(&mut board, request)
            } else {
                map(&mut board, request)
            };
        }
        blocks(&board.view()).iter().map(tell).collect()
    }

    #[test]
    fn what_lies_below_is_known_cell_by_cell() {
        let row = |addr: u64, size: u64| json!({ "addr": addr, "size": size });
        let above = |addr: u64, size: u64| json!({ "addr": addr, "size": size, "priority": 1 });
        let within = |addr: u64, size: u64| json!({ "addr": addr, "size": size, "parent": "m0" });
        let cases: [(&[Value], &[&str]); 8] = [
            (&[], &[]),
            (&[row(0, 8), row(16, 8)], &["0: 0-7", "1: 10-17"]),
            (&[row(0, 0x20), row(8, 8)], &["0: 0-7", "1: 8-f over [0]", "0: 10-1f"]),
            (&[above(0, 0x20), row(8, 8)], &["0: 0-7, 8-f over [1], 10-1f"]),
            (&[row(0, 8), row(0, 8), row(0, 8)], &["2: 0-7 over [1, 0]"]),
            (&[row(u64::MAX - 1, 2)], &["0: fffffffffffffffe-ffffffffffffffff"]),
            // A region is no more hidden by what stands in it than a bus by its devices.
            (&[above(0x100, 0x20), within(8, 8)], &["0: 100-107", "1: 108-10f", "0: 110-11f"]),
            (
                &[row(0x100, 0x20), within(8, 8), above(0x10c, 2)],
                &["0: 100-107", "1: 108-10b", "2: 10c-10d over [1, 0]", "1: 10e-10f", "0: 110-11f"],
            ),
        ];
        for (steps, expected) in cases {
            assert_eq!(told(steps), *expected, "{steps:?}");
        }
    }

    fn tell(block: &Block) -> String {
        let cells: Vec<String> = block
            .cells
            .iter()
            .map(|cell| match cell.depth {
                0 => format!("{:x}-{:x}", cell.first, cell.last),
                _ => format!("{:x}-{:x} over {:?}", cell.first, cell.last, cell.hidden),
            })
            .collect();
        format!("{}: {}", block.mapping, cells.join(", "))
    }
}
