//! The translation caches: one compare and one masked add from a virtual address to host memory.
//!
//! Entries are direct-mapped by virtual page number. There is a set of entries for each way a
//! virtual address can be looked at (machine mode, supervisor mode with and without SUM, user
//! mode, anything with MXR), so that traps and returns need not flush.
//!
//! A generation number is part of each tag. Every address space among the last few has its own, so
//! that a change of `satp` forgets nothing, and forgetting an address space is taking a new number.
#![expect(unsafe_code, reason = "an entry outlives the borrow that `Bus::ram` gives it")]

use std::sync::Arc;

use crate::memory::{Bus, HostPage, Layout, PAGE_SIZE, RamPage};

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

/// How many address spaces are remembered.
const SPACES: usize = 8;

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
    /// Execute-only pages are readable. Rare, so it has no memory: it is flushed whenever it is
    /// chosen.
    ExecutableReadable = 4,
}

#[derive(Clone, Copy)]
#[repr(C)]
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

/// An address space.
#[derive(Clone, Copy)]
struct Space {
    satp: u64,
    /// The generation of the entries for it; 0 is that of none.
    generation: u64,
    /// What stands for the way that code is found in it now; 0 is for none.
    view: u64,
}

impl Space {
    const NONE: Space = Space { satp: 0, generation: 0, view: 0 };
}

/// The caches, and the bus that what they point to belongs to.
#[repr(C)]
pub(crate) struct Tlb {
    data: Box<[Entry; ALL]>,
    /// The set in use for data, as an index and as the generation bits of its tags.
    base: usize,
    generation: u64,
    fetch: Box<[FetchEntry; SETS * ENTRIES]>,
    /// The address spaces remembered, and which of them is in use.
    spaces: [Space; SPACES],
    space: usize,
    /// Untranslated addresses.
    physical: Space,
    /// The last generation and the last view given out. Of generations, a tag holds the low bits.
    last_generation: u64,
    last_view: u64,
    /// Where large pages are that entries were made for: the address bits that all of them have
    /// in common, and their values.
    large: Option<(u64, u64)>,
    /// The pages that code was fetched from since it was last asked, by their place in a set.
    fetched: [u64; ENTRIES / 64],
    /// Never replaced: it keeps the RAM alive that the entries point to.
    bus: Arc<dyn Bus>,
}

impl Tlb {
    pub(crate) fn new(bus: Arc<dyn Bus>) -> Tlb {
        // Generation 0 is never current, so these entries match nothing.
        let entry = Entry { tag: 0, page: HostPage::NOWHERE };
        let fetch = FetchEntry { tag: 0, page: 0 };
        Tlb {
            data: Box::new([entry; ALL]),
            base: 0,
            generation: 1 << GENERATION_SHIFT,
            fetch: Box::new([fetch; SETS * ENTRIES]),
            spaces: [Space { generation: 1, view: 1, ..Space::NONE }; SPACES],
            space: 0,
            physical: Space { generation: 1, view: 1, ..Space::NONE },
            last_generation: 1,
            last_view: 1,
            large: None,
            fetched: [0; ENTRIES / 64],
            bus,
        }
    }

    /// The bus, for what is not cached.
    pub(crate) fn bus(&self) -> &dyn Bus {
        &*self.bus
    }

    /// Chooses the set for data accesses. To be called again after anything is forgotten.
    pub(crate) fn choose(&mut self, set: Set) {
        let generation = match set {
            Set::ExecutableReadable => self.next_generation(),
            _ => self.space(set).generation,
        };
        self.base = set as usize * ENTRIES;
        self.generation = generation << GENERATION_SHIFT;
    }

    /// What stands for the way that code is found in a set: it changes when that way may have.
    pub(crate) fn view(&self, set: Set) -> u64 {
        self.space(set).view
    }

    fn space(&self, set: Set) -> &Space {
        match set {
            Set::Machine => &self.physical,
            _ => &self.spaces[self.space],
        }
    }

