//! The interrupt inputs of a hart, and the ways to get the attention of the thread that runs it.
//!
//! The levels of the inputs are bits of one word, laid out as in `mip` (volume II, "Machine
//! Interrupt Registers"), together with two requests of the emulator. The hart looks at the word
//! once per block of instructions. Interrupt controllers on any thread set the levels.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Leave `run` at the next block.
const EXIT: u64 = 1 << 63;
/// Forget cached pages and code.
const FLUSH: u64 = 1 << 62;
/// A non-maskable interrupt is pending.
pub(crate) const NMI: u64 = 1 << 61;
/// Forget translations of addresses.
const FENCE: u64 = 1 << 60;
/// The requests, which no `mie` masks.
pub(crate) const REQUESTS: u64 = EXIT | FLUSH | FENCE;

/// Wakes a thread that waits for something of several harts.
#[derive(Debug, Default)]
pub struct Bell {
    /// Whether a thread is, or is about to be, in `wait`.
    sleeping: AtomicBool,
    /// How often it has rung while `sleeping`; wraps.
    rings: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    /// Lets the thread that waits look again. The order matters: what it looks at was changed before
    /// `sleeping` is read here, and the sleeper writes `sleeping` before it looks, so one of the two sees
    /// the other; and a ring between the sleeper's look and its wait has been counted.
    pub fn ring(&self) {
        if self.sleeping.load(Ordering::SeqCst) {
            let mut rings = self.locked();
            *rings = rings.wrapping_add(1);
            drop(rings);
            self.rung.notify_all();
        }
    }

    /// Waits until `awake`, which is asked whenever the bell rings, or until the time is over; returns
    /// false if that was first. `awake` may take locks under which others ring.
    pub fn wait(&self, timeout: Option<Duration>, awake: impl Fn() -> bool) -> bool {
        let deadline = timeout.and_then(|time| Instant::now().checked_add(time));
        self.sleeping.store(true, Ordering::SeqCst);
        let awake = loop {
            let heard = *self.locked();
            if awake() {
                break true;
            }
            let rings = self.locked();
            if *rings != heard {
                continue;
            }
            match deadline {
                None => drop(self.rung.wait(rings).unwrap_or_else(PoisonError::into_inner)),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break false;
                    }
                    drop(self.rung.wait_timeout(rings, left));
                }
            }
        };
        self.sleeping.store(false, Ordering::SeqCst);
        awake
    }

    fn locked(&self) -> MutexGuard<'_, u64> {
        // A counter cannot be left half done by a panic elsewhere.
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Interrupt inputs and requests of one hart, shared with those who raise them.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Interrupts {
    /// The levels and requests. First, for translated code to look at.
    word: AtomicU64,
    /// The bits that end a `wfi`: `mie` when the hart went to sleep, for the most part.
    wake: AtomicU64,
    /// Whether the hart is within [`Hart::run`](crate::Hart::run).
    executing: AtomicBool,
    /// For the thread of this hart.
    bell: Bell,
    /// For one that has several harts.
    shared: OnceLock<Arc<Bell>>,
}

impl Interrupts {
    /// Inputs that are all low.
    pub fn new() -> Interrupts {
        Interrupts::default()
    }

    /// Sets the level of the input of an interrupt cause: 1, 3, 5, 7, 9, 11 are supervisor and
    /// machine software, timer and external interrupt. Causes above 31 do not exist.
    pub fn set(&self, cause: u32, level: bool) {
        if cause >= 32 {
            return;
        }
        let bit = 1 << cause;
        if !level {
            self.word.fetch_and(!bit, Ordering::SeqCst);
        } else if self.word.fetch_or(bit, Ordering::SeqCst) & bit == 0 {
            self.ring();
        }
    }

    /// The levels of the inputs, as bits of `mip`.
    pub fn pending(&self) -> u64 {
        self.word.load(Ordering::Acquire) & !(REQUESTS | NMI)
    }

    /// The levels and a non-maskable interrupt that is pending, to be [set](Self::restore) again.
    pub(crate) fn saved(&self) -> u64 {
        self.word.load(Ordering::SeqCst) & !REQUESTS
    }

    /// Makes the levels what they were.
    pub(crate) fn restore(&self, saved: u64) {
        let requests = self.word.load(Ordering::SeqCst) & REQUESTS;
        self.word.store(saved & !REQUESTS | requests, Ordering::SeqCst);
        self.ring();
    }

    /// Raises a non-maskable interrupt: an edge, which stays pending until the hart takes it.
    pub fn raise_nmi(&self) {
        self.word.fetch_or(NMI, Ordering::SeqCst);
        self.ring();
    }

    /// Makes [`Hart::run`](crate::Hart::run) return `Requested`, now or when called next, and
    /// [`Interrupts::wait`] return.
    pub fn request_exit(&self) {
        self.word.fetch_or(EXIT, Ordering::SeqCst);
        self.ring();
    }

