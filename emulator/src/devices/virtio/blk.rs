//! `virtio-blk-device`: a disk (Virtio 1.2, section 5.2).

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use qapi_runtime::QmpError;

use super::device::{Link, VirtioDevice, id};
use super::ring::{Chain, MOST};
use super::worker::Worker;
use crate::backends::block::{Disk, OnError, SECTOR};
use crate::devices::{Built, BusKind, Defaults, Driver, Passive, Peripheral, Seat};
use crate::machine::{Notice, Site, VirtualClock};
use crate::qapi::{
    BlockErrorAction, BlockIoError, DeviceOptionsDriver, IoOperationType, VirtioBlkDeviceProperties,
};

/// Features (section 5.2.3).
mod feature {
    pub(super) const SEG_MAX: u64 = 1 << 2;
    pub(super) const GEOMETRY: u64 = 1 << 4;
    pub(super) const READ_ONLY: u64 = 1 << 5;
    pub(super) const BLOCK_SIZE: u64 = 1 << 6;
    pub(super) const FLUSH: u64 = 1 << 9;
    pub(super) const TOPOLOGY: u64 = 1 << 10;
    pub(super) const CONFIG_WCE: u64 = 1 << 11;
    pub(super) const QUEUES: u64 = 1 << 12;
    pub(super) const DISCARD: u64 = 1 << 13;
    pub(super) const WRITE_ZEROES: u64 = 1 << 14;
}

/// Types of requests (section 5.2.6).
mod request {
    pub(super) const IN: u32 = 0;
    pub(super) const OUT: u32 = 1;
    pub(super) const FLUSH: u32 = 4;
    pub(super) const GET_ID: u32 = 8;
    pub(super) const DISCARD: u32 = 11;
    pub(super) const WRITE_ZEROES: u32 = 13;
}

/// What a request ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done = 0,
    Failed = 1,
    Unsupported = 2,
    /// It does not end: it is tried again when the guest, which is stopped, goes on.
    Held = 0xff,
}

/// What became of a request.
enum Served {
    /// It is answered with so many bytes.
    Answered(u32),
    /// It is none.
    Broken,
    /// It is to be put back.
    Held,
}

/// The size of a request's header, and of an entry of a discard.
const HEADER: u32 = 16;
/// The length of a serial number.
const SERIAL: usize = 20;
/// The size of the configuration, up to what secure erase would have.
const CONFIG: usize = 60;
/// Where the configuration has the cache's mode.
const WRITEBACK: usize = 32;
/// The most sectors that one request discards or zeroes.
const MOST_SECTORS: u32 = 1 << 22;
/// Bytes that are on their way at a time.
const PIECE: usize = 1 << 18;

impl Defaults for VirtioBlkDeviceProperties {
    fn defaults() -> Self {
        Self {
            bus: None,
            drive: None,
            serial: None,
            num_queues: Some(1),
            queue_size: Some(256),
            packed: Some(false),
            config_wce: Some(true),
            write_cache: None,
            logical_block_size: Some(512),
            physical_block_size: Some(512),
            discard: Some(true),
            write_zeroes: Some(true),
            rerror: None,
            werror: None,
        }
    }
}

impl VirtioBlkDeviceProperties {
    fn queues(&self) -> u16 {
        self.num_queues.unwrap_or(1)
    }

    fn size(&self) -> u16 {
        self.queue_size.unwrap_or(256)
    }
}

impl Driver for VirtioBlkDeviceProperties {
    fn check(&self) -> Result<(), QmpError> {
        let error = |text: String| Err(QmpError::generic(text));
        if self.drive.as_deref().unwrap_or_default().is_empty() {
            return error("drive property not set".into());
        }
        if !(1..=MOST).contains(&self.queues()) {
            return error(format!("num-queues property must be between 1 and {MOST}"));
        }
        if !(4..=MOST).contains(&self.size()) || !self.size().is_power_of_two() {
            return error(format!(
                "invalid queue-size property ({}), must be a power of 2 between 4 and {MOST}",
                self.size()
            ));
        }
        let sizes = [
            ("logical_block_size", self.logical_block_size.unwrap_or(512)),
            ("physical_block_size", self.physical_block_size.unwrap_or(512)),
        ];
        for (name, size) in sizes {
            if !(512..=2 << 20).contains(&size) || !size.is_power_of_two() {
                return error(format!(
                    "parameter {name} must be a power of 2 between 512 and 2097152, not {size}"
                ));
            }
        }
        if sizes[0].1 > sizes[1].1 {
            return error("logical_block_size > physical_block_size not supported".into());
        }
        if self.serial.as_ref().is_some_and(|serial| serial.len() > SERIAL) {
            return error(format!("property 'serial' has room for {SERIAL} bytes"));
        }
        Ok(())
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn seat(&self) -> Option<Seat<'_>> {
        Some(Seat { kind: BusKind::Virtio, bus: self.bus.as_deref(), slot: 0 })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let options = Self { bus: Some(owner.into()), ..self.clone() };
        Some(DeviceOptionsDriver::VirtioBlkDevice(options))
    }

