//! Traps: exceptions, interrupts, which mode handles them, and the way back (volume II,
//! "Machine-Level ISA", sections on `mcause`, `medeleg`, `mideleg`, `mtvec` and on trap-return
//! instructions, and their counterparts in "Supervisor-Level ISA").

use serde::{Deserialize, Serialize};

use crate::core::Core;
use crate::csr::status;
use crate::extension::Extension;
use crate::hart::Standstill;
use crate::interrupts::{NMI, REQUESTS};
use crate::isa::{Flow, Stop};
use crate::observe::TrapEvent;

/// A privilege mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// User mode.
    User = 0,
    /// Supervisor mode.
    Supervisor = 1,
    /// Machine mode.
    Machine = 3,
}

/// The synchronous causes of traps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the manual's table")]
pub enum Exception {
    InstructionMisaligned = 0,
    InstructionAccess = 1,
    IllegalInstruction = 2,
    Breakpoint = 3,
    LoadMisaligned = 4,
    LoadAccess = 5,
    StoreMisaligned = 6,
    StoreAccess = 7,
    UserCall = 8,
    SupervisorCall = 9,
    MachineCall = 11,
    InstructionPage = 12,
    LoadPage = 13,
    StorePage = 15,
}

/// The interrupts, by their bits in `mip`.
pub(crate) mod interrupt {
    pub(crate) const SSI: u64 = 1 << 1;
    pub(crate) const MSI: u64 = 1 << 3;
    pub(crate) const STI: u64 = 1 << 5;
    pub(crate) const MTI: u64 = 1 << 7;
    pub(crate) const SEI: u64 = 1 << 9;
    pub(crate) const MEI: u64 = 1 << 11;
    /// A counter has overflown (Sscofpmf).
    pub(crate) const LCOFI: u64 = 1 << 13;
    pub(crate) const SUPERVISOR: u64 = SSI | STI | SEI;
    pub(crate) const MACHINE: u64 = MSI | MTI | MEI;
}

/// Of several interrupts, the first in this list is taken.
const PRIORITY: [u32; 7] = [11, 3, 7, 9, 1, 5, 13];

/// The name of a cause, like `illegal_instruction`.
pub fn cause_name(cause: u64, interrupt: bool) -> &'static str {
    match (interrupt, cause) {
        (false, 0) => "instruction_address_misaligned",
        (false, 1) => "instruction_access_fault",
        (false, 2) => "illegal_instruction",
        (false, 3) => "breakpoint",
        (false, 4) => "load_address_misaligned",
        (false, 5) => "load_access_fault",
        (false, 6) => "store_address_misaligned",
        (false, 7) => "store_access_fault",
        (false, 8) => "user_ecall",
        (false, 9) => "supervisor_ecall",
        (false, 11) => "machine_ecall",
        (false, 12) => "instruction_page_fault",
        (false, 13) => "load_page_fault",
        (false, 15) => "store_page_fault",
        (true, 0) => "non_maskable",
        (true, 1) => "supervisor_software",
        (true, 3) => "machine_software",
        (true, 5) => "supervisor_timer",
        (true, 7) => "machine_timer",
        (true, 9) => "supervisor_external",
        (true, 11) => "machine_external",
        (true, 13) => "counter_overflow",
        _ => "reserved",
    }
}

impl Core {
    /// The value of `mip`: the inputs, and what software has written. The supervisor software
    /// interrupt is both: a device sets it, and the guest clears what the device has set.
    pub(crate) fn mip(&self) -> u64 {
        let timer = if self.timer_compares() { interrupt::STI } else { 0 };
        (self.interrupts.pending() | self.csr.mip & !timer) & self.interrupts_there()
    }

    /// The interrupts that the hart has.
    pub(crate) fn interrupts_there(&self) -> u64 {
        let supervisor = if self.has_supervisor() { interrupt::SUPERVISOR } else { 0 };
        let overflow = self.config.cpu.extensions.has(Extension::Sscofpmf);
        interrupt::MACHINE | supervisor | if overflow { interrupt::LCOFI } else { 0 }
    }

