//! Supervisor-mode registers (volume II, "Supervisor CSRs"). Several are a restricted view of
//! machine-mode ones.

use super::counters::counters;
use super::machine::{legal_vector, supervisor, write_ssip};
use super::{Csr, csr, status};
use crate::core::Core;
use crate::trap::{Mode, interrupt};

pub(super) const CSRS: &[Csr] = &[
    Csr {
        legal: |core, _, value| {
            let status = status::legal_supervisor(&core.config.cpu, core.csr.mstatus, value);
            core.xlen.truncate(supervisor_view(core, status))
        },
        ..here("sstatus", 0x100, |core, _| supervisor_view(core, core.csr.mstatus), set_sstatus)
    },
    Csr {
        legal: |core, _, value| value & core.csr.mideleg,
        ..here(
            "sie",
            0x104,
            |core, _| core.csr.mie & core.csr.mideleg,
            |core, _, value| {
                core.csr.mie = core.csr.mie & !core.csr.mideleg | value;
                core.update_attention();
            },
        )
    },
    Csr {
        legal: |core, _, value| legal_vector(core.csr.stvec, value),
        ..here("stvec", 0x105, |core, _| core.csr.stvec, |core, _, value| core.csr.stvec = value)
    },
    Csr {
        legal: |core, _, value| value & counters(&core.config.cpu),
        ..here(
            "scounteren",
            0x106,
            |core, _| core.csr.scounteren,
            |core, _, value| {
                core.csr.scounteren = value;
            },
        )
    },
    here(
        "sscratch",
        0x140,
        |core, _| core.csr.sscratch,
        |core, _, value| {
            core.csr.sscratch = value;
        },
    ),
    Csr {
        legal: |core, _, value| value & !core.misaligned_pc,
        ..here("sepc", 0x141, |core, _| core.csr.sepc, |core, _, value| core.csr.sepc = value)
    },
    here("scause", 0x142, |core, _| core.csr.scause, |core, _, value| core.csr.scause = value),
    here("stval", 0x143, |core, _| core.csr.stval, |core, _, value| core.csr.stval = value),
    Csr {
        legal: |core, _, value| value & writable_pending(core),
        ..here(
            "sip",
            0x144,
            |core, _| core.mip() & core.csr.mideleg,
            |core, _, value| {
                let writable = writable_pending(core);
                if writable & interrupt::SSI != 0 {
                    write_ssip(core, value);
                }
                let others = writable & !interrupt::SSI;
                core.csr.mip = core.csr.mip & !others | value & others;
            },
        )
    },
    Csr {
        permitted: |core, _| core.mode != Mode::Supervisor || core.csr.mstatus & status::TVM == 0,
        legal: |core, _, value| status::legal_satp(&core.config.cpu, core.csr.satp, value),
        ..here(
            "satp",
            0x180,
            |core, _| core.csr.satp,
            |core, _, value| {
                core.csr.satp = value;
                core.switch_translations();
            },
        )
    },
];

/// A record of a register that exists with supervisor mode.
const fn here(
    name: &'static str,
    number: u16,
    read: fn(&Core, u16) -> u64,
    write: fn(&mut Core, u16, u64),
) -> Csr {
    Csr { exists: |cpu, _| supervisor(cpu), ..csr(name, number, read, write) }
}

fn supervisor_view(core: &Core, status: u64) -> u64 {
    status::summarized(status & status::SUPERVISOR_VIEW, core.xlen)
}

fn set_sstatus(core: &mut Core, _: u16, value: u64) {
    let value = value & !status::sd(core.xlen);
    core.csr.mstatus = core.csr.mstatus & !status::SUPERVISOR_VIEW | value;
    core.update_view();
    core.update_attention();
}

/// The pending bits that supervisor mode may write.
fn writable_pending(core: &Core) -> u64 {
    (interrupt::SSI | interrupt::LCOFI) & core.interrupts_there() & core.csr.mideleg
}
