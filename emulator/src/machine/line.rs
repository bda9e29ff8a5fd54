//! Interrupt lines between live devices.
//!
//! A device sets the level of its outputs while it holds its own lock ([`Line::set`] stores one
//! word and calls nobody) and delivers them after it has let go of it ([`Line::deliver`]). So no
//! lock is held across a call into another device, and still the last level set is the last one
//! delivered: one thread at a time delivers, and goes round again when a level was set meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use crate::devices::Device;

/// Rounds after which a delivery gives up: only devices wired in a ring that oscillates get there.
const ROUNDS: u32 = 1000;

/// An output of a device.
#[derive(Clone, Default)]
pub struct Line(Arc<Inner>);

#[derive(Default)]
struct Inner {
    target: OnceLock<Target>,
    level: AtomicBool,
    delivered: AtomicBool,
    requests: AtomicU32,
}

struct Target {
    device: Weak<dyn Device>,
    unit: u32,
    line: u32,
}

impl Line {
    /// Leads the line to an input. Done once, before the machine runs.
    pub fn connect(&self, device: &Arc<dyn Device>, unit: u32, line: u32) {
        let target = Target { device: Arc::downgrade(device), unit, line };
        // A second wire to the same output is refused by the board.
        let _ = self.0.target.set(target);
    }

    /// Sets the level; the input sees it at the next [`Line::deliver`].
    pub fn set(&self, level: bool) {
        self.0.level.store(level, Ordering::SeqCst);
    }

    /// Tells the input of the level, if it has changed.
    pub fn deliver(&self) {
        let inner = &*self.0;
        let Some(target) = inner.target.get() else { return };
        // A level that is delivered already costs two loads. Should another thread be about to
        // deliver an older one, it looks again after that, below.
        let changed =
            || inner.level.load(Ordering::SeqCst) != inner.delivered.load(Ordering::SeqCst);
        if !changed() || inner.requests.fetch_add(1, Ordering::SeqCst) != 0 {
            // Whoever delivers now will see that there is more.
            return;
        }
        let Some(device) = target.device.upgrade() else { return };
        for _ in 0..ROUNDS {
            let seen = inner.requests.load(Ordering::SeqCst);
            let level = inner.level.load(Ordering::SeqCst);
            if inner.delivered.swap(level, Ordering::SeqCst) != level {
                device.input(target.unit, target.line, level);
            }
            let done = inner
                .requests
                .compare_exchange(seen, 0, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok();
            if done && (!changed() || inner.requests.fetch_add(1, Ordering::SeqCst) != 0) {
                return;
            }
        }
        inner.requests.store(0, Ordering::SeqCst);
    }
}
