//! Guest memory: the interface a hart reaches it through, and RAM itself.
//!
//! RAM is one anonymous mapping which the host fills in page by page as it is touched. Several
//! host threads (harts, devices doing DMA) work on it at once, as they do on real memory, so every
//! access is a relaxed atomic one, which on the usual hosts is the plain load or store instruction.
//! A guest may race with accesses of different sizes to the same bytes, of which Rust's memory model
//! says nothing; that this is no more than old or new bytes rests on the host's instructions.
//!
//! This module holds the crate's `unsafe` code (besides one lifetime extension in the TLB): safe
//! Rust has no type for memory that other threads change under the reader's hands.
#![expect(unsafe_code, reason = "guest RAM is shared host memory, reached by raw pointers")]

use std::io;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw, UncheckedAdvice};
use portable_atomic::AtomicU128;
use serde::{Deserialize, Serialize};

/// The size in bytes of the smallest page of every paging mode.
pub const PAGE_SIZE: u64 = 4096;

/// What a hart sees of the machine around it: physical addresses.
///
/// A hart calls [`Bus::ram`] once for a page and from then on reaches plain memory without the
/// bus; everything else goes through [`Bus::read`] and [`Bus::write`], which must also work for
/// addresses in RAM. The calls come from several threads at once.
pub trait Bus: Send + Sync {
    /// Reads `size` (1, 2, 4 or 8) bytes, naturally aligned, little-endian.
    fn read(&self, addr: u64, size: u8, by: Requester) -> Result<u64, BusError>;

    /// Writes the low `size` (1, 2, 4 or 8) bytes of `value`, naturally aligned.
    fn write(&self, addr: u64, size: u8, value: u64, by: Requester) -> Result<(), BusError>;

    /// The 4 KiB page that holds `addr`, if it is plain RAM or ROM from end to end.
    ///
    /// The answer is cached. Once it would change (a flash chip leaves its array mode, say), call
    /// [`Interrupts::request_flush`](crate::Interrupts::request_flush) of every hart.
    fn ram(&self, addr: u64) -> Option<RamPage<'_>>;
}

/// Who makes an access, for those who tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requester {
    /// The hart.
    pub hartid: u64,
    /// The virtual address of the instruction.
    pub pc: u64,
}

/// The bus has nothing at an address, or what is there refuses the access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nothing answers at this address.
    #[error("nothing answers at this address")]
    Unmapped,
    /// What answers does not allow this access (its size, or a write to read-only memory).
    #[error("the access is refused")]
    Refused,
}

/// An access beyond the end of a [`Ram`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes at offset {offset:#x} do not lie in a RAM of {size:#x} bytes")]
pub struct OutOfRange {
    /// Where the access began.
    pub offset: u64,
    /// How many bytes it was to cover.
    pub len: u64,
    /// The size of the memory.
    pub size: u64,
}

mod sealed {
    pub trait Sealed {}
}

/// An integer that memory has cells for.
///
/// Sealed, because the access to a page relies on `Cell` being an atomic of `SIZE` bytes whose
/// alignment is its size.
pub trait Layout: sealed::Sealed + Copy + 'static {
    /// The atomic type of the same layout.
    type Cell: Sync + 'static;
    /// Bytes of the access.
    const SIZE: usize;
}

/// An integer of a width that memory is accessed in.
pub trait Word: Layout {
    /// Loads the little-endian value of a cell.
    fn load(cell: &Self::Cell) -> Self;
    /// Stores a value in little-endian order.
    fn store(cell: &Self::Cell, value: Self);
    /// The value, zero-extended.
    fn widen(self) -> u64;
    /// The low bytes of a value.
    fn narrow(value: u64) -> Self;
}

macro_rules! layout {
    ($int:ty, $cell:ty) => {
        impl sealed::Sealed for $int {}
        impl Layout for $int {
            type Cell = $cell;
            const SIZE: usize = size_of::<$int>();
        }
        const _: () = assert!(size_of::<$cell>() == align_of::<$cell>());
        const _: () = assert!(size_of::<$cell>() == size_of::<$int>());
    };
}

