//! The physical address space of the live machine: where a hart's access goes.

use std::sync::Arc;

use boardwright_riscv::{Bus, BusError, Ram, RamPage};

use crate::devices::Device;
use crate::machine::trace::Trace;

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

/// All of it; does not change while the machine exists.
pub struct AddressSpace {
    ranges: Vec<Range>,
    trace: Arc<Trace>,
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

    /// Whether all of a run of addresses is memory, of one device or several.
    pub fn is_memory(&self, addr: u64, size: u64) -> bool {
        let Some(last) = addr.checked_add(size.max(1) - 1) else { return false };
        let mut at = addr;
        while let Some(range) = self.find(at, 1) {
            if !matches!(range.target, RangeTarget::Memory { .. }) {
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
    fn read(&self, addr: u64, size: u8) -> Result<u64, BusError> {
        let Some(range) = self.find(addr, size.into()) else {
            self.trace
                .guest_error(|| format!("read of {size} bytes at {addr:#x}: nothing is there"));
            return Err(BusError::Unmapped);
        };
        match &range.target {
            RangeTarget::Memory { ram, offset, .. } => {
                load(ram, offset + (addr - range.first), size).ok_or(BusError::Refused)
            }
            RangeTarget::Io { device, region, offset } => {
                Ok(device.read(*region, offset + (addr - range.first), size))
            }
        }
    }

    fn write(&self, addr: u64, size: u8, value: u64) -> Result<(), BusError> {
        let Some(range) = self.find(addr, size.into()) else {
            self.trace
                .guest_error(|| format!("write of {size} bytes at {addr:#x}: nothing is there"));
            return Err(BusError::Unmapped);
        };
        match &range.target {
            RangeTarget::Memory { writable: false, .. } => {
                self.trace.guest_error(|| {
                    format!("write of {size} bytes at {addr:#x}: read-only memory")
                });
                Err(BusError::Refused)
            }
            RangeTarget::Memory { ram, offset, .. } => {
                let at = offset + (addr - range.first);
                store(ram, at, size, value).ok_or(BusError::Refused)
            }
            RangeTarget::Io { device, region, offset } => {
                device.write(*region, offset + (addr - range.first), size, value);
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
