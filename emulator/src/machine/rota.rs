//! Time by instructions (`-icount`): one thread executes all harts, in turn.
//!
//! A turn is a number of instructions, and time moves with each of them, so that what happens is a
//! function of what was before: alarms ring between two instructions that are always the same ones, and
//! another hart's turn comes at one that is. Where the thread is let go and held back has no part in it:
//! a turn that was begun goes on. When all harts wait, the time of the next alarm comes, at once
//! (`sleep=off`) or when as much time has gone by on the host.
//!
//! Devices that have a thread of their own elsewhere work on this one. What comes from outside (input,
//! networks, commands) comes when it comes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use boardwright_riscv::{Bell, DebugStop, Exit, Hart, Interrupts};
use serde::{Deserialize, Serialize};

use super::VirtualClock;
use super::budget::Grant;
use super::harts::{Crew, HaltReason, Pace, step};

/// Instructions of a turn, where there is more than one hart. What they do together is mostly to wait for
/// each other, which costs the rest of a turn.
const TURN: u64 = 10_000;
/// Of a hart that is alone: how often the thread looks around.
const ALONE: u64 = 1 << 20;
/// The largest shift: a microsecond an instruction.
pub const MOST_SHIFT: u32 = 10;
/// What a shift that is to be found begins with: 125 million instructions a second.
const FIRST_SHIFT: u32 = 3;
/// How often it is looked at whether it is the right one.
const ADJUST: Duration = Duration::from_millis(100);
/// Nanoseconds that guest and host may differ in without another shift.
const WOBBLE: i64 = 100_000_000;
/// A time that does not come: alarms that are set to it or later are set to never.
const END: u64 = i64::MAX as u64;
/// How often a thread that waits looks whether its budget is used up.
const NAP: Duration = Duration::from_millis(5);

/// What `-icount` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icount {
    /// An instruction takes two to the power of so many nanoseconds; as many as let guest time keep up
    /// with the host's without one.
    pub shift: Option<u32>,
    /// Whether time that harts spend waiting goes by on the host too.
    pub sleep: bool,
    /// Whether a guest that is ahead of the host waits for it.
    pub align: bool,
}

/// How far the harts have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Whose turn it is.
    hart: usize,
    /// Instructions that are left of it.
    left: u64,
    /// An instruction takes two to the power of so many nanoseconds.
    pub shift: u32,
    /// Instructions that all have executed.
    pub executed: u64,
}

/// What a snapshot holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) position: Position,
    asleep: Vec<bool>,
}

/// The order of the harts, and the time that they make.
pub struct Rota {
    /// What the options say.
    pub config: Icount,
    clock: Arc<VirtualClock>,
    bell: Arc<Bell>,
    position: Mutex<Position>,
    /// Which harts wait for their inputs.
    asleep: OnceLock<Box<[AtomicBool]>>,
    /// A wish of the guest is to be heard before it goes on.
    wished: AtomicBool,
}

impl Rota {
    /// With a clock of its own, at its begin.
    pub fn new(config: Icount) -> Arc<Self> {
        let bell = Arc::<Bell>::default();
        let shift = config.shift.unwrap_or(FIRST_SHIFT);
        Arc::new(Self {
            config,
            clock: VirtualClock::counted(bell.clone()),
            bell,
            position: Mutex::new(Position { hart: 0, left: 0, shift, executed: 0 }),
            asleep: OnceLock::new(),
            wished: AtomicBool::new(false),
        })
    }

    /// The clock that it moves.
    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.clock
    }

    /// What wakes it.
    pub(super) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    fn lock(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the harts have come.
    pub fn position(&self) -> Position {
        *self.lock()
    }

    fn asleep(&self) -> &[AtomicBool] {
        self.asleep.get().map_or(&[], |list| list)
    }

    fn is_asleep(&self, hart: usize) -> bool {
        self.asleep().get(hart).is_some_and(|asleep| asleep.load(Ordering::Relaxed))
    }

    fn set_asleep(&self, hart: usize, sleeps: bool) {
        if let Some(asleep) = self.asleep().get(hart) {
            asleep.store(sleeps, Ordering::Relaxed);
        }
    }

    /// What a snapshot holds; the harts stand.
    pub(super) fn save(&self) -> Saved {
        let asleep = self.asleep().iter().map(|asleep| asleep.load(Ordering::Relaxed)).collect();
        Saved { position: self.position(), asleep }
    }

    /// Goes on from there; the harts, which are as many, stand.
    pub(super) fn restore(&self, saved: &Saved) {
        *self.lock() = saved.position;
        (0..).zip(&saved.asleep).for_each(|(hart, asleep)| self.set_asleep(hart, *asleep));
    }

    /// Begins with the first hart; the harts stand.
    pub(super) fn reset(&self) {
        let mut position = self.lock();
        (position.hart, position.left) = (0, 0);
        (0..self.asleep().len()).for_each(|hart| self.set_asleep(hart, false));
    }

    /// Lets no instruction follow until a wish has been heard.
    pub(super) fn wish(&self) {
        self.wished.store(true, Ordering::SeqCst);
        self.clock.cut();
        self.bell.ring();
    }

    /// The wish has been heard; returns whether there was one.
    pub(super) fn heard(&self) -> bool {
        self.wished.swap(false, Ordering::SeqCst)
    }
}

