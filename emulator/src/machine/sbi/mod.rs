//! The supervisor binary interface, served by the emulator itself as a hypervisor does, so that a
//! board needs no firmware (RISC-V Supervisor Binary Interface Specification, version 2.0).
//!
//! Harts start in supervisor mode and never leave it for machine mode: all that can be delegated is,
//! and an `ecall` leaves the hart to [`Sbi::call`] on its own thread. Whatever a guest asks for, it
//! gets one of the specification's errors or what it asked for.
//!
//! To add an extension, write its file and add a row to [`EXTENSIONS`].

mod base;
mod console;
mod environment;
mod harts;
mod legacy;
mod pmu;
mod remote;
mod reset;
mod saved;
mod timer;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boardwright_riscv::{Hart, Interrupts, Modes};

use super::{AddressSpace, HartClock, HartPlan, Wish};
use crate::devices::Device;
use harts::State;
use pmu::{Counters, FirmwareEvent};

const A0: usize = 10;
const A1: usize = 11;
const A6: usize = 16;
const A7: usize = 17;
/// The bytes of an `ecall`.
const ECALL: u64 = 4;

/// Why a call fails (chapter 3, "Standard SBI Errors").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SbiError {
    NotSupported = -2,
    InvalidParam = -3,
    InvalidAddress = -5,
    AlreadyAvailable = -6,
    AlreadyStarted = -7,
    AlreadyStopped = -8,
    NoSharedMemory = -9,
}

/// What a call returns: the value, or the error.
type Answer = Result<u64, SbiError>;

/// A group of functions.
struct Extension {
    /// What a7 says.
    id: u32,
    /// Whether a machine has it.
    there: fn(&Sbi) -> bool,
    /// Does what a6 says.
    call: fn(&mut Call<'_>) -> Answer,
}

impl Extension {
    /// One that every machine has.
    const fn new(id: u32, call: fn(&mut Call<'_>) -> Answer) -> Self {
        Self { id, there: |_| true, call }
    }
}

/// By their ids.
const EXTENSIONS: [Extension; 8] = [
    Extension::new(0x10, base::call),
    Extension { there: |sbi| sbi.console.is_some(), ..Extension::new(0x4442_434e, console::call) },
    Extension::new(0x48_534d, harts::call),
    Extension::new(0x50_4d55, pmu::call),
    Extension::new(0x5246_4e43, remote::fence),
    Extension::new(0x5352_5354, reset::call),
    Extension::new(0x5449_4d45, timer::call),
    Extension::new(0x73_5049, remote::interrupt),
];

/// A call that a hart makes.
struct Call<'a> {
    sbi: &'a Sbi,
    /// The hart's part of the interface.
    own: &'a Slot,
    hart: &'a mut Hart,
    function: u32,
}

impl Call<'_> {
    /// An argument, by its number.
    fn argument(&self, index: usize) -> u64 {
        self.hart.x(A0 + index)
    }

    /// An argument of 64 bits, which takes two registers on RV32.
    fn wide(&self, index: usize) -> u64 {
        let low = self.argument(index);
        if self.bits() == 64 { low } else { low | self.argument(index + 1) << 32 }
    }

    /// The width of a register.
    fn bits(&self) -> u32 {
        self.hart.config().cpu.xlen.bits()
    }

    /// The highest number that a register holds: -1.
    fn ones(&self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }
}

/// The interface of one machine.
pub struct Sbi {
    slots: Vec<Slot>,
    /// The hart that starts; the others it starts itself.
    boot: usize,
    space: Arc<AddressSpace>,
    console: Option<Arc<dyn Device>>,
    wish: Arc<dyn Fn(Wish) + Send + Sync>,
}

/// What the interface knows of a hart.
struct Slot {
    id: u64,
    /// Whether it has supervisor mode; the others stay stopped, and unknown to the guest.
    supervisor: bool,
    inputs: Arc<Interrupts>,
    clock: Arc<HartClock>,
    state: Mutex<State>,
    counters: Mutex<Counters>,
    /// When its timer interrupt is due, of a hart that does not compare the time itself.
    due: Mutex<Option<u64>>,
    events: [AtomicU64; FirmwareEvent::COUNT],
}

impl Slot {
    fn new(plan: &HartPlan) -> Self {
        Self {
            id: plan.config.hartid,
            supervisor: has_supervisor(plan),
            inputs: plan.interrupts.clone(),
            clock: plan.clock.clone(),
            state: Mutex::new(State::Stopped),
            counters: Mutex::default(),
            due: Mutex::default(),
            events: Default::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> MutexGuard<'_, Option<u64>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a hart can be served.
fn has_supervisor(plan: &HartPlan) -> bool {
    plan.config.cpu.modes == Modes::Msu
}

impl Sbi {
    /// For these harts, the first of which with supervisor mode starts; `None` where none has it.
    pub fn new(
        harts: &[HartPlan],
        space: Arc<AddressSpace>,
        console: Option<Arc<dyn Device>>,
        wish: Arc<dyn Fn(Wish) + Send + Sync>,
    ) -> Option<Self> {
        let boot = harts.iter().position(has_supervisor)?;
        let slots = harts.iter().map(Slot::new).collect();
        let console = console.filter(|device| device.console().is_some());
        Some(Self { slots, boot, space, console, wish })
    }

    /// Serves the `ecall` at a hart's pc.
    pub fn call(&self, index: usize, hart: &mut Hart) {
        let Some(own) = self.slots.get(index) else { return };
        // Both are signed numbers of 32 bits (chapter 3).
        let (id, function) = (hart.x(A7) as u32, hart.x(A6) as u32);
        hart.set_pc(hart.pc().wrapping_add(ECALL));
        let mut call = Call { sbi: self, own, hart, function };
        if legacy::IDS.contains(&id) {
            let value = legacy::call(&mut call, id);
            return hart.set_x(A0, value);
        }
        let (error, value) = match self.extension(id).map(|extension| extension.call) {
            Some(function) => match function(&mut call) {
                Ok(value) => (0, value),
                Err(error) => (error as i64, 0),
            },
            None => (SbiError::NotSupported as i64, 0),
        };
        hart.set_x(A0, error.cast_unsigned());
        hart.set_x(A1, value);
    }

    /// An extension that the machine has.
    fn extension(&self, id: u32) -> Option<&'static Extension> {
        EXTENSIONS.iter().find(|extension| extension.id == id && (extension.there)(self))
    }
}

#[cfg(test)]
mod tests;
