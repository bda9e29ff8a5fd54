//! The performance monitoring extension (chapter 11).
//!
//! Counters have the numbers of their bits in `mcounteren`: 0 counts cycles, 2 instructions, 3 to 31
//! are to be told what to count; from 32 on there are those of the interface's own events. Shared
//! memory for snapshots is not offered.

use std::sync::atomic::{AtomicU64, Ordering};

use boardwright_riscv::Hart;
use serde::{Deserialize, Serialize};

use super::{Answer, Call, SbiError, Slot};

/// What the interface counts (table "Firmware Events"). The others never happen here: nothing is
/// emulated for a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirmwareEvent {
    SetTimer = 5,
    IpiSent,
    IpiReceived,
    FenceISent,
    FenceIReceived,
    SfenceVmaSent,
    SfenceVmaReceived,
    SfenceVmaAsidSent,
    SfenceVmaAsidReceived,
}

impl FirmwareEvent {
    /// How many codes the specification has.
    pub(super) const COUNT: usize = 22;
}

impl Slot {
    /// Something has happened.
    pub(super) fn count(&self, event: FirmwareEvent) {
        if let Some(count) = self.events.get(event as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted(&self, event: u32) -> u64 {
        self.events.get(event as usize).map_or(0, |count: &AtomicU64| count.load(Ordering::Relaxed))
    }
}

const COUNTERS: usize = 48;
const CYCLES: usize = 0;
const TIME: usize = 1;
const INSTRUCTIONS: usize = 2;
/// The first that is told what to count, and the first of the interface's own.
const PROGRAMMABLE: usize = 3;
const FIRMWARE: usize = 32;

const CYCLE: u16 = 0xc00;
const MCYCLE: u16 = 0xb00;
const MCYCLEH: u16 = 0xb80;
const MCOUNTINHIBIT: u16 = 0x320;
const MHPMEVENT: u16 = 0x320;
const MHPMEVENTH: u16 = 0x720;
const SCOUNTOVF: u16 = 0xda0;

/// Kinds of events, in bits 16 to 19 of their numbers.
const GENERAL: u32 = 0;
const CACHE: u32 = 1;
const RAW: u32 = 2;
const OWN: u32 = 15;
/// General events: cycles and instructions, and how many codes there are.
const EVENT_CYCLES: u32 = 1;
const EVENT_INSTRUCTIONS: u32 = 2;
const GENERAL_EVENTS: u32 = 11;

/// Flags of configuration.
mod config {
    pub(super) const SKIP_MATCH: u64 = 1 << 0;
    pub(super) const CLEAR_VALUE: u64 = 1 << 1;
    pub(super) const AUTO_START: u64 = 1 << 2;
    pub(super) const NOT_IN_USER: u64 = 1 << 5;
    pub(super) const NOT_IN_SUPERVISOR: u64 = 1 << 6;
    pub(super) const NOT_IN_MACHINE: u64 = 1 << 7;
    pub(super) const ALL: u64 = 0xff;
}

/// Flags of starting and stopping.
const SET_VALUE: u64 = 1 << 0;
const FROM_SNAPSHOT: u64 = 1 << 1;
const RESET: u64 = 1 << 0;
const TO_SNAPSHOT: u64 = 1 << 1;

/// A counter that has been told what to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counter {
    event: u32,
    started: bool,
    /// Of one of the interface's own: what to add to the number of events, or its value if stopped.
    offset: u64,
}

/// The counters of a hart that are in use, by their numbers.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Counters(Vec<Option<Counter>>);

impl Default for Counters {
    fn default() -> Self {
        Self(vec![None; COUNTERS])
    }
}

impl Counters {
    /// Whether they are as many as there are.
    pub(super) fn fit(&self) -> bool {
        self.0.len() == COUNTERS
    }
}

pub(super) fn call(call: &mut Call<'_>) -> Answer {
    match call.function {
        0 => Ok(COUNTERS as u64),
        1 => describe(call),
        2 => configure(call),
        3 => start(call),
        4 => stop(call),
        5 => read_own(call).map(|value| value & call.ones()),
        // What of it does not fit into a register.
        6 => read_own(call).map(|value| value.checked_shr(call.bits()).unwrap_or(0)),
        _ => Err(SbiError::NotSupported),
    }
}

/// Whether a hart has a counter.
fn exists(hart: &Hart, counter: usize) -> bool {
    match counter {
        TIME => false,
        ..FIRMWARE => hart.csr(CYCLE + counter as u16).is_some(),
        _ => counter < COUNTERS,
    }
}

/// Which CSR a counter is, less one its bits from 12 on, and at the top whether it is none.
fn describe(call: &Call<'_>) -> Answer {
    let counter = usize::try_from(call.argument(0)).unwrap_or(usize::MAX);
    if !exists(call.hart, counter) {
        return Err(SbiError::InvalidParam);
    }
    if counter >= FIRMWARE {
        return Ok(1 << (call.bits() - 1));
    }
    Ok((u64::from(CYCLE) + counter as u64) | (63 << 12))
}

/// The counters in a mask, all of which have to be there.
fn chosen(call: &Call<'_>) -> Result<Vec<usize>, SbiError> {
    let (base, mask) = (call.argument(0), call.argument(1));
    let bits = (0..call.bits()).filter(|bit| mask >> bit & 1 != 0);
    bits.map(|bit| {
        let counter = base.checked_add(bit.into()).and_then(|n| usize::try_from(n).ok());
        counter.filter(|n| exists(call.hart, *n)).ok_or(SbiError::InvalidParam)
    })
    .collect()
}

/// Refuses events that are none.
fn check(event: u32) -> Result<(), SbiError> {
    let (kind, code) = (event >> 16, event & 0xffff);
    let known = match kind {
        GENERAL => (1..GENERAL_EVENTS).contains(&code),
        // What is cached, what is done with it, and with which result.
        CACHE => code >> 3 < 7 && code >> 1 & 3 < 3,
        RAW => code == 0,
        OWN => code < FirmwareEvent::COUNT as u32 || code == 0xffff,
        _ => false,
    };
    if known { Ok(()) } else { Err(SbiError::InvalidParam) }
}

/// Whether a counter can count an event.
fn counts(counter: usize, event: u32) -> bool {
    match (event >> 16, event & 0xffff) {
        (GENERAL, EVENT_CYCLES) => counter == CYCLES || (PROGRAMMABLE..FIRMWARE).contains(&counter),
        (GENERAL, EVENT_INSTRUCTIONS) => {
            counter == INSTRUCTIONS || (PROGRAMMABLE..FIRMWARE).contains(&counter)
        }
        (OWN, code) => counter >= FIRMWARE && code < FirmwareEvent::COUNT as u32,
        _ => false,
    }
}

fn configure(call: &mut Call<'_>) -> Answer {
    let (flags, event) = (call.argument(2), call.argument(3));
    let list = chosen(call)?;
    let event = u32::try_from(event).map_err(|_| SbiError::InvalidParam)?;
    check(event)?;
    if flags & !config::ALL != 0 {
        return Err(SbiError::InvalidParam);
    }
    let mut counters = call.own.counters();
    let counter = if flags & config::SKIP_MATCH != 0 {
        // One that was told before.
        let first = list.first().copied().ok_or(SbiError::InvalidParam)?;
        let told = counters.0.get(first).copied().flatten();
        told.filter(|told| told.event == event).map(|_| first).ok_or(SbiError::InvalidParam)?
    } else {
        let free = |n: &&usize| counters.0.get(**n).is_some_and(Option::is_none);
        let mut fitting = list.iter().filter(|n| counts(**n, event)).filter(free);
        // Only those that are told what to count can interrupt.
        let best = match call.hart.csr(SCOUNTOVF) {
            Some(_) => fitting.clone().find(|n| **n >= PROGRAMMABLE).or(fitting.next()),
            None => fitting.next(),
        };
        best.copied().ok_or(SbiError::NotSupported)?
    };
    let Some(place) = counters.0.get_mut(counter) else { return Err(SbiError::InvalidParam) };
    let told = place.get_or_insert(Counter { event, started: false, offset: 0 });
    if flags & config::SKIP_MATCH == 0 && counter < FIRMWARE {
        choose(call.hart, counter, event, flags);
    }
    if flags & config::CLEAR_VALUE != 0 {
        set_value(call.own, call.hart, counter, told, 0);
    }
    if flags & config::AUTO_START != 0 {
        set_started(call.own, call.hart, counter, told, true);
    }
    Ok(counter as u64)
}

/// Tells a hart's counter what to count, and where not.
fn choose(hart: &mut Hart, counter: usize, event: u32, flags: u64) {
    if counter < PROGRAMMABLE {
        return;
    }
    let not_in = |flag: u64, bit: u32| if flags & flag != 0 { 1 << bit } else { 0_u64 };
    let choice = u64::from(event)
        | not_in(config::NOT_IN_MACHINE, 62)
        | not_in(config::NOT_IN_SUPERVISOR, 61)
        | not_in(config::NOT_IN_USER, 60);
    set_halves(hart, MHPMEVENT, MHPMEVENTH, counter, choice);
}

/// Writes a register and, where it has one, its high half.
fn set_halves(hart: &mut Hart, low: u16, high: u16, counter: usize, value: u64) {
    hart.set_csr(low + counter as u16, value);
    if hart.config().cpu.xlen.bits() == 32 {
        hart.set_csr(high + counter as u16, value >> 32);
    }
}

fn set_value(slot: &Slot, hart: &mut Hart, counter: usize, told: &mut Counter, value: u64) {
    if counter < FIRMWARE {
        return set_halves(hart, MCYCLE, MCYCLEH, counter, value);
    }
    let now = if told.started { slot.counted(told.event & 0xffff) } else { 0 };
    told.offset = value.wrapping_sub(now);
}

fn value(slot: &Slot, told: &Counter) -> u64 {
    let now = if told.started { slot.counted(told.event & 0xffff) } else { 0 };
    told.offset.wrapping_add(now)
}

fn set_started(slot: &Slot, hart: &mut Hart, counter: usize, told: &mut Counter, started: bool) {
    if counter < FIRMWARE {
        let bit = 1 << counter;
        let old = hart.csr(MCOUNTINHIBIT).unwrap_or(0);
        hart.set_csr(MCOUNTINHIBIT, if started { old & !bit } else { old | bit });
        told.started = started;
        return;
    }
    let value = value(slot, told);
    told.started = started;
    set_value(slot, hart, counter, told, value);
}

/// Starts counters, or stops them. All of them are looked at before the first is touched.
fn start(call: &mut Call<'_>) -> Answer {
    let (flags, first) = (call.argument(2), call.wide(3));
    let list = chosen(call)?;
    if flags & !(SET_VALUE | FROM_SNAPSHOT) != 0 {
        return Err(SbiError::InvalidParam);
    }
    if flags & FROM_SNAPSHOT != 0 {
        return Err(SbiError::NoSharedMemory);
    }
    let mut counters = call.own.counters();
    for counter in &list {
        match counters.0.get(*counter).copied().flatten() {
            None => return Err(SbiError::InvalidParam),
            Some(told) if told.started => return Err(SbiError::AlreadyStarted),
            Some(_) => {}
        }
    }
    for counter in list {
        let Some(Some(told)) = counters.0.get_mut(counter) else { continue };
        if flags & SET_VALUE != 0 {
            set_value(call.own, call.hart, counter, told, first);
            // An overflow that was noted would keep the next from being.
            if (PROGRAMMABLE..FIRMWARE).contains(&counter) {
                clear_overflow(call.hart, counter);
            }
        }
        set_started(call.own, call.hart, counter, told, true);
    }
    Ok(0)
}

fn clear_overflow(hart: &mut Hart, counter: usize) {
    let (number, bit) = match hart.config().cpu.xlen.bits() {
        32 => (MHPMEVENTH + counter as u16, 1 << 31),
        _ => (MHPMEVENT + counter as u16, 1 << 63),
    };
    hart.set_csr(number, hart.csr(number).unwrap_or(0) & !bit);
}

fn stop(call: &mut Call<'_>) -> Answer {
    let flags = call.argument(2);
    let list = chosen(call)?;
    if flags & !(RESET | TO_SNAPSHOT) != 0 {
        return Err(SbiError::InvalidParam);
    }
    if flags & TO_SNAPSHOT != 0 {
        return Err(SbiError::NoSharedMemory);
    }
    let mut counters = call.own.counters();
    let mut stopped_before = false;
    for counter in list {
        let Some(place) = counters.0.get_mut(counter) else { continue };
        // Cycles and instructions are counted until somebody stops that.
        let inhibited = call.hart.csr(MCOUNTINHIBIT).unwrap_or(0) >> counter & 1 != 0;
        let counting = counter < PROGRAMMABLE && !inhibited;
        let unused = Counter { event: 0, started: counting, offset: 0 };
        let mut told = place.unwrap_or(unused);
        stopped_before |= !told.started;
        set_started(call.own, call.hart, counter, &mut told, false);
        *place = Some(told).filter(|_| place.is_some() && flags & RESET == 0);
    }
    if stopped_before { Err(SbiError::AlreadyStopped) } else { Ok(0) }
}

/// The value of one of the interface's own counters.
fn read_own(call: &Call<'_>) -> Answer {
    let counter = usize::try_from(call.argument(0)).unwrap_or(usize::MAX);
    if !(FIRMWARE..COUNTERS).contains(&counter) {
        return Err(SbiError::InvalidParam);
    }
    let counters = call.own.counters();
    let told = counters.0.get(counter).copied().flatten();
    Ok(told.map_or(0, |told| value(call.own, &told)))
}