// Nothing but compare and swap is done with these.
layout! { u128, AtomicU128 }

macro_rules! word {
    ($($int:ty, $cell:ty;)*) => {$(
        layout! { $int, $cell }
        impl Word for $int {
            #[inline(always)]
            fn load(cell: &$cell) -> $int {
                <$int>::from_le(cell.load(Ordering::Relaxed))
            }
            #[inline(always)]
            fn store(cell: &$cell, value: $int) {
                cell.store(value.to_le(), Ordering::Relaxed);
            }
            #[inline(always)]
            fn widen(self) -> u64 {
                u64::from(self)
            }
            #[inline(always)]
            fn narrow(value: u64) -> $int {
                value as $int
            }
        }
    )*};
}

word! {
    u8, AtomicU8;
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
}

/// A piece of guest memory, all zero at first.
#[derive(Debug)]
pub struct Ram {
    /// Unmapped when the `Ram` is dropped, not before; never moved or resized.
    map: MmapRaw,
    /// What was asked for. The mapping is this rounded up to whole pages.
    size: u64,
    /// Nothing is behind it: what is given back to the host is gone.
    anonymous: bool,
}

impl Ram {
    /// Reserves `size` bytes, of which the host provides those that are touched.
    pub fn new(size: u64) -> io::Result<Arc<Ram>> {
        let too_big =
            || io::Error::new(io::ErrorKind::OutOfMemory, "more RAM than the host can address");
        let rounded = size.max(1).checked_next_multiple_of(PAGE_SIZE).ok_or_else(too_big)?;
        let len = usize::try_from(rounded).map_err(|_| too_big())?;
        let map = MmapOptions::new().len(len).no_reserve_swap().map_anon()?;
        Ok(Arc::new(Ram { map: map.into(), size, anonymous: true }))
    }

    /// Memory that is a file of at least `size` bytes: what is written goes there.
    pub fn of_file(file: &std::fs::File, size: u64) -> io::Result<Arc<Ram>> {
        let too_big =
            || io::Error::new(io::ErrorKind::OutOfMemory, "more RAM than the host can address");
        let len = usize::try_from(size.max(1)).map_err(|_| too_big())?;
        // The host maps whole pages; what is behind the file's end in the last one is of no matter.
        let map = MmapOptions::new().len(len).map_raw(file)?;
        Ok(Arc::new(Ram { map, size, anonymous: false }))
    }

    /// The size in bytes.
    // A RAM of no bytes is possible and of no interest: there is nothing `is_empty` would serve.
    #[expect(clippy::len_without_is_empty, reason = "a memory has a length, it is no collection")]
    pub fn len(&self) -> u64 {
        self.size
    }