    /// Goes to the address space of a value of `satp`. What is remembered of it holds if it is
    /// `told` from others by an identifier.
    pub(crate) fn switch(&mut self, satp: u64, told: bool) {
        let found = self.spaces.iter().position(|space| space.satp == satp);
        self.space = found.unwrap_or((self.space + 1) % SPACES);
        self.spaces[self.space] = match found {
            Some(place) if told => self.spaces[place],
            _ => Space { satp, ..Space::NONE },
        };
        self.revive();
    }

    /// Gives the spaces in use what they have lost.
    fn revive(&mut self) {
        if self.physical.generation == 0 {
            self.physical.generation = self.next_generation();
        }
        if self.spaces[self.space].generation == 0 {
            self.spaces[self.space].generation = self.next_generation();
        }
        for space in [&mut self.physical, &mut self.spaces[self.space]] {
            if space.view == 0 {
                self.last_view += 1;
                space.view = self.last_view;
            }
        }
    }

    /// Forgets the address spaces that are asked for, by their values of `satp`.
    pub(crate) fn flush_spaces(&mut self, forget: impl Fn(u64) -> bool) {
        for space in self.spaces.iter_mut().filter(|space| forget(space.satp)) {
            *space = Space { satp: space.satp, ..Space::NONE };
        }
        self.revive();
    }

    /// Forgets all address spaces.
    pub(crate) fn flush_translations(&mut self) {
        self.flush_spaces(|_| true);
        self.large = None;
    }

    /// Flushes everything.
    pub(crate) fn flush(&mut self) {
        self.physical = Space::NONE;
        self.flush_translations();
    }

    /// Forgets the page of an address in all address spaces; all of them, if a large page may be
    /// there.
    pub(crate) fn flush_page(&mut self, addr: u64) {
        if self.large.is_some_and(|(mask, value)| addr & mask == value) {
            return self.flush_translations();
        }
        let page = addr / PAGE_SIZE;
        let index = page as usize & (ENTRIES - 1);
        for set in 1..SETS {
            let place = set * ENTRIES + index;
            self.data[place].tag = 0;
            self.data[place + STORES].tag = 0;
            self.fetch[place].tag = 0;
        }
        if self.fetched[index / 64] >> (index % 64) & 1 != 0 {
            self.change_views();
        }
    }

    /// Makes all code be looked for anew.
    pub(crate) fn change_views(&mut self) {
        self.fetched = [0; ENTRIES / 64];
        self.physical.view = 0;
        self.spaces.iter_mut().for_each(|space| space.view = 0);
        self.revive();
    }

    /// Notes that a large page has been used: `span` is its size less one.
    pub(crate) fn note_large(&mut self, addr: u64, span: u64) {
        let (mask, value) = self.large.unwrap_or((u64::MAX, addr));
        let mut mask = mask & !span;
        let differing = (addr ^ value) & mask;
        if differing != 0 {
            mask &= !(u64::MAX >> differing.leading_zeros());
        }
        self.large = Some((mask, addr & mask));
    }

    /// A generation that no entry has.
    fn next_generation(&mut self) -> u64 {
        self.last_generation += 1;
        if self.last_generation.is_multiple_of(GENERATIONS) {
            // The numbers in tags begin again, so all that have one must go.
            self.data.iter_mut().for_each(|entry| entry.tag = 0);
            self.fetch.iter_mut().for_each(|entry| entry.tag = 0);
            self.spaces.iter_mut().for_each(|space| space.generation = 0);
            self.physical.generation = self.last_generation + 1;
            self.spaces[self.space].generation = self.last_generation + 2;
            self.last_generation += 3;
        }
        self.last_generation
    }

    #[inline(always)]
    fn slot(&self, addr: u64) -> (usize, u64) {
        let page = addr / PAGE_SIZE;
        (self.base + (page as usize & (ENTRIES - 1)), page | self.generation)
    }