/// A hart as the thread has it.
pub(super) struct Seat {
    pub(super) hart: Arc<Mutex<Hart>>,
    pub(super) inputs: Arc<Interrupts>,
}

/// Lets a hart do what is asked of it without an instruction; whether it then waits.
fn look(hart: &mut Hart) -> Exit {
    loop {
        match hart.run(0) {
            Exit::Requested => {}
            exit => return exit,
        }
    }
}

/// What the guest's time is compared with.
struct Host {
    since: Instant,
    guest: u64,
    adjusted: Instant,
    ahead: i64,
}

impl Host {
    fn now(guest: u64) -> Self {
        let now = Instant::now();
        Self { since: now, guest, adjusted: now, ahead: 0 }
    }

    /// Nanoseconds that the guest is ahead.
    fn ahead(&self, guest: u64) -> i64 {
        let host = i64::try_from(self.since.elapsed().as_nanos()).unwrap_or(i64::MAX);
        guest.wrapping_sub(self.guest).cast_signed().saturating_sub(host)
    }
}

/// The thread's own.
pub(super) struct Conductor {
    crew: Arc<Crew>,
    seats: Vec<Seat>,
    rota: Arc<Rota>,
    host: Host,
}

impl Conductor {
    pub(super) fn new(crew: Arc<Crew>, seats: Vec<Seat>, rota: Arc<Rota>) -> Self {
        let host = Host::now(0);
        let _ = rota.asleep.set(seats.iter().map(|_| AtomicBool::new(false)).collect());
        Self { crew, seats, rota, host }
    }

    /// The life of the thread.
    pub(super) fn execute(mut self) {
        let crew = self.crew.clone();
        let _leaving = crew.leaving();
        while let Some(paused) = crew.pass_all() {
            if paused {
                self.look_around();
                self.host = Host::now(self.rota.clock.now());
            }
            self.rota.clock.ring_due();
            if self.rota.wished.load(Ordering::SeqCst) {
                crew.close();
            } else {
                self.go_on();
            }
        }
    }

    /// Asks those harts anew that wait: whatever was done to them while they stood. Where nothing was,
    /// nothing changes.
    fn look_around(&self) {
        for (index, seat) in self.seats.iter().enumerate().filter(|(i, _)| self.rota.is_asleep(*i))
        {
            let mut hart = seat.hart.lock().unwrap_or_else(PoisonError::into_inner);
            self.rota.set_asleep(index, look(&mut hart) == Exit::Wfi);
        }
    }

    /// Whether a hart can go on.
    fn is_ready(&self, hart: usize) -> bool {
        let awake = || {
            let roused = self.seats.get(hart).is_some_and(|seat| seat.inputs.roused());
            !self.rota.is_asleep(hart) || roused || self.crew.wants(hart)
        };
        self.crew.pace(hart) != Pace::Hold && awake()
    }

    /// Lets the hart whose turn it is execute, or time go by.
    fn go_on(&mut self) {
        let before = self.rota.position();
        let count = self.seats.len();
        let mut turns = (0..count).map(|further| (before.hart + further) % count);
        let Some(hart) = turns.find(|hart| self.is_ready(*hart)) else { return self.idle() };
        let mut position = before;
        if hart != position.hart || position.left == 0 {
            position.hart = hart;
            position.left = if count > 1 { TURN } else { ALONE };
        }
        let waits = self.run(&mut position);
        self.rota.set_asleep(hart, waits);
        // A hart that has only looked around has not had its turn.
        if position.executed > before.executed {
            if waits || position.left == 0 {
                position.hart = (hart + 1) % count;
                position.left = 0;
            }
            self.keep_time(&mut position);
            *self.rota.lock() = position;
        }
    }

