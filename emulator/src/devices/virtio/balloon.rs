//! `virtio-balloon-device`: memory that a guest gives back to the host (Virtio 1.2, section 5.5).
//!
//! What the guest says of its memory stays in its queue until it is to say it anew; so there is
//! nothing of a request here that a snapshot would have to hold.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::device::{Link, VirtioDevice, id};
use super::ring::Buffers;
use crate::board::{Board, Device as BoardDevice};
use crate::devices::{Built, BusKind, Defaults, Driver, Passive, Peripheral, Seat};
use crate::machine::{AddressSpace, BusAccess, Notice, Site};
use crate::qapi::{
    BalloonChange, BalloonStats, DeviceOptionsDriver, VirtioBalloonDeviceProperties,
};

/// Features (section 5.5.3).
mod feature {
    pub(super) const STATS: u64 = 1 << 1;
    pub(super) const DEFLATE_ON_OOM: u64 = 1 << 2;
    pub(super) const REPORTING: u64 = 1 << 5;
}

/// The queues (section 5.5.2), of those that are offered: hints of free pages are not.
mod queue {
    pub(super) const INFLATE: u16 = 0;
    pub(super) const DEFLATE: u16 = 1;
    pub(super) const STATS: u16 = 2;
    pub(super) const REPORTING: u16 = 3;
    /// The size of each.
    pub(super) const SIZE: u16 = 128;
}

/// The size of a page, whatever that of the guest's is.
const PAGE: u64 = 4096;
/// Where the configuration has what the guest has given back.
const ACTUAL: usize = 4;
/// The most bytes of a list of pages.
const LONGEST: u32 = 1 << 16;
/// A statistic: its tag and its value (section 5.5.6.3).
const STATISTIC: u32 = 10;
/// How many of them are looked at.
const STATISTICS: u32 = 64;

impl Defaults for VirtioBalloonDeviceProperties {
    fn defaults() -> Self {
        Self {
            bus: None,
            deflate_on_oom: Some(false),
            free_page_reporting: Some(false),
            packed: Some(false),
        }
    }
}

impl Driver for VirtioBalloonDeviceProperties {
    fn on_bus(&self) -> bool {
        false
    }

    fn seat(&self) -> Option<Seat<'_>> {
        Some(Seat { kind: BusKind::Virtio, bus: self.bus.as_deref(), slot: 0 })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let options = Self { bus: Some(owner.into()), ..self.clone() };
        Some(DeviceOptionsDriver::VirtioBalloonDevice(options))
    }

    fn added(&self, board: &mut Board, own: &BoardDevice) -> Result<(), QmpError> {
        let is_one = |device: &BoardDevice| {
            use DeviceOptionsDriver::{VirtioBalloonDevice, VirtioBalloonPci};
            matches!(device.options, VirtioBalloonDevice(_) | VirtioBalloonPci(_))
        };
        match board.devices().find(|other| other.name != own.name && is_one(other)) {
            Some(other) => Err(QmpError::generic(format!(
                "Only one balloon device is supported: '{}' is one",
                other.name
            ))),
            None => Ok(()),
        }
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let balloon = Arc::new(Balloon {
            properties: self.clone(),
            bus: site.bus.clone(),
            notice: site.around.notice.clone(),
            link: OnceLock::new(),
            state: Mutex::default(),
        });
        Ok(Built {
            peripheral: Some(Peripheral::Virtio(balloon.clone())),
            balloon: Some(balloon),
            ..Built::device(Arc::new(Passive))
        })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// How many pages the guest is to give back.
    wanted: u32,
    /// How many it says that it has given back.
    actual: u32,
}

/// A balloon.
pub struct Balloon {
    properties: VirtioBalloonDeviceProperties,
    bus: BusAccess,
    notice: Arc<dyn Fn(Notice) + Send + Sync>,
    link: OnceLock<Link>,
    state: Mutex<State>,
}

impl Balloon {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All memory of the guest, in bytes.
    fn memory(&self) -> u64 {
        self.bus.get().map_or(0, |space| space.memory_size())
    }

    /// Asks the guest to keep so many bytes of its memory.
    pub fn keep(&self, size: u64) {
        let pages = self.memory().saturating_sub(size) / PAGE;
        self.lock().wanted = u32::try_from(pages).unwrap_or(u32::MAX);
        if let Some(link) = self.link.get() {
            link.config_changed();
        }
    }

    /// How many bytes of its memory the guest has kept.
    pub fn kept(&self) -> u64 {
        self.memory().saturating_sub(u64::from(self.lock().actual) * PAGE)
    }

    /// What the guest has said of its memory, if it has; it is asked to say it anew.
    pub fn stats(&self) -> Option<BalloonStats> {
        let link = self.link.get()?;
        let chain = link.pop(queue::STATS)?;
        let stats = statistics(&chain.readable);
        link.push(queue::STATS, &chain, 0);
        Some(stats)
    }

