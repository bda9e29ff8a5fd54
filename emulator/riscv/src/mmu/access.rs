//! Loads and stores of data: the fast path through the TLB, and what happens when it misses.

use super::{Access, AtomicWord, Fault, Place};
use crate::core::Core;
use crate::isa::{Flow, Stop};
use crate::memory::{Layout, Requester, Word};
use crate::trap::Exception;

impl Core {
    /// Loads from a virtual address. `offset` is the instruction's, counted from the first of its
    /// block.
    #[inline(always)]
    pub(crate) fn load<T: Word>(&mut self, addr: u64, offset: u16) -> Flow<T> {
        match self.tlb.load::<T>(addr) {
            Some(cell) => Ok(T::load(cell)),
            None => self.load_slow::<T>(addr, offset),
        }
    }

    /// Stores to a virtual address, likewise.
    #[inline(always)]
    pub(crate) fn store<T: Word>(&mut self, addr: u64, value: T, offset: u16) -> Flow {
        match self.tlb.store::<T>(addr) {
            Some(cell) => {
                T::store(cell, value);
                Ok(())
            }
            None => self.store_slow::<T>(addr, value, offset),
        }
    }

    #[cold]
    #[inline(never)]
    fn load_slow<T: Word>(&mut self, addr: u64, offset: u16) -> Flow<T> {
        if !addr.is_multiple_of(T::SIZE as u64) {
            return self.load_misaligned::<T>(addr);
        }
        let place = self.place(addr, T::SIZE as u64, Access::Load)?;
        if let Some(page) = self.tlb.fill(addr, place.addr, false, place.uniform) {
            return Ok(T::load(page.cell::<T>(place.addr)));
        }
        self.before_bus_access()?;
        let by = self.requester(offset);
        let answer = self.tlb.bus().read(place.addr, T::SIZE as u8, by);
        self.after_bus_access();
        match answer {
            Ok(value) => Ok(T::narrow(value)),
            Err(_) => self.fault(Fault::Access, Access::Load, addr),
        }
    }

    #[cold]
    #[inline(never)]
    fn store_slow<T: Word>(&mut self, addr: u64, value: T, offset: u16) -> Flow {
        if !addr.is_multiple_of(T::SIZE as u64) {
            return self.store_misaligned::<T>(addr, value);
        }
        let place = self.place(addr, T::SIZE as u64, Access::Store)?;
        if let Some(page) = self.tlb.fill(addr, place.addr, true, place.uniform) {
            T::store(page.cell::<T>(place.addr), value);
            return Ok(());
        }
        self.before_bus_access()?;
        let by = self.requester(offset);
        let answer = self.tlb.bus().write(place.addr, T::SIZE as u8, value.widen(), by);
        self.after_bus_access();
        match answer {
            Ok(()) => Ok(()),
            Err(_) => self.fault(Fault::Access, Access::Store, addr),
        }
    }

    /// A load of bytes that do not lie in one aligned cell: done for RAM and ROM, byte by byte. A
    /// device has registers of a width, so there it is a misaligned access.
    fn load_misaligned<T: Word>(&mut self, addr: u64) -> Flow<T> {
        if !self.config.cpu.misaligned {
            self.watch(Access::Load, addr, T::SIZE as u64)?;
            return self.raise(Exception::LoadMisaligned, addr);
        }
        let places = self.places::<T>(addr, Access::Load)?;
        let mut value = 0;
        for (n, place) in places.iter().take(T::SIZE).enumerate() {
            let Some(page) = self.tlb.bus().ram(place.addr) else {
                return self.raise(Exception::LoadMisaligned, addr);
            };
            value |= u8::load(page.cell::<u8>(place.addr)).widen() << (8 * n);
        }
        Ok(T::narrow(value))
    }

    /// The same for a store. All bytes are known to be writable before the first is written.
    fn store_misaligned<T: Word>(&mut self, addr: u64, value: T) -> Flow {
        if !self.config.cpu.misaligned {
            self.watch(Access::Store, addr, T::SIZE as u64)?;
            return self.raise(Exception::StoreMisaligned, addr);
        }
        let places = self.places::<T>(addr, Access::Store)?;
        let places = &places[..T::SIZE.min(8)];
        let writable =
            |place: &Place| self.tlb.bus().ram(place.addr).is_some_and(|page| page.writable());
        if !places.iter().all(writable) {
            return self.raise(Exception::StoreMisaligned, addr);
        }
        for (n, place) in places.iter().enumerate() {
            if let Some(page) = self.tlb.bus().ram(place.addr) {
                u8::store(page.cell::<u8>(place.addr), (value.widen() >> (8 * n)) as u8);
            }
        }
        Ok(())
    }

