//! What the control and status registers store.

use serde::{Deserialize, Serialize};

use super::counting::Counters;
use super::nmi::NmiState;
use super::trigger::Triggers;
use super::{environment, status};
use crate::cpu::CpuModel;
use crate::mmu::Pmp;

/// The stored values. What a register reads as may be more or less than that.
#[derive(Clone, Serialize, Deserialize)]
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
    pub(crate) stvec: u64,
    pub(crate) scounteren: u64,
    pub(crate) senvcfg: u64,
    pub(crate) sscratch: u64,
    pub(crate) sepc: u64,
    pub(crate) scause: u64,
    pub(crate) stval: u64,
    pub(crate) satp: u64,
    pub(crate) stimecmp: u64,
    pub(crate) mstateen: [u64; 4],
    pub(crate) counters: Counters,
    pub(crate) triggers: Triggers,
    pub(crate) pmp: Pmp,
    pub(crate) nmi: NmiState,
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
            stvec: 0,
            scounteren: 0,
            senvcfg: 0,
            sscratch: 0,
            sepc: 0,
            scause: 0,
            stval: 0,
            satp: 0,
            stimecmp: 0,
            mstateen: [0; 4],
            counters: Counters::new(),
            triggers: Triggers::new(cpu),
            pmp: Pmp::new(cpu.pmp_regions, cpu.pmp_granularity),
            nmi: NmiState::new(cpu),
        }
    }
}
