//! Non-maskable interrupts: those that cannot be returned from (volume II, "Non-Maskable
//! Interrupts") and those that can ("'Smrnmi' Extension for Resumable Non-Maskable Interrupts").
//!
//! An interrupt is an edge ([`Interrupts::raise_nmi`](crate::Interrupts::raise_nmi)). Without the
//! extension it overwrites `mepc` and `mcause` wherever the hart is; with it, it waits until
//! `mnstatus` lets it through, and has registers of its own to be returned from.

use serde::{Deserialize, Serialize};

use super::{Csr, csr, status};
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::isa::Flow;
use crate::observe::TrapEvent;
use crate::trap::Mode;

/// Non-maskable interrupts are let through. Software can only set it.
const NMIE: u64 = 1 << 3;
/// The mode that was interrupted, where `mstatus` has it too.
const MNPP: u64 = status::MPP;
/// The reason that is left open.
const UNKNOWN: u64 = 0;

/// What the registers store.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(crate) struct NmiState {
    scratch: u64,
    epc: u64,
    cause: u64,
    status: u64,
}

pub(super) const CSRS: &[Csr] = &[
    Csr {
        exists: |cpu, _| resumable(cpu),
        ..csr(
            "mnscratch",
            0x740,
            |core, _| core.csr.nmi.scratch,
            |core, _, value| core.csr.nmi.scratch = value,
        )
    },
    Csr {
        exists: |cpu, _| resumable(cpu),
        legal: |core, _, value| value & !core.misaligned_pc,
        ..csr("mnepc", 0x741, |core, _| core.csr.nmi.epc, |core, _, value| core.csr.nmi.epc = value)
    },
    Csr {
        exists: |cpu, _| resumable(cpu),
        ..csr(
            "mncause",
            0x742,
            |core, _| core.csr.nmi.cause,
            |core, _, value| core.csr.nmi.cause = value,
        )
    },
    Csr {
        exists: |cpu, _| resumable(cpu),
        legal: |core, _, value| {
            let old = core.csr.nmi.status;
            status::legal_previous(&core.config.cpu, old, value) | (old | value) & NMIE
        },
        ..csr(
            "mnstatus",
            0x744,
            |core, _| core.csr.nmi.status,
            |core, _, value| {
                core.csr.nmi.status = value;
                core.update_view();
                core.update_attention();
            },
        )
    },
];

fn resumable(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Smrnmi)
}

impl NmiState {
    pub(super) fn new(cpu: &CpuModel) -> NmiState {
        // As in `mstatus`, the field cannot say what there is not.
        NmiState { status: status::reset_value(cpu) & MNPP, ..NmiState::default() }
    }
}

impl Core {
    /// Whether the hart is where a non-maskable interrupt would destroy what another one left, or
    /// at its very start: no interrupt is taken then, and exceptions of machine mode go elsewhere.
    pub(crate) fn is_in_nmi(&self) -> bool {
        resumable(&self.config.cpu) && self.csr.nmi.status & NMIE == 0
    }

    /// Enters the handler of a non-maskable interrupt.
    pub(crate) fn take_nmi(&mut self) {
        let (from, epc) = (self.mode, self.pc);
        if let Some(observer) = &self.observer {
            observer.trap(&TrapEvent {
                hartid: self.config.hartid,
                cause: UNKNOWN,
                interrupt: true,
                epc,
                tval: 0,
                from,
                to: Mode::Machine,
            });
        }
        let cause = UNKNOWN | 1 << (self.xlen.bits() - 1);
        let csr = &mut self.csr;
        if resumable(&self.config.cpu) {
            (csr.nmi.cause, csr.nmi.epc) = (cause, epc);
            csr.nmi.status = status::with_previous(csr.nmi.status & !NMIE, from);
        } else {
            (csr.mcause, csr.mepc, csr.mtval) = (cause, epc, 0);
            csr.mstatus = status::enter_machine(csr.mstatus, from);
        }
        csr.triggers.enter_machine();
        self.reservation = None;
        self.waiting = false;
        self.pc = self.xlen.truncate(self.config.cpu.nmi_vector & !self.misaligned_pc);
        self.enter(Mode::Machine, self.retired);
    }

    /// `mnret`.
    pub(crate) fn nmi_return(&mut self, bits: u32) -> Flow {
        if self.mode != Mode::Machine {
            return self.illegal(bits);
        }
        let to = status::mpp(self.csr.nmi.status);
        self.csr.nmi.status |= NMIE;
        if to != Mode::Machine {
            self.csr.mstatus &= !status::MPRV;
        }
        self.csr.triggers.leave_machine();
        self.return_to(self.csr.nmi.epc, to)
    }
}