    /// Where each byte of an access goes. Only the first and the one that begins the second page
    /// need a walk.
    fn places<T: Word>(&mut self, addr: u64, access: Access) -> Flow<[Place; 8]> {
        let mut place = self.place(addr, 1, access)?;
        let mut places = [place; 8];
        for (n, slot) in places.iter_mut().enumerate().take(T::SIZE).skip(1) {
            let byte = self.xlen.truncate(addr.wrapping_add(n as u64));
            let same = place.uniform && !byte.is_multiple_of(crate::memory::PAGE_SIZE);
            place = if same {
                Place { addr: place.addr + 1, ..place }
            } else {
                self.place(byte, 1, access)?
            };
            *slot = place;
        }
        Ok(places)
    }

    /// Loads and reserves: remembers which cell, and the value that it has. A store conditional
    /// compares and exchanges, so a store of the same value in between goes unnoticed; the loops
    /// that the manual guarantees progress to do not mind.
    pub(crate) fn load_reserved<T: AtomicWord>(&mut self, addr: u64) -> Flow<T> {
        self.reservation = None;
        if !addr.is_multiple_of(T::SIZE as u64) {
            return self.raise(Exception::LoadMisaligned, addr);
        }
        if let Some(cell) = self.tlb.load::<T>(addr) {
            let value = T::load_atomic(cell);
            self.reservation = Some((address_of(cell), value.widen()));
            return Ok(value);
        }
        let place = self.place(addr, T::SIZE as u64, Access::Load)?;
        let Some(page) = self.tlb.fill(addr, place.addr, false, place.uniform) else {
            // Devices cannot be reserved.
            return self.fault(Fault::Access, Access::Load, addr);
        };
        let cell = page.cell::<T>(place.addr);
        let value = T::load_atomic(cell);
        self.reservation = Some((address_of(cell), value.widen()));
        Ok(value)
    }

    /// Stores if the reservation holds. Returns whether it did.
    pub(crate) fn store_conditional<T: AtomicWord>(&mut self, addr: u64, value: T) -> Flow<bool> {
        let reservation = self.reservation.take();
        self.with_cell::<T, bool>(addr, |cell| {
            reservation.is_some_and(|(place, old)| {
                let old = T::narrow(old);
                place == address_of(cell)
                    && T::compare_exchange(cell, old, value).widen() == old.widen()
            })
        })
    }

    /// Loads from and stores to a word in RAM in one step.
    pub(crate) fn amo_cell<T: Layout, V>(
        &mut self,
        addr: u64,
        work: impl FnOnce(&T::Cell) -> V,
    ) -> Flow<V> {
        self.watch(Access::Load, addr, T::SIZE as u64)?;
        self.with_cell::<T, V>(addr, work)
    }

    /// Works on a word in RAM in one step.
    pub(crate) fn with_cell<T: Layout, V>(
        &mut self,
        addr: u64,
        work: impl FnOnce(&T::Cell) -> V,
    ) -> Flow<V> {
        if let Some(cell) = self.tlb.store::<T>(addr) {
            return Ok(work(cell));
        }
        if !addr.is_multiple_of(T::SIZE as u64) {
            return self.raise(Exception::StoreMisaligned, addr);
        }
        let place = self.place(addr, T::SIZE as u64, Access::Store)?;
        match self.tlb.fill(addr, place.addr, true, place.uniform) {
            Some(page) => Ok(work(page.cell::<T>(place.addr))),
            // Devices and ROM do not do this.
            None => self.fault(Fault::Access, Access::Store, addr),
        }
    }

    fn place(&mut self, addr: u64, size: u64, access: Access) -> Flow<Place> {
        self.watch(access, addr, size)?;
        match self.translate(addr, size, access) {
            Ok(place) => {
                let uniform = place.uniform && !self.points.on_page(access, addr);
                Ok(Place { uniform, ..place })
            }
            Err(fault) => self.fault(fault, access, addr),
        }
    }

    #[cold]
    fn fault<T>(&mut self, fault: Fault, access: Access, addr: u64) -> Flow<T> {
        self.raise(fault.exception(access), addr)
    }

    /// Notes an exception for the run loop to take.
    #[cold]
    pub(crate) fn raise<T>(&mut self, exception: Exception, tval: u64) -> Flow<T> {
        self.raised = (exception, self.xlen.truncate(tval));
        Err(Stop::Trap)
    }

    /// The instruction at an offset of the block that runs, for the bus.
    fn requester(&self, offset: u16) -> Requester {
        let pc = self.xlen.truncate(self.pc.wrapping_add(offset.into()));
        Requester { hartid: self.config.hartid, pc }
    }

    /// A device may have changed the address map, even this hart's own access may have.
    fn after_bus_access(&mut self) {
        if self.interrupts.take_flush() {
            self.flush_memory();
            self.flush_code();
        }
    }
}

/// What tells one cell of guest memory from another, whatever virtual address leads to it.
fn address_of<T>(cell: &T) -> usize {
    std::ptr::from_ref(cell).addr()
}
