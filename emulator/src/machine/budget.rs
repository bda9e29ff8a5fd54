//! How many instructions a machine may still execute, all harts together.
//!
//! What a hart executes is exact, traps included. A machine whose harts all sleep spends something
//! too, or a guest that waits for what never comes would wait for ever: what a slow hart would execute
//! in that time. So a budget ends every run, and no run that goes on by itself is cut short by a host
//! that is busy.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use boardwright_riscv::Interrupts;

/// Instructions a microsecond that sleeping costs.
const SLEEP: u64 = 100;
/// How often a hart that sleeps looks whether all do.
const NAP: Duration = Duration::from_millis(5);

/// What a hart may execute next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// So many instructions, to be settled by [`Budget::settle`].
    Run(u64),
    /// Nothing yet: what others have set aside may come back.
    Later,
    /// Nothing any more.
    Over,
}

/// Shared by the harts of a machine.
#[derive(Debug)]
pub struct Budget {
    limit: Option<u64>,
    left: AtomicU64,
    /// Harts that have something set aside.
    holding: AtomicUsize,
    sleeping: AtomicUsize,
}

impl Budget {
    /// So many instructions, or as many as there are.
    pub fn new(limit: Option<u64>) -> Self {
        let left = AtomicU64::new(limit.unwrap_or(u64::MAX));
        Self { limit, left, holding: AtomicUsize::new(0), sleeping: AtomicUsize::new(0) }
    }

    /// How many were spent.
    pub fn spent(&self) -> u64 {
        self.limit.unwrap_or(u64::MAX) - self.left.load(Ordering::Acquire)
    }

    /// Sets some aside, at most `most`. Where there is a limit it is a small part of what is left, so
    /// that no hart has much while others have none.
    pub(super) fn take(&self, most: u64) -> Grant {
        let part = |left: u64| match self.limit {
            Some(_) => most.min(left / 16 + 1).min(left),
            None => most.min(left),
        };
        let taken = |left: u64| Some(left - part(left));
        // Before it is taken, so that nobody finds all gone while it may come back.
        self.holding.fetch_add(1, Ordering::AcqRel);
        let (Ok(left) | Err(left)) =
            self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, taken);
        match part(left) {
            0 if self.holding.fetch_sub(1, Ordering::AcqRel) > 1 => Grant::Later,
            0 => Grant::Over,
            granted => Grant::Run(granted),
        }
    }

    /// Ends what [`Grant::Run`] has begun; what was not executed is given back.
    pub(super) fn settle(&self, unspent: u64) {
        self.left.fetch_add(unspent, Ordering::AcqRel);
        self.holding.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether there is a limit.
    pub(super) fn limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Takes what it costs that all harts wait; returns whether something is left.
    pub(super) fn pay(&self, time: Duration) -> bool {
        if self.limit.is_none() {
            return true;
        }
        let cost = time.as_nanos() * u128::from(SLEEP) / 1000;
        let cost = u64::try_from(cost).unwrap_or(u64::MAX);
        let paid = |left: u64| Some(left.saturating_sub(cost));
        let _ = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, paid);
        self.left.load(Ordering::Acquire) > 0
    }

    /// Sleeps as [`Interrupts::wait`] does; `harts` is how many there are. Returns with nothing left
    /// when the budget ends meanwhile.
    pub(super) fn sleep(&self, inputs: &Interrupts, harts: usize) {
        if self.limit.is_none() {
            inputs.wait(None);
            return;
        }
        self.sleeping.fetch_add(1, Ordering::AcqRel);
        loop {
            let begun = Instant::now();
            let awake = inputs.wait(Some(NAP));
            let all = self.sleeping.load(Ordering::Acquire) == harts;
            let cost = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            // Each of them pays its part.
            let cost = cost.saturating_mul(SLEEP) / harts.max(1) as u64;
            if all {
                let paid = |left: u64| Some(left.saturating_sub(cost));
                let _ = self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, paid);
            }
            if awake || self.left.load(Ordering::Acquire) == 0 {
                break;
            }
        }
        self.sleeping.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_can_be_spent_and_no_more() {
        for limit in [0, 1, 15, 16, 1000, 123_456_789] {
            let budget = Budget::new(Some(limit));
            let mut spent = 0;
            while let Grant::Run(granted) = budget.take(1 << 20) {
                let unspent = granted / 3;
                budget.settle(unspent);
                spent += granted - unspent;
            }
            assert_eq!((spent, budget.spent()), (limit, limit));
            assert_eq!(budget.take(1), Grant::Over);
        }
        let endless = Budget::new(None);
        assert_eq!(endless.take(1 << 20), Grant::Run(1 << 20));
        let shared = Budget::new(Some(1));
        assert_eq!(shared.take(5), Grant::Run(1));
        assert_eq!(shared.take(5), Grant::Later);
        shared.settle(0);
        assert_eq!(shared.take(5), Grant::Over);
        assert_eq!(endless.spent(), 1 << 20);
    }
}
