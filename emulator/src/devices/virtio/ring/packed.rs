//! Packed rings (Virtio 1.2, section 2.8).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Broken, Chain, DESCRIPTOR, Gathered, Layout, acquire, descriptor, exchange, flag, load,
    release, store, table,
};
use crate::machine::AddressSpace;

/// Flags of a descriptor that say whose it is.
const AVAILABLE: u16 = 1 << 7;
const USED: u16 = 1 << 15;
/// Where a descriptor has its flags.
const FLAGS: u64 = 14;
/// The driver's event suppression (section 2.8.14): not at all, or at a descriptor.
const EVENT_FLAGS: u64 = 2;
const DISABLE: u16 = 1;
const AT_DESCRIPTOR: u16 = 2;

/// A place in the ring, and whether the lap is an even one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Place {
    index: u16,
    wrap: bool,
}

impl Place {
    /// So many places further, or back, in a ring of a size.
    fn moved(self, by: i32, size: u16) -> Self {
        let (at, size) = (i32::from(self.index) + by, i32::from(size));
        let wrap = self.wrap ^ !(0..size).contains(&at);
        Self { index: at.rem_euclid(size) as u16, wrap }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct Packed {
    layout: Layout,
    /// The next descriptor to take.
    taken: Place,
    /// The next descriptor to give back.
    given: Place,
}

impl Packed {
    pub(super) fn new(layout: Layout) -> Self {
        let start = Place { index: 0, wrap: true };
        Self { layout, taken: start, given: start }
    }

    /// Where it is, if its places are in it.
    pub(super) fn layout(&self) -> Result<Layout, Broken> {
        match self.taken.index.max(self.given.index) {
            index if index < self.layout.size => Ok(self.layout),
            index => Err(Broken::Index(index, self.layout.size)),
        }
    }

    fn address(&self, place: Place) -> u64 {
        self.layout.descriptors + DESCRIPTOR * u64::from(place.index)
    }

    pub(super) fn pop(&mut self, memory: &Arc<AddressSpace>) -> Result<Option<Chain>, Broken> {
        let start = self.taken;
        let flags = load(memory, self.address(start) + FLAGS);
        let (available, used) = (flags & AVAILABLE != 0, flags & USED != 0);
        if available != start.wrap || used == start.wrap {
            return Ok(None);
        }
        acquire();
        let size = self.layout.size;
        let mut gathered = Gathered::new(memory, size);
        let mut place = start;
        let mut slots = 1;
        let first = descriptor(memory, self.address(start), true)?;
        let mut last = first;
        if first.has(flag::INDIRECT) {
            let count = table(&self.layout, first, !first.has(flag::NEXT))?;
            gathered.most = count;
            for index in 0..u64::from(count) {
                let address = first.address.wrapping_add(DESCRIPTOR * index);
                let next = descriptor(memory, address, true)?;
                if next.has(flag::INDIRECT) {
                    return Err(Broken::Nested);
                }
                gathered.add(next)?;
            }
        } else {
            gathered.add(first)?;
            while last.has(flag::NEXT) {
                place = place.moved(1, size);
                last = descriptor(memory, self.address(place), true)?;
                if last.has(flag::INDIRECT) {
                    return Err(Broken::Nested);
                }
                gathered.add(last)?;
                slots += 1;
            }
        }
        self.taken = start.moved(slots.into(), size);
        Ok(Some(gathered.chain(last.link, slots)))
    }

    pub(super) fn unpop(&mut self, chain: &Chain) {
        self.taken = self.taken.moved(-i32::from(chain.slots), self.layout.size);
    }

    pub(super) fn push(&mut self, memory: &AddressSpace, chain: &Chain, written: u32) -> bool {
        let at = self.address(self.given);
        store(memory, at + 8, 4, written.into());
        store(memory, at + 12, 2, chain.id.into());
        release();
        let before = self.given;
        let lap = if before.wrap { AVAILABLE | USED } else { 0 };
        let write = if written > 0 { flag::WRITE } else { 0 };
        store(memory, at + FLAGS, 2, (lap | write).into());
        self.given = before.moved(chain.slots.into(), self.layout.size);
        exchange();
        let driver = self.layout.driver;
        match load(memory, driver + EVENT_FLAGS) {
            DISABLE => false,
            AT_DESCRIPTOR if self.layout.event_index => {
                let mark = load(memory, driver);
                let lap = if mark >> 15 != u16::from(before.wrap) { self.layout.size } else { 0 };
                let mark = (mark & 0x7fff) + lap;
                (before.index..before.index + chain.slots).contains(&mark)
            }
            _ => true,
        }
    }
}
