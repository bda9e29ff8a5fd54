//! How counters count (volume II, "Hardware Performance Monitor", "'Smcntrpmf' Cycle and Instret
//! Privilege Mode Filtering", "'Sscofpmf' Extension for Count Overflow and Mode-Based Filtering").
//!
//! Nothing is counted: a counter is a number to add to that of retired instructions, and is looked
//! at when something that decides on it changes. A cycle is an instruction. The run loop is told
//! which instruction a counter overflows at, and looks then.

use serde::{Deserialize, Serialize};

use crate::config::Modes;
use crate::core::Core;
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::trap::{Mode, interrupt};

/// The numbers of the counters that are always there.
pub(super) const CYCLES: u16 = 0;
pub(super) const INSTRUCTIONS: u16 = 2;

/// The counter has overflown since this was cleared.
pub(super) const OVERFLOW: u64 = 1 << 63;
/// It stands still in a mode.
const NOT_IN_MACHINE: u64 = 1 << 62;
const NOT_IN_SUPERVISOR: u64 = 1 << 61;
const NOT_IN_USER: u64 = 1 << 60;
/// What is counted; the numbers are those of the SBI's general hardware events.
const EVENT: u64 = 0xff;
const EVENT_CYCLES: u64 = 1;
const EVENT_INSTRUCTIONS: u64 = 2;

/// The counters of a hart, by their numbers.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Counters {
    values: [Counter; 32],
    /// `mhpmevent`, for the first ones `mcyclecfg` and `minstretcfg`.
    choices: [u64; 32],
    inhibit: u32,
    /// The instruction at which each of them overflows, if that is to be noted.
    overflows: [u64; 32],
    /// The first of these.
    next: u64,
}

impl Counters {
    pub(crate) fn new() -> Counters {
        let stopped = Counter { offset: 0, stopped: true };
        let mut values = [stopped; 32];
        values[usize::from(CYCLES)].stopped = false;
        values[usize::from(INSTRUCTIONS)].stopped = false;
        let overflows = [u64::MAX; 32];
        Counters { values, choices: [0; 32], inhibit: 0, overflows, next: u64::MAX }
    }

    /// `mcountinhibit`.
    pub(super) fn inhibit(&self) -> u32 {
        self.inhibit
    }

    /// Whether a counter counts in a mode.
    fn counts(&self, n: usize, mode: Mode) -> bool {
        let choice = self.choices[n];
        let chosen = n < 3 || matches!(choice & EVENT, EVENT_CYCLES | EVENT_INSTRUCTIONS);
        let filter = match mode {
            Mode::Machine => NOT_IN_MACHINE,
            Mode::Supervisor => NOT_IN_SUPERVISOR,
            Mode::User => NOT_IN_USER,
        };
        chosen && self.inhibit >> n & 1 == 0 && choice & filter == 0
    }

    /// Lets each counter go on or stand still from instruction `now` on.
    fn update(&mut self, now: u64, mode: Mode, overflow: bool) {
        for n in 0..32 {
            let counts = self.counts(n, mode);
            let counter = &mut self.values[n];
            counter.stop(now, !counts);
            let noted = overflow && n > 2 && counts && self.choices[n] & OVERFLOW == 0;
            let left = counter.read(now).wrapping_neg();
            self.overflows[n] = match left {
                _ if !noted => u64::MAX,
                // 2^64 instructions are more than will ever be.
                0 => u64::MAX,
                left => now.saturating_add(left),
            };
        }
        self.next = self.overflows.into_iter().min().unwrap_or(u64::MAX);
    }
}

/// A counter that follows the number of retired instructions without being counted itself.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Counter {
    /// What to add to the number of instructions; if stopped, the value.
    offset: u64,
    stopped: bool,
}

impl Counter {
    /// The value after `now` instructions.
    fn read(self, now: u64) -> u64 {
        if self.stopped { self.offset } else { self.offset.wrapping_add(now) }
    }

    /// Sets the value that it has after `now` instructions.
    fn write(&mut self, now: u64, value: u64) {
        self.offset = if self.stopped { value } else { value.wrapping_sub(now) };
    }

    /// Stops it, or lets it go on.
    fn stop(&mut self, now: u64, stopped: bool) {
        let value = self.read(now);
        self.stopped = stopped;
        self.write(now, value);
    }
}