    #[inline(always)]
    fn cell<T: Layout>(&self, index: usize, tag: u64, addr: u64) -> Option<&T::Cell> {
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
    pub(crate) fn load<T: Layout>(&self, addr: u64) -> Option<&T::Cell> {
        let (index, tag) = self.slot(addr);
        self.cell::<T>(index, tag, addr)
    }

    /// The memory of an aligned store, if it is cached.
    #[inline(always)]
    pub(crate) fn store<T: Layout>(&self, addr: u64) -> Option<&T::Cell> {
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
    pub(crate) fn fetch(&mut self, set: Set, addr: u64) -> Option<u64> {
        let (index, tag) = self.fetch_slot(set, addr);
        let entry = self.fetch[index];
        (entry.tag == tag).then(|| {
            self.note_fetch(addr);
            entry.page | addr & (PAGE_SIZE - 1)
        })
    }

    /// Remembers where instructions are fetched from.
    pub(crate) fn fill_fetch(&mut self, set: Set, addr: u64, physical: u64) {
        let (index, tag) = self.fetch_slot(set, addr);
        self.fetch[index] = FetchEntry { tag, page: physical & !(PAGE_SIZE - 1) };
        self.note_fetch(addr);
    }

    fn note_fetch(&mut self, addr: u64) {
        let index = (addr / PAGE_SIZE) as usize & (ENTRIES - 1);
        self.fetched[index / 64] |= 1 << (index % 64);
    }

    fn fetch_slot(&self, set: Set, addr: u64) -> (usize, u64) {
        let page = addr / PAGE_SIZE;
        let index = set as usize * ENTRIES + (page as usize & (ENTRIES - 1));
        (index, page | self.space(set).generation << GENERATION_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{BusError, Requester};
    use std::mem::offset_of;

    struct Nothing;

    impl Bus for Nothing {
        fn read(&self, _: u64, _: u8, _: Requester) -> Result<u64, BusError> {
            Err(BusError::Unmapped)
        }
        fn write(&self, _: u64, _: u8, _: u64, _: Requester) -> Result<(), BusError> {
            Err(BusError::Unmapped)
        }
        fn ram(&self, _: u64) -> Option<RamPage<'_>> {
            None
        }
    }

    /// A translator puts these offsets into the code that it makes.
    #[test]
    fn what_translated_code_reaches_stays_where_it_is() {
        assert_eq!((offset_of!(Tlb, data), offset_of!(Tlb, base)), (0, 8));
        assert_eq!((offset_of!(Tlb, generation), size_of::<Entry>()), (16, 16));
        assert_eq!((offset_of!(Entry, tag), offset_of!(Entry, page)), (0, 8));
    }

    /// Numbers in tags begin again after some thousand flushes; nothing old may come back to life.
    #[test]
    fn generations_that_come_again_find_nothing() {
        let mut tlb = Tlb::new(Arc::new(Nothing));
        let (addr, code) = (0x8000_0000, Set::Supervisor);
        tlb.switch(1 << 44, true);
        for n in 0..3 * GENERATIONS {
            tlb.fill_fetch(code, addr, 0x1000 * n);
            assert_eq!(tlb.fetch(code, addr), Some(0x1000 * n));
            let view = tlb.view(code);
            if n % 2 == 0 {
                tlb.flush_translations();
            } else {
                tlb.switch((n + 2) << 44, true);
            }
            assert_eq!(tlb.fetch(code, addr), None, "{n}");
            assert_ne!(tlb.view(code), view, "{n}");
        }
    }

    #[test]
    fn large_pages_are_remembered_by_what_they_have_in_common() {
        // (addresses in pages of 2 MiB, an address, whether a large page may be there)
        for (pages, addr, may) in [
            (&[][..], 0x1000, false),
            (&[0x20_0000], 0x2f_f000, true),
            (&[0x20_0000], 0x40_0000, false),
            (&[0x20_0000, 0x60_0000], 0x40_0000, true),
            (&[0x20_0000, 0x60_0000], 0x80_0000, false),
            (&[0, u64::MAX], 0x1234_5678_9000, true),
        ] {
            let mut tlb = Tlb::new(Arc::new(Nothing));
            pages.iter().for_each(|page| tlb.note_large(*page, 0x1f_ffff));
            let before = tlb.view(Set::User);
            tlb.flush_page(addr);
            assert_eq!(tlb.view(Set::User) != before, may, "{pages:x?} {addr:#x}");
        }
    }
}