    /// Makes the hart forget which pages are RAM, at its next block (or at once, if called from
    /// within a bus access of that hart).
    pub fn request_flush(&self) {
        self.word.fetch_or(FLUSH, Ordering::SeqCst);
        self.ring();
    }

    /// Makes the hart forget translations of addresses before its next block.
    pub fn request_fence(&self) {
        self.word.fetch_or(FENCE, Ordering::SeqCst);
        self.ring();
    }

    /// Whether the hart executes something that does not know of a flush or fence requested before:
    /// who changes what it must not use any more waits until this is over, which is soon.
    pub fn is_behind(&self) -> bool {
        self.word.load(Ordering::SeqCst) & (FLUSH | FENCE) != 0
            && self.executing.load(Ordering::SeqCst)
    }

    /// The hart begins to execute. A request that was made before is seen, or its maker sees this.
    pub(crate) fn begin(&self) {
        self.executing.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The hart does not execute any more.
    pub(crate) fn end(&self) {
        self.executing.store(false, Ordering::SeqCst);
    }

    /// Sleeps until an interrupt that the hart has enabled is pending, an exit or flush is
    /// requested, or the time is over. To be called when `run` returned `Wfi`. Returns false if
    /// the time was over first.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        self.bell.wait(timeout, || self.roused())
    }

    /// Lets a bell ring besides, whenever something may end the sleep. The first one stays.
    pub fn ring_too(&self, bell: Arc<Bell>) {
        let _ = self.shared.set(bell);
    }

    /// Sleeps until an exit or flush is requested, whatever interrupts are pending: for a hart
    /// that is kept from going on.
    pub fn wait_for_request(&self) {
        self.sleep_until_request();
        self.wait(None);
    }

    /// Lets nothing but an exit or flush that is requested end the sleep that begins.
    pub fn sleep_until_request(&self) {
        self.sleep_until(0);
    }

    /// Whether there is a reason not to sleep: what [`Interrupts::wait`] waits for.
    pub fn roused(&self) -> bool {
        let wake = self.wake.load(Ordering::SeqCst) | REQUESTS;
        self.word.load(Ordering::SeqCst) & wake != 0
    }

    /// Levels and requests in one load: the only cost of interrupts in a running block chain.
    #[inline(always)]
    pub(crate) fn word(&self) -> u64 {
        self.word.load(Ordering::Relaxed)
    }

    /// Says which bits of the word end the sleep that begins, requests apart, which do always.
    pub(crate) fn sleep_until(&self, bits: u64) {
        self.wake.store(bits & !REQUESTS, Ordering::SeqCst);
    }

    /// Takes an exit request, if there is one.
    pub(crate) fn take_exit(&self) -> bool {
        self.take(EXIT)
    }

    /// Takes a non-maskable interrupt, if there is one.
    pub(crate) fn accept_nmi(&self) -> bool {
        self.take(NMI)
    }

    /// Forgets a non-maskable interrupt that is pending.
    pub(crate) fn clear_nmi(&self) {
        self.take(NMI);
    }

    /// Takes a flush request, if there is one.
    pub(crate) fn take_flush(&self) -> bool {
        self.take(FLUSH)
    }

    /// Takes a fence request, if there is one.
    pub(crate) fn take_fence(&self) -> bool {
        self.take(FENCE)
    }

    fn take(&self, bit: u64) -> bool {
        // The load spares the usual case the cost of a locked instruction.
        self.word() & bit != 0 && self.word.fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }

    /// Wakes the sleeper.
    fn ring(&self) {
        self.bell.ring();
        if let Some(shared) = self.shared.get() {
            shared.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn the_word_comes_first() {
        assert_eq!(std::mem::offset_of!(Interrupts, word), 0);
    }

    #[test]
    fn levels_are_bits_of_mip() {
        let inputs = Interrupts::new();
        inputs.set(7, true);
        inputs.set(9, true);
        inputs.set(7, false);
        inputs.set(64, true);
        inputs.request_exit();
        assert_eq!(inputs.pending(), 1 << 9);
        assert!(inputs.take_exit());
        assert!(!inputs.take_exit());
    }

    #[test]
    fn only_an_enabled_interrupt_ends_the_sleep() {
        let inputs = Arc::new(Interrupts::new());
        inputs.sleep_until(1 << 7);
        inputs.set(9, true);
        assert!(!inputs.wait(Some(Duration::from_millis(5))));
        let other = Arc::clone(&inputs);
        let waker = thread::spawn(move || other.set(7, true));
        assert!(inputs.wait(Some(Duration::from_secs(20))));
        waker.join().unwrap();
        assert!(!inputs.bell.sleeping.load(Ordering::SeqCst));
    }
}