/// The fields that name modes a counter stands still in.
pub(super) fn filters(cpu: &CpuModel) -> u64 {
    match cpu.modes {
        Modes::M => NOT_IN_MACHINE,
        Modes::Mu => NOT_IN_MACHINE | NOT_IN_USER,
        Modes::Msu => NOT_IN_MACHINE | NOT_IN_SUPERVISOR | NOT_IN_USER,
    }
}

/// What a write of `value` makes of `mhpmevent`: an event that there is not is none.
pub(super) fn legal_event(core: &Core, value: u64) -> u64 {
    let cpu = &core.config.cpu;
    if !cpu.extensions.has(Extension::Zihpm) {
        return 0;
    }
    let event = match value & !(OVERFLOW | filters(cpu)) {
        event @ (EVENT_CYCLES | EVENT_INSTRUCTIONS) => event,
        _ => 0,
    };
    let fields = if cpu.extensions.has(Extension::Sscofpmf) { OVERFLOW | filters(cpu) } else { 0 };
    event | value & fields
}

impl Core {
    /// The value of a counter.
    pub(super) fn counter(&self, n: u16) -> u64 {
        self.csr.counters.values[usize::from(n & 31)].read(self.now())
    }

    /// The time.
    pub(super) fn time(&self) -> u64 {
        self.tell_clock();
        self.clock.ticks()
    }

    /// Writes a counter. The writing instruction does not count: the next one reads what is
    /// written.
    pub(super) fn set_counter(&mut self, n: u16, value: u64, high: bool) {
        let value = self.merged(self.counter(n), value, high);
        let after = self.after();
        self.csr.counters.values[usize::from(n & 31)].write(after, value);
        self.update_counters(after);
    }

    /// What a counter is told to count and where.
    pub(super) fn counter_choice(&self, n: u16) -> u64 {
        self.csr.counters.choices[usize::from(n & 31)]
    }

    /// Tells a counter what to count and where.
    pub(super) fn set_counter_choice(&mut self, n: u16, value: u64, high: bool) {
        let value = self.merged(self.counter_choice(n), value, high);
        self.csr.counters.choices[usize::from(n & 31)] = value;
        self.update_counters(self.after());
    }

    /// Sets `mcountinhibit`.
    pub(super) fn inhibit_counters(&mut self, inhibit: u32) {
        self.csr.counters.inhibit = inhibit;
        self.update_counters(self.after());
    }

    /// Instructions retired when the one that changes a counter is done.
    fn after(&self) -> u64 {
        self.now().wrapping_add(self.csr.uncounted)
    }

    fn update_counters(&mut self, now: u64) {
        let overflow = self.config.cpu.extensions.has(Extension::Sscofpmf);
        self.csr.counters.update(now, self.mode, overflow);
    }

    /// The mode has changed, `now` instructions having retired.
    pub(crate) fn counters_change_mode(&mut self, now: u64) {
        let filters = NOT_IN_MACHINE | NOT_IN_SUPERVISOR | NOT_IN_USER;
        if self.csr.counters.choices.iter().any(|choice| choice & filters != 0) {
            self.update_counters(now);
        }
    }

    /// How many instructions there are until a counter overflows.
    pub(crate) fn until_overflow(&self) -> u64 {
        self.csr.counters.next.saturating_sub(self.retired)
    }

    /// Notes overflows that have come, with an interrupt.
    pub(crate) fn note_overflows(&mut self) {
        let now = self.retired;
        let counters = &mut self.csr.counters;
        for n in 0..32 {
            if counters.overflows[n] <= now {
                counters.choices[n] |= OVERFLOW;
                self.csr.mip |= interrupt::LCOFI;
            }
        }
        self.update_counters(now);
    }

    /// Whether the mode may look at a counter, by its bit in the enable registers.
    pub(super) fn counter_enabled(&self, counter: u16) -> bool {
        let machine = self.csr.mcounteren >> counter & 1 != 0;
        let supervisor = self.csr.scounteren >> counter & 1 != 0 || !self.has_supervisor();
        match self.mode {
            Mode::Machine => true,
            Mode::Supervisor => machine,
            Mode::User => machine && supervisor,
        }
    }
}
