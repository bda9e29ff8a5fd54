//! From virtual addresses to memory: the slow path behind the TLB.

mod access;
mod atomic;
mod pmp;
mod tlb;
mod walk;

pub(crate) use self::atomic::AtomicWord;
pub(crate) use self::pmp::Pmp;
pub(crate) use self::tlb::{Set, Tlb};

use self::pmp::Verdict;
use self::walk::Walk;
use crate::config::Mmu;
use crate::core::Core;
use crate::csr::status;
use crate::memory::PAGE_SIZE;
use crate::trap::{Exception, Mode};

/// What memory is accessed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Fetch,
    Load,
    Store,
}

/// Why an access fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The page tables do not allow it.
    Page,
    /// The bus or the physical memory protection does not.
    Access,
}

impl Fault {
    /// The exception that the fault raises.
    pub(crate) fn exception(self, access: Access) -> Exception {
        match (self, access) {
            (Fault::Page, Access::Fetch) => Exception::InstructionPage,
            (Fault::Page, Access::Load) => Exception::LoadPage,
            (Fault::Page, Access::Store) => Exception::StorePage,
            (Fault::Access, Access::Fetch) => Exception::InstructionAccess,
            (Fault::Access, Access::Load) => Exception::LoadAccess,
            (Fault::Access, Access::Store) => Exception::StoreAccess,
        }
    }
}

/// Where an access goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The physical address.
    pub(crate) addr: u64,
    /// Whether what holds for this address holds for its page, so that it may be cached.
    pub(crate) uniform: bool,
}

/// Physical addresses have 56 bits.
const PHYSICAL_BITS: u32 = 56;

impl Core {
    /// The mode whose rights a load or store has.
    fn data_mode(&self) -> Mode {
        if self.mode == Mode::Machine && self.csr.mstatus & status::MPRV != 0 {
            status::mpp(self.csr.mstatus)
        } else {
            self.mode
        }
    }

    /// Chooses the TLB's set of entries. To be called after a change of the mode or of `mstatus`.
    pub(crate) fn update_view(&mut self) {
        let status = self.csr.mstatus;
        let set = match self.data_mode() {
            Mode::Machine => Set::Machine,
            _ if status & status::MXR != 0 => Set::ExecutableReadable,
            Mode::Supervisor if status & status::SUM != 0 => Set::SupervisorUser,
            Mode::Supervisor => Set::Supervisor,
            Mode::User => Set::User,
        };
        self.tlb.choose(set);
    }

    /// The set of entries for fetches.
    pub(crate) fn fetch_set(&self) -> Set {
        match self.mode {
            Mode::Machine => Set::Machine,
            Mode::Supervisor => Set::Supervisor,
            Mode::User => Set::User,
        }
    }

    /// Forgets translations: page tables or `satp` have changed.
    pub(crate) fn flush_translations(&mut self) {
        self.tlb.flush_translations();
        self.fetch_epoch += 1;
    }

    /// Forgets all that is known of addresses: physical memory or its protection has changed.
    pub(crate) fn flush_memory(&mut self) {
        self.tlb.flush();
        self.fetch_epoch += 1;
    }

    /// Makes decoded code be compared with memory before it runs again.
    pub(crate) fn flush_code(&mut self) {
        self.code_epoch += 1;
        self.fetch_epoch += 1;
    }

    /// Where an aligned access of `size` bytes goes, and whether it may.
    pub(crate) fn translate(&self, addr: u64, size: u64, access: Access) -> Result<Place, Fault> {
        self.look_up(addr, size, access, true)
    }

    /// Where a load goes, without a trace of having looked.
    pub(crate) fn peek(&self, addr: u64) -> Option<u64> {
        self.look_up(addr, 1, Access::Load, false).ok().map(|place| place.addr)
    }

    fn look_up(&self, addr: u64, size: u64, access: Access, update: bool) -> Result<Place, Fault> {
        let mode = if access == Access::Fetch { self.mode } else { self.data_mode() };
        let scheme = self.scheme();
        let addr = if mode == Mode::Machine || scheme == Mmu::Bare {
            addr
        } else {
            let walk = Walk {
                bus: self.tlb.bus(),
                pmp: &self.csr.pmp,
                scheme,
                root: status::satp_root(self.csr.satp, self.xlen),
                mode,
                sum: self.csr.mstatus & status::SUM != 0,
                mxr: self.csr.mstatus & status::MXR != 0,
                update,
            };
            walk.translate(addr, access)?
        };
        if addr >> PHYSICAL_BITS != 0 {
            return Err(Fault::Access);
        }
        let page = addr & !(PAGE_SIZE - 1);
        let pmp = &self.csr.pmp;
        let uniform = match pmp.check(page, page + PAGE_SIZE - 1, access, mode) {
            Verdict::Allowed => true,
            Verdict::Denied => return Err(Fault::Access),
            Verdict::Mixed => match pmp.check(addr, addr + size - 1, access, mode) {
                Verdict::Allowed => false,
                _ => return Err(Fault::Access),
            },
        };
        Ok(Place { addr, uniform })
    }

    /// The translation that `satp` asks for.
    fn scheme(&self) -> Mmu {
        status::satp_scheme(self.csr.satp, self.xlen).unwrap_or(Mmu::Bare)
    }
}