    /// Lets a hart execute up to the end of its turn or to an alarm; returns whether it waits.
    fn run(&self, position: &mut Position) -> bool {
        let (crew, clock) = (&self.crew, &self.rota.clock);
        let Some(seat) = self.seats.get(position.hart) else { return true };
        let pace = crew.pace(position.hart);
        let mut hart = seat.hart.lock().unwrap_or_else(PoisonError::into_inner);
        crew.attend(position.hart, &mut hart);
        let now = clock.now();
        let due = clock.due().unwrap_or(END);
        let slice = position.left.min(due.saturating_sub(now).div_ceil(1 << position.shift));
        if pace == Pace::Step && hart.waiting() && !hart.roused() && due < END {
            // The alarm that ends it comes first.
            return look(&mut hart) == Exit::Wfi;
        }
        let slice = match crew.budget.take(if pace == Pace::Step { slice.min(1) } else { slice }) {
            Grant::Run(slice) => slice,
            Grant::Later => return false,
            // Nothing was asked for: the alarm is due.
            Grant::Over if slice == 0 => return false,
            Grant::Over => {
                drop(hart);
                crew.halt(position.hart, HaltReason::Budget);
                return false;
            }
        };
        let before = hart.executed();
        let until = now.saturating_add(slice << position.shift);
        clock.begin_run(seat.inputs.clone(), before, position.shift, until);
        let exit = if pace == Pace::Step { step(&mut hart) } else { hart.run(slice) };
        let executed = hart.executed().wrapping_sub(before);
        clock.end_run(hart.executed());
        crew.budget.settle(slice.saturating_sub(executed));
        position.left = position.left.saturating_sub(executed);
        position.executed += executed;
        let exit = if exit == Exit::Requested { look(&mut hart) } else { exit };
        let waits = crew.serve(position.hart, exit, &mut hart);
        drop(hart);
        match (exit, pace) {
            _ if waits => seat.inputs.sleep_until_request(),
            (Exit::Debug(stop @ (DebugStop::Breakpoint | DebugStop::Watchpoint { .. })), _) => {
                crew.halt(position.hart, HaltReason::Debug(stop));
            }
            (_, Pace::Step) => crew.halt(position.hart, HaltReason::Step),
            (Exit::Budget | Exit::Requested | Exit::Debug(_) | Exit::Wfi, _) => {}
        }
        waits || exit == Exit::Wfi
    }

    /// Nobody executes: lets the time of the next alarm come, or waits for something from outside.
    fn idle(&self) {
        let clock = &self.rota.clock;
        let (now, due) = (clock.now(), clock.due());
        let next = due.filter(|due| *due < END);
        let left = next.map(|due| Duration::from_nanos(due.saturating_sub(now)));
        let came = match left {
            Some(left) if !self.rota.config.sleep => left,
            _ => {
                let nap = self.crew.budget.limited().then_some(NAP);
                let longest = left.into_iter().chain(nap).min();
                let begun = Instant::now();
                let woken = self.rota.bell.wait(longest, || {
                    self.crew.is_shut()
                        || clock.due() != due
                        || self.rota.wished.load(Ordering::SeqCst)
                        || (0..self.seats.len()).any(|hart| self.is_ready(hart))
                });
                let slept = begun.elapsed();
                // Without an alarm no time goes by, so that it does not depend on when input comes.
                match (left, longest) {
                    (Some(left), _) if !woken && longest == Some(left) => left,
                    (Some(left), _) => slept.min(left),
                    (None, _) if self.crew.is_shut() => Duration::ZERO,
                    (None, _) => {
                        self.spend(slept);
                        Duration::ZERO
                    }
                }
            }
        };
        clock.pass(came);
        self.spend(came);
    }

    /// Waiting is paid for, too.
    fn spend(&self, time: Duration) {
        if !self.crew.budget.pay(time) {
            self.crew.halt(0, HaltReason::Budget);
        }
    }

    /// Keeps guest and host together, as far as the options want that.
    fn keep_time(&mut self, position: &mut Position) {
        let Icount { shift, align, .. } = self.rota.config;
        if shift.is_some() && !align {
            return;
        }
        let ahead = self.host.ahead(self.rota.clock.now());
        if align && ahead > 0 {
            let time = Duration::from_nanos(ahead.unsigned_abs());
            let stop = || self.crew.is_shut() || self.rota.wished.load(Ordering::SeqCst);
            self.rota.bell.wait(Some(time), stop);
        }
        if shift.is_none() && self.host.adjusted.elapsed() >= ADJUST {
            let before = std::mem::replace(&mut self.host.ahead, ahead);
            self.host.adjusted = Instant::now();
            if ahead > 0 && before + WOBBLE < 2 * ahead {
                position.shift = position.shift.saturating_sub(1);
            } else if ahead < 0 && before - WOBBLE > 2 * ahead {
                position.shift = (position.shift + 1).min(MOST_SHIFT);
            }
        }
    }
}
