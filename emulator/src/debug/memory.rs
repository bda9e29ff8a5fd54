//! Guest memory from outside: through the translation of a hart, or by physical address.

use boardwright_riscv::{Hart, PAGE_SIZE};

use crate::machine::{AddressSpace, Machine};

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
    let space = machine.space();
    with(machine, view, addr, |hart| {
        for (at, part) in parts(addr, bytes.len()) {
            let physical = physical(hart, at).ok_or(at)?;
            let part = bytes.get_mut(part).unwrap_or_default();
            space.peek(physical, part).map_err(|_| at)?;
        }
        Ok(())
    })
}

/// Writes memory, whatever its protection. What harts have decoded of it is decoded anew.
///
/// # Errors
/// The first address where nothing can be written; what is before it has been written.
pub fn write(machine: &Machine, view: View, addr: u64, bytes: &[u8]) -> Result<(), u64> {
    let written = with(machine, view, addr, |hart| write_as(machine.space(), hart, addr, bytes));
    machine.harts().each(|hart| hart.flush());
    written
}

/// The same, on behalf of a hart that has stopped by itself.
fn write_as(space: &AddressSpace, hart: Option<&Hart>, addr: u64, bytes: &[u8]) -> Result<(), u64> {
    for (at, part) in parts(addr, bytes.len()) {
        let physical = physical(hart, at).ok_or(at)?;
        space.poke(physical, bytes.get(part).unwrap_or_default()).map_err(|_| at)?;
    }
    Ok(())
}

fn with(
    machine: &Machine,
    view: View,
    addr: u64,
    work: impl FnOnce(Option<&Hart>) -> Result<(), u64>,
) -> Result<(), u64> {
    match view {
        View::Physical => work(None),
        View::Hart(index) => {
            machine.harts().with(index, |hart| work(Some(hart))).unwrap_or(Err(addr))
        }
    }
}

fn physical(hart: Option<&Hart>, addr: u64) -> Option<u64> {
    hart.map_or(Some(addr), |hart| hart.translate(addr))
}

/// Cuts an access at the borders of pages: addresses and places in the whole. It goes on at 0
/// after the last address there is.
fn parts(addr: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = addr.wrapping_add(done as u64);
        let room = usize::try_from(PAGE_SIZE - at % PAGE_SIZE).unwrap_or(usize::MAX);
        let size = room.min(len - done);
        let place = done..done + size;
        done += size;
        (size > 0).then_some((at, place))
    })
}
