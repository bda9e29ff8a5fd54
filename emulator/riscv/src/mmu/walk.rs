//! The page-table walk (volume II, "Virtual Address Translation Process", for Sv32 to Sv57).
//!
//! The accessed and dirty bits are updated by the walk, if that is enabled (Svadu), atomically,
//! since other harts and the kernel work on the same tables; or else raise page faults (Svade).
//! Memory types (Svpbmt) make no difference here, where all memory is coherent and in order.

use std::sync::atomic::Ordering;

use super::pmp::{Pmp, Verdict};
use super::{Access, Fault};
use crate::config::Mmu;
use crate::memory::{Bus, PAGE_SIZE, Requester};
use crate::trap::Mode;

const V: u64 = 1 << 0;
const R: u64 = 1 << 1;
const W: u64 = 1 << 2;
const X: u64 = 1 << 3;
const U: u64 = 1 << 4;
const A: u64 = 1 << 6;
const D: u64 = 1 << 7;
/// One of a naturally aligned group of pages (Svnapot).
const N: u64 = 1 << 63;
/// The memory type (Svpbmt); one of its values is reserved.
const PBMT: u64 = 3 << 61;
/// The bits of a 64-bit entry that belong to no extension that is modelled.
const RESERVED: u64 = 0x7f << 54;
/// The groups that exist have 16 pages: the low bits of their frame numbers are these.
const GROUP: u64 = 0b1000;
const GROUP_MASK: u64 = 0b1111;

/// What a walk depends on.
pub(super) struct Walk<'a> {
    pub(super) bus: &'a dyn Bus,
    pub(super) by: Requester,
    pub(super) pmp: &'a Pmp,
    pub(super) scheme: Mmu,
    /// The physical page number of the root table.
    pub(super) root: u64,
    /// Supervisor or user.
    pub(super) mode: Mode,
    pub(super) sum: bool,
    pub(super) mxr: bool,
    pub(super) dirty: Dirty,
    /// Whether entries may have the bit of Svnapot, and the memory types of Svpbmt.
    pub(super) groups: bool,
    pub(super) types: bool,
}

/// What becomes of an entry whose accessed or dirty bit is to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dirty {
    /// It is updated.
    Update,
    /// It raises a page fault.
    Fault,
    /// Nothing: a debugger leaves no traces.
    Ignore,
}

/// Where an address leads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) addr: u64,
    /// The size of the page, less one.
    pub(super) span: u64,
}

/// The frame number in a 64-bit entry, moved to the right end.
const FRAME: u64 = (1 << 44) - 1;

struct Scheme {
    levels: u32,
    /// Bits of a virtual page number per level.
    bits: u32,
    entry_size: u8,
}

impl Mmu {
    fn scheme(self) -> Scheme {
        let levels = match self {
            Mmu::Bare => 0,
            Mmu::Sv32 => return Scheme { levels: 2, bits: 10, entry_size: 4 },
            Mmu::Sv39 => 3,
            Mmu::Sv48 => 4,
            Mmu::Sv57 => 5,
        };
        Scheme { levels, bits: 9, entry_size: 8 }
    }
}

