//! Counters: Zicntr and Zihpm (volume I, "Counters"), and their machine-mode side (volume II,
//! "Hardware Performance Monitor", "Machine Counter-Enable Register", "Machine Counter-Inhibit
//! CSR"), with filtering by mode (Smcntrpmf) and overflow (Sscofpmf).
//!
//! All registers are numbered as their bits in `mcounteren` are: 0 counts cycles, 1 is the time, 2
//! counts instructions, 3 to 31 what is chosen. How they count stands in `counting.rs`.

use super::counting::{self, CYCLES, INSTRUCTIONS, OVERFLOW};
use super::machine::{rv32, supervisor};
use super::{Csr, Family, csr, fixed};
use crate::config::PrivilegedSpec;
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::trap::Mode;

const TIME: u16 = 1;
/// The first of those that count what is chosen.
const FIRST: u16 = 3;

/// Performance counters 3 to 31.
const MONITORS: Option<Family> = Some(Family { count: 29, first: FIRST, suffix: "" });
const MONITORS_HIGH: Option<Family> = Some(Family { count: 29, first: FIRST, suffix: "h" });

pub(super) const CSRS: &[Csr] = &[
    // For all modes, if enabled
    Csr {
        permitted: |core, _| core.counter_enabled(CYCLES),
        exists: |cpu, _| zicntr(cpu),
        ..fixed("cycle", 0xc00, |core, _| core.counter(CYCLES))
    },
    Csr {
        permitted: |core, _| core.counter_enabled(TIME),
        exists: |cpu, _| zicntr(cpu),
        ..fixed("time", 0xc01, |core, _| core.time())
    },
    Csr {
        permitted: |core, _| core.counter_enabled(INSTRUCTIONS),
        exists: |cpu, _| zicntr(cpu),
        ..fixed("instret", 0xc02, |core, _| core.counter(INSTRUCTIONS))
    },
    Csr {
        permitted: |core, _| core.counter_enabled(CYCLES),
        exists: |cpu, _| zicntr(cpu) && rv32(cpu),
        ..fixed("cycleh", 0xc80, |core, _| core.counter(CYCLES) >> 32)
    },
    Csr {
        permitted: |core, _| core.counter_enabled(TIME),
        exists: |cpu, _| zicntr(cpu) && rv32(cpu),
        ..fixed("timeh", 0xc81, |core, _| core.time() >> 32)
    },
    Csr {
        permitted: |core, _| core.counter_enabled(INSTRUCTIONS),
        exists: |cpu, _| zicntr(cpu) && rv32(cpu),
        ..fixed("instreth", 0xc82, |core, _| core.counter(INSTRUCTIONS) >> 32)
    },
    Csr {
        family: MONITORS,
        permitted: |core, index| core.counter_enabled(index + FIRST),
        exists: |cpu, _| zihpm(cpu),
        ..fixed("hpmcounter", 0xc03, |core, index| core.counter(index + FIRST))
    },
    Csr {
        family: MONITORS_HIGH,
        permitted: |core, index| core.counter_enabled(index + FIRST),
        exists: |cpu, _| zihpm(cpu) && rv32(cpu),
        ..fixed("hpmcounter", 0xc83, |core, index| core.counter(index + FIRST) >> 32)
    },
    // For machine mode
    csr(
        "mcycle",
        0xb00,
        |core, _| core.counter(CYCLES),
        |core, _, value| core.set_counter(CYCLES, value, false),
    ),
    csr(
        "minstret",
        0xb02,
        |core, _| core.counter(INSTRUCTIONS),
        |core, _, value| core.set_counter(INSTRUCTIONS, value, false),
    ),
    Csr {
        exists: |cpu, _| rv32(cpu),
        ..csr(
            "mcycleh",
            0xb80,
            |core, _| core.counter(CYCLES) >> 32,
            |core, _, value| core.set_counter(CYCLES, value, true),
        )
    },
    Csr {
        exists: |cpu, _| rv32(cpu),
        ..csr(
            "minstreth",
            0xb82,
            |core, _| core.counter(INSTRUCTIONS) >> 32,
            |core, _, value| core.set_counter(INSTRUCTIONS, value, true),
        )
    },
    // Those that count what is chosen are there without Zihpm too, and count nothing.
    Csr {
        family: MONITORS,
        legal: |core, _, value| if zihpm(&core.config.cpu) { value } else { 0 },
        ..csr(
            "mhpmcounter",
            0xb03,
            |core, index| core.counter(index + FIRST),
            |core, index, value| core.set_counter(index + FIRST, value, false),
        )
    },
    Csr {
        family: MONITORS_HIGH,
        exists: |cpu, _| rv32(cpu),
        legal: |core, _, value| if zihpm(&core.config.cpu) { value } else { 0 },
        ..csr(
            "mhpmcounter",
            0xb83,
            |core, index| core.counter(index + FIRST) >> 32,
            |core, index, value| core.set_counter(index + FIRST, value, true),
        )
    },
    Csr {
        family: MONITORS,
        legal: |core, _, value| core.xlen.truncate(counting::legal_event(core, value)),
        ..csr(
            "mhpmevent",
            0x323,
            |core, index| core.counter_choice(index + FIRST),
            |core, index, value| core.set_counter_choice(index + FIRST, value, false),
        )
    },
    Csr {
        family: MONITORS_HIGH,
        exists: |cpu, _| rv32(cpu) && sscofpmf(cpu),
        legal: |core, _, value| counting::legal_event(core, value << 32) >> 32,
        ..csr(
            "mhpmevent",
            0x723,
            |core, index| core.counter_choice(index + FIRST) >> 32,
            |core, index, value| core.set_counter_choice(index + FIRST, value, true),
        )
    },
    filter(
        "mcyclecfg",
        0x321,
        |core, _| core.counter_choice(CYCLES),
        |core, _, value| core.set_counter_choice(CYCLES, value, false),
    ),
    filter(
        "minstretcfg",
        0x322,
        |core, _| core.counter_choice(INSTRUCTIONS),
        |core, _, value| core.set_counter_choice(INSTRUCTIONS, value, false),
    ),
    filter_high(
        "mcyclecfgh",
        0x721,
        |core, _| core.counter_choice(CYCLES) >> 32,
        |core, _, value| core.set_counter_choice(CYCLES, value, true),
    ),
    filter_high(
        "minstretcfgh",
        0x722,
        |core, _| core.counter_choice(INSTRUCTIONS) >> 32,
        |core, _, value| core.set_counter_choice(INSTRUCTIONS, value, true),
    ),
    Csr {
        exists: |cpu, _| cpu.privileged >= PrivilegedSpec::V1_11,
        legal: |core, _, value| value & counters(&core.config.cpu) & !(1 << TIME),
        ..csr(
            "mcountinhibit",
            0x320,
            |core, _| core.csr.counters.inhibit().into(),
            |core, _, value| core.inhibit_counters(value as u32),
        )
    },
    // For supervisor mode
    Csr {
        exists: |cpu, _| sscofpmf(cpu) && supervisor(cpu),
        ..fixed("scountovf", 0xda0, |core, _| {
            let enabled = if core.mode == Mode::Machine { u64::MAX } else { core.csr.mcounteren };
            let overflown = |n: &u16| core.counter_choice(*n) & OVERFLOW != 0;
            let bits = (FIRST..32).filter(overflown).fold(0, |bits, n| bits | 1 << n);
            bits & enabled
        })
    },
];

