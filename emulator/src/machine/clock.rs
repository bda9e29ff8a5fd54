//! Time: the virtual clock, which stands still while the guest is stopped, and alarms on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Called on the alarm thread when an alarm is due.
pub trait Alarm: Send + Sync {
    /// The time given has come. `tag` is what [`VirtualClock::set_alarm`] was told.
    fn ring(&self, tag: u32);
}

/// Nanoseconds of guest time since the machine was made.
pub struct VirtualClock {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Guest time that had gone by when it was last stopped.
    elapsed: Duration,
    /// Since when it runs.
    since: Option<Instant>,
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
    fn now(&self) -> u64 {
        let running = self.since.map(|since| since.elapsed()).unwrap_or_default();
        u64::try_from((self.elapsed + running).as_nanos()).unwrap_or(u64::MAX)
    }
}

impl VirtualClock {
    /// A clock at 0 that stands still, with the thread that rings its alarms.
    ///
    /// # Errors
    /// The host gives no thread.
    pub fn new() -> std::io::Result<Arc<Self>> {
        let clock = Arc::new(Self {
            state: Mutex::new(State {
                elapsed: Duration::ZERO,
                since: None,
                alarms: BTreeMap::new(),
                deadlines: BTreeMap::new(),
                next_id: 0,
            }),
            changed: Condvar::new(),
        });
        let ringing = Arc::downgrade(&clock);
        std::thread::Builder::new().name("alarms".into()).spawn(move || ring_alarms(&ringing))?;
        Ok(clock)
    }

    /// Nanoseconds now.
    pub fn now(&self) -> u64 {
        self.lock().now()
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
        if let Some(since) = state.since.take() {
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
        }
        self.changed.notify_all();
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
        let now = state.now();
        let due = state.alarms.first_key_value().map(|(key, _)| *key);
        match due {
            Some((at, id)) if state.since.is_some() && at <= now => {
                let entry = state.alarms.remove(&(at, id));
                state.deadlines.remove(&id);
                drop(state);
                if let Some(Entry { alarm, tag }) = entry
                    && let Some(alarm) = alarm.upgrade()
                {
                    alarm.ring(tag);
                }
            }
            other => {
                let wait = match other {
                    Some((at, _)) if state.since.is_some() => {
                        Duration::from_nanos(at - now).min(CHECK)
                    }
                    _ => CHECK,
                };
                drop(clock.changed.wait_timeout(state, wait));
            }
        }
    }
}
