//! The host threads that execute the harts, let go and held back together: one each, or one for all where
//! time goes by instructions (`rota.rs`).

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use boardwright_riscv::{DebugStop, Exit, Hart, HartConfig, Interrupts};
use qapi_runtime::QmpError;

use super::budget::{Budget, Grant};
use super::rota::{Conductor, Rota, Seat};
use super::sbi::Sbi;
use super::semihosting::{Ebreak, Semihosting};
use super::time::HartClock;

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

/// Who answers harts that ask the emulator itself.
#[derive(Clone, Default)]
pub struct Servants {
    /// For a console, files and the time.
    pub semihosting: Option<Arc<Semihosting>>,
    /// For what firmware does.
    pub sbi: Option<Arc<Sbi>>,
}

/// What a hart does while the gate is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// It runs.
    #[default]
    Run,
    /// It executes one instruction, after which all harts stand still.
    Step,
    /// It stands still.
    Hold,
}

/// Why a hart has made all of them stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltReason {
    /// It has executed the one instruction of [`Pace::Step`].
    Step,
    /// A debugger wants to know.
    Debug(DebugStop),
    /// The machine may execute no more instructions.
    Budget,
}

/// A hart that has made all of them stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Its index.
    pub hart: usize,
    /// Why.
    pub reason: HaltReason,
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
    /// By hart; those that are not listed run.
    paces: Vec<Pace>,
    /// The hart that has closed the gate, until somebody opens it on purpose.
    halt: Option<Halt>,
}

impl GateState {
    fn pace(&self, hart: usize) -> Pace {
        self.paces.get(hart).copied().unwrap_or_default()
    }

