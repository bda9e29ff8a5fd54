//! Time: the virtual clock, which stands still while the guest is stopped, and alarms on it.
//!
//! It goes with the host's time, and a thread rings its alarms; or it goes by instructions, and whoever
//! executes these ([`Rota`](super::rota::Rota)) moves it and rings its alarms.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use boardwright_riscv::{Bell, Interrupts};

/// Called on the alarm thread when an alarm is due.
pub trait Alarm: Send + Sync {
    /// The time given has come. `tag` is what [`VirtualClock::set_alarm`] was told.
    fn ring(&self, tag: u32);
}

/// Nanoseconds of guest time since the machine was made.
pub struct VirtualClock {
    state: Mutex<State>,
    changed: Condvar,
    /// For one that goes by instructions: what wakes whoever moves it.
    mover: Option<Arc<Bell>>,
}

/// A run of instructions that moves the clock.
struct Run {
    /// The hart whose they are.
    hart: Arc<Interrupts>,
    /// What it had executed, and what time it was, when the run began.
    from: u64,
    since: u64,
    /// An instruction takes two to the power of so many nanoseconds.
    shift: u32,
    /// When it ends.
    until: u64,
}

struct State {
    /// Guest time that had gone by when it was last stopped.
    elapsed: Duration,
    /// Since when it runs.
    since: Option<Instant>,
    /// The run that goes on, of a clock that goes by instructions.
    run: Option<Run>,
    alarms: BTreeMap<(u64, AlarmId), Entry>,
    deadlines: BTreeMap<AlarmId, u64>,
    next_id: u64,
}

struct Entry {
    alarm: Weak<dyn Alarm>,
    tag: u32,
}

/// Names one alarm of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlarmId(u64);

impl State {
    fn now(&self, counted: bool) -> u64 {
        let since = self.since.filter(|_| !counted);
        let running = since.map(|since| since.elapsed()).unwrap_or_default();
        nanoseconds(self.elapsed + running)
    }

    /// Takes the first alarm away that is due.
    fn take_due(&mut self, now: u64) -> Option<Entry> {
        let (at, id) = self.alarms.first_key_value().map(|(key, _)| *key)?;
        if at > now {
            return None;
        }
        self.deadlines.remove(&id);
        self.alarms.remove(&(at, id))
    }
}

impl Entry {
    fn ring(self) {
        if let Some(alarm) = self.alarm.upgrade() {
            alarm.ring(self.tag);
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl VirtualClock {
    /// A clock at 0 that stands still, with the thread that rings its alarms.
    ///
    /// # Errors
    /// The host gives no thread.
    pub fn new() -> std::io::Result<Arc<Self>> {
        let clock = Self::standing(None);
        let ringing = Arc::downgrade(&clock);
        std::thread::Builder::new().name("alarms".into()).spawn(move || ring_alarms(&ringing))?;
        Ok(clock)
    }

    /// A clock at 0 that goes by instructions. Who executes them waits at the bell.
    pub fn counted(mover: Arc<Bell>) -> Arc<Self> {
        Self::standing(Some(mover))
    }

    fn standing(mover: Option<Arc<Bell>>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                elapsed: Duration::ZERO,
                since: None,
                run: None,
                alarms: BTreeMap::new(),
                deadlines: BTreeMap::new(),
                next_id: 0,
            }),
            changed: Condvar::new(),
            mover,
        })
    }

    /// Whether it goes by instructions.
    pub fn is_counted(&self) -> bool {
        self.mover.is_some()
    }

    /// Nanoseconds now.
    pub fn now(&self) -> u64 {
        self.lock().now(self.is_counted())
    }

    /// Whether it runs: the guest does, or is about to.
    pub fn is_running(&self) -> bool {
        self.lock().since.is_some()
    }

    /// Lets it run.
    pub fn start(&self) {
        let mut state = self.lock();
        state.since.get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    /// Lets it stand still.
    pub fn stop(&self) {
        let mut state = self.lock();
        if let Some(since) = state.since.take()
            && !self.is_counted()
        {
            state.elapsed += since.elapsed();
        }
        self.changed.notify_all();
    }

    /// Makes it another time; for a clock that stands still. Alarms stay set to what they were.
    pub fn set(&self, now: u64) {
        self.lock().elapsed = Duration::from_nanos(now);
    }

    /// A new alarm, not set.
    pub fn new_alarm(&self) -> AlarmId {
        let mut state = self.lock();
        state.next_id += 1;
        AlarmId(state.next_id)
    }

    /// Sets an alarm to a time in nanoseconds, or takes it back with `None`.
    pub fn set_alarm(&self, id: AlarmId, at: Option<u64>, alarm: Weak<dyn Alarm>, tag: u32) {
        let mut state = self.lock();
        if let Some(old) = state.deadlines.remove(&id) {
            state.alarms.remove(&(old, id));
        }
        if let Some(at) = at {
            state.deadlines.insert(id, at);
            state.alarms.insert((at, id), Entry { alarm, tag });
            // A run that was to end later ends here, and goes on up to the alarm.
            if let Some(run) = state.run.as_ref().filter(|run| at < run.until) {
                run.hart.request_exit();
            }
        }
        drop(state);
        self.changed.notify_all();
        if let Some(mover) = &self.mover {
            mover.ring();
        }
    }

    /// When the next alarm is due.
    pub fn due(&self) -> Option<u64> {
        self.lock().alarms.first_key_value().map(|((at, _), _)| *at)
    }

    /// Rings the alarms that are due, in order.
    pub fn ring_due(&self) {
        let counted = self.is_counted();
        loop {
            let mut state = self.lock();
            let now = state.now(counted);
            let Some(entry) = state.take_due(now) else { return };
            drop(state);
            entry.ring();
        }
    }

    /// A hart begins to execute: so many instructions up to now, each of which takes two to the power of
    /// `shift` nanoseconds, until a time that is to come.
    pub fn begin_run(&self, hart: Arc<Interrupts>, executed: u64, shift: u32, until: u64) {
        let mut state = self.lock();
        let since = nanoseconds(state.elapsed);
        state.run = Some(Run { hart, from: executed, since, shift, until });
    }

    /// Ends the run that goes on, after its instruction.
    pub fn cut(&self) {
        if let Some(run) = &self.lock().run {
            run.hart.request_exit();
        }
    }

    /// Lets time go by that no instruction takes.
    pub fn pass(&self, time: Duration) {
        self.lock().elapsed += time;
    }

    /// The hart has executed so many instructions. Nothing happens where none has begun to.
    pub fn reached(&self, executed: u64) {
        let mut state = self.lock();
        if let Some(Run { from, since, shift, .. }) = state.run {
            let time = executed.wrapping_sub(from).saturating_mul(1 << shift);
            state.elapsed = Duration::from_nanos(since.saturating_add(time));
        }
    }

    /// The hart has left off, after so many instructions.
    pub fn end_run(&self, executed: u64) {
        self.reached(executed);
        self.lock().run = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the alarm thread sleeps at most before it looks whether its clock still exists.
const CHECK: Duration = Duration::from_millis(500);

fn ring_alarms(clock: &Weak<VirtualClock>) {
    while let Some(clock) = clock.upgrade() {
        let mut state = clock.lock();
        let now = state.now(false);
        let runs = state.since.is_some();
        if runs && let Some(entry) = state.take_due(now) {
            drop(state);
            entry.ring();
            continue;
        }
        let wait = match state.alarms.first_key_value() {
            Some(((at, _), _)) if runs => Duration::from_nanos(at - now).min(CHECK),
            _ => CHECK,
        };
        drop(clock.changed.wait_timeout(state, wait));
    }
}