    fn drive(&self) -> Option<&str> {
        self.drive.as_deref()
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let disk = site.disk(self.drive.as_deref().unwrap_or_default())?;
        let logical = u64::from(self.logical_block_size.unwrap_or(512));
        if !disk.size().is_multiple_of(logical) {
            return Err(QmpError::generic(format!(
                "Device '{}': the size of its disk, {} bytes, is no multiple of logical_block_size, {logical}",
                site.device.name,
                disk.size()
            )));
        }
        let blk = Blk::new(
            self.clone(),
            disk,
            site.device.path(),
            site.around.notice.clone(),
            &site.clock,
        );
        Ok(Built { peripheral: Some(Peripheral::Virtio(blk)), ..Built::device(Arc::new(Passive)) })
    }
}

/// The part that the worker has.
struct Media {
    disk: Disk,
    queues: u16,
    serial: [u8; SERIAL],
    discard: bool,
    zeroes: bool,
    path: String,
    notice: Arc<dyn Fn(Notice) + Send + Sync>,
    /// Whether what is written may wait for a flush.
    writeback: Mutex<bool>,
    link: OnceLock<Link>,
    on_error: OnError,
    /// Whether an error has stopped the guest: nothing is served until it goes on.
    held: AtomicBool,
}

/// A disk.
struct Blk {
    properties: VirtioBlkDeviceProperties,
    media: Arc<Media>,
    worker: Worker,
}

impl Blk {
    fn new(
        properties: VirtioBlkDeviceProperties,
        disk: Disk,
        path: String,
        notice: Arc<dyn Fn(Notice) + Send + Sync>,
        clock: &VirtualClock,
    ) -> Arc<Self> {
        let mut serial = [0; SERIAL];
        let given = properties.serial.as_deref().unwrap_or_default().as_bytes();
        serial.iter_mut().zip(given).for_each(|(to, from)| *to = *from);
        let media = Arc::new(Media {
            queues: properties.queues(),
            discard: properties.discard.unwrap_or(true),
            zeroes: properties.write_zeroes.unwrap_or(true),
            serial,
            path,
            notice,
            writeback: Mutex::new(true),
            link: OnceLock::new(),
            on_error: disk.on_error().with(properties.rerror, properties.werror),
            held: AtomicBool::new(false),
            disk,
        });
        let served = media.clone();
        let worker = Worker::new(clock, move || served.serve());
        let blk = Self { properties, media, worker };
        blk.media.set_writeback(blk.writeback_at_start());
        let blk = Arc::new(blk);
        let held = Arc::downgrade(&blk);
        blk.media.disk.on_release(move || {
            if let Some(blk) = held.upgrade().filter(|blk| blk.media.release()) {
                blk.worker.kick();
            }
        });
        blk
    }

    fn writeback_at_start(&self) -> bool {
        match self.properties.write_cache {
            Some(crate::qapi::OnOffAuto::On) => true,
            Some(crate::qapi::OnOffAuto::Off) => false,
            _ => self.media.disk.writeback(),
        }
    }
}

impl VirtioDevice for Blk {
    fn id(&self) -> u32 {
        id::BLOCK
    }

    fn features(&self) -> u64 {
        let Self { properties, media, .. } = self;
        let mut features = feature::SEG_MAX
            | feature::GEOMETRY
            | feature::BLOCK_SIZE
            | feature::FLUSH
            | feature::TOPOLOGY;
        let more = [
            (media.disk.read_only(), feature::READ_ONLY),
            (properties.config_wce.unwrap_or(true), feature::CONFIG_WCE),
            (media.queues > 1, feature::QUEUES),
            (media.discard && !media.disk.read_only(), feature::DISCARD),
            (media.zeroes && !media.disk.read_only(), feature::WRITE_ZEROES),
        ];
        for (there, bit) in more {
            if there {
                features |= bit;
            }
        }
        features
    }

