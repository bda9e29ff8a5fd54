//! The host threads that execute the harts: one each, let go and held back together.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use boardwright_riscv::{Clock, Exit, Hart, HartConfig, Interrupts};
use qapi_runtime::QmpError;

use super::clock::VirtualClock;

/// Instructions between two looks at the gate when nobody asks a hart to leave.
const SLICE: u64 = 1 << 20;

/// A hart before it exists: what a hart array asks for.
pub struct HartPlan {
    /// CPU, hart id and reset vector.
    pub config: HartConfig,
    /// Where it starts when nothing loaded says otherwise; `None` leaves it to the firmware.
    pub start: Option<u64>,
    /// Its interrupt inputs, shared with the device that has them.
    pub interrupts: Arc<Interrupts>,
    /// What it reads as `time`.
    pub clock: Arc<HartClock>,
}

/// The `time` CSR: the counter of the machine timer wired to the hart, or guest time at 10 MHz
/// where no timer is.
pub struct HartClock {
    timer: OnceLock<Arc<dyn Clock>>,
    fallback: Arc<VirtualClock>,
}

impl HartClock {
    /// A clock that no timer is wired to yet.
    pub fn new(fallback: Arc<VirtualClock>) -> Arc<Self> {
        Arc::new(Self { timer: OnceLock::new(), fallback })
    }

    /// Takes the counter of a timer; the first one stays.
    pub fn follow(&self, timer: Arc<dyn Clock>) {
        let _ = self.timer.set(timer);
    }
}

impl Clock for HartClock {
    fn ticks(&self) -> u64 {
        self.timer.get().map_or_else(|| self.fallback.now() / 100, |timer| timer.ticks())
    }
}

/// Whether harts may run, and how many do not.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    open: bool,
    closed_for_good: bool,
    parked: usize,
    /// Threads that have ended; after a panic, before they were told to.
    gone: usize,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until harts may run; `false` when they never will again.
    fn pass(&self) -> bool {
        let mut state = self.lock();
        if !state.open && !state.closed_for_good {
            state.parked += 1;
            self.changed.notify_all();
            while !state.open && !state.closed_for_good {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.parked -= 1;
        }
        !state.closed_for_good
    }
}

/// All harts of a machine with their threads.
pub struct Harts {
    gate: Arc<Gate>,
    list: Vec<Running>,
}

struct Running {
    hart: Arc<Mutex<Hart>>,
    interrupts: Arc<Interrupts>,
    thread: Option<JoinHandle<()>>,
    thread_id: Arc<OnceLock<i32>>,
}

impl Harts {
    /// Starts a thread for each hart; they wait at the closed gate.
    ///
    /// # Errors
    /// The host cannot start a thread.
    pub fn new(harts: Vec<Hart>) -> Result<Self, QmpError> {
        let mut all = Self { gate: Arc::default(), list: Vec::new() };
        for (index, hart) in harts.into_iter().enumerate() {
            let interrupts = hart.interrupts().clone();
            let hart = Arc::new(Mutex::new(hart));
            let thread_id = Arc::new(OnceLock::new());
            let work = {
                let (hart, gate) = (hart.clone(), all.gate.clone());
                let (interrupts, thread_id) = (interrupts.clone(), thread_id.clone());
                move || {
                    let _ = thread_id.set(rustix::thread::gettid().as_raw_nonzero().get());
                    execute(&hart, &gate, &interrupts);
                }
            };
            let thread = std::thread::Builder::new()
                .name(format!("hart {index}"))
                .spawn(work)
                .map_err(|error| {
                    QmpError::generic(format!("Cannot start a thread for hart {index}: {error}"))
                })?;
            all.list.push(Running { hart, interrupts, thread: Some(thread), thread_id });
        }
        all.pause();
        Ok(all)
    }

    /// Lets the harts run.
    pub fn run(&self) {
        self.gate.lock().open = true;
        self.gate.changed.notify_all();
    }

    /// Holds the harts back; returns when all of them stand still.
    pub fn pause(&self) {
        let mut state = self.gate.lock();
        state.open = false;
        for running in &self.list {
            running.interrupts.request_exit();
        }
        while state.parked + state.gone < self.list.len() {
            state = self.gate.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Does something with a hart that stands still; holds all of them back while it does.
    pub fn with<R>(&self, index: usize, work: impl FnOnce(&mut Hart) -> R) -> Option<R> {
        let running = self.list.get(index)?;
        let open = self.gate.lock().open;
        if open {
            self.pause();
        }
        let result = work(&mut running.hart.lock().unwrap_or_else(PoisonError::into_inner));
        if open {
            self.run();
        }
        Some(result)
    }

    /// Does something with every hart, all of them standing still.
    pub fn each(&self, mut work: impl FnMut(&mut Hart)) {
        let open = self.gate.lock().open;
        if open {
            self.pause();
        }
        for running in &self.list {
            work(&mut running.hart.lock().unwrap_or_else(PoisonError::into_inner));
        }
        if open {
            self.run();
        }
    }

    /// The host thread of a hart.
    pub fn thread_id(&self, index: usize) -> Option<i32> {
        self.list.get(index)?.thread_id.get().copied()
    }
}

impl Drop for Harts {
    fn drop(&mut self) {
        {
            let mut state = self.gate.lock();
            state.open = false;
            state.closed_for_good = true;
        }
        self.gate.changed.notify_all();
        for running in &mut self.list {
            running.interrupts.request_exit();
            if let Some(thread) = running.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

/// Counts a thread out, however it ends: who waits for all harts must not wait for that one.
struct Leaving<'a>(&'a Gate);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().gone += 1;
        self.0.changed.notify_all();
    }
}

fn execute(hart: &Mutex<Hart>, gate: &Gate, interrupts: &Interrupts) {
    let _leaving = Leaving(gate);
    while gate.pass() {
        let exit = hart.lock().unwrap_or_else(PoisonError::into_inner).run(SLICE);
        if exit == Exit::Wfi {
            // Ends when an enabled interrupt comes or somebody asks the hart to leave.
            interrupts.wait(None);
        }
    }
}
