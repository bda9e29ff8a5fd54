//! Counters: Zicntr (volume I, "'Zicntr' and 'Zihpm' Counters"), and their machine-mode side
//! (volume II, "Hardware Performance Monitor", "Machine Counter-Enable and -Inhibit Registers").
//!
//! A cycle is an instruction. The performance counters count nothing.

use super::machine::rv32;
use super::state::Counter;
use super::{Csr, Family, csr, fixed};
use crate::config::PrivilegedSpec;
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;

const CY: u32 = 0;
const TM: u32 = 1;
const IR: u32 = 2;
const INHIBITABLE: u64 = 1 << CY | 1 << IR;

/// Performance counters 3 to 31.
const MONITORS: Option<Family> = Some(Family { count: 29, first: 3, suffix: "" });
const MONITORS_HIGH: Option<Family> = Some(Family { count: 29, first: 3, suffix: "h" });

pub(super) const CSRS: &[Csr] = &[
    // For all modes, if enabled
    Csr {
        permitted: |core| core.counter_enabled(CY),
        exists: |cpu, _| zicntr(cpu),
        ..fixed("cycle", 0xc00, |core, _| core.csr.mcycle.read(core.now()))
    },
    Csr {
        permitted: |core| core.counter_enabled(TM),
        exists: |cpu, _| zicntr(cpu),
        ..fixed("time", 0xc01, |core, _| core.clock.ticks())
    },
    Csr {
        permitted: |core| core.counter_enabled(IR),
        exists: |cpu, _| zicntr(cpu),
        ..fixed("instret", 0xc02, |core, _| core.csr.minstret.read(core.now()))
    },
    Csr {
        permitted: |core| core.counter_enabled(CY),
        exists: |cpu, _| zicntr(cpu) && rv32(cpu),
        ..fixed("cycleh", 0xc80, |core, _| core.csr.mcycle.read(core.now()) >> 32)
    },
    Csr {
        permitted: |core| core.counter_enabled(TM),
        exists: |cpu, _| zicntr(cpu) && rv32(cpu),
        ..fixed("timeh", 0xc81, |core, _| core.clock.ticks() >> 32)
    },
    Csr {
        permitted: |core| core.counter_enabled(IR),
        exists: |cpu, _| zicntr(cpu) && rv32(cpu),
        ..fixed("instreth", 0xc82, |core, _| core.csr.minstret.read(core.now()) >> 32)
    },
    // For machine mode
    csr(
        "mcycle",
        0xb00,
        |core, _| core.csr.mcycle.read(core.now()),
        |core, _, value| {
            write(core, |core| &mut core.csr.mcycle, value, false);
        },
    ),
    csr(
        "minstret",
        0xb02,
        |core, _| core.csr.minstret.read(core.now()),
        |core, _, value| {
            write(core, |core| &mut core.csr.minstret, value, false);
        },
    ),
    Csr {
        exists: |cpu, _| rv32(cpu),
        ..csr(
            "mcycleh",
            0xb80,
            |core, _| core.csr.mcycle.read(core.now()) >> 32,
            |core, _, value| write(core, |core| &mut core.csr.mcycle, value, true),
        )
    },
    Csr {
        exists: |cpu, _| rv32(cpu),
        ..csr(
            "minstreth",
            0xb82,
            |core, _| core.csr.minstret.read(core.now()) >> 32,
            |core, _, value| write(core, |core| &mut core.csr.minstret, value, true),
        )
    },
    Csr { family: MONITORS, ..fixed("mhpmcounter", 0xb03, |_, _| 0) },
    Csr {
        family: MONITORS_HIGH,
        exists: |cpu, _| rv32(cpu),
        ..fixed("mhpmcounter", 0xb83, |_, _| 0)
    },
    Csr { family: MONITORS, ..fixed("mhpmevent", 0x323, |_, _| 0) },
    Csr {
        exists: |cpu, _| cpu.privileged >= PrivilegedSpec::V1_11,
        legal: |_, _, value| value & INHIBITABLE,
        ..csr(
            "mcountinhibit",
            0x320,
            |core, _| core.csr.mcountinhibit,
            |core, _, value| {
                core.csr.mcountinhibit = value;
                let now = core.now().wrapping_add(core.csr.uncounted);
                core.csr.mcycle.stop(now, value & 1 << CY != 0);
                core.csr.minstret.stop(now, value & 1 << IR != 0);
            },
        )
    },
];

fn zicntr(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Zicntr)
}

/// Writes a counter. The writing instruction does not count: the next one reads what is written.
fn write(core: &mut Core, counter: fn(&mut Core) -> &mut Counter, value: u64, high: bool) {
    let now = core.now();
    let old = counter(core).read(now);
    let value = core.merged(old, value, high);
    let after = now.wrapping_add(core.csr.uncounted);
    counter(core).write(after, value);
}
