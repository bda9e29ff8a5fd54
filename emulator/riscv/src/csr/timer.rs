//! The timer of supervisor mode (volume II, "'Sstc' Extension for Supervisor-mode Timer
//! Interrupts"). The comparison is the clock's: it sets the interrupt input when the time comes.

use super::environment::STCE;
use super::machine::{rv32, supervisor};
use super::{Csr, csr};
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::trap::Mode;

const TIME: u16 = 1;

pub(super) const CSRS: &[Csr] = &[
    Csr {
        exists: |cpu, _| sstc(cpu),
        permitted,
        ..csr(
            "stimecmp",
            0x14d,
            |core, _| core.csr.stimecmp,
            |core, _, value| write(core, value, false),
        )
    },
    Csr {
        exists: |cpu, _| sstc(cpu) && rv32(cpu),
        permitted,
        ..csr(
            "stimecmph",
            0x15d,
            |core, _| core.csr.stimecmp >> 32,
            |core, _, value| write(core, value, true),
        )
    },
];

fn sstc(cpu: &CpuModel) -> bool {
    supervisor(cpu) && cpu.extensions.has(Extension::Sstc)
}

fn permitted(core: &Core, _: u16) -> bool {
    core.mode == Mode::Machine || core.timer_compares() && core.counter_enabled(TIME)
}

fn write(core: &mut Core, value: u64, high: bool) {
    core.csr.stimecmp = core.merged(core.csr.stimecmp, value, high);
    core.update_timer();
}

impl Core {
    /// Whether the supervisor timer interrupt is that of `stimecmp`, and not software's.
    pub(crate) fn timer_compares(&self) -> bool {
        self.csr.menvcfg & STCE != 0
    }

    /// Tells the clock when the interrupt is due.
    pub(crate) fn update_timer(&mut self) {
        if sstc(&self.config.cpu) {
            self.tell_clock();
            let due = self.timer_compares().then_some(self.csr.stimecmp);
            self.clock.set_timer(&self.interrupts, due);
        }
    }
}
