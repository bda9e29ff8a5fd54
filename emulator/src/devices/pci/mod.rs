//! PCI Express: a host bridge, root ports, and what a function is to them (PCI Local Bus 3.0, PCI-to-
//! PCI Bridge Architecture 1.2, PCI Express Base 3.0).
//!
//! A [`PciFunction`] has a configuration space ([`ConfigSpace`]) and registers behind its BARs, which
//! are regions of a [`Device`](super::Device): region N is BAR N. It hangs on a [`PciBus`], which a
//! host bridge or a port has. A BAR moves while the guest runs; the machine's address space does not
//! change for that: the windows of the host bridge are regions like others, and the bridge looks in
//! a table of what is decoded, which is made anew when a guest writes to a header.

mod bus;
mod config;
mod host;
mod msix;
mod root_port;
#[cfg(test)]
mod tests;

pub use bus::{PciBus, PciFunction};
pub use config::{Bar, BarKind, ConfigSpace, Express, Identity, Space, command};
pub use msix::Msix;

use qapi_runtime::QmpError;

/// The slots of a bus: devices of 8 functions.
pub const FUNCTIONS: u32 = 256;

/// Reads an address on a bus as QEMU's property `addr` has it: `SLOT` or `SLOT.FUNCTION`, in
/// hexadecimal.
///
/// # Errors
/// It is none; the text is QEMU's.
pub fn parse_address(driver: &str, text: &str) -> Result<u32, QmpError> {
    let number = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    let (slot, function) = match text.split_once('.') {
        Some((slot, function)) => (number(slot), number(function)),
        None => (number(text), Some(0)),
    };
    match (slot, function) {
        (Some(slot @ 0..=31), Some(function @ 0..=7)) => Ok(slot * 8 + function),
        _ => Err(QmpError::generic(format!(
            "Property '{driver}.addr' doesn't take value '{text}': it is SLOT or SLOT.FUNCTION in hexadecimal, 0.0 to 1f.7"
        ))),
    }
}

/// Writes an address in that form.
pub fn address(slot: u32) -> String {
    format!("{:02x}.{:x}", slot >> 3, slot & 7)
}
