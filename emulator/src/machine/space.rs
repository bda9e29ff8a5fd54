//! The physical address space of the live machine: where a hart's access goes.

use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use boardwright_riscv::{Bus, BusError, Ram, RamPage, Requester};

use crate::devices::Device;
use crate::machine::trace::Trace;
use crate::machine::unmodelled::{Place, serve};

/// One run of addresses.
pub struct Range {
    /// First address.
    pub first: u64,
    /// Last address.
    pub last: u64,
    /// What is there.
    pub target: RangeTarget,
}

/// What is behind a run of addresses.
pub enum RangeTarget {
    /// Memory, from an offset of it on.
    Memory {
        /// The memory.
        ram: Arc<Ram>,
        /// Offset of the range's first byte.
        offset: u64,
        /// Whether a guest may write.
        writable: bool,
    },
    /// Registers of a device, from an offset of the region on.
    Io {
        /// The device.
        device: Arc<dyn Device>,
        /// The region.
        region: u32,
        /// Offset of the range's first byte.
        offset: u64,
    },
}

/// The address space for a device that reaches for memory by itself. It is there once the machine
/// is put together.
#[derive(Clone, Default)]
pub struct BusAccess(Arc<OnceLock<Weak<AddressSpace>>>);

impl BusAccess {
    /// The address space, while there is one.
    pub fn get(&self) -> Option<Arc<AddressSpace>> {
        self.0.get()?.upgrade()
    }

    /// Says which it is; the first one stays.
    pub(super) fn set(&self, space: &Arc<AddressSpace>) {
        let _ = self.0.set(Arc::downgrade(space));
    }
}

/// All of it; does not change while the machine exists.
pub struct AddressSpace {
    ranges: Vec<Range>,
    trace: Arc<Trace>,
}

impl fmt::Debug for AddressSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ranges", self.ranges.len())
    }
}

impl AddressSpace {
    /// From ranges that are sorted and do not overlap.
    pub fn new(ranges: Vec<Range>, trace: Arc<Trace>) -> Self {
        Self { ranges, trace }
    }

    /// The range that holds all of an access.
    fn find(&self, addr: u64, size: u64) -> Option<&Range> {
        let index = self.ranges.partition_point(|range| range.last < addr);
        let range = self.ranges.get(index)?;
        let last = addr.checked_add(size - 1)?;
        (range.first <= addr && last <= range.last).then_some(range)
    }

    /// A guest wants something where nothing is mapped.
    #[cold]
    fn nothing_at(&self, place: Place, by: Requester) {
        let (addr, size) = (place.offset, place.size);
        let access = if place.write { "write" } else { "read" };
        let line = || format!("{access} of {size} bytes at {addr:#x}: nothing is there");
        serve(by, || self.trace.unmodelled(place, line));
    }

