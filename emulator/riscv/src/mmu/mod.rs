//! From virtual addresses to memory: the slow path behind the TLB.

mod access;
mod atomic;
mod cache;
mod pmp;
mod tlb;
mod walk;

pub(crate) use self::atomic::AtomicWord;
pub(crate) use self::pmp::Pmp;
pub(crate) use self::tlb::{Set, Tlb};

use self::pmp::Verdict;
use self::walk::{Dirty, Leaf, Walk};
use crate::config::Mmu;
use crate::core::Core;
use crate::csr::{environment, status};
use crate::extension::Extension;
use crate::memory::{PAGE_SIZE, Requester};
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
        let modified = self.csr.mstatus & status::MPRV != 0 && !self.is_in_nmi();
        if self.mode == Mode::Machine && modified {
            status::mpp(self.csr.mstatus)
        } else {
            self.mode
        }
    }

    /// Chooses the TLB's set of entries. To be called after a change of the mode or of `mstatus`,
    /// and after anything is forgotten.
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
        self.view = self.tlb.view(self.fetch_set()) << 2 | self.mode as u64;
    }

    /// The set of entries for fetches.
    pub(crate) fn fetch_set(&self) -> Set {
        match self.mode {
            Mode::Machine => Set::Machine,
            Mode::Supervisor => Set::Supervisor,
            Mode::User => Set::User,
        }
    }

    /// Forgets translations.
    pub(crate) fn flush_translations(&mut self) {
        self.tlb.flush_translations();
        self.update_view();
    }

    /// Forgets translations of one address, or of all if it is 0, in one address space, or in all
    /// if it is 0. Translations that are global may be forgotten too.
    pub(crate) fn flush_translation(&mut self, addr: u64, asid: u64) {
        match (self.xlen.truncate(addr), asid) {
            (0, 0) => self.tlb.flush_translations(),
            (0, asid) => {
                let asid = asid & status::satp_asid(u64::MAX, self.xlen);
                let xlen = self.xlen;
                self.tlb.flush_spaces(|satp| status::satp_asid(satp, xlen) == asid);
            }
            (addr, _) => self.tlb.flush_page(addr),
        }
        self.update_view();
    }

    /// Makes a new value of `satp` count. Identifier 0 is what software uses that does not use
    /// identifiers; what is known of it is forgotten.
    pub(crate) fn switch_translations(&mut self) {
        let satp = self.csr.satp;
        self.tlb.switch(satp, status::satp_asid(satp, self.xlen) != 0);
        self.update_view();
    }

    /// Forgets all that is known of addresses: physical memory or its protection has changed.
    pub(crate) fn flush_memory(&mut self) {
        self.tlb.flush();
        self.update_view();
    }

    /// Makes decoded code be compared with memory before it runs again.
    pub(crate) fn flush_code(&mut self) {
        self.code_epoch += 1;
        self.tlb.change_views();
        self.update_view();
    }

    /// Where an aligned access of `size` bytes goes, and whether it may.
    pub(crate) fn translate(
        &mut self,
        addr: u64,
        size: u64,
        access: Access,
    ) -> Result<Place, Fault> {
        let dirty = match environment::updates_dirty(self) {
            true => Dirty::Update,
            false => Dirty::Fault,
        };
        let (place, span) = self.look_up(addr, size, access, dirty)?;
        if span >= PAGE_SIZE {
            self.tlb.note_large(addr, span);
        }
        Ok(place)
    }

    /// Where a load goes, without a trace of having looked.
    pub(crate) fn peek(&self, addr: u64) -> Option<u64> {
        self.look_up(addr, 1, Access::Load, Dirty::Ignore).ok().map(|(place, _)| place.addr)
    }

    /// Where an access goes, and the size of its page, less one.
    fn look_up(
        &self,
        addr: u64,
        size: u64,
        access: Access,
        dirty: Dirty,
    ) -> Result<(Place, u64), Fault> {
        let mode = if access == Access::Fetch { self.mode } else { self.data_mode() };
        let scheme = self.scheme();
        let Leaf { addr, span } = if mode == Mode::Machine || scheme == Mmu::Bare {
            Leaf { addr, span: 0 }
        } else {
            let walk = Walk {
                bus: self.tlb.bus(),
                // Which instruction of the block needs the translation is not known here.
                by: Requester { hartid: self.config.hartid, pc: self.pc },
                pmp: &self.csr.pmp,
                scheme,
                root: status::satp_root(self.csr.satp, self.xlen),
                mode,
                sum: self.csr.mstatus & status::SUM != 0,
                mxr: self.csr.mstatus & status::MXR != 0,
                dirty,
                groups: self.config.cpu.extensions.has(Extension::Svnapot),
                types: self.csr.menvcfg & environment::PBMTE != 0,
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
        Ok((Place { addr, uniform }, span))
    }

    /// The translation that `satp` asks for.
    fn scheme(&self) -> Mmu {
        status::satp_scheme(self.csr.satp, self.xlen).unwrap_or(Mmu::Bare)
    }
}
