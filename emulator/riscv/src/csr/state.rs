//! What the control and status registers store.

use super::{environment, status};
use crate::cpu::CpuModel;
use crate::mmu::Pmp;

/// The stored values. What a register reads as may be more or less than that.
pub(crate) struct CsrState {
    pub(crate) mstatus: u64,
    pub(crate) medeleg: u64,
    pub(crate) mideleg: u64,
    pub(crate) mie: u64,
    /// The bits of `mip` that software has written; the inputs are elsewhere.
    pub(crate) mip: u64,
    /// The bits that the CSR instruction being run is about, for registers others write too.
    pub(crate) touched: u64,
    /// How many instructions a write of a counter does not count: the writing one, or none.
    pub(crate) uncounted: u64,
    pub(crate) mtvec: u64,
    pub(crate) mcounteren: u64,
    pub(crate) menvcfg: u64,
    pub(crate) mscratch: u64,
    pub(crate) mepc: u64,
    pub(crate) mcause: u64,
    pub(crate) mtval: u64,
    pub(crate) mcountinhibit: u64,
    pub(crate) stvec: u64,
    pub(crate) scounteren: u64,
    pub(crate) senvcfg: u64,
    pub(crate) sscratch: u64,
    pub(crate) sepc: u64,
    pub(crate) scause: u64,
    pub(crate) stval: u64,
    pub(crate) satp: u64,
    pub(crate) mcycle: Counter,
    pub(crate) minstret: Counter,
    pub(crate) pmp: Pmp,
}

impl CsrState {
    pub(crate) fn new(cpu: &CpuModel) -> CsrState {
        CsrState {
            mstatus: status::reset_value(cpu),
            medeleg: 0,
            mideleg: 0,
            mie: 0,
            mip: 0,
            touched: u64::MAX,
            uncounted: 0,
            mtvec: 0,
            mcounteren: 0,
            menvcfg: environment::reset_value(cpu),
            mscratch: 0,
            mepc: 0,
            mcause: 0,
            mtval: 0,
            mcountinhibit: 0,
            stvec: 0,
            scounteren: 0,
            senvcfg: 0,
            sscratch: 0,
            sepc: 0,
            scause: 0,
            stval: 0,
            satp: 0,
            mcycle: Counter::default(),
            minstret: Counter::default(),
            pmp: Pmp::new(cpu.pmp_regions, cpu.pmp_granularity),
        }
    }
}

/// A counter that follows the number of retired instructions without being counted itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counter {
    /// What to add to the number of instructions; if stopped, the value.
    offset: u64,
    stopped: bool,
}

impl Counter {
    /// The value after `now` instructions.
    pub(super) fn read(self, now: u64) -> u64 {
        if self.stopped { self.offset } else { self.offset.wrapping_add(now) }
    }

    /// Sets the value that it has after `now` instructions.
    pub(super) fn write(&mut self, now: u64, value: u64) {
        self.offset = if self.stopped { value } else { value.wrapping_sub(now) };
    }

    /// Stops it, or lets it go on.
    pub(super) fn stop(&mut self, now: u64, stopped: bool) {
        let value = self.read(now);
        self.stopped = stopped;
        self.write(now, value);
    }
}
