//! Who is seen at each address and who is hidden there, as rows from the lowest address up.

use std::collections::BTreeSet;

use crate::board::{Mapping, View};

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
    let mut present = BTreeSet::new();
    let mut blocks: Vec<Block> = Vec::new();
    for (index, (at, begins, mapping)) in edges.iter().enumerate() {
        let rank = (view.mappings[*mapping].precedence(), *mapping);
        if *begins {
            present.insert(rank);
        } else {
            present.remove(&rank);
        }
        let Some((next, ..)) = edges.get(index + 1).filter(|(next, ..)| next > at) else {
            continue;
        };
        let mut order = present.iter().rev().map(|(_, mapping)| *mapping);
        let (Some(seen), Ok(first), Ok(last)) =
            (order.next(), u64::try_from(*at), u64::try_from(next - 1))
        else {
            continue;
        };
        let hidden = order.take(NAMED).collect();
        let cell = Cell { first, last, seen, hidden, depth: present.len() - 1 };
        match blocks.last_mut() {
            Some(block) if block.mapping == seen && block.last().checked_add(1) == Some(first) => {
                block.cells.push(cell);
            }
            _ => blocks.push(Block { mapping: seen, cells: vec![cell] }),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_is_known_cell_by_cell() {
        /// Mappings: address, size, priority.
        type Case = (&'static [(u64, u64, i32)], &'static [&'static str]);
        let cases: &[Case] = &[
            (&[], &[]),
            (&[(0, 8, 0), (16, 8, 0)], &["0: 0-7", "1: 10-17"]),
            (&[(0, 0x20, 0), (8, 8, 0)], &["0: 0-7", "1: 8-f over [0]", "0: 10-1f"]),
            (&[(0, 0x20, 1), (8, 8, 0)], &["0: 0-7, 8-f over [1], 10-1f"]),
            (&[(0, 8, 0), (0, 8, 0), (0, 8, 0)], &["2: 0-7 over [1, 0]"]),
            (&[(u64::MAX - 1, 2, 0)], &["0: fffffffffffffffe-ffffffffffffffff"]),
        ];
        for (input, expected) in cases {
            let mappings = (0_u64..).zip(*input).map(|(order, &(addr, size, priority))| Mapping {
                parent: None,
                device: "d".into(),
                region: 0,
                addr,
                size,
                offset: 0,
                priority,
                alias: None,
                order,
                entry: 0,
            });
            let view = View { mappings: mappings.collect(), spans: Vec::new() };
            let told: Vec<String> = blocks(&view).iter().map(tell).collect();
            assert_eq!(told, *expected, "{input:x?}");
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
