//! A serial peripheral bus: one controller, a device a chip select.
//!
//! A device on the bus only answers: it calls nobody. So it may be called by a controller that holds
//! its lock.

use std::sync::{Arc, OnceLock};

/// A device on the bus.
pub trait SpiPeripheral: Send + Sync {
    /// Its chip select becomes active, or inactive.
    fn select(&self, active: bool);

    /// Takes a byte and gives one, bit by bit at the same time. Called while it is selected.
    fn transfer(&self, sent: u8) -> u8;
}

/// The bus of a controller.
#[derive(Default)]
pub struct SpiBus {
    slots: Vec<OnceLock<Arc<dyn SpiPeripheral>>>,
}

impl SpiBus {
    /// A bus with so many chip selects and nothing on them.
    pub(super) fn new(selects: u32) -> Self {
        Self { slots: (0..selects).map(|_| OnceLock::new()).collect() }
    }

    /// Puts a device on the bus. Done once, before the machine runs.
    pub fn attach(&self, select: u32, peripheral: Arc<dyn SpiPeripheral>) {
        if let Some(slot) = self.slots.get(select as usize) {
            // The board has refused a second one.
            let _ = slot.set(peripheral);
        }
    }

    /// Makes a chip select active or inactive.
    pub(super) fn select(&self, select: u32, active: bool) {
        if let Some(peripheral) = self.at(select) {
            peripheral.select(active);
        }
    }

    /// Exchanges a byte with the device of a chip select; where none is, the line is pulled up.
    pub(super) fn transfer(&self, select: u32, sent: u8) -> u8 {
        self.at(select).map_or(0xff, |peripheral| peripheral.transfer(sent))
    }

    fn at(&self, select: u32) -> Option<&Arc<dyn SpiPeripheral>> {
        self.slots.get(select as usize)?.get()
    }
}