    /// Copies bytes out. Not atomic as a whole if a guest writes them meanwhile.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), OutOfRange> {
        self.check(offset, into.len())?;
        let mut at = offset;
        let (head, words, tail) = split(offset, into.len());
        let (first, rest) = into.split_at_mut(head);
        let (middle, last) = rest.split_at_mut(words * 8);
        for byte in first {
            *byte = u8::load(self.cell::<u8>(at));
            at += 1;
        }
        for chunk in middle.chunks_exact_mut(8) {
            chunk.copy_from_slice(&u64::load(self.cell::<u64>(at)).to_le_bytes());
            at += 8;
        }
        debug_assert_eq!(last.len(), tail);
        for byte in last {
            *byte = u8::load(self.cell::<u8>(at));
            at += 1;
        }
        Ok(())
    }

    /// Copies bytes in. Not atomic as a whole if a guest reads them meanwhile.
    pub fn write(&self, offset: u64, from: &[u8]) -> Result<(), OutOfRange> {
        self.check(offset, from.len())?;
        let mut at = offset;
        let (head, words, tail) = split(offset, from.len());
        let (first, rest) = from.split_at(head);
        let (middle, last) = rest.split_at(words * 8);
        for &byte in first {
            u8::store(self.cell::<u8>(at), byte);
            at += 1;
        }
        for chunk in middle.chunks_exact(8) {
            let bytes = chunk.first_chunk().copied().unwrap_or_default();
            u64::store(self.cell::<u64>(at), u64::from_le_bytes(bytes));
            at += 8;
        }
        debug_assert_eq!(last.len(), tail);
        for &byte in last {
            u8::store(self.cell::<u8>(at), byte);
            at += 1;
        }
        Ok(())
    }

    /// Loads one naturally aligned little-endian value; `None` if it is misaligned or outside.
    pub fn load<T: Word>(&self, offset: u64) -> Option<T> {
        self.aligned::<T>(offset).map(T::load)
    }

    /// Stores one naturally aligned little-endian value; `None` if it is misaligned or outside.
    pub fn store<T: Word>(&self, offset: u64, value: T) -> Option<()> {
        self.aligned::<T>(offset).map(|cell| T::store(cell, value))
    }

    /// Reads `size` (1, 2, 4, 8) bytes as a [`Bus`] does.
    pub fn load_sized(&self, offset: u64, size: u8) -> Option<u64> {
        match size {
            1 => self.load::<u8>(offset).map(Word::widen),
            2 => self.load::<u16>(offset).map(Word::widen),
            4 => self.load::<u32>(offset).map(Word::widen),
            8 => self.load::<u64>(offset),
            _ => None,
        }
    }

    /// Writes `size` (1, 2, 4, 8) bytes as a [`Bus`] does.
    pub fn store_sized(&self, offset: u64, size: u8, value: u64) -> Option<()> {
        match size {
            1 => self.store(offset, value as u8),
            2 => self.store(offset, value as u16),
            4 => self.store(offset, value as u32),
            8 => self.store(offset, value),
            _ => None,
        }
    }

    /// The page that holds `offset`, if all of it belongs to this memory, to answer [`Bus::ram`].
    ///
    /// `offset` counts from the begin of the RAM; a RAM mapped at an address that is no multiple
    /// of the page size has no pages to give away.
    pub fn page(&self, offset: u64) -> Option<RamPage<'_>> {
        let start = offset & !(PAGE_SIZE - 1);
        if offset >= self.size || start.checked_add(PAGE_SIZE)? > self.size {
            return None;
        }
        // SAFETY: `start` is less than the length of the mapping, so the result points into it.
        let base = unsafe { self.map.as_mut_ptr().add(start as usize) };
        Some(RamPage {
            page: HostPage { base: NonNull::new(base)? },
            writable: true,
            ram: PhantomData,
        })
    }

    /// Offsets of the pages that are not all zero; the last one may be a part of a page.
    pub fn occupied(&self) -> impl Iterator<Item = u64> {
        let pages = (0..self.size.div_ceil(PAGE_SIZE)).map(|page| page * PAGE_SIZE);
        // The mapping is whole pages.
        let zero = |offset: u64| {
            (offset..offset + PAGE_SIZE).step_by(8).all(|at| match at + 8 <= self.size {
                true => u64::load(self.cell::<u64>(at)) == 0,
                false => (at..self.size).all(|at| u8::load(self.cell::<u8>(at)) == 0),
            })
        };
        pages.filter(move |offset| !zero(*offset))
    }

    /// Gives the whole pages in a part of it back to the host: they are zero when they are touched
    /// again. The host has a file's pages to give to others anyway; they stay as they are.
    pub fn discard(&self, offset: u64, len: usize) {
        let end = offset.saturating_add(len as u64).min(self.size) & !(PAGE_SIZE - 1);
        let start = offset.checked_next_multiple_of(PAGE_SIZE).unwrap_or(u64::MAX);
        if !self.anonymous || start >= end {
            return;
        }
        // SAFETY: The pages lie in the mapping, which is private and anonymous, so that they read as
        // zeros from now on. Nobody has references to their contents but to atomics, of which
        // another value is seen as if it had been stored.
        let _ = unsafe {
            self.map.unchecked_advise_range(
                UncheckedAdvice::DontNeed,
                start as usize,
                (end - start) as usize,
            )
        };
    }

    /// Makes all of it zero, without touching what is.
    pub fn clear(&self) {
        let zero = [0; PAGE_SIZE as usize];
        for offset in self.occupied() {
            let size = (self.size - offset).min(PAGE_SIZE) as usize;
            // It lies in the memory.
            let _ = self.write(offset, &zero[..size]);
        }
    }

    fn check(&self, offset: u64, len: usize) -> Result<(), OutOfRange> {
        let len = len as u64;
        match offset.checked_add(len) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(OutOfRange { offset, len, size: self.size }),
        }
    }

    fn aligned<T: Word>(&self, offset: u64) -> Option<&T::Cell> {
        let fits = offset.is_multiple_of(T::SIZE as u64)
            && offset.checked_add(T::SIZE as u64)? <= self.size;
        fits.then(|| self.cell::<T>(offset))
    }

    /// The cell at an offset that the caller has checked; checked again, as it is not hot.
    fn cell<T: Word>(&self, offset: u64) -> &T::Cell {
        assert!(offset.is_multiple_of(T::SIZE as u64) && offset + T::SIZE as u64 <= self.size);
        // SAFETY: The offset lies in the mapping (asserted above; the mapping is `size` bytes or
        // more), which stays in place as long as `self`. It is aligned: the mapping begins at a
        // page and the offset is a multiple of the cell's size, which is its alignment. Atomics
        // allow any bytes, and all other access to the mapping is atomic as well.
        unsafe { &*self.map.as_mut_ptr().add(offset as usize).cast::<T::Cell>() }
    }
}

