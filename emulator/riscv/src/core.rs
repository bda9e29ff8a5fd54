//! The architectural state of a hart, as one plain struct that instructions, CSRs, traps and the
//! MMU work on. What each of them does with it stands in its own file.

use std::sync::Arc;

use crate::config::{HartConfig, Modes, Xlen};
use crate::csr::{CsrState, CsrTable};
use crate::debug::{DebugStop, Points};
use crate::hart::{Clock, Standstill};
use crate::interrupts::Interrupts;
use crate::isa::{Flow, Stop};
use crate::memory::Bus;
use crate::mmu::Tlb;
use crate::observe::{Detail, Observer};
use crate::trap::{Exception, Mode};

/// The state of a hart, apart from decoded code. What translated code is to reach comes first, at
/// offsets that do not change; what it reaches through `tlb` and `interrupts` comes first there.
#[repr(C)]
pub(crate) struct Core {
    /// The integer registers, on RV32 sign-extended. `x0` is always 0.
    pub(crate) x: [u64; 32],
    /// The address of the next instruction; while a block runs, of its first one.
    pub(crate) pc: u64,
    /// Instructions retired before the current block.
    pub(crate) retired: u64,
    /// The bits of the word of `interrupts` that the run loop must not ignore.
    pub(crate) attention: u64,
    pub(crate) interrupts: Arc<Interrupts>,
    /// Stands for the way from virtual addresses to code: changes whenever that may have.
    pub(crate) view: u64,
    /// The floating-point registers. What is narrower than 64 bits has ones above.
    pub(crate) f: [u64; 32],
    /// The floating-point exceptions since they were last cleared.
    pub(crate) fflags: u8,
    /// The dynamic rounding mode.
    pub(crate) frm: u8,
    pub(crate) tlb: Tlb,
    pub(crate) mode: Mode,
    pub(crate) xlen: Xlen,
    /// The place in its block of the instruction that the block was left at.
    pub(crate) stopped_at: u8,
    /// The bits of an address that no instruction has.
    pub(crate) misaligned_pc: u64,
    /// The exception that an instruction has raised, with its `tval`, until the loop takes it.
    pub(crate) raised: (Exception, u64),
    /// The instruction's place in the block, for those that read or write counters.
    pub(crate) position: u64,
    /// The host address of the reserved cell, and the value it had.
    pub(crate) reservation: Option<(usize, u64)>,
    pub(crate) csr: CsrState,
    pub(crate) csrs: CsrTable,
    /// Whether a `wfi` has not been ended by an interrupt yet.
    pub(crate) waiting: bool,
    /// Whether the hart is kept from executing, and how.
    pub(crate) standstill: Option<Standstill>,
    /// Whether the handler of traps cannot be fetched, so that the hart cannot go on.
    pub(crate) lost: bool,
    /// Changes whenever decoded code may differ from memory.
    pub(crate) code_epoch: u64,
    /// Where a debugger wants the hart to stop.
    pub(crate) points: Points,
    /// Why an instruction was not done, until `run` returns.
    pub(crate) debug_stop: Option<DebugStop>,
    pub(crate) config: HartConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// How much the observer wants to know.
    pub(crate) detail: Detail,
    /// Whether time goes by instructions: what looks at it is told their number.
    pub(crate) exact: bool,
    /// Whether the next instruction is run alone.
    pub(crate) alone: bool,
    /// Instructions that have raised an exception and not retired.
    pub(crate) raising: u64,
}

impl Core {
    pub(crate) fn new(
        config: HartConfig,
        bus: Arc<dyn Bus>,
        interrupts: Arc<Interrupts>,
        clock: Arc<dyn Clock>,
    ) -> Core {
        let cpu = &config.cpu;
        let mut core = Core {
            x: [0; 32],
            f: [0; 32],
            fflags: 0,
            frm: 0,
            pc: 0,
            mode: Mode::Machine,
            xlen: cpu.xlen,
            misaligned_pc: if cpu.compressed() { 1 } else { 3 },
            raised: (Exception::IllegalInstruction, 0),
            stopped_at: 0,
            retired: 0,
            position: 0,
            reservation: None,
            csr: CsrState::new(cpu),
            csrs: CsrTable::new(cpu),
            tlb: Tlb::new(bus),
            attention: u64::MAX,
            waiting: false,
            lost: false,
            standstill: None,
            view: 0,
            code_epoch: 0,
            points: Points::default(),
            debug_stop: None,
            config,
            interrupts,
            clock,
            observer: None,
            detail: Detail::Decoded,
            exact: false,
            alone: false,
            raising: 0,
        };
        core.reset();
        core
    }

    /// What a reset does (volume II, "Reset"), and what is left open there: all is zero.
    pub(crate) fn reset(&mut self) {
        self.x = [0; 32];
        self.f = [0; 32];
        (self.fflags, self.frm) = (0, 0);
        self.pc = self.xlen.truncate(self.config.reset_vector);
        self.mode = Mode::Machine;
        self.retired = 0;
        self.position = 0;
        self.reservation = None;
        self.csr = CsrState::new(&self.config.cpu);
        self.update_timer();
        self.triggers_changed();
        self.waiting = false;
        self.lost = false;
        self.standstill = None;
        self.interrupts.clear_nmi();
        self.switch_translations();
        self.flush_memory();
        self.flush_code();
        self.update_attention();
    }

    /// Whether the hart has supervisor mode.
    pub(crate) fn has_supervisor(&self) -> bool {
        self.config.cpu.modes == Modes::Msu
    }

    /// Whether the hart has user mode.
    pub(crate) fn has_user(&self) -> bool {
        self.config.cpu.modes != Modes::M
    }

    /// Instructions retired before the current one.
    pub(crate) fn now(&self) -> u64 {
        self.retired.wrapping_add(self.position)
    }

    /// Tells the clock how far the hart has come, before something looks at the time.
    pub(crate) fn tell_clock(&self) {
        if self.exact {
            self.clock.reached(self.now().wrapping_add(self.raising));
        }
    }

    /// To be asked before a device is accessed: where time goes by instructions, this is done by an
    /// instruction of its own, so that whatever comes of it is seen at the next one however the code
    /// around is divided into blocks.
    pub(crate) fn before_bus_access(&mut self) -> Flow {
        if self.exact && !self.alone {
            self.alone = true;
            return Err(Stop::Alone);
        }
        self.tell_clock();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// A translator puts these offsets into the code that it makes.
    #[test]
    fn what_translated_code_reaches_stays_where_it_is() {
        assert_eq!(offset_of!(Core, x), 0);
        assert_eq!(offset_of!(Core, pc), 256);
        assert_eq!(offset_of!(Core, retired), 264);
        assert_eq!(offset_of!(Core, attention), 272);
        assert_eq!(offset_of!(Core, interrupts), 280);
        assert_eq!(offset_of!(Core, view), 288);
        assert_eq!(offset_of!(Core, f), 296);
        assert_eq!(offset_of!(Core, fflags), 552);
        assert_eq!(offset_of!(Core, frm), 553);
        assert_eq!(offset_of!(Core, tlb), 560);
    }
}
