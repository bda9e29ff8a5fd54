//! Split rings (Virtio 1.2, section 2.7).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Broken, Chain, DESCRIPTOR, Gathered, Layout, acquire, descriptor, exchange, flag, load,
    release, store, table,
};
use crate::machine::AddressSpace;

/// Where the entries of both rings begin; the index stands at 2.
const ENTRIES: u64 = 4;
const INDEX: u64 = 2;
/// `VIRTQ_AVAIL_F_NO_INTERRUPT`.
const NO_INTERRUPT: u16 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct Split {
    layout: Layout,
    /// The next entry of the available ring to take.
    taken: u16,
    /// The next entry of the used ring to fill.
    given: u16,
}

impl Split {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, taken: 0, given: 0 }
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    fn slot(&self, index: u16) -> u64 {
        u64::from(index & (self.layout.size - 1))
    }

    pub(super) fn pop(&mut self, memory: &Arc<AddressSpace>) -> Result<Option<Chain>, Broken> {
        let Layout { size, driver, .. } = self.layout;
        let available = load(memory, driver + INDEX).wrapping_sub(self.taken);
        match available {
            0 => return Ok(None),
            _ if available > size => return Err(Broken::Jump(available, size)),
            _ => acquire(),
        }
        let head = load(memory, driver + ENTRIES + 2 * self.slot(self.taken));
        let gathered = self.gather(memory, head)?;
        self.taken = self.taken.wrapping_add(1);
        self.tell(memory);
        Ok(Some(gathered.chain(head, 1)))
    }

    /// Asks to be told of the next request (section 2.7.10).
    fn tell(&self, memory: &AddressSpace) {
        if self.layout.event_index {
            let Layout { size, device, .. } = self.layout;
            store(memory, device + ENTRIES + 8 * u64::from(size), 2, self.taken.into());
            exchange();
        }
    }

    pub(super) fn unpop(&mut self) {
        self.taken = self.taken.wrapping_sub(1);
    }

    fn gather(&self, memory: &Arc<AddressSpace>, head: u16) -> Result<Gathered, Broken> {
        let size = self.layout.size;
        let at = |index: u16| match index < size {
            true => Ok(self.layout.descriptors + DESCRIPTOR * u64::from(index)),
            false => Err(Broken::Index(index, size)),
        };
        let first = descriptor(memory, at(head)?, false)?;
        let mut gathered = Gathered::new(memory, size);
        if first.has(flag::INDIRECT) {
            let count = table(&self.layout, first, !first.has(flag::NEXT))?;
            gathered.most = count;
            let mut index = 0;
            loop {
                if index >= count {
                    return Err(Broken::Index(index, count));
                }
                let address = first.address.wrapping_add(DESCRIPTOR * u64::from(index));
                let next = descriptor(memory, address, false)?;
                if next.has(flag::INDIRECT) {
                    return Err(Broken::Nested);
                }
                gathered.add(next)?;
                if !next.has(flag::NEXT) {
                    return Ok(gathered);
                }
                index = next.link;
            }
        }
        let mut next = first;
        loop {
            gathered.add(next)?;
            if !next.has(flag::NEXT) {
                return Ok(gathered);
            }
            next = descriptor(memory, at(next.link)?, false)?;
            if next.has(flag::INDIRECT) {
                return Err(Broken::Nested);
            }
        }
    }

    pub(super) fn push(&mut self, memory: &AddressSpace, chain: &Chain, written: u32) -> bool {
        let Layout { size, driver, device, .. } = self.layout;
        let entry = device + ENTRIES + 8 * self.slot(self.given);
        store(memory, entry, 4, chain.id.into());
        store(memory, entry + 4, 4, written.into());
        release();
        let before = self.given;
        self.given = before.wrapping_add(1);
        store(memory, device + INDEX, 2, self.given.into());
        exchange();
        if self.layout.event_index {
            // Section 2.7.7.1: when the index passes the driver's mark.
            let mark = load(memory, driver + ENTRIES + 2 * u64::from(size));
            return mark == before;
        }
        load(memory, driver) & NO_INTERRUPT == 0
    }
}