impl Walk<'_> {
    /// The physical address that a virtual one leads to.
    pub(super) fn translate(&self, addr: u64, access: Access) -> Result<Leaf, Fault> {
        let Scheme { levels, bits, entry_size } = self.scheme.scheme();
        if self.scheme != Mmu::Sv32 {
            // The bits above the virtual address must repeat its highest.
            let unused = 64 - (12 + levels * bits);
            if ((addr << unused) as i64 >> unused) as u64 != addr {
                return Err(Fault::Page);
            }
        }
        // An entry that changes under the walk starts it anew, which others can cause only so
        // often: each time, a store of theirs has come in between. The bound is for a bus that
        // does not keep what is written to it.
        for _ in 0..64 {
            if let Some(leaf) = self.attempt(addr, access, levels, bits, entry_size)? {
                return Ok(leaf);
            }
        }
        Err(Fault::Access)
    }

    /// One walk; `None` if an entry was changed by somebody else before it could be updated.
    fn attempt(
        &self,
        addr: u64,
        access: Access,
        levels: u32,
        bits: u32,
        entry_size: u8,
    ) -> Result<Option<Leaf>, Fault> {
        let mut table = self.root * PAGE_SIZE;
        for level in (0..levels).rev() {
            let index = addr >> (12 + level * bits) & ((1 << bits) - 1);
            let place = table + index * u64::from(entry_size);
            let entry = self.read(place, entry_size)?;
            let reserved = entry_size == 8 && self.reserved(entry);
            if entry & V == 0 || entry & (R | W) == W || reserved {
                return Err(Fault::Page);
            }
            let frame = match entry_size {
                4 => entry >> 10,
                _ => entry >> 10 & FRAME,
            };
            if entry & (R | X) == 0 {
                if entry & (A | D | U) != 0 || entry_size == 8 && entry & (N | PBMT) != 0 {
                    return Err(Fault::Page);
                }
                table = frame * PAGE_SIZE;
                continue;
            }

            let group = entry_size == 8 && entry & N != 0;
            let (within, low) = match (group, level) {
                (false, _) => ((1u64 << (level * bits)) - 1, 0),
                (true, 0) => (GROUP_MASK, GROUP),
                (true, _) => return Err(Fault::Page),
            };
            if !self.permits(entry, access) || frame & within != low {
                return Err(Fault::Page);
            }
            let wanted = entry | A | if access == Access::Store { D } else { 0 };
            match self.dirty {
                Dirty::Fault if wanted != entry => return Err(Fault::Page),
                Dirty::Update
                    if wanted != entry && !self.replace(place, entry_size, entry, wanted)? =>
                {
                    return Ok(None);
                }
                _ => {}
            }
            let frame = frame & !within | (addr / PAGE_SIZE) & within;
            return Ok(Some(Leaf {
                addr: (frame * PAGE_SIZE) | addr & (PAGE_SIZE - 1),
                span: (within + 1) * PAGE_SIZE - 1,
            }));
        }
        Err(Fault::Page)
    }

    /// Whether bits of a 64-bit entry are set that mean nothing on this hart.
    fn reserved(&self, entry: u64) -> bool {
        let groups = if self.groups { 0 } else { N };
        let types = if self.types { 0 } else { PBMT };
        entry & (RESERVED | groups | types) != 0 || entry & PBMT == PBMT
    }

    fn permits(&self, entry: u64, access: Access) -> bool {
        let user = entry & U != 0;
        let reachable = match self.mode {
            Mode::User => user,
            _ => !user || self.sum && access != Access::Fetch,
        };
        let allowed = match access {
            Access::Fetch => entry & X,
            Access::Load => entry & R | if self.mxr { entry & X } else { 0 },
            Access::Store => entry & W,
        };
        reachable && allowed != 0
    }

    fn read(&self, place: u64, size: u8) -> Result<u64, Fault> {
        self.protect(place, size, Access::Load)?;
        if let Some(page) = self.bus.ram(place) {
            return Ok(match size {
                4 => page.cell::<u32>(place).load(Ordering::Acquire).into(),
                _ => page.cell::<u64>(place).load(Ordering::Acquire),
            });
        }
        self.bus.read(place, size, self.by).map_err(|_| Fault::Access)
    }

    /// Replaces an entry that still has the old value.
    fn replace(&self, place: u64, size: u8, old: u64, new: u64) -> Result<bool, Fault> {
        self.protect(place, size, Access::Store)?;
        let order = (Ordering::AcqRel, Ordering::Relaxed);
        match self.bus.ram(place) {
            Some(page) if page.writable() && size == 4 => {
                let cell = page.cell::<u32>(place);
                Ok(cell.compare_exchange(old as u32, new as u32, order.0, order.1).is_ok())
            }
            Some(page) if page.writable() => {
                let cell = page.cell::<u64>(place);
                Ok(cell.compare_exchange(old, new, order.0, order.1).is_ok())
            }
            // A table in read-only memory cannot be kept up to date.
            Some(_) => Err(Fault::Access),
            None => {
                self.bus.write(place, size, new, self.by).map_err(|_| Fault::Access)?;
                Ok(true)
            }
        }
    }

    /// The walk's own accesses are those of supervisor mode.
    fn protect(&self, place: u64, size: u8, access: Access) -> Result<(), Fault> {
        let last = place + u64::from(size) - 1;
        match self.pmp.check(place, last, access, Mode::Supervisor) {
            Verdict::Allowed => Ok(()),
            _ => Err(Fault::Access),
        }
    }
}