    /// Writes an image, into memory that a guest cannot write to as well.
    ///
    /// # Errors
    /// The first address that is no memory.
    pub fn load(&self, addr: u64, bytes: &[u8]) -> Result<(), u64> {
        let mut at = addr;
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(Range { first, last, target: RangeTarget::Memory { ram, offset, .. } }) =
                self.find(at, 1)
            else {
                return Err(at);
            };
            let room = usize::try_from(last - at).unwrap_or(usize::MAX).saturating_add(1);
            let (now, later) = rest.split_at(rest.len().min(room));
            ram.write(offset + (at - first), now).map_err(|_| at)?;
            rest = later;
            if rest.is_empty() {
                break;
            }
            at = last.checked_add(1).ok_or(*last)?;
        }
        Ok(())
    }

    /// Reads for a debugger: memory as it is, registers of devices as a guest would.
    ///
    /// # Errors
    /// The first address where nothing is.
    pub fn peek(&self, addr: u64, bytes: &mut [u8]) -> Result<(), u64> {
        for (at, size, place) in pieces(addr, bytes.len()) {
            let range = self.find(at, size.into()).ok_or(at)?;
            let bytes = bytes.get_mut(place).unwrap_or_default();
            match &range.target {
                RangeTarget::Memory { ram, offset, .. } => {
                    ram.read(offset + (at - range.first), bytes).map_err(|_| at)?;
                }
                RangeTarget::Io { device, region, offset } => {
                    let value = device.read(*region, offset + (at - range.first), size);
                    bytes.copy_from_slice(value.to_le_bytes().get(..size.into()).unwrap_or(&[]));
                }
            }
        }
        Ok(())
    }

    /// Writes for a debugger: to any memory, as [`AddressSpace::load`] does, and to devices.
    ///
    /// # Errors
    /// The first address where nothing is.
    pub fn poke(&self, addr: u64, bytes: &[u8]) -> Result<(), u64> {
        for (at, size, place) in pieces(addr, bytes.len()) {
            let range = self.find(at, size.into()).ok_or(at)?;
            let bytes = bytes.get(place).unwrap_or_default();
            match &range.target {
                RangeTarget::Memory { ram, offset, .. } => {
                    ram.write(offset + (at - range.first), bytes).map_err(|_| at)?;
                }
                RangeTarget::Io { device, region, offset } => {
                    let mut value = [0; 8];
                    value.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                    let value = u64::from_le_bytes(value);
                    device.write(*region, offset + (at - range.first), size, value);
                }
            }
        }
        Ok(())
    }

    /// Calls with each piece of memory that a run of addresses is made of: the memory, the offset in
    /// it and the place of the piece in the run.
    ///
    /// # Errors
    /// The first address where no memory is, or none that may be written to where that is asked for.
    fn each_memory(
        &self,
        addr: u64,
        len: usize,
        write: bool,
        mut work: impl FnMut(&Ram, u64, std::ops::Range<usize>),
    ) -> Result<(), u64> {
        let mut done = 0;
        while done < len {
            let at = addr.checked_add(done as u64).ok_or(addr)?;
            let Some(Range { first, last, target }) = self.find(at, 1) else { return Err(at) };
            let RangeTarget::Memory { ram, offset, writable } = target else { return Err(at) };
            if write && !writable {
                return Err(at);
            }
            let room = usize::try_from(last - at).unwrap_or(usize::MAX).saturating_add(1);
            let here = room.min(len - done);
            work(ram, offset + (at - first), done..done + here);
            done += here;
        }
        Ok(())
    }

    /// How much memory there is that a guest can keep data in, in bytes.
    pub fn memory_size(&self) -> u64 {
        let sizes = self.ranges.iter().map(|range| match range.target {
            RangeTarget::Memory { writable: true, .. } => range.last - range.first + 1,
            _ => 0,
        });
        sizes.sum()
    }

    /// Gives memory back to the host, which is zero when it is touched again.
    ///
    /// # Errors
    /// The first address where no memory is that a guest could write to.
    pub fn discard(&self, addr: u64, len: usize) -> Result<(), u64> {
        self.each_memory(addr, len, true, |ram, at, place| ram.discard(at, place.len()))
    }

    /// Reads memory for a device that reaches for it by itself.
    ///
    /// # Errors
    /// The first address where no memory is.
    pub fn dma_read(&self, addr: u64, bytes: &mut [u8]) -> Result<(), u64> {
        self.each_memory(addr, bytes.len(), false, |ram, at, place| {
            // It is within the range, which is within the memory.
            let _ = ram.read(at, bytes.get_mut(place).unwrap_or_default());
        })
    }

    /// Writes memory likewise, where a guest could.
    ///
    /// # Errors
    /// The first address where no such memory is.
    pub fn dma_write(&self, addr: u64, bytes: &[u8]) -> Result<(), u64> {
        self.each_memory(addr, bytes.len(), true, |ram, at, place| {
            let _ = ram.write(at, bytes.get(place).unwrap_or_default());
        })
    }

    /// Loads one naturally aligned value of 1, 2, 4 or 8 bytes, at once.
    ///
    /// # Errors
    /// No memory is there.
    pub fn dma_load(&self, addr: u64, size: u8) -> Result<u64, u64> {
        match self.find(addr, size.into()).map(|range| (range.first, &range.target)) {
            Some((first, RangeTarget::Memory { ram, offset, .. })) => {
                load(ram, offset + (addr - first), size).ok_or(addr)
            }
            _ => Err(addr),
        }
    }

    /// Stores one likewise.
    ///
    /// # Errors
    /// No memory that may be written to is there.
    pub fn dma_store(&self, addr: u64, size: u8, value: u64) -> Result<(), u64> {
        match self.find(addr, size.into()).map(|range| (range.first, &range.target)) {
            Some((first, RangeTarget::Memory { ram, offset, writable: true })) => {
                store(ram, offset + (addr - first), size, value).ok_or(addr)
            }
            _ => Err(addr),
        }
    }

    /// Whether all of a run of addresses is memory that a guest may write to.
    pub fn is_writable(&self, addr: u64, size: u64) -> bool {
        self.is_all(addr, size, |target| {
            matches!(target, RangeTarget::Memory { writable: true, .. })
        })
    }

    /// The first and last address of the memory at an address.
    pub fn memory_at(&self, addr: u64) -> Option<(u64, u64)> {
        let range = self.find(addr, 1)?;
        matches!(range.target, RangeTarget::Memory { .. }).then_some((range.first, range.last))
    }

    /// Whether all of a run of addresses is memory, of one device or several.
    pub fn is_memory(&self, addr: u64, size: u64) -> bool {
        self.is_all(addr, size, |target| matches!(target, RangeTarget::Memory { .. }))
    }

    fn is_all(&self, addr: u64, size: u64, is: impl Fn(&RangeTarget) -> bool) -> bool {
        let Some(last) = addr.checked_add(size.max(1) - 1) else { return false };
        let mut at = addr;
        while let Some(range) = self.find(at, 1) {
            if !is(&range.target) {
                return false;
            }
            if range.last >= last {
                return true;
            }
            at = range.last + 1;
        }
        false
    }
}

