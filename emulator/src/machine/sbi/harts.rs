//! The hart state management extension (chapter 9).
//!
//! What others want of a hart they write into its state and let it leave its run; its own thread
//! does it, in [`Sbi::attend`], before it lets the hart go on.

use std::sync::atomic::Ordering;

use boardwright_riscv::{Hart, Standstill};
use serde::{Deserialize, Serialize};

use super::{Answer, Call, Sbi, SbiError, Slot, environment};

/// Where a hart goes on, and what it finds in a1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) pc: u64,
    pub(super) opaque: u64,
}

/// The state of a hart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Started,
    Stopped,
    StartPending(Entry),
    /// Until an interrupt comes; it has forgotten all where it does not just go on.
    Suspended(Option<Entry>),
}

impl State {
    /// As `hart_get_status` tells it (table 3 of the chapter).
    fn number(self) -> u64 {
        match self {
            Self::Started => 0,
            Self::Stopped => 1,
            Self::StartPending(_) => 2,
            Self::Suspended(_) => 4,
        }
    }
}

/// Kinds of suspension.
const RETENTIVE: u32 = 0;
const NON_RETENTIVE: u32 = 0x8000_0000;
/// Those of the platform, of which there is none; the rest is reserved.
const OF_PLATFORM: [std::ops::RangeInclusive<u32>; 2] =
    [0x1000_0000..=0x7fff_ffff, 0x9000_0000..=0xffff_ffff];

pub(super) fn call(call: &mut Call<'_>) -> Answer {
    match call.function {
        0 => start(call),
        1 => {
            *call.own.state() = State::Stopped;
            call.hart.stand_still(Some(Standstill::Stopped));
            Ok(0)
        }
        2 => Ok(slot(call)?.state().number()),
        3 => suspend(call),
        _ => Err(SbiError::NotSupported),
    }
}

/// The hart that the first argument names.
fn slot<'a>(call: &Call<'a>) -> Result<&'a Slot, SbiError> {
    let id = call.argument(0);
    call.sbi.served().find(|slot| slot.id == id).ok_or(SbiError::InvalidParam)
}

/// Where a hart is to go on by the last two arguments: at an instruction in memory.
fn entry(call: &Call<'_>) -> Result<Entry, SbiError> {
    let pc = call.argument(1);
    let alignment = if call.hart.config().cpu.compressed() { 2 } else { 4 };
    if !pc.is_multiple_of(alignment) || !call.sbi.space.is_memory(pc, 2) {
        return Err(SbiError::InvalidAddress);
    }
    Ok(Entry { pc, opaque: call.argument(2) })
}

fn start(call: &Call<'_>) -> Answer {
    let slot = slot(call)?;
    let entry = entry(call)?;
    let mut state = slot.state();
    if *state != State::Stopped {
        return Err(SbiError::AlreadyAvailable);
    }
    *state = State::StartPending(entry);
    slot.inputs.request_exit();
    Ok(0)
}

fn suspend(call: &mut Call<'_>) -> Answer {
    let resume = match call.argument(0) as u32 {
        RETENTIVE => None,
        NON_RETENTIVE => Some(entry(call)?),
        kind if OF_PLATFORM.iter().any(|range| range.contains(&kind)) => {
            return Err(SbiError::NotSupported);
        }
        _ => return Err(SbiError::InvalidParam),
    };
    *call.own.state() = State::Suspended(resume);
    call.hart.stand_still(Some(Standstill::UntilInterrupt));
    Ok(0)
}

impl Sbi {
    /// The harts that a guest knows.
    pub(super) fn served(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|slot| slot.supervisor)
    }

    /// Those of them that others can reach.
    pub(super) fn awake(&self) -> impl Iterator<Item = &Slot> {
        self.served().filter(|slot| matches!(*slot.state(), State::Started | State::Suspended(_)))
    }

    /// Whether others want a hart to start.
    pub fn wants(&self, index: usize) -> bool {
        let slot = self.slots.get(index);
        slot.is_some_and(|slot| matches!(*slot.state(), State::StartPending(_)))
    }

    /// Does what others want of a hart; to be called on its thread before it runs.
    pub fn attend(&self, index: usize, hart: &mut Hart) {
        let Some(slot) = self.slots.get(index) else { return };
        let mut state = slot.state();
        match *state {
            State::StartPending(entry) => {
                environment::quieten(slot, hart);
                environment::enter(slot, hart, entry);
            }
            State::Suspended(Some(entry)) if hart.roused() => {
                environment::enter(slot, hart, entry);
            }
            State::Suspended(None) if hart.roused() => {}
            _ => return,
        }
        hart.stand_still(None);
        *state = State::Started;
    }

    /// Makes of a hart that was reset, and set to its first instruction, what the guest expects.
    pub fn reset(&self, index: usize, hart: &mut Hart) {
        let Some(slot) = self.slots.get(index) else { return };
        environment::quieten(slot, hart);
        *slot.counters() = Default::default();
        slot.events.iter().for_each(|event| event.store(0, Ordering::Relaxed));
        if slot.supervisor {
            environment::prepare(hart);
        }
        if index == self.boot {
            *slot.state() = State::Started;
        } else {
            *slot.state() = State::Stopped;
            hart.stand_still(Some(Standstill::Stopped));
        }
    }
}
