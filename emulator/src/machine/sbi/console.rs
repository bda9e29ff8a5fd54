//! The debug console extension (chapter 12), on the board's console whatever kind of UART it is.

use super::{A0, Answer, Call, SbiError};
use crate::devices::Console;

/// Bytes that one call moves at most: a guest may ask for all that an address reaches.
const MOST: u64 = 0x1_0000;

pub(super) fn call(call: &mut Call<'_>) -> Answer {
    match call.function {
        0 => write(call),
        1 => read(call),
        2 => {
            put(call, &[call.hart.x(A0) as u8]);
            Ok(0)
        }
        _ => Err(SbiError::NotSupported),
    }
}

fn console<'a>(call: &'a Call<'_>) -> Option<&'a dyn Console> {
    call.sbi.console.as_ref()?.console()
}

/// Sends bytes to the console, if there is one.
pub(super) fn put(call: &Call<'_>, bytes: &[u8]) {
    if let Some(console) = console(call) {
        console.put(bytes);
    }
}

/// A byte that was typed.
pub(super) fn get(call: &Call<'_>) -> Option<u8> {
    console(call)?.get()
}

/// The memory that the arguments name, all of which has to be memory: address, and how much of it
/// is moved.
fn buffer(call: &Call<'_>) -> Result<(u64, usize), SbiError> {
    let (size, low, high) = (call.argument(0), call.argument(1), call.argument(2));
    let addr = match call.bits() {
        32 => Some(low | high << 32),
        _ => Some(low).filter(|_| high == 0),
    };
    let addr = addr.ok_or(SbiError::InvalidParam)?;
    if size > 0 && !call.sbi.space.is_memory(addr, size) {
        return Err(SbiError::InvalidParam);
    }
    Ok((addr, size.min(MOST) as usize))
}

fn write(call: &Call<'_>) -> Answer {
    let (addr, size) = buffer(call)?;
    let mut bytes = vec![0; size];
    call.sbi.space.peek(addr, &mut bytes).map_err(|_| SbiError::InvalidParam)?;
    put(call, &bytes);
    Ok(size as u64)
}

fn read(call: &Call<'_>) -> Answer {
    let (addr, size) = buffer(call)?;
    let bytes: Vec<u8> = (0..size).map_while(|_| get(call)).collect();
    call.sbi.space.poke(addr, &bytes).map_err(|_| SbiError::InvalidParam)?;
    Ok(bytes.len() as u64)
}
