//! The system reset extension (chapter 10).

use boardwright_riscv::Standstill;

use super::{Answer, Call, SbiError};
use crate::machine::Wish;

const SHUTDOWN: u32 = 0;
const COLD_REBOOT: u32 = 1;
const WARM_REBOOT: u32 = 2;
const NO_REASON: u32 = 0;
const SYSTEM_FAILURE: u32 = 1;

pub(super) fn call(call: &mut Call<'_>) -> Answer {
    if call.function != 0 {
        return Err(SbiError::NotSupported);
    }
    // A failure is what the program's exit status tells.
    let status = match call.argument(1) as u32 {
        NO_REASON => 0,
        SYSTEM_FAILURE => 1,
        _ => return Err(SbiError::InvalidParam),
    };
    let wish = match call.argument(0) as u32 {
        SHUTDOWN => Wish::PowerOff { status },
        COLD_REBOOT | WARM_REBOOT => Wish::Reset,
        _ => return Err(SbiError::InvalidParam),
    };
    end(call, wish);
    Ok(0)
}

/// Asks for the end of the run. The hart does not come back from the call.
pub(super) fn end(call: &mut Call<'_>, wish: Wish) {
    call.hart.stand_still(Some(Standstill::Stopped));
    (call.sbi.wish)(wish);
}
