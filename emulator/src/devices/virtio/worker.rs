//! A thread that works for a device, so that harts do not wait for the host.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::machine::VirtualClock;

/// What is to be done when there is something to do.
pub(super) type Work = dyn Fn() + Send + Sync;

#[derive(Default)]
struct State {
    wanted: bool,
    busy: bool,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, work: &Work) {
        let mut state = self.lock();
        while !state.ended {
            if !std::mem::take(&mut state.wanted) {
                state = self.wait(state);
                continue;
            }
            state.busy = true;
            drop(state);
            work();
            state = self.lock();
            state.busy = false;
            self.changed.notify_all();
        }
    }
}

/// The thread, which begins with the first thing to do: most boards have devices that nobody uses. Where
/// time goes by instructions there is none: what is to be done is done before the next one.
pub(super) struct Worker {
    at_once: bool,
    shared: Arc<Shared>,
    work: Arc<Work>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Worker {
    pub(super) fn new(clock: &VirtualClock, work: impl Fn() + Send + Sync + 'static) -> Self {
        let at_once = clock.is_counted();
        Self { at_once, shared: Arc::default(), work: Arc::new(work), thread: Mutex::default() }
    }

    /// There is something to do.
    pub(super) fn kick(&self) {
        if self.at_once {
            return (self.work)();
        }
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            let (shared, work) = (self.shared.clone(), self.work.clone());
            let spawned = std::thread::Builder::new()
                .name("virtio".into())
                .spawn(move || shared.serve(&*work));
            match spawned {
                Ok(spawned) => *thread = Some(spawned),
                // Without a thread, the hart waits.
                Err(_) => return (self.work)(),
            }
        }
        drop(thread);
        self.shared.lock().wanted = true;
        self.shared.changed.notify_all();
    }

    /// Waits until all that is to be done is done.
    pub(super) fn drain(&self) {
        let mut state = self.shared.lock();
        while state.wanted || state.busy {
            state = self.shared.wait(state);
        }
    }

    /// Waits until what was begun is done; what was not begun is forgotten.
    pub(super) fn settle(&self) {
        let mut state = self.shared.lock();
        state.wanted = false;
        while state.busy {
            state = self.shared.wait(state);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let here = std::thread::current().id();
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != here) {
            // A panic there was already reported.
            let _ = thread.join();
        }
    }
}