    /// The interrupts that would be taken now if they were pending.
    fn unmasked(&self) -> u64 {
        if self.is_in_nmi() {
            return 0;
        }
        let csr = &self.csr;
        let machine = self.mode < Mode::Machine || csr.mstatus & status::MIE != 0;
        let supervisor = self.mode < Mode::Supervisor
            || self.mode == Mode::Supervisor && csr.mstatus & status::SIE != 0;
        let mut levels = 0;
        if machine {
            levels |= !csr.mideleg;
        }
        if supervisor {
            levels |= csr.mideleg;
        }
        csr.mie & levels
    }

    /// Tells the run loop which inputs to look at. To be called after a change of the mode,
    /// `mstatus`, `mie`, `mideleg` or `mnstatus`.
    pub(crate) fn update_attention(&mut self) {
        let nmi = if self.is_in_nmi() { 0 } else { NMI };
        self.attention = self.unmasked() | nmi | REQUESTS;
    }

    /// The cause of the interrupt to be taken now, if any. Those for machine mode come first.
    pub(crate) fn pending_interrupt(&self) -> Option<u64> {
        let ready = self.mip() & self.unmasked();
        if ready == 0 {
            return None;
        }
        let for_machine = ready & !self.csr.mideleg;
        let ready = if for_machine != 0 { for_machine } else { ready };
        PRIORITY.into_iter().find(|cause| ready >> cause & 1 != 0).map(u64::from)
    }

    /// Takes a non-maskable interrupt, if one is pending that may be taken.
    pub(crate) fn accept_nmi(&mut self) -> bool {
        let taken = !self.is_in_nmi() && self.interrupts.accept_nmi();
        if taken {
            self.take_nmi();
        }
        taken
    }

    /// The bits of the word of inputs that end a `wfi`.
    pub(crate) fn waking(&self) -> u64 {
        self.csr.mie | if self.is_in_nmi() { 0 } else { NMI }
    }

    /// Whether a `wfi` has to go on.
    pub(crate) fn roused(&self) -> bool {
        self.mip() & self.csr.mie != 0
    }

    /// Enters the handler of a trap at the instruction at `self.pc`.
    pub(crate) fn take_trap(&mut self, cause: u64, interrupt: bool, tval: u64) {
        let (from, epc) = (self.mode, self.pc);
        let delegated = if interrupt { self.csr.mideleg } else { self.csr.medeleg };
        let to = if from <= Mode::Supervisor && delegated >> cause & 1 != 0 {
            Mode::Supervisor
        } else {
            Mode::Machine
        };
        if let Some(observer) = &self.observer {
            let hartid = self.config.hartid;
            observer.trap(&TrapEvent { hartid, cause, interrupt, epc, tval, from, to });
        }

        let code = if interrupt { cause | 1 << (self.xlen.bits() - 1) } else { cause };
        let csr = &mut self.csr;
        let vector = if to == Mode::Supervisor {
            (csr.scause, csr.sepc, csr.stval) = (code, epc, tval);
            csr.mstatus = status::enter_supervisor(csr.mstatus, from);
            csr.stvec
        } else {
            (csr.mcause, csr.mepc, csr.mtval) = (code, epc, tval);
            csr.triggers.enter_machine();
            csr.mstatus = status::enter_machine(csr.mstatus, from);
            csr.mtvec
        };
        let in_nmi = from == Mode::Machine && self.is_in_nmi();
        let vector = if in_nmi { self.config.cpu.nmi_exception_vector } else { vector };
        let offset = if interrupt && vector & 1 != 0 { 4 * cause } else { 0 };
        self.pc = self.xlen.truncate((vector & !3).wrapping_add(offset));
        self.reservation = None;
        self.enter(to, self.retired);
    }