    fn packed(&self) -> bool {
        self.properties.packed.unwrap_or(false)
    }

    fn queues(&self) -> Vec<u16> {
        vec![self.properties.size(); usize::from(self.media.queues)]
    }

    /// Section 5.2.4.
    fn config(&self) -> Vec<u8> {
        let logical = self.properties.logical_block_size.unwrap_or(512);
        let physical = self.properties.physical_block_size.unwrap_or(512);
        let sectors = self.media.disk.size() / SECTOR;
        // Nobody goes by the geometry; QEMU's is of 16 heads and 63 sectors as well.
        let cylinders = (sectors / (16 * 63)).clamp(2, 16383) as u16;
        let in_logical = (logical / SECTOR as u32).to_le_bytes();
        let mut config = Vec::with_capacity(CONFIG);
        config.extend(sectors.to_le_bytes());
        // No limit to the size of a segment; as many as a queue has but header and status.
        config.extend(0_u32.to_le_bytes());
        config.extend(u32::from(self.properties.size() - 2).to_le_bytes());
        config.extend(cylinders.to_le_bytes());
        config.extend([16, 63]);
        config.extend(logical.to_le_bytes());
        config.extend([(physical / logical).trailing_zeros() as u8, 0]);
        config.extend(1_u16.to_le_bytes());
        config.extend(0_u32.to_le_bytes());
        config.extend([u8::from(self.media.writes_back()), 0]);
        config.extend(self.media.queues.to_le_bytes());
        // Discard and write zeroes: sectors, segments, alignment; zeroes may be discarded.
        config.extend(MOST_SECTORS.to_le_bytes());
        config.extend(1_u32.to_le_bytes());
        config.extend(in_logical);
        config.extend(MOST_SECTORS.to_le_bytes());
        config.extend(1_u32.to_le_bytes());
        config.extend([1, 0, 0, 0]);
        config
    }

    fn write_config(&self, offset: usize, bytes: &[u8]) {
        if let (WRITEBACK, [mode, ..], Some(true)) = (offset, bytes, self.properties.config_wce) {
            self.media.set_writeback(*mode != 0);
        }
    }

    fn plugged(&self, link: Link) {
        let told = link.clone();
        self.media.disk.on_resize(move || told.config_changed());
        let _ = self.media.link.set(link);
    }

    fn notify(&self, _queue: u16) {
        self.worker.kick();
    }

    fn drain(&self) {
        self.worker.drain();
    }

    fn reset(&self) {
        self.worker.settle();
        self.media.release();
        self.media.set_writeback(self.writeback_at_start());
    }
}

impl Media {
    fn set_writeback(&self, on: bool) {
        *self.writeback.lock().unwrap_or_else(PoisonError::into_inner) = on;
    }

