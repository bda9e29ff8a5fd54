//! The translation caches: one compare and one masked add from a virtual address to host memory.
//!
//! Entries are direct-mapped by virtual page number. There is a set of entries for each way a
//! virtual address can be looked at (machine mode, supervisor mode with and without SUM, user
//! mode, anything with MXR), so that traps and returns need not flush. A set is flushed by
//! changing the generation number that is part of its tags.
#![expect(unsafe_code, reason = "an entry outlives the borrow that `Bus::ram` gives it")]

use std::sync::Arc;

use crate::memory::{Bus, HostPage, PAGE_SIZE, RamPage, Word};

/// Entries of a set, a power of two.
const ENTRIES: usize = 256;
/// Sets, rounded up to a power of two for a cheap mask.
const SETS: usize = 8;
/// Entries for loads come first, then those for stores.
const STORES: usize = SETS * ENTRIES;
const ALL: usize = 2 * STORES;
/// The generation is in the bits of a tag that a virtual page number has not.
const GENERATION_SHIFT: u32 = 52;
const GENERATIONS: u64 = 1 << (64 - GENERATION_SHIFT);

/// A way to look at virtual addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// Machine mode: no translation.
    Machine = 0,
    /// Supervisor mode.
    Supervisor = 1,
    /// User mode.
    User = 2,
    /// Supervisor mode, allowed to use user pages.
    SupervisorUser = 3,
    /// Execute-only pages are readable. Rare, so the set is flushed whenever it is chosen.
    ExecutableReadable = 4,
}

#[derive(Clone, Copy)]
struct Entry {
    tag: u64,
    page: HostPage,
}

#[derive(Clone, Copy)]
struct FetchEntry {
    tag: u64,
    /// The physical address of the page.
    page: u64,
}

/// The caches, and the bus that what they point to belongs to.
pub(crate) struct Tlb {
    /// Never replaced: it keeps the RAM alive that the entries point to.
    bus: Arc<dyn Bus>,
    data: Box<[Entry; ALL]>,
    fetch: Box<[FetchEntry; SETS * ENTRIES]>,
    generations: [u64; SETS],
    /// The set in use for data, as an index and as the generation bits of its tags.
    base: usize,
    generation: u64,
}

impl Tlb {
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Tlb {
        // Generation 0 is never current, so these entries match nothing.
        let entry = Entry { tag: 0, page: HostPage::NOWHERE };
        let fetch = FetchEntry { tag: 0, page: 0 };
        Tlb {
            bus,
            data: Box::new([entry; ALL]),
            fetch: Box::new([fetch; SETS * ENTRIES]),
            generations: [1; SETS],
            base: 0,
            generation: 1 << GENERATION_SHIFT,
        }
    }

    /// The bus, for what is not cached.
    pub(crate) fn bus(&self) -> &dyn Bus {
        &*self.bus
    }

    /// Chooses the set for data accesses.
    pub(crate) fn choose(&mut self, set: Set) {
        if set == Set::ExecutableReadable {
            self.advance(set as usize);
        }
        self.base = set as usize * ENTRIES;
        self.generation = self.generations[set as usize] << GENERATION_SHIFT;
    }

    /// Flushes the sets that translate.
    pub(crate) fn flush_translations(&mut self) {
        for set in 1..SETS {
            self.advance(set);
        }
        self.generation = self.generations[self.base / ENTRIES] << GENERATION_SHIFT;
    }

    /// Flushes everything.
    pub(crate) fn flush(&mut self) {
        self.advance(0);
        self.flush_translations();
    }

    fn advance(&mut self, set: usize) {
        self.generations[set] += 1;
        if self.generations[set] == GENERATIONS {
            // Old tags would become valid again.
            self.generations[set] = 1;
            let range = set * ENTRIES..(set + 1) * ENTRIES;
            for entry in &mut self.fetch[range.clone()] {
                entry.tag = 0;
            }
            for offset in [0, STORES] {
                for entry in &mut self.data[range.start + offset..range.end + offset] {
                    entry.tag = 0;
                }
            }
        }
    }

    #[inline(always)]
    fn slot(&self, addr: u64) -> (usize, u64) {
        let page = addr / PAGE_SIZE;
        (self.base + (page as usize & (ENTRIES - 1)), page | self.generation)
    }

    #[inline(always)]
    fn cell<T: Word>(&self, index: usize, tag: u64, addr: u64) -> Option<&T::Cell> {
        let entry = &self.data[index & (ALL - 1)];
        if entry.tag != tag || !addr.is_multiple_of(T::SIZE as u64) {
            return None;
        }
        // SAFETY: A tag with a current generation was set by `fill`, so the page came from
        // `self.bus.ram()`. The bus must be able to lend that page for as long as it is borrowed;
        // `self.bus` is never replaced and keeps it alive and, by being a second owner, free from
        // exclusive borrows as long as `self` exists, which is longer than the result is borrowed.
        Some(unsafe { entry.page.cell::<T>(addr) })
    }

    /// The memory of an aligned load, if it is cached.
    #[inline(always)]
    pub(crate) fn load<T: Word>(&self, addr: u64) -> Option<&T::Cell> {
        let (index, tag) = self.slot(addr);
        self.cell::<T>(index, tag, addr)
    }

    /// The memory of an aligned store, if it is cached.
    #[inline(always)]
    pub(crate) fn store<T: Word>(&self, addr: u64) -> Option<&T::Cell> {
        let (index, tag) = self.slot(addr);
        self.cell::<T>(index + STORES, tag, addr)
    }

    /// Finds the page of plain memory at a physical address and, if `cache`, remembers that the
    /// virtual address leads there.
    pub(crate) fn fill(
        &mut self,
        addr: u64,
        physical: u64,
        store: bool,
        cache: bool,
    ) -> Option<RamPage<'_>> {
        let page = self.bus.ram(physical)?;
        if store && !page.writable() {
            return None;
        }
        if cache {
            let (index, tag) = self.slot(addr);
            let index = if store { index + STORES } else { index };
            self.data[index & (ALL - 1)] = Entry { tag, page: page.host_page() };
        }
        Some(page)
    }

    /// The physical address that instructions at a virtual one are fetched from, if cached.
    pub(crate) fn fetch(&self, set: Set, addr: u64) -> Option<u64> {
        let (index, tag) = self.fetch_slot(set, addr);
        let entry = &self.fetch[index];
        (entry.tag == tag).then_some(entry.page | addr & (PAGE_SIZE - 1))
    }

    /// Remembers where instructions are fetched from.
    pub(crate) fn fill_fetch(&mut self, set: Set, addr: u64, physical: u64) {
        let (index, tag) = self.fetch_slot(set, addr);
        self.fetch[index] = FetchEntry { tag, page: physical & !(PAGE_SIZE - 1) };
    }

    fn fetch_slot(&self, set: Set, addr: u64) -> (usize, u64) {
        let page = addr / PAGE_SIZE;
        let set = set as usize;
        let index = set * ENTRIES + (page as usize & (ENTRIES - 1));
        (index, page | self.generations[set] << GENERATION_SHIFT)
    }
}
