//! Guest memory as a hart sees it, for those who look at it from outside or on its behalf.

use boardwright_riscv::{Hart, PAGE_SIZE};

use super::AddressSpace;

/// Memory by the addresses that a hart uses now, or by physical ones without a hart.
#[derive(Clone, Copy)]
pub struct Guest<'a> {
    space: &'a AddressSpace,
    hart: Option<&'a Hart>,
}

impl<'a> Guest<'a> {
    /// Memory as a hart that stands still sees it.
    pub fn new(space: &'a AddressSpace, hart: Option<&'a Hart>) -> Self {
        Self { space, hart }
    }

    /// Reads memory.
    ///
    /// # Errors
    /// The first address where nothing can be read.
    pub fn read(&self, addr: u64, bytes: &mut [u8]) -> Result<(), u64> {
        for (at, place) in parts(addr, bytes.len()) {
            let part = bytes.get_mut(place).unwrap_or_default();
            self.space.peek(self.physical(at).ok_or(at)?, part).map_err(|_| at)?;
        }
        Ok(())
    }

    /// Writes memory, whatever its protection. Harts that may have decoded it have to be flushed.
    ///
    /// # Errors
    /// The first address where nothing can be written; what is before it has been written.
    pub fn write(&self, addr: u64, bytes: &[u8]) -> Result<(), u64> {
        for (at, place) in parts(addr, bytes.len()) {
            let part = bytes.get(place).unwrap_or_default();
            self.space.poke(self.physical(at).ok_or(at)?, part).map_err(|_| at)?;
        }
        Ok(())
    }

    fn physical(&self, addr: u64) -> Option<u64> {
        self.hart.map_or(Some(addr), |hart| hart.translate(addr))
    }
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
