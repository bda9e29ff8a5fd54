//! Triggers: breakpoints and watchpoints of the guest's own (RISC-V debug specification 1.0,
//! chapter 5, "Sdtrig").
//!
//! There are two, which match addresses (`mcontrol` and `mcontrol6`) and raise breakpoint
//! exceptions before the access. As points they stand in one list with those of debuggers.

use serde::{Deserialize, Serialize};

use super::{Csr, csr, fixed, status};
use crate::config::{Modes, Xlen};
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::trap::{Exception, Mode};

/// As many as QEMU has.
pub(crate) const TRIGGERS: usize = 2;

/// Types, in the top four bits of `tdata1`.
const MCONTROL: u64 = 2;
const MCONTROL6: u64 = 6;
const DISABLED: u64 = 15;

const LOAD: u64 = 1 << 0;
const STORE: u64 = 1 << 1;
const EXECUTE: u64 = 1 << 2;
const USER: u64 = 1 << 3;
const SUPERVISOR: u64 = 1 << 4;
const MACHINE: u64 = 1 << 6;
const MATCH_SHIFT: u32 = 7;
/// How an address is compared with `tdata2`.
const EQUAL: u64 = 0;
const NAPOT: u64 = 1;
const GREATER_OR_EQUAL: u64 = 2;
const LESS: u64 = 3;

/// Fields of `tcontrol`: triggers work in machine mode, and did before the trap.
const MTE: u64 = 1 << 3;
const MPTE: u64 = 1 << 7;

/// What the registers hold.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Triggers {
    selected: usize,
    data1: [u64; TRIGGERS],
    data2: [u64; TRIGGERS],
    control: u64,
}

impl Triggers {
    pub(crate) fn new(cpu: &CpuModel) -> Triggers {
        let unused = with_type(MCONTROL, cpu.xlen);
        Triggers { selected: 0, data1: [unused; TRIGGERS], data2: [0; TRIGGERS], control: 0 }
    }

    /// Whether the trigger that is selected exists.
    pub(crate) fn fits(&self) -> bool {
        self.selected < TRIGGERS
    }

    /// A trap to machine mode.
    pub(crate) fn enter_machine(&mut self) {
        self.control = if self.control & MTE != 0 { MPTE } else { 0 };
    }

    /// A return from machine mode.
    pub(crate) fn leave_machine(&mut self) {
        let enabled = if self.control & MPTE != 0 { MTE } else { 0 };
        self.control = self.control & MPTE | enabled;
    }
}

/// What a trigger is about: addresses, accesses, modes.
pub(crate) struct Trigger {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) fetch: bool,
    pub(crate) load: bool,
    pub(crate) store: bool,
    modes: u64,
}

impl Trigger {
    /// Whether it works in a mode.
    pub(crate) fn in_mode(&self, mode: Mode) -> bool {
        let bit = match mode {
            Mode::User => USER,
            Mode::Supervisor => SUPERVISOR,
            Mode::Machine => MACHINE,
        };
        self.modes & bit != 0
    }
}

