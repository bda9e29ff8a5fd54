//! The legacy extensions (chapter 5), for guests that are older than the base extension. They return
//! one value and leave a1 alone.

use std::ops::RangeInclusive;

use super::remote::{Targets, fence_remotely, interrupt_remotely};
use super::{Call, SbiError, console, reset, timer};
use crate::machine::sbi::remote::Fence;
use crate::machine::{Guest, Wish};

pub(super) const IDS: RangeInclusive<u32> = 0..=8;

/// What getchar says when nothing was typed.
const NOTHING: u64 = u64::MAX;

pub(super) fn call(call: &mut Call<'_>, id: u32) -> u64 {
    let done = match id {
        0 => {
            let due = call.wide(0);
            timer::set(call, due);
            Ok(())
        }
        1 => {
            console::put(call, &[call.argument(0) as u8]);
            Ok(())
        }
        2 => return console::get(call).map_or(NOTHING, u64::from),
        3 => {
            call.own.inputs.set(super::remote::SOFTWARE, false);
            Ok(())
        }
        4 => targets(call).map(|targets| interrupt_remotely(call, &targets)),
        5 => targets(call).map(|targets| fence_remotely(call, &targets, Fence::Code)),
        6 => targets(call).map(|targets| fence_remotely(call, &targets, Fence::Translations)),
        7 => targets(call).map(|targets| fence_remotely(call, &targets, Fence::OfOneSpace)),
        _ => {
            reset::end(call, Wish::PowerOff { status: 0 });
            Ok(())
        }
    };
    done.map_or_else(|error| (error as i64).cast_unsigned(), |()| 0)
}

/// The harts in the mask at a virtual address; all of them without one. Harts that there are not are
/// ignored, as they always were.
fn targets(call: &Call<'_>) -> Result<Targets, SbiError> {
    let addr = call.argument(0);
    if addr == 0 {
        return Ok(Targets::all());
    }
    let mut bytes = [0; 8];
    let mask = bytes.get_mut(..call.bits() as usize / 8).unwrap_or_default();
    let memory = Guest::new(&call.sbi.space, Some(call.hart));
    memory.read(addr, mask).map_err(|_| SbiError::InvalidAddress)?;
    Ok(Targets::mask(0, u64::from_le_bytes(bytes)))
}
