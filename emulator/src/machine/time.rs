//! The time as a hart sees it: `time` and the comparison with `stimecmp` (RISC-V privileged
//! architecture, "'Sstc' Extension for Supervisor-mode Timer Interrupts").

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use boardwright_riscv::{Clock, Interrupts};

use super::clock::{Alarm, AlarmId, VirtualClock};

/// The input of a hart that its timer drives: the supervisor timer interrupt.
const SUPERVISOR_TIMER: u32 = 5;
/// Nanoseconds of a tick where no timer is: 10 MHz.
const DEFAULT_TICK: u64 = 100;

/// A counter that harts see as `time`.
pub trait TimeSource: Send + Sync {
    /// What it says now.
    fn ticks(&self) -> u64;

    /// The guest time in nanoseconds at which it says `ticks`; `None` if that is not to come.
    fn when(&self, ticks: u64) -> Option<u64>;

    /// Asks to be rung whenever the counter has been set anew.
    fn on_change(&self, follower: Weak<dyn Alarm>);
}

/// The clock of a hart: the counter of the machine timer wired to it, or guest time at 10 MHz where
/// no timer is.
pub struct HartClock {
    source: OnceLock<Arc<dyn TimeSource>>,
    guest: Arc<VirtualClock>,
    alarm: AlarmId,
    own: Weak<Self>,
    timer: Mutex<Option<Timer>>,
}

/// When which input is to be high.
struct Timer {
    interrupts: Arc<Interrupts>,
    due: u64,
}

impl HartClock {
    /// A clock that no timer is wired to yet.
    pub fn new(guest: Arc<VirtualClock>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            source: OnceLock::new(),
            alarm: guest.new_alarm(),
            guest,
            own: own.clone(),
            timer: Mutex::new(None),
        })
    }

    /// Takes the counter of a timer; the first one stays.
    pub fn follow(&self, source: Arc<dyn TimeSource>) {
        let own: Weak<dyn Alarm> = self.own.clone();
        source.on_change(own);
        let _ = self.source.set(source);
    }

    fn timer(&self) -> MutexGuard<'_, Option<Timer>> {
        self.timer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the input as it is to be now, and the alarm for when that changes. The caller holds the
    /// lock, lest an alarm for what was before the guest wrote come after.
    fn update(&self, timer: &Timer) {
        let at = match self.source.get() {
            Some(source) => source.when(timer.due),
            None => timer.due.checked_mul(DEFAULT_TICK),
        };
        let due = || self.ticks() >= timer.due;
        self.guest.set_alarm(self.alarm, at.filter(|_| !due()), self.own.clone(), 0);
        // After the alarm, for the time may have come meanwhile.
        timer.interrupts.set(SUPERVISOR_TIMER, due());
    }
}

impl Alarm for HartClock {
    fn ring(&self, _: u32) {
        if let Some(timer) = &*self.timer() {
            self.update(timer);
        }
    }
}

impl Clock for HartClock {
    fn ticks(&self) -> u64 {
        self.source.get().map_or_else(|| self.guest.now() / DEFAULT_TICK, |source| source.ticks())
    }

    fn reached(&self, executed: u64) {
        self.guest.reached(executed);
    }

    fn set_timer(&self, interrupts: &Arc<Interrupts>, due: Option<u64>) {
        let mut timer = self.timer();
        let old = std::mem::replace(
            &mut *timer,
            due.map(|due| Timer { interrupts: interrupts.clone(), due }),
        );
        if let Some(timer) = &*timer {
            self.update(timer);
        } else if old.is_some() {
            // Whatever else drives the input was without effect as long as the timer did.
            interrupts.set(SUPERVISOR_TIMER, false);
            self.guest.set_alarm(self.alarm, None, self.own.clone(), 0);
        }
    }
}