pub(super) const CSRS: &[Csr] = &[
    Csr {
        exists: |cpu, _| sdtrig(cpu),
        legal: |core, _, value| {
            let there = usize::try_from(value).is_ok_and(|value| value < TRIGGERS);
            if there { value } else { core.csr.triggers.selected as u64 }
        },
        ..csr(
            "tselect",
            0x7a0,
            |core, _| core.csr.triggers.selected as u64,
            |core, _, value| core.csr.triggers.selected = value as usize,
        )
    },
    Csr {
        exists: |cpu, _| sdtrig(cpu),
        legal: |core, _, value| legal(&core.config.cpu, value),
        ..csr(
            "tdata1",
            0x7a1,
            |core, _| core.csr.triggers.data1[core.csr.triggers.selected],
            |core, _, value| {
                core.csr.triggers.data1[core.csr.triggers.selected] = value;
                core.triggers_changed();
            },
        )
    },
    Csr {
        exists: |cpu, _| sdtrig(cpu),
        ..csr(
            "tdata2",
            0x7a2,
            |core, _| core.csr.triggers.data2[core.csr.triggers.selected],
            |core, _, value| {
                core.csr.triggers.data2[core.csr.triggers.selected] = value;
                core.triggers_changed();
            },
        )
    },
    Csr { exists: |cpu, _| sdtrig(cpu), ..fixed("tdata3", 0x7a3, |_, _| 0) },
    Csr {
        exists: |cpu, _| sdtrig(cpu),
        ..fixed("tinfo", 0x7a4, |_, _| {
            const VERSION_1_0: u64 = 1 << 24;
            VERSION_1_0 | 1 << MCONTROL | 1 << MCONTROL6 | 1 << DISABLED
        })
    },
    Csr {
        exists: |cpu, _| sdtrig(cpu),
        legal: |_, _, value| value & (MTE | MPTE),
        ..csr(
            "tcontrol",
            0x7a5,
            |core, _| core.csr.triggers.control,
            |core, _, value| core.csr.triggers.control = value,
        )
    },
];

fn sdtrig(cpu: &CpuModel) -> bool {
    cpu.extensions.has(Extension::Sdtrig)
}

fn with_type(kind: u64, xlen: Xlen) -> u64 {
    kind << (xlen.bits() - 4)
}

/// What a write of `value` makes of `tdata1`: a type that there is not is that of a disabled
/// trigger.
fn legal(cpu: &CpuModel, value: u64) -> u64 {
    let kind = value >> (cpu.xlen.bits() - 4);
    // The size of a range that `mcontrol` matches is told by a field that is zero here.
    let ways: &[u64] = match kind {
        MCONTROL => &[EQUAL, GREATER_OR_EQUAL, LESS],
        MCONTROL6 => &[EQUAL, NAPOT, GREATER_OR_EQUAL, LESS],
        _ => return with_type(DISABLED, cpu.xlen),
    };
    let modes = match cpu.modes {
        Modes::M => MACHINE,
        Modes::Mu => MACHINE | USER,
        Modes::Msu => MACHINE | SUPERVISOR | USER,
    };
    let way = value >> MATCH_SHIFT & 0xf;
    let way = if ways.contains(&way) { way } else { EQUAL };
    with_type(kind, cpu.xlen) | way << MATCH_SHIFT | value & (LOAD | STORE | EXECUTE | modes)
}

impl Core {
    /// The triggers that are set to something.
    pub(crate) fn triggers(&self) -> impl Iterator<Item = Trigger> {
        let Triggers { data1, data2, .. } = &self.csr.triggers;
        data1.iter().zip(data2).filter_map(|(&data1, &addr)| {
            let (first, last) = match data1 >> MATCH_SHIFT & 0xf {
                NAPOT => {
                    // Ones at the end tell the size: n of them make 2^(n+1) bytes.
                    let span = addr ^ addr.wrapping_add(1);
                    (addr & !span, addr | span)
                }
                GREATER_OR_EQUAL => (addr, u64::MAX),
                LESS => (0, addr.checked_sub(1)?),
                _ => (addr, addr),
            };
            let modes = data1 & (MACHINE | SUPERVISOR | USER);
            let is = |bit| data1 & bit != 0;
            let (fetch, load, store) = (is(EXECUTE), is(LOAD), is(STORE));
            let used = modes != 0 && (fetch || load || store);
            used.then_some(Trigger { first, last, fetch, load, store, modes })
        })
    }

    /// Whether a trigger may fire: not where its exception would destroy the state of a handler.
    /// In machine mode `tcontrol` says so; in supervisor mode it is whether interrupts are on, if
    /// the exception goes there.
    pub(crate) fn triggers_work(&self) -> bool {
        let delegated = self.csr.medeleg >> Exception::Breakpoint as u64 & 1 != 0;
        match self.mode {
            Mode::Machine => self.csr.triggers.control & MTE != 0,
            Mode::Supervisor if delegated => self.csr.mstatus & status::SIE != 0,
            _ => true,
        }
    }
}