/// How a copy divides into bytes before, aligned words, and bytes after.
fn split(offset: u64, len: usize) -> (usize, usize, usize) {
    let head = ((8 - offset % 8) % 8).min(len as u64) as usize;
    let words = (len - head) / 8;
    (head, words, len - head - words * 8)
}

/// A 4 KiB page of guest memory, borrowed from its [`Ram`].
///
/// The lifetime is what makes caching sound: a bus can only return a page of a `Ram` that stays
/// alive as long as the bus itself does, since the caller chooses how long to borrow the bus.
#[derive(Debug, Clone, Copy)]
pub struct RamPage<'a> {
    page: HostPage,
    writable: bool,
    ram: PhantomData<&'a Ram>,
}

impl<'a> RamPage<'a> {
    /// The same page, as ROM: stores go to [`Bus::write`], which decides what becomes of them.
    #[must_use]
    pub fn read_only(self) -> RamPage<'a> {
        RamPage { writable: false, ..self }
    }

    /// Whether stores may go to the page directly.
    pub fn writable(self) -> bool {
        self.writable
    }

    /// The cell of a width that holds the byte at `addr`; only the place in the page counts.
    #[inline(always)]
    pub(crate) fn cell<T: Layout>(self, addr: u64) -> &'a T::Cell {
        // SAFETY: `self.ram` witnesses that the RAM is borrowed for `'a`.
        unsafe { self.page.cell::<T>(addr) }
    }

    /// The page without its lifetime, for the TLB.
    pub(crate) fn host_page(self) -> HostPage {
        self.page
    }
}

/// Where a page of guest memory lies in the host: a [`RamPage`] without its lifetime.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostPage {
    /// The begin of 4096 mapped bytes, aligned to their size.
    base: NonNull<u8>,
}

// SAFETY: The pointer is only used for atomic accesses, which any thread may do; it owns nothing.
unsafe impl Send for HostPage {}
// SAFETY: As above.
unsafe impl Sync for HostPage {}