    /// Whether a hart has to wait.
    fn shut(&self, hart: usize) -> bool {
        !self.closed_for_good && (!self.open || self.pace(hart) == Pace::Hold)
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a hart may go on, and says how; `None` when it never will again.
    fn pass(&self, hart: usize) -> Option<Pace> {
        let mut state = self.lock();
        if state.shut(hart) {
            state.parked += 1;
            self.changed.notify_all();
            while state.shut(hart) {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.parked -= 1;
        }
        (!state.closed_for_good).then(|| state.pace(hart))
    }

    /// The same for a thread that has all harts; says whether it has waited.
    fn pass_all(&self) -> Option<bool> {
        let mut state = self.lock();
        let paused = !state.open;
        if paused && !state.closed_for_good {
            state.parked += 1;
            self.changed.notify_all();
            while !state.open && !state.closed_for_good {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.parked -= 1;
        }
        (!state.closed_for_good).then_some(paused)
    }

    /// Closes the gate from within. The first hart to do so is the one that is reported; what
    /// another one has met at the same time it meets again when it goes on.
    fn halt(&self, halt: Halt) -> bool {
        let mut state = self.lock();
        let first = state.halt.is_none();
        if first {
            state.halt = Some(halt);
        }
        state.open = false;
        first
    }
}

/// All harts of a machine with their threads.
pub struct Harts {
    crew: Arc<Crew>,
    rota: Option<Arc<Rota>>,
    list: Vec<Running>,
    threads: Vec<JoinHandle<()>>,
}

struct Running {
    hart: Arc<Mutex<Hart>>,
    interrupts: Arc<Interrupts>,
    thread_id: Arc<OnceLock<i32>>,
}

/// What all threads of harts work with.
pub(super) struct Crew {
    gate: Gate,
    /// The inputs of all harts, to stop them.
    all: Vec<Arc<Interrupts>>,
    /// Tells that a hart has halted.
    halted: Arc<dyn Fn() + Send + Sync>,
    servants: Servants,
    pub(super) budget: Budget,
}

/// What the thread of one hart works with.
struct Work {
    index: usize,
    hart: Arc<Mutex<Hart>>,
    inputs: Arc<Interrupts>,
    crew: Arc<Crew>,
}

impl Harts {
    /// Starts a thread for each hart, or one for all that take turns; they wait at the closed gate.
    /// `halted` is called, on such a thread, when a hart has made all of them stand still: see
    /// [`Harts::halt`].
    ///
    /// # Errors
    /// The host cannot start a thread.
    pub fn new(
        harts: Vec<Hart>,
        halted: Arc<dyn Fn() + Send + Sync>,
        servants: Servants,
        budget: Budget,
        rota: Option<Arc<Rota>>,
    ) -> Result<Self, QmpError> {
        let all = harts.iter().map(|hart| hart.interrupts().clone()).collect();
        let crew = Arc::new(Crew { gate: Gate::default(), all, halted, servants, budget });
        let list = harts.into_iter().map(|hart| Running {
            interrupts: hart.interrupts().clone(),
            hart: Arc::new(Mutex::new(hart)),
            thread_id: Arc::default(),
        });
        let mut all = Self { crew, rota, list: list.collect(), threads: Vec::new() };
        match all.rota.clone() {
            Some(rota) => all.take_turns(rota)?,
            None => all.work_side_by_side()?,
        }
        all.pause();
        Ok(all)
    }

    fn work_side_by_side(&mut self) -> Result<(), QmpError> {
        for index in 0..self.list.len() {
            let Some(running) = self.list.get(index) else { continue };
            let own_id = running.thread_id.clone();
            let work = Work {
                index,
                hart: running.hart.clone(),
                inputs: running.interrupts.clone(),
                crew: self.crew.clone(),
            };
            self.start(format!("hart {index}"), move || {
                let _ = own_id.set(rustix::thread::gettid().as_raw_nonzero().get());
                work.execute();
            })?;
        }
        Ok(())
    }

    fn take_turns(&mut self, rota: Arc<Rota>) -> Result<(), QmpError> {
        let mut seats = Vec::with_capacity(self.list.len());
        let ids: Vec<_> = self.list.iter().map(|running| running.thread_id.clone()).collect();
        for Running { hart, interrupts, .. } in &self.list {
            interrupts.ring_too(rota.bell().clone());
            hart.lock().unwrap_or_else(PoisonError::into_inner).count_exactly(true);
            seats.push(Seat { hart: hart.clone(), inputs: interrupts.clone() });
        }
        if seats.is_empty() {
            return Ok(());
        }
        let conductor = Conductor::new(self.crew.clone(), seats, rota);
        self.start("harts".into(), move || {
            let own = rustix::thread::gettid().as_raw_nonzero().get();
            for id in ids {
                let _ = id.set(own);
            }
            conductor.execute();
        })
    }

    fn start(
        &mut self,
        name: String,
        life: impl FnOnce() + Send + 'static,
    ) -> Result<(), QmpError> {
        let thread = std::thread::Builder::new().name(name.clone()).spawn(life);
        let thread = thread.map_err(|error| {
            QmpError::generic(format!("Cannot start a thread for {name}: {error}"))
        })?;
        self.threads.push(thread);
        Ok(())
    }

    /// Lets a guest go on whose wish has been heard, if that is what it waits for.
    pub fn heard(&self) {
        if self.rota.as_ref().is_some_and(|rota| rota.heard()) {
            let mut state = self.crew.gate.lock();
            state.open = state.halt.is_none();
            self.crew.gate.changed.notify_all();
        }
    }

    /// Lets the harts run, all of them.
    pub fn run(&self) {
        self.run_at(Vec::new());
    }

    /// Lets the harts go on, each at its pace; those that the list has none for run.
    pub fn run_at(&self, paces: Vec<Pace>) {
        if let Some(rota) = &self.rota {
            rota.heard();
        }
        let mut state = self.crew.gate.lock();
        state.paces = paces;
        state.halt = None;
        state.open = true;
        self.crew.gate.changed.notify_all();
    }

    /// The hart that has made all of them stand still, if one has since they were let go.
    pub fn halt(&self) -> Option<Halt> {
        self.crew.gate.lock().halt
    }

    /// What they have executed, and may execute.
    pub fn budget(&self) -> &Budget {
        &self.crew.budget
    }

    /// Whether they stand still because they may execute no more.
    pub fn exhausted(&self) -> bool {
        self.halt().is_some_and(|halt| halt.reason == HaltReason::Budget)
    }

    /// Holds the harts back; returns when all of them stand still.
    pub fn pause(&self) {
        let mut state = self.crew.gate.lock();
        state.open = false;
        for running in &self.list {
            running.interrupts.request_exit();
        }
        while state.parked + state.gone < self.threads.len() {
            state = self.crew.gate.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
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

    /// Does something while all harts stand still.
    fn standing<R>(&self, work: impl FnOnce() -> R) -> R {
        let open = self.crew.gate.lock().open;
        if open {
            self.pause();
        }
        let result = work();
        if open {
            let mut state = self.crew.gate.lock();
            // A hart may have halted before it was held back: it is not let go over that.
            state.open = state.halt.is_none();
            self.crew.gate.changed.notify_all();
        }
        result
    }

    /// Does something with a hart that stands still; holds all of them back while it does.
    pub fn with<R>(&self, index: usize, work: impl FnOnce(&mut Hart) -> R) -> Option<R> {
        let running = self.list.get(index)?;
        Some(
            self.standing(|| {
                work(&mut running.hart.lock().unwrap_or_else(PoisonError::into_inner))
            }),
        )
    }

    /// Does something with every hart, all of them standing still.
    pub fn each(&self, mut work: impl FnMut(&mut Hart)) {
        self.standing(|| {
            for running in &self.list {
                work(&mut running.hart.lock().unwrap_or_else(PoisonError::into_inner));
            }
        });
    }

    /// Raises a non-maskable interrupt at a hart; false where there is no such hart.
    pub fn raise_nmi(&self, index: usize) -> bool {
        let Some(hart) = self.list.get(index) else { return false };
        hart.interrupts.raise_nmi();
        true
    }

    /// The host thread of a hart.
    pub fn thread_id(&self, index: usize) -> Option<i32> {
        self.list.get(index)?.thread_id.get().copied()
    }
}

impl Drop for Harts {
    fn drop(&mut self) {
        {
            let mut state = self.crew.gate.lock();
            state.open = false;
            state.closed_for_good = true;
        }
        self.crew.gate.changed.notify_all();
        for running in &self.list {
            running.interrupts.request_exit();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Counts a thread out, however it ends: who waits for all harts must not wait for that one.
pub(super) struct Leaving<'a>(&'a Gate);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().gone += 1;
        self.0.changed.notify_all();
    }
}

impl Crew {
    /// To be kept by a thread as long as it lives.
    pub(super) fn leaving(&self) -> Leaving<'_> {
        Leaving(&self.gate)
    }

    /// Waits until a thread that has all harts may go on, and says whether it had to wait; `None` when
    /// it never will again.
    pub(super) fn pass_all(&self) -> Option<bool> {
        self.gate.pass_all()
    }

    /// What a hart does while the gate is open.
    pub(super) fn pace(&self, hart: usize) -> Pace {
        self.gate.lock().pace(hart)
    }

    /// Whether all are to stand still.
    pub(super) fn is_shut(&self) -> bool {
        let state = self.gate.lock();
        !state.open || state.closed_for_good
    }

    /// Closes the gate from within, for no reason that a hart has.
    pub(super) fn close(&self) {
        self.gate.lock().open = false;
    }

    /// Does what others want of a hart, before it runs.
    pub(super) fn attend(&self, index: usize, hart: &mut Hart) {
        if let Some(sbi) = &self.servants.sbi {
            sbi.attend(index, hart);
        }
    }

    /// Whether others want something of a hart that waits.
    pub(super) fn wants(&self, index: usize) -> bool {
        self.servants.sbi.as_ref().is_some_and(|sbi| sbi.wants(index))
    }

    /// Does what a hart has left its run for, if it is for the emulator; returns whether the hart
    /// has to wait for a request before it goes on.
    pub(super) fn serve(&self, index: usize, exit: Exit, hart: &mut Hart) -> bool {
        match (exit, &self.servants) {
            (Exit::Debug(DebugStop::Ebreak), Servants { semihosting: Some(host), .. }) => {
                host.ebreak(hart) == Ebreak::Wait
            }
            (Exit::Debug(DebugStop::SupervisorCall), Servants { sbi: Some(sbi), .. }) => {
                sbi.call(index, hart);
                false
            }
            _ => false,
        }
    }

    /// Makes all harts stand still and tells why.
    pub(super) fn halt(&self, hart: usize, reason: HaltReason) {
        if self.gate.halt(Halt { hart, reason }) {
            self.all.iter().for_each(|interrupts| interrupts.request_exit());
            (self.halted)();
        }
    }
}

impl Work {
    /// The life of a hart's thread.
    fn execute(&self) {
        let Self { index, crew, .. } = self;
        let _leaving = crew.leaving();
        while let Some(pace) = crew.gate.pass(*index) {
            let mut hart = self.hart.lock().unwrap_or_else(PoisonError::into_inner);
            crew.attend(*index, &mut hart);
            let exit = match pace {
                Pace::Step => step(&mut hart),
                Pace::Run | Pace::Hold => {
                    let slice = match crew.budget.take(SLICE) {
                        Grant::Run(slice) => slice,
                        Grant::Later => {
                            drop(hart);
                            std::thread::yield_now();
                            continue;
                        }
                        Grant::Over => {
                            drop(hart);
                            crew.halt(*index, HaltReason::Budget);
                            continue;
                        }
                    };
                    let before = hart.executed();
                    let exit = hart.run(slice);
                    let executed = hart.executed().saturating_sub(before);
                    crew.budget.settle(slice.saturating_sub(executed));
                    exit
                }
            };
            let waits = crew.serve(*index, exit, &mut hart);
            drop(hart);
            match (exit, pace) {
                _ if waits => self.inputs.wait_for_request(),
                (Exit::Debug(stop @ (DebugStop::Breakpoint | DebugStop::Watchpoint { .. })), _) => {
                    crew.halt(*index, HaltReason::Debug(stop));
                }
                (_, Pace::Step) => crew.halt(*index, HaltReason::Step),
                // Ends when an enabled interrupt comes or somebody asks the hart to leave.
                (Exit::Wfi, _) => crew.budget.sleep(&self.inputs, crew.all.len()),
                (Exit::Budget | Exit::Requested | Exit::Debug(_), _) => {}
            }
        }
    }
}

/// Executes one instruction; a `wfi` that waits is over with it, as it always may be.
pub(super) fn step(hart: &mut Hart) -> Exit {
    if hart.waiting() {
        hart.set_pc(hart.pc());
    }
    let before = hart.executed();
    loop {
        match hart.run(1) {
            // The request is older than the step.
            Exit::Requested if hart.executed() == before => {}
            exit => return exit,
        }
    }
}