    fn writes_back(&self) -> bool {
        *self.writeback.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves all requests that there are, queue by queue.
    fn serve(&self) {
        let Some(link) = self.link.get() else { return };
        let mut buffer = Vec::new();
        let mut found = !self.held.load(Ordering::Acquire);
        while std::mem::take(&mut found) {
            for queue in 0..self.queues {
                while let Some(chain) = link.pop(queue) {
                    found = true;
                    match self.request(&chain, &mut buffer) {
                        Served::Answered(written) => link.push(queue, &chain, written),
                        Served::Broken => {
                            link.fail("a request has no header or no room for the status");
                        }
                        Served::Held => return link.unpop(queue, &chain),
                    }
                }
            }
        }
    }

    /// Lets requests be served again; tells whether they were not.
    fn release(&self) -> bool {
        self.held.swap(false, Ordering::AcqRel)
    }

    /// Serves a request.
    fn request(&self, chain: &Chain, buffer: &mut Vec<u8>) -> Served {
        let mut header = [0; HEADER as usize];
        let Some(room) = chain.writable.size().checked_sub(1) else { return Served::Broken };
        if chain.readable.size() < HEADER {
            return Served::Broken;
        }
        chain.readable.read(0, &mut header);
        let all = u128::from_le_bytes(header);
        let (kind, sector) = (all as u32, (all >> 64) as u64);
        let (outcome, written) = match kind {
            request::IN => self.read(chain, sector, room, buffer),
            request::OUT => (self.write(chain, sector, buffer), 0),
            request::FLUSH => (self.done(self.disk.flush(), IoOperationType::Write), 0),
            request::GET_ID => (Outcome::Done, chain.writable.write(0, &self.serial).min(room)),
            request::DISCARD if self.discard => (self.trim(chain, true), 0),
            request::WRITE_ZEROES if self.zeroes => (self.trim(chain, false), 0),
            _ => (Outcome::Unsupported, 0),
        };
        if outcome == Outcome::Held {
            return Served::Held;
        }
        chain.writable.write(room, &[outcome as u8]);
        Served::Answered(written + 1)
    }

    /// Where so many bytes from a sector on are on the disk, if all of them are.
    fn place(&self, sector: u64, len: u64) -> Option<u64> {
        let start = sector.checked_mul(SECTOR)?;
        (len.is_multiple_of(SECTOR) && start.checked_add(len)? <= self.disk.size()).then_some(start)
    }

    fn read(&self, chain: &Chain, sector: u64, room: u32, buffer: &mut Vec<u8>) -> (Outcome, u32) {
        let Some(start) = self.place(sector, room.into()) else { return (Outcome::Failed, 0) };
        for (at, len) in pieces(room) {
            buffer.resize(len, 0);
            if let Err(error) = self.disk.read(start + u64::from(at), buffer) {
                match self.done(Err(error), IoOperationType::Read) {
                    // What was read of it is what there is.
                    Outcome::Done => {}
                    failed => return (failed, at),
                }
            }
            chain.writable.write(at, buffer);
        }
        (Outcome::Done, room)
    }

    fn write(&self, chain: &Chain, sector: u64, buffer: &mut Vec<u8>) -> Outcome {
        let len = chain.readable.size() - HEADER;
        let Some(start) = self.place(sector, len.into()).filter(|_| !self.disk.read_only()) else {
            return Outcome::Failed;
        };
        for (at, len) in pieces(len) {
            buffer.resize(len, 0);
            chain.readable.read(HEADER + at, buffer);
            if let Err(error) = self.disk.write(start + u64::from(at), buffer) {
                match self.done(Err(error), IoOperationType::Write) {
                    Outcome::Done => {}
                    failed => return failed,
                }
            }
        }
        self.done(self.settle(), IoOperationType::Write)
    }

    /// A write is over when it is on the disk, unless the cache may keep it.
    fn settle(&self) -> io::Result<()> {
        if self.writes_back() { Ok(()) } else { self.disk.flush() }
    }

    /// Discards sectors or makes them zero (section 5.2.6.2).
    fn trim(&self, chain: &Chain, discard: bool) -> Outcome {
        if chain.readable.size() != 2 * HEADER || self.disk.read_only() {
            return Outcome::Failed;
        }
        let mut entry = [0; HEADER as usize];
        chain.readable.read(HEADER, &mut entry);
        let all = u128::from_le_bytes(entry);
        let (sector, count, flags) = (all as u64, (all >> 64) as u32, (all >> 96) as u32);
        let may_unmap = flags & 1 != 0;
        if flags & !1 != 0 || discard && may_unmap {
            return Outcome::Unsupported;
        }
        let len = u64::from(count) * SECTOR;
        let Some(start) = self.place(sector, len).filter(|_| count <= MOST_SECTORS) else {
            return Outcome::Failed;
        };
        let done = if discard {
            self.disk.discard(start, len)
        } else {
            self.disk.zero(start, len, may_unmap)
        };
        self.done(done.and_then(|()| self.settle()), IoOperationType::Write)
    }

    /// What the guest is told of what the host said; an error is an event as well.
    fn done(&self, result: io::Result<()>, operation: IoOperationType) -> Outcome {
        let Err(error) = result else { return Outcome::Done };
        let action = self.on_error.action(operation, &error);
        if action == BlockErrorAction::Stop {
            // Before the guest can be let go on by who hears of it.
            self.held.store(true, Ordering::Release);
            self.disk.stops(&error);
        }
        let event = self.disk.failed(&self.path, operation, &error);
        (self.notice)(Notice::BlockIoError(BlockIoError { action, ..event }));
        match action {
            BlockErrorAction::Ignore => Outcome::Done,
            BlockErrorAction::Report => Outcome::Failed,
            BlockErrorAction::Stop => Outcome::Held,
        }
    }
}

/// A run of bytes in pieces that are done one after the other: where each begins and its length.
fn pieces(len: u32) -> impl Iterator<Item = (u32, usize)> {
    (0..len).step_by(PIECE).map(move |at| (at, ((len - at) as usize).min(PIECE)))
}