fn zicntr(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Zicntr)
}

fn zihpm(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Zihpm)
}

fn sscofpmf(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Sscofpmf)
}

fn smcntrpmf(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Smcntrpmf)
}

/// The counters that a hart has, as bits of `mcounteren`.
pub(super) fn counters(cpu: &CpuModel) -> u64 {
    if zihpm(cpu) { 0xffff_ffff } else { 0b111 }
}

/// A record of a register that says in which modes a counter stands still.
const fn filter(
    name: &'static str,
    number: u16,
    read: fn(&Core, u16) -> u64,
    write: fn(&mut Core, u16, u64),
) -> Csr {
    Csr {
        exists: |cpu, _| smcntrpmf(cpu),
        legal: |core, _, value| core.xlen.truncate(value & counting::filters(&core.config.cpu)),
        ..csr(name, number, read, write)
    }
}

/// The same for its high half.
const fn filter_high(
    name: &'static str,
    number: u16,
    read: fn(&Core, u16) -> u64,
    write: fn(&mut Core, u16, u64),
) -> Csr {
    Csr {
        exists: |cpu, _| smcntrpmf(cpu) && rv32(cpu),
        legal: |core, _, value| value & counting::filters(&core.config.cpu) >> 32,
        ..csr(name, number, read, write)
    }
}
