//! The registers of physical memory protection (volume II, "Physical Memory Protection CSRs", and
//! the part of `mseccfg` in "'Smepmp' Extension for PMP Enhancements").

use super::machine::rv32;
use super::{Csr, Family, csr, fixed};
use crate::config::Xlen;
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;

pub(super) const CSRS: &[Csr] = &[
    Csr {
        family: Some(Family { count: 16, first: 0, suffix: "" }),
        // On RV64 a register holds eight entries and the odd ones do not exist.
        exists: |cpu, index| {
            index * 4 < entries(cpu) && (cpu.xlen == Xlen::Rv32 || index.is_multiple_of(2))
        },
        legal: |core, index, value| {
            let legal = |n: usize| {
                let byte = (value >> (8 * n)) as u8;
                u64::from(core.csr.pmp.legal_config(first(index) + n, byte)) << (8 * n)
            };
            (0..bytes(core)).map(legal).sum()
        },
        ..csr(
            "pmpcfg",
            0x3a0,
            |core, index| {
                let byte = |n: usize| u64::from(core.csr.pmp.config(first(index) + n)) << (8 * n);
                (0..bytes(core)).map(byte).sum()
            },
            |core, index, value| {
                for n in 0..bytes(core) {
                    core.csr.pmp.set_config(first(index) + n, (value >> (8 * n)) as u8);
                }
                core.flush_memory();
            },
        )
    },
    Csr {
        family: Some(Family { count: 64, first: 0, suffix: "" }),
        exists: |cpu, index| index < entries(cpu),
        legal: |core, index, value| core.csr.pmp.legal_addr(index.into(), value),
        ..csr(
            "pmpaddr",
            0x3b0,
            |core, index| core.csr.pmp.addr(index.into()),
            |core, index, value| {
                core.csr.pmp.set_addr(index.into(), value);
                core.flush_memory();
            },
        )
    },
    Csr {
        exists: |cpu, _| smepmp(cpu),
        legal: |core, _, value| core.csr.pmp.legal_policy(value),
        ..csr(
            "mseccfg",
            0x747,
            |core, _| core.csr.pmp.policy(),
            |core, _, value| {
                core.csr.pmp.set_policy(value);
                core.flush_memory();
            },
        )
    },
    Csr { exists: |cpu, _| smepmp(cpu) && rv32(cpu), ..fixed("mseccfgh", 0x757, |_, _| 0) },
];

fn smepmp(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Smepmp)
}

/// How many entries have registers: none, 16 or 64. Those beyond what the hart has read as zero.
fn entries(cpu: &CpuModel) -> u16 {
    match cpu.pmp_regions {
        0 => 0,
        1..=16 => 16,
        _ => 64,
    }
}

/// The first entry of a configuration register; their numbers count in fours at both widths.
fn first(index: u16) -> usize {
    usize::from(index) * 4
}

/// How many entries a configuration register holds.
fn bytes(core: &Core) -> usize {
    core.xlen.bits() as usize / 8
}