impl HostPage {
    /// A page that is never accessed, to fill unused entries with.
    pub(crate) const NOWHERE: HostPage = HostPage { base: NonNull::dangling() };

    /// The cell of a width that holds the byte at `addr`; only the place in the page counts.
    ///
    /// # Safety
    ///
    /// The page must have come from a [`RamPage`], and its [`Ram`] must live throughout `'a`.
    #[inline(always)]
    pub(crate) unsafe fn cell<'a, T: Layout>(self, addr: u64) -> &'a T::Cell {
        // The mask keeps the place in the page and clears what would misalign it.
        let offset = addr & (PAGE_SIZE - T::SIZE as u64);
        // SAFETY: `base` begins a mapped page and the offset is at most a page less the cell's
        // size, and a multiple of that size, so the cell is in the page and aligned. The caller
        // promises that the mapping lives. All access to guest memory is atomic.
        unsafe { &*self.base.as_ptr().add(offset as usize).cast::<T::Cell>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_every_alignment_arrive() {
        let ram = Ram::new(8192).unwrap();
        let data: Vec<u8> = (1..=40).collect();
        for offset in 4080..4104 {
            for len in 0..data.len() {
                ram.write(offset, &data[..len]).unwrap();
                let mut back = vec![0; len];
                ram.read(offset, &mut back).unwrap();
                assert_eq!(back, data[..len]);
            }
        }
    }

    #[test]
    fn nothing_is_reached_beyond_the_end() {
        let ram = Ram::new(100).unwrap();
        assert!(ram.write(97, &[0; 4]).is_err());
        assert!(ram.read(u64::MAX, &mut [0; 2]).is_err());
        assert_eq!(ram.load::<u32>(98), None);
        assert_eq!(ram.load::<u32>(96), Some(0));
        assert_eq!(ram.load::<u16>(1), None, "misaligned");
        assert!(ram.page(0).is_none(), "no whole page");
        let ram = Ram::new(4096).unwrap();
        assert!(ram.page(4095).is_some());
        assert!(ram.page(4096).is_none());
    }

    #[test]
    fn whole_pages_are_given_back() {
        let ram = Ram::new(4 * 4096).unwrap();
        // Offset, length, pages that are left.
        for (offset, len, left) in [
            (0, 4096, vec![1, 2, 3]),
            (1, 8191, vec![0, 2, 3]),
            (4096, 4095, vec![0, 1, 2, 3]),
            (8192, usize::MAX, vec![0, 1]),
            (u64::MAX - 9, 20, vec![0, 1, 2, 3]),
        ] {
            (0..4).for_each(|page| ram.write(page * 4096, &[1]).unwrap());
            ram.discard(offset, len);
            let found: Vec<_> = ram.occupied().map(|at| at / 4096).collect();
            assert_eq!(found, left, "{offset} {len}");
        }
    }

    #[test]
    fn pages_with_something_in_them_are_found_and_cleared() {
        let ram = Ram::new(3 * 4096 + 13).unwrap();
        assert_eq!(ram.occupied().count(), 0);
        for (at, pages) in [(0, 1), (4095, 1), (8192, 2), (3 * 4096 + 12, 3)] {
            ram.write(at, &[1]).unwrap();
            assert_eq!(ram.occupied().count(), pages, "{at}");
        }
        assert_eq!(ram.occupied().collect::<Vec<_>>(), [0, 8192, 12288]);
        ram.clear();
        assert_eq!(ram.occupied().count(), 0);
    }

    #[test]
    fn values_are_little_endian() {
        let ram = Ram::new(16).unwrap();
        ram.store_sized(8, 4, 0x1234_5678_9abc_def0).unwrap();
        let mut bytes = [0; 8];
        ram.read(8, &mut bytes).unwrap();
        assert_eq!(bytes, [0xf0, 0xde, 0xbc, 0x9a, 0, 0, 0, 0]);
        assert_eq!(ram.load_sized(8, 8), Some(0x9abc_def0));
    }
}
