//! Memory of a machine that may be running.

use crate::machine::{Guest, Machine};

/// Whose addresses are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Those that a hart uses now, by its index.
    Hart(usize),
    /// Physical ones.
    Physical,
}

/// Reads memory.
///
/// # Errors
/// The first address where nothing can be read.
pub fn read(machine: &Machine, view: View, addr: u64, bytes: &mut [u8]) -> Result<(), u64> {
    with(machine, view, addr, |guest| guest.read(addr, bytes))
}

/// Writes memory, whatever its protection. What harts have decoded of it is decoded anew.
///
/// # Errors
/// The first address where nothing can be written; what is before it has been written.
pub fn write(machine: &Machine, view: View, addr: u64, bytes: &[u8]) -> Result<(), u64> {
    let written = with(machine, view, addr, |guest| guest.write(addr, bytes));
    machine.harts().each(|hart| hart.flush());
    written
}

fn with(
    machine: &Machine,
    view: View,
    addr: u64,
    work: impl FnOnce(Guest<'_>) -> Result<(), u64>,
) -> Result<(), u64> {
    let space = machine.space();
    match view {
        View::Physical => work(Guest::new(space, None)),
        View::Hart(index) => machine
            .harts()
            .with(index, |hart| work(Guest::new(space, Some(hart))))
            .unwrap_or(Err(addr)),
    }
}
