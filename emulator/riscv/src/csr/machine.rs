//! Machine-mode registers (volume II, "Machine-Level CSRs").

use super::counters::counters;
use super::{Csr, csr, fixed, status};
use crate::config::{Modes, PrivilegedSpec, Xlen};
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::trap::interrupt;

/// The exceptions that can be delegated: all but calls from machine mode.
const DELEGABLE: u64 = 0xb3ff;

pub(super) const CSRS: &[Csr] = &[
    fixed("mvendorid", 0xf11, |core, _| core.config.cpu.mvendorid.into()),
    fixed("marchid", 0xf12, |core, _| core.config.cpu.marchid),
    fixed("mimpid", 0xf13, |core, _| core.config.cpu.mimpid),
    fixed("mhartid", 0xf14, |core, _| core.config.hartid),
    Csr { exists: |cpu, _| since_1_12(cpu), ..fixed("mconfigptr", 0xf15, |_, _| 0) },
    Csr {
        legal: |core, _, value| {
            let old = core.csr.mstatus;
            let legal = status::legal(&core.config.cpu, old, core.merged(old, value, false));
            core.xlen.truncate(status::summarized(legal, core.xlen))
        },
        ..csr(
            "mstatus",
            0x300,
            |core, _| status::summarized(core.csr.mstatus, core.xlen),
            |core, _, value| {
                let value = value & !status::sd(core.xlen);
                core.csr.mstatus = core.merged(core.csr.mstatus, value, false);
                core.update_view();
                core.update_attention();
            },
        )
    },
    // Nothing can be written: the extensions stay as the board has chosen them.
    fixed("misa", 0x301, |core, _| core.config.cpu.misa()),
    Csr {
        exists: |cpu, _| supervisor(cpu),
        legal: |_, _, value| value & DELEGABLE,
        ..csr(
            "medeleg",
            0x302,
            |core, _| core.csr.medeleg,
            |core, _, value| {
                core.csr.medeleg = value;
            },
        )
    },
    Csr {
        exists: |cpu, _| supervisor(cpu),
        legal: |core, _, value| {
            value & core.interrupts_there() & (interrupt::SUPERVISOR | interrupt::LCOFI)
        },
        ..csr(
            "mideleg",
            0x303,
            |core, _| core.csr.mideleg,
            |core, _, value| {
                core.csr.mideleg = value;
                core.update_attention();
            },
        )
    },
    Csr {
        legal: |core, _, value| value & core.interrupts_there(),
        ..csr(
            "mie",
            0x304,
            |core, _| core.csr.mie,
            |core, _, value| {
                core.csr.mie = value;
                core.update_attention();
            },
        )
    },
    Csr {
        legal: |core, _, value| legal_vector(core.csr.mtvec, value),
        ..csr("mtvec", 0x305, |core, _| core.csr.mtvec, |core, _, value| core.csr.mtvec = value)
    },
    Csr {
        exists: |cpu, _| cpu.modes != Modes::M,
        legal: |core, _, value| value & counters(&core.config.cpu),
        ..csr(
            "mcounteren",
            0x306,
            |core, _| core.csr.mcounteren,
            |core, _, value| {
                core.csr.mcounteren = value;
            },
        )
    },
    // The high half of mstatus: only the endianness fields, and all is little-endian.
    Csr { exists: |cpu, _| rv32(cpu) && since_1_12(cpu), ..fixed("mstatush", 0x310, |_, _| 0) },
    csr(
        "mscratch",
        0x340,
        |core, _| core.csr.mscratch,
        |core, _, value| {
            core.csr.mscratch = value;
        },
    ),
    Csr {
        legal: |core, _, value| value & !core.misaligned_pc,
        ..csr("mepc", 0x341, |core, _| core.csr.mepc, |core, _, value| core.csr.mepc = value)
    },
    csr("mcause", 0x342, |core, _| core.csr.mcause, |core, _, value| core.csr.mcause = value),
    csr("mtval", 0x343, |core, _| core.csr.mtval, |core, _, value| core.csr.mtval = value),
    Csr {
        // An external interrupt input that is high must not become a bit written by software.
        modify: Some(|core, _| core.csr.mip | core.mip() & interrupt::SSI),
        legal: |core, _, value| {
            let timer = if core.timer_compares() { interrupt::STI } else { 0 };
            value & core.interrupts_there() & !interrupt::MACHINE & !timer
        },
        ..csr(
            "mip",
            0x344,
            |core, _| core.mip(),
            |core, _, value| {
                core.csr.mip = value & !interrupt::SSI;
                write_ssip(core, value);
            },
        )
    },
];

pub(super) fn supervisor(cpu: &CpuModel) -> bool {
    cpu.modes == Modes::Msu
}

pub(super) fn since_1_12(cpu: &CpuModel) -> bool {
    cpu.privileged >= PrivilegedSpec::V1_12
}

pub(super) fn rv32(cpu: &CpuModel) -> bool {
    cpu.xlen == Xlen::Rv32
}

/// Sets or clears the supervisor software interrupt. It is stored with the inputs, where devices
/// set it too; so an instruction that changes other bits must leave it alone, or an interrupt that
/// comes in between would be lost.
pub(super) fn write_ssip(core: &Core, value: u64) {
    if core.csr.touched & interrupt::SSI != 0 {
        core.interrupts.set(interrupt::SSI.trailing_zeros(), value & interrupt::SSI != 0);
    }
}

/// Modes above 1 are reserved.
pub(super) fn legal_vector(old: u64, value: u64) -> u64 {
    if value & 2 != 0 { old } else { value }
}
