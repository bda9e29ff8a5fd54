//! The timer extension (chapter 6).

use boardwright_riscv::{Clock as _, Hart};

use super::pmu::FirmwareEvent;
use super::{Answer, Call, SbiError, Slot};

/// The compare registers of the hart's own timer (Sstc), by their numbers.
const STIMECMP: u16 = 0x14d;
const STIMECMPH: u16 = 0x15d;

pub(super) fn call(call: &mut Call<'_>) -> Answer {
    if call.function != 0 {
        return Err(SbiError::NotSupported);
    }
    let due = call.wide(0);
    set(call, due);
    Ok(0)
}

/// Raises the supervisor's timer interrupt when the time comes, and takes one back that is pending.
pub(super) fn set(call: &mut Call<'_>, due: u64) {
    call.own.count(FirmwareEvent::SetTimer);
    if call.hart.csr(STIMECMP).is_some() {
        compare(call.hart, due);
    } else {
        set_clock(call.own, Some(due));
    }
}

/// Lets no timer interrupt come.
pub(super) fn forget(slot: &Slot, hart: &mut Hart) {
    if hart.csr(STIMECMP).is_some() {
        compare(hart, u64::MAX);
    } else {
        set_clock(slot, None);
    }
}

/// Lets the clock do what a hart's own timer would.
fn set_clock(slot: &Slot, due: Option<u64>) {
    *slot.due() = due;
    slot.clock.set_timer(&slot.inputs, due);
}

/// Sets the hart's own timer, in an order in which it is never earlier than meant.
fn compare(hart: &mut Hart, due: u64) {
    hart.set_csr(STIMECMPH, u64::from(u32::MAX));
    hart.set_csr(STIMECMP, due);
    hart.set_csr(STIMECMPH, due >> 32);
}
