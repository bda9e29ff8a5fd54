//! A counter that goes with guest time while it is enabled: the heart of watchdogs, real-time
//! clocks and pulse-width modulators.

use serde::{Deserialize, Serialize};

/// Nanoseconds of a second.
const SECOND: u128 = 1_000_000_000;

/// A counter of a clock that ticks so many times a second.
///
/// It remembers what it was when it was last set or let run, and computes the rest, so that looking
/// at it often does not make it late.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::devices) struct Counter {
    frequency: u64,
    running: bool,
    base: u64,
    /// When it was `base`, in nanoseconds.
    since: u64,
    now: u64,
}

impl Counter {
    /// A counter at 0 that stands still. The frequency is in Hz, above 0.
    pub(in crate::devices) fn new(frequency: u64) -> Self {
        Self { frequency, running: false, base: 0, since: 0, now: 0 }
    }

    /// Lets the time come, in nanoseconds.
    pub(in crate::devices) fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
    }

    /// What it says; the user cuts it to its width.
    pub(in crate::devices) fn value(&self) -> u64 {
        let elapsed = if self.running { self.now - self.since } else { 0 };
        let ticks = u128::from(elapsed) * u128::from(self.frequency) / SECOND;
        self.base.wrapping_add(ticks as u64)
    }

    /// Sets it; the next tick is a whole one away.
    pub(in crate::devices) fn set(&mut self, value: u64) {
        self.base = value;
        self.since = self.now;
    }

    /// Takes ticks away without losing a part of one: it goes on as if it had been that much less.
    pub(in crate::devices) fn take(&mut self, ticks: u64) {
        self.base = self.base.wrapping_sub(ticks);
    }

    /// Lets it run, or stand still.
    pub(in crate::devices) fn run(&mut self, running: bool) {
        if running != self.running {
            self.set(self.value());
            self.running = running;
        }
    }

    /// Whether it runs.
    pub(in crate::devices) fn is_running(&self) -> bool {
        self.running
    }

    /// When it will have ticked so many times from now on, in nanoseconds; never, if it stands.
    pub(in crate::devices) fn when(&self, ticks: u64) -> Option<u64> {
        if !self.running {
            return None;
        }
        let whole = u128::from(self.value().wrapping_sub(self.base)) + u128::from(ticks);
        let after = (whole * SECOND).div_ceil(self.frequency.into());
        u64::try_from(after).ok()?.checked_add(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_while_it_runs_and_says_when() {
        let mut counter = Counter::new(32_768);
        counter.advance(1_000_000_000);
        assert_eq!((counter.value(), counter.when(1)), (0, None));
        counter.run(true);
        // 2^15 ticks are a second; one is 30517.578125 ns.
        assert_eq!(counter.when(32_768), Some(2_000_000_000));
        assert_eq!(counter.when(1), Some(1_000_030_518));
        for (now, value) in [(1_000_030_517, 0), (1_000_030_518, 1), (2_000_000_000, 32_768)] {
            counter.advance(now);
            assert_eq!(counter.value(), value, "{now}");
        }
        counter.take(32_000);
        assert_eq!((counter.value(), counter.when(32_768)), (768, Some(3_000_000_000)));
        counter.run(false);
        counter.advance(9_000_000_000);
        assert_eq!((counter.value(), counter.when(1)), (768, None));
        counter.set(u64::MAX);
        counter.run(true);
        counter.advance(10_000_000_000);
        assert_eq!(counter.value(), 32_767, "it wraps");
    }
}
