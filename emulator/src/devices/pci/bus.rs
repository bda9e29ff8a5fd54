//! A bus, and how an access finds the function that it is for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::config::{Bar, ConfigSpace, Space};
use super::host::Host;
use super::root_port::RootPort;
use crate::devices::Device;
use crate::machine::Line;

/// A function on a bus. Region N of it as a [`Device`] is its BAR N.
pub trait PciFunction: Device {
    /// The name of the device on the board; empty for a part of another.
    fn name(&self) -> &str;

    /// Looks at the configuration space.
    fn look(&self, look: &mut dyn FnMut(&ConfigSpace));

    /// A guest reads 1, 2 or 4 bytes of the configuration space.
    fn read_config(&self, offset: u16, size: u8) -> u32 {
        let mut value = 0;
        self.look(&mut |config| value = config.read(offset, size));
        value
    }

    /// A guest writes 1, 2 or 4 bytes.
    fn write_config(&self, offset: u16, size: u8, value: u32);

    /// Its interrupt pin, if it has one.
    fn pin(&self) -> Option<&Line> {
        None
    }

    /// The bus behind it, of a bridge.
    fn bus(&self) -> Option<&Arc<PciBus>> {
        None
    }
}

/// A BAR where it is answered.
#[derive(Clone)]
pub(super) struct Decoded {
    pub space: Space,
    pub first: u64,
    pub last: u64,
    pub function: Arc<dyn PciFunction>,
    pub bar: Bar,
}

/// The way to the host bridge, and by how much a pin turns on it (PCI-to-PCI Bridge 1.2, section
/// 9.1).
#[derive(Clone)]
pub(super) struct Way {
    pub host: Weak<Host>,
    pub turn: u32,
}

/// A bus.
#[derive(Default)]
pub struct PciBus {
    functions: Mutex<BTreeMap<u8, Arc<dyn PciFunction>>>,
    way: OnceLock<Way>,
    /// The port whose slot it is, if it has one.
    port: OnceLock<Weak<RootPort>>,
    /// Whether the slot has no power: nothing answers.
    dark: AtomicBool,
}

impl PciBus {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u8, Arc<dyn PciFunction>>> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The functions, by device and function number.
    pub fn functions(&self) -> Vec<(u8, Arc<dyn PciFunction>)> {
        self.lock().iter().map(|(place, function)| (*place, function.clone())).collect()
    }

    /// Whether nothing is on it.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Puts a function on it, without a word to the guest.
    pub fn attach(&self, place: u32, function: &Arc<dyn PciFunction>) {
        let Ok(place) = u8::try_from(place) else { return };
        self.lock().insert(place, function.clone());
        if let Some(way) = self.way.get() {
            connect(way, place, &**function);
            self.refresh();
        }
    }

    /// Puts a function on it while the guest runs, which is told when the device is complete: with
    /// its first function.
    pub fn plug(&self, place: u32, function: &Arc<dyn PciFunction>) {
        self.attach(place, function);
        if let Some(port) = self.port().filter(|_| place.is_multiple_of(8)) {
            port.plugged();
        }
    }

    /// The port whose slot it is.
    pub(crate) fn port(&self) -> Option<Arc<RootPort>> {
        self.port.get()?.upgrade()
    }

    pub(super) fn set_port(&self, port: Weak<RootPort>) {
        let _ = self.port.set(port);
    }

    /// Takes all functions off.
    pub(super) fn clear(&self) -> Vec<Arc<dyn PciFunction>> {
        let gone = std::mem::take(&mut *self.lock());
        self.refresh();
        gone.into_values().collect()
    }

    /// Turns the power of the slot on or off.
    pub(super) fn set_power(&self, on: bool) {
        if self.dark.swap(!on, Ordering::AcqRel) == on {
            if !on {
                self.reset();
            }
            self.refresh();
        }
    }

    /// Resets what is on it.
    pub(super) fn reset(&self) {
        self.functions().iter().for_each(|(_, function)| function.reset());
    }

    /// What is answered on it is another.
    fn refresh(&self) {
        if let Some(host) = self.way.get().and_then(|way| way.host.upgrade()) {
            host.refresh();
        }
    }

    /// Says where it hangs; what is on it already is connected.
    pub(super) fn connect(&self, way: Way) {
        for (place, function) in self.functions() {
            connect(&way, place, &*function);
        }
        let _ = self.way.set(way);
    }

    /// The function of that number on the bus of that number, where this is bus `own`.
    pub(super) fn find(&self, own: u8, bus: u8, place: u8) -> Option<Arc<dyn PciFunction>> {
        if self.dark.load(Ordering::Acquire) {
            return None;
        }
        if bus == own {
            return self.lock().get(&place).cloned();
        }
        self.functions().into_iter().find_map(|(_, function)| {
            let behind = function.bus()?;
            let (first, last) = buses(&*function);
            // A bridge that has no number yet forwards nothing.
            let forwards = first > own && (first..=last).contains(&bus);
            forwards.then(|| behind.find(first, bus, place)).flatten()
        })
    }

    /// Adds what is answered on it, within the windows of the bridges before it.
    pub(super) fn decode(&self, windows: &[(Space, u64, u64)], into: &mut Vec<Decoded>) {
        if self.dark.load(Ordering::Acquire) {
            return;
        }
        for (_, function) in self.functions() {
            let mut inner = None;
            function.look(&mut |config| {
                for bar in config.bars() {
                    let Some((first, last)) = config.decoded(*bar) else { continue };
                    let within = |window: &(Space, u64, u64)| {
                        window.0 == bar.space() && window.1 <= first && last <= window.2
                    };
                    if windows.iter().any(within) {
                        let (space, function) = (bar.space(), function.clone());
                        into.push(Decoded { space, first, last, function, bar: *bar });
                    }
                }
                inner = config.is_bridge().then(|| config.forwarded());
            });
            if let (Some(bus), Some(forwarded)) = (function.bus(), inner) {
                bus.decode(&narrowed(windows, &forwarded), into);
            }
        }
    }
}

/// What of the windows is left behind a bridge.
fn narrowed(
    windows: &[(Space, u64, u64)],
    forwarded: &[(Space, u64, u64)],
) -> Vec<(Space, u64, u64)> {
    let both = |a: &(Space, u64, u64), b: &(Space, u64, u64)| {
        let (first, last) = (a.1.max(b.1), a.2.min(b.2));
        (a.0 == b.0 && first <= last).then_some((a.0, first, last))
    };
    windows.iter().flat_map(|a| forwarded.iter().filter_map(move |b| both(a, b))).collect()
}

pub(super) fn buses(function: &dyn PciFunction) -> (u8, u8) {
    let mut buses = (0, 0);
    function.look(&mut |config| buses = config.buses());
    buses
}

/// Leads the pin of a function to the host bridge, and those of the functions behind it.
fn connect(way: &Way, place: u8, function: &dyn PciFunction) {
    let turn = way.turn + u32::from(place >> 3);
    if let (Some(pin), Some(host)) = (function.pin(), way.host.upgrade()) {
        host.lead(pin, turn % 4);
    }
    if let Some(bus) = function.bus() {
        bus.connect(Way { host: way.host.clone(), turn });
    }
}