impl Bus for AddressSpace {
    fn read(&self, addr: u64, size: u8, by: Requester) -> Result<u64, BusError> {
        let Some(range) = self.find(addr, size.into()) else {
            self.nothing_at(Place { block: None, offset: addr, size, write: false }, by);
            return Err(BusError::Unmapped);
        };
        match &range.target {
            RangeTarget::Memory { ram, offset, .. } => {
                load(ram, offset + (addr - range.first), size).ok_or(BusError::Refused)
            }
            RangeTarget::Io { device, region, offset } => {
                Ok(serve(by, || device.read(*region, offset + (addr - range.first), size)))
            }
        }
    }

    fn write(&self, addr: u64, size: u8, value: u64, by: Requester) -> Result<(), BusError> {
        let Some(range) = self.find(addr, size.into()) else {
            self.nothing_at(Place { block: None, offset: addr, size, write: true }, by);
            return Err(BusError::Unmapped);
        };
        match &range.target {
            RangeTarget::Memory { writable: false, .. } => {
                serve(by, || {
                    self.trace.guest_error(|| {
                        format!("write of {size} bytes at {addr:#x}: read-only memory")
                    });
                });
                Err(BusError::Refused)
            }
            RangeTarget::Memory { ram, offset, .. } => {
                let at = offset + (addr - range.first);
                store(ram, at, size, value).ok_or(BusError::Refused)
            }
            RangeTarget::Io { device, region, offset } => {
                serve(by, || device.write(*region, offset + (addr - range.first), size, value));
                Ok(())
            }
        }
    }

    fn ram(&self, addr: u64) -> Option<RamPage<'_>> {
        const PAGE: u64 = 4096;
        let page = addr & !(PAGE - 1);
        let range = self.find(page, PAGE)?;
        let RangeTarget::Memory { ram, offset, writable } = &range.target else { return None };
        let at = offset + (page - range.first);
        if !at.is_multiple_of(PAGE) {
            // Memory at an odd address has no pages of its own under those of the harts.
            return None;
        }
        let page = ram.page(at)?;
        Some(if *writable { page } else { page.read_only() })
    }
}

/// Cuts an access into aligned ones of 1, 2, 4 or 8 bytes, as large as can be: their addresses,
/// sizes and places in the whole. Ends where the addresses do.
fn pieces(addr: u64, len: usize) -> impl Iterator<Item = (u64, u8, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = addr.checked_add(done as u64).filter(|_| done < len)?;
        let aligned = if at == 0 { 8 } else { 1 << at.trailing_zeros().min(3) };
        let fits = 1 << (len - done).ilog2().min(3);
        let size: usize = aligned.min(fits);
        let place = done..done + size;
        done += size;
        Some((at, size as u8, place))
    })
}

/// A load; in memory at an odd address it is aligned for the hart and not for the memory.
fn load(ram: &Ram, at: u64, size: u8) -> Option<u64> {
    if at.is_multiple_of(size.into()) {
        return ram.load_sized(at, size);
    }
    let mut bytes = [0; 8];
    ram.read(at, bytes.get_mut(..size.into())?).ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// A store, likewise.
fn store(ram: &Ram, at: u64, size: u8, value: u64) -> Option<()> {
    if at.is_multiple_of(size.into()) {
        return ram.store_sized(at, size, value);
    }
    ram.write(at, value.to_le_bytes().get(..size.into())?).ok()
}
