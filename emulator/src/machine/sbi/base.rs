//! The base extension (chapter 4): what there is.

use super::{Answer, Call, SbiError, legacy};

/// Version 2.0: the major number is in bits 24 to 30.
const SPECIFICATION: u64 = 2 << 24;
/// "BDWR". The list of implementations has no number for this one.
const IMPLEMENTATION: u64 = 0x4244_5752;
const VERSION: u64 = 1;

const MVENDORID: u16 = 0xf11;
const MARCHID: u16 = 0xf12;
const MIMPID: u16 = 0xf13;

pub(super) fn call(call: &mut Call<'_>) -> Answer {
    let machine = |number| Ok(call.hart.csr(number).unwrap_or(0));
    match call.function {
        0 => Ok(SPECIFICATION),
        1 => Ok(IMPLEMENTATION),
        2 => Ok(VERSION),
        3 => {
            let id = call.argument(0) as u32;
            let there = legacy::IDS.contains(&id) || call.sbi.extension(id).is_some();
            Ok(there.into())
        }
        4 => machine(MVENDORID),
        5 => machine(MARCHID),
        6 => machine(MIMPID),
        _ => Err(SbiError::NotSupported),
    }
}