    /// Goes on in a mode after `now` instructions, with `mstatus` already changed.
    pub(crate) fn enter(&mut self, mode: Mode, now: u64) {
        self.mode = mode;
        self.counters_change_mode(now);
        self.update_view();
        self.update_attention();
    }

    /// Whether the exception at hand is that the first instruction of machine mode's own handler
    /// cannot be fetched, for the second time running. Taking it would change nothing, and would go
    /// on for ever: interrupts are off, and memory appears where there is none only through a
    /// change of the machine, which asks for a flush.
    pub(crate) fn cannot_trap(&self) -> bool {
        let csr = &self.csr;
        self.mode == Mode::Machine
            && self.raised.0 == Exception::InstructionAccess
            && csr.mcause == Exception::InstructionAccess as u64
            && csr.mstatus & status::MIE == 0
            && csr.mepc == self.pc
            && csr.mtvec & !3 == self.pc
    }

    /// The bits of the word of inputs that end the standstill at hand.
    pub(crate) fn ending_standstill(&self) -> u64 {
        if self.standstill == Some(Standstill::UntilInterrupt) { self.waking() } else { 0 }
    }

    /// Lets the hart stand still until a reset or a flush.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
        if let Some(observer) = &self.observer {
            observer.lost(self.config.hartid, self.pc);
        }
    }

    /// Raises the exception for an instruction that there is not, or not in this mode.
    pub(crate) fn illegal<T>(&mut self, bits: u32) -> Flow<T> {
        self.raise(Exception::IllegalInstruction, bits.into())
    }

    /// `mret`.
    pub(crate) fn machine_return(&mut self, bits: u32) -> Flow {
        if self.mode != Mode::Machine {
            return self.illegal(bits);
        }
        let to = status::mpp(self.csr.mstatus);
        self.csr.mstatus = status::leave_machine(self.csr.mstatus, self.has_user());
        self.csr.triggers.leave_machine();
        self.return_to(self.csr.mepc, to)
    }

    /// `sret`.
    pub(crate) fn supervisor_return(&mut self, bits: u32) -> Flow {
        let trapped = self.mode == Mode::Supervisor && self.csr.mstatus & status::TSR != 0;
        if self.mode < Mode::Supervisor || trapped {
            return self.illegal(bits);
        }
        let to = status::spp(self.csr.mstatus);
        self.csr.mstatus = status::leave_supervisor(self.csr.mstatus);
        self.return_to(self.csr.sepc, to)
    }

    pub(crate) fn return_to(&mut self, pc: u64, mode: Mode) -> Flow {
        self.pc = self.xlen.truncate(pc & !self.misaligned_pc);
        self.reservation = None;
        // The return itself counts where it comes from.
        self.enter(mode, self.now().wrapping_add(1));
        Err(Stop::Leave)
    }

    /// `wfi`, up to going on with the next instruction.
    pub(crate) fn wait_for_interrupt(&mut self, bits: u32) -> Flow {
        let trapped = self.mode < Mode::Machine && self.csr.mstatus & status::TW != 0;
        if trapped || self.mode == Mode::User && self.has_supervisor() {
            return self.illegal(bits);
        }
        self.waiting = true;
        Ok(())
    }

    /// `sfence.vma` and `sinval.vma`.
    pub(crate) fn fence_translations(&mut self, bits: u32, addr: u64, asid: u64) -> Flow {
        let trapped = self.mode == Mode::Supervisor && self.csr.mstatus & status::TVM != 0;
        if self.mode == Mode::User || trapped {
            return self.illegal(bits);
        }
        self.flush_translation(addr, asid);
        Ok(())
    }

    /// `sfence.w.inval` and `sfence.inval.ir`, which put in order what is in order anyway.
    pub(crate) fn order_invalidations(&mut self, bits: u32) -> Flow {
        if self.mode == Mode::User { self.illegal(bits) } else { Ok(()) }
    }
}