    /// Gives pages back to the host of which the guest tells the numbers.
    fn inflate(&self) {
        let (Some(link), Some(space)) = (self.link.get(), self.bus.get()) else { return };
        while let Some(chain) = link.pop(queue::INFLATE) {
            let size = chain.readable.size();
            if !size.is_multiple_of(4) || size > LONGEST {
                return link.fail("what is given back is no list of pages, or one of too many");
            }
            // Neighbours are given back together.
            let mut run = 0..0;
            for at in (0..size).step_by(4) {
                let mut number = [0; 4];
                chain.readable.read(at, &mut number);
                let page = u64::from(u32::from_le_bytes(number));
                if page == run.end {
                    run.end += 1;
                } else if page + 1 == run.start {
                    run.start = page;
                } else {
                    discard(link, &space, std::mem::replace(&mut run, page..page + 1));
                }
            }
            discard(link, &space, run);
            link.push(queue::INFLATE, &chain, 0);
        }
    }

    /// Gives back what the guest says it does not use, until it touches it.
    fn report(&self) {
        let (Some(link), Some(space)) = (self.link.get(), self.bus.get()) else { return };
        while let Some(chain) = link.pop(queue::REPORTING) {
            for (address, len) in chain.writable.runs() {
                // It is memory: the queue has looked.
                let _ = space.discard(address, len as usize);
            }
            link.push(queue::REPORTING, &chain, 0);
        }
    }
}

/// Gives a run of pages back.
fn discard(link: &Link, space: &AddressSpace, run: Range<u64>) {
    if run.is_empty() {
        return;
    }
    let len = (run.end - run.start) * PAGE;
    if let Err(address) = space.discard(run.start * PAGE, len as usize) {
        link.complain(|| format!("a page at {address:#x}, where no memory is, is given back"));
    }
}

/// Reads statistics; unknown ones are left out.
fn statistics(buffers: &Buffers) -> BalloonStats {
    let mut stats = BalloonStats::default();
    for index in 0..(buffers.size() / STATISTIC).min(STATISTICS) {
        let mut bytes = [0; 16];
        buffers.read(index * STATISTIC, bytes.get_mut(..STATISTIC as usize).unwrap_or_default());
        let all = u128::from_le_bytes(bytes);
        let (tag, value) = (all as u16, (all >> 16) as u64);
        let place = match tag {
            0 => &mut stats.swap_in,
            1 => &mut stats.swap_out,
            2 => &mut stats.major_faults,
            3 => &mut stats.minor_faults,
            4 => &mut stats.free_memory,
            5 => &mut stats.total_memory,
            6 => &mut stats.available_memory,
            7 => &mut stats.disk_caches,
            _ => continue,
        };
        // All ones: the guest does not know.
        *place = (value != u64::MAX).then_some(value);
    }
    stats
}

impl VirtioDevice for Balloon {
    fn id(&self) -> u32 {
        id::BALLOON
    }

    fn features(&self) -> u64 {
        let mut features = feature::STATS;
        for (there, bit) in [
            (self.properties.deflate_on_oom, feature::DEFLATE_ON_OOM),
            (self.properties.free_page_reporting, feature::REPORTING),
        ] {
            if there.unwrap_or(false) {
                features |= bit;
            }
        }
        features
    }

    fn packed(&self) -> bool {
        self.properties.packed.unwrap_or(false)
    }

    fn queues(&self) -> Vec<u16> {
        let reporting = self.properties.free_page_reporting.unwrap_or(false);
        vec![queue::SIZE; if reporting { 4 } else { 3 }]
    }

    /// Section 5.5.4.
    fn config(&self) -> Vec<u8> {
        let State { wanted, actual } = *self.lock();
        [wanted, actual].into_iter().flat_map(u32::to_le_bytes).collect()
    }

    fn write_config(&self, offset: usize, bytes: &[u8]) {
        // A driver of before Virtio 1.0 writes byte by byte.
        let mut actual = self.lock().actual.to_le_bytes();
        let places = actual.iter_mut().skip(offset.saturating_sub(ACTUAL));
        places.zip(bytes).filter(|_| offset >= ACTUAL).for_each(|(to, from)| *to = *from);
        self.lock().actual = u32::from_le_bytes(actual);
        if offset + bytes.len() == ACTUAL + size_of::<u32>() {
            let actual = i64::try_from(self.kept()).unwrap_or(i64::MAX);
            (self.notice)(Notice::BalloonChange(BalloonChange { actual }));
        }
    }

    fn plugged(&self, link: Link) {
        let _ = self.link.set(link);
    }

    fn notify(&self, queue: u16) {
        match queue {
            queue::INFLATE => self.inflate(),
            queue::REPORTING => self.report(),
            queue::DEFLATE => {
                // The guest may touch its pages again, which is when it gets them.
                let Some(link) = self.link.get() else { return };
                while let Some(chain) = link.pop(queue::DEFLATE) {
                    link.push(queue::DEFLATE, &chain, 0);
                }
            }
            _ => {}
        }
    }

    fn drain(&self) {}

    fn save(&self) -> Result<Value, String> {
        serde_json::to_value(*self.lock()).map_err(|error| error.to_string())
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        *self.lock() = State::deserialize(saved).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn reset(&self) {
        // What it is asked for outlasts the guest's driver.
        self.lock().actual = 0;
    }
}
