//! `virtio-net-device`: a network card (Virtio 1.2, section 5.1).
//!
//! Frames of the guest go to the back end on the hart's thread that notifies, frames for it come on
//! the back end's; nobody waits: a full queue keeps what it has until the other side tells of room.
//! Where the back end makes its frames itself, the guest need not check their sums, and none of its
//! own: most of what a transfer costs an interpreted guest.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use qapi_runtime::QmpError;

use super::device::{Link, VirtioDevice, id};
use super::function::feature as transport;
use super::ring::{Chain, MOST};
use crate::backends::net::{Card, Connection, FrontEnd};
use crate::devices::{Built, BusKind, Defaults, Driver, Passive, Peripheral, Seat};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, VirtioNetDeviceProperties};

/// Features (section 5.1.3).
mod feature {
    pub(super) const CHECKSUM: u64 = 1 << 0;
    pub(super) const GUEST_CHECKSUM: u64 = 1 << 1;
    pub(super) const MAC: u64 = 1 << 5;
    pub(super) const MERGE: u64 = 1 << 15;
    pub(super) const STATUS: u64 = 1 << 16;
    pub(super) const CONTROL: u64 = 1 << 17;
    pub(super) const CONTROL_RX: u64 = 1 << 18;
    pub(super) const CONTROL_MAC: u64 = 1 << 23;
}

/// The queues (section 5.1.2).
mod queue {
    pub(super) const RECEIVE: u16 = 0;
    pub(super) const TRANSMIT: u16 = 1;
    pub(super) const CONTROL: u16 = 2;
}

/// What is before a frame (section 5.1.6): flags, the kind of segmentation, sizes, where the checksum
/// begins and where it is kept, and how many buffers a frame takes.
mod header {
    pub(super) const NEEDS_CHECKSUM: u8 = 1;
    pub(super) const CHECKED: u8 = 2;
    pub(super) const START: usize = 6;
    pub(super) const OFFSET: usize = 8;
    pub(super) const BUFFERS: u32 = 10;
    /// Its size, and that without the last field, which drivers of before Virtio 1.0 do not have.
    pub(super) const SIZE: usize = 12;
    pub(super) const SHORT: usize = 10;
}

/// Classes and commands of the control queue (section 5.1.6.5).
mod control {
    pub(super) const RX: u8 = 0;
    pub(super) const MAC: u8 = 1;
    pub(super) const MAC_TABLE: u8 = 0;
    pub(super) const MAC_ADDRESS: u8 = 1;
    pub(super) const OK: u8 = 0;
    pub(super) const ERROR: u8 = 1;
}

/// The size of the control queue.
const CONTROL: u16 = 64;
/// The longest frame that a guest sends, with its header: none that has to be segmented.
const LONGEST: u32 = 0x1_0000;
/// The link is up.
const UP: u16 = 1;

impl Defaults for VirtioNetDeviceProperties {
    fn defaults() -> Self {
        Self {
            bus: None,
            netdev: None,
            mac: None,
            rx_queue_size: Some(256),
            tx_queue_size: Some(256),
            packed: Some(false),
            csum: Some(true),
            guest_csum: Some(true),
            mrg_rxbuf: Some(true),
        }
    }
}

/// `52:54:00:12:34:56`
fn address(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut bytes {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    // A card is one, not a group.
    (parts.next().is_none() && bytes[0] & 1 == 0).then_some(bytes)
}

impl Driver for VirtioNetDeviceProperties {
    fn check(&self) -> Result<(), QmpError> {
        if let Some(mac) = self.mac.as_deref().filter(|mac| address(mac).is_none()) {
            return Err(QmpError::generic(format!(
                "Property 'virtio-net-device.mac' doesn't take value '{mac}'"
            )));
        }
        for (name, size) in
            [("rx_queue_size", self.rx_queue_size), ("tx_queue_size", self.tx_queue_size)]
        {
            let size = size.unwrap_or(256);
            if !(256..=MOST).contains(&size) || !size.is_power_of_two() {
                return Err(QmpError::generic(format!(
                    "Invalid {name} (= {size}), must be a power of 2 between 256 and {MOST}."
                )));
            }
        }
        Ok(())
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn netdev(&self) -> Option<&str> {
        self.netdev.as_deref()
    }

    fn seat(&self) -> Option<Seat<'_>> {
        Some(Seat { kind: BusKind::Virtio, bus: self.bus.as_deref(), slot: 0 })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let options = Self { bus: Some(owner.into()), ..self.clone() };
        Some(DeviceOptionsDriver::VirtioNetDevice(options))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let given = self.mac.as_deref().and_then(address);
        let mac = given.unwrap_or_else(|| site.around.netdevs.next_mac());
        let net = Arc::new(Net {
            properties: self.clone(),
            name: site.device.name.to_string(),
            mac,
            now: Mutex::new(mac),
            connection: OnceLock::new(),
            link: OnceLock::new(),
            receiver: Mutex::default(),
            sender: Mutex::default(),
        });
        if let Some(netdev) = site.netdev(self.netdev.as_deref())? {
            let connection = netdev.connect(Arc::new(Front(Arc::downgrade(&net))));
            let connection = connection.ok_or_else(|| {
                QmpError::generic(format!(
                    "Property '{}.netdev' can't take value '{}', it's in use",
                    site.device.kind(),
                    netdev.id()
                ))
            })?;
            // It is new.
            let _ = net.connection.set(connection);
        }
        Ok(Built { peripheral: Some(Peripheral::Virtio(net)), ..Built::device(Arc::new(Passive)) })
    }
}

/// What receiving keeps: a frame for which the guest has no buffers yet.
#[derive(Default)]
struct Receiver {
    held: Option<Vec<u8>>,
}

/// A network card.
struct Net {
    properties: VirtioNetDeviceProperties,
    name: String,
    /// Its address, and the one that the guest has given it.
    mac: [u8; 6],
    now: Mutex<[u8; 6]>,
    connection: OnceLock<Connection>,
    link: OnceLock<Link>,
    receiver: Mutex<Receiver>,
    /// One at a time sends, so that frames stay in their order.
    sender: Mutex<()>,
}

/// The card as its back end sees it; it does not keep the card.
struct Front(Weak<Net>);

impl FrontEnd for Front {
    fn frames(&self) {
        if let Some(net) = self.0.upgrade() {
            net.receive();
        }
    }

    fn room(&self) {
        if let Some(net) = self.0.upgrade() {
            net.transmit();
        }
    }

    fn link(&self, _up: bool) {
        if let Some(link) = self.0.upgrade().as_ref().and_then(|net| net.link.get()) {
            link.config_changed();
        }
    }

    fn card(&self) -> Card {
        let net = self.0.upgrade();
        Card {
            name: net.as_ref().map(|net| net.name.clone()).unwrap_or_default(),
            model: "virtio-net-device",
            mac: net.map(|net| *lock(&net.now)).unwrap_or_default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl VirtioDevice for Net {
    fn id(&self) -> u32 {
        id::NETWORK
    }

    fn features(&self) -> u64 {
        let mut features = feature::MAC
            | feature::STATUS
            | feature::CONTROL
            | feature::CONTROL_RX
            | feature::CONTROL_MAC;
        for (there, bit) in [
            (self.properties.csum, feature::CHECKSUM),
            (self.properties.guest_csum, feature::GUEST_CHECKSUM),
            (self.properties.mrg_rxbuf, feature::MERGE),
        ] {
            if there.unwrap_or(true) {
                features |= bit;
            }
        }
        features
    }

    fn packed(&self) -> bool {
        self.properties.packed.unwrap_or(false)
    }

    fn queues(&self) -> Vec<u16> {
        let size = |size: Option<u16>| size.unwrap_or(256);
        vec![size(self.properties.rx_queue_size), size(self.properties.tx_queue_size), CONTROL]
    }

    /// Section 5.1.4.
    fn config(&self) -> Vec<u8> {
        let up = self.connection.get().is_some_and(Connection::link);
        let mut config = lock(&self.now).to_vec();
        config.extend((if up { UP } else { 0 }).to_le_bytes());
        config
    }

    fn write_config(&self, offset: usize, bytes: &[u8]) {
        // Drivers of before Virtio 1.0 set the address so.
        for (place, byte) in lock(&self.now).iter_mut().skip(offset).zip(bytes) {
            *place = *byte;
        }
    }

    fn plugged(&self, link: Link) {
        let _ = self.link.set(link);
    }

    fn notify(&self, queue: u16) {
        match queue {
            queue::RECEIVE => self.receive(),
            queue::TRANSMIT => self.transmit(),
            _ => self.control(),
        }
    }

    fn drain(&self) {
        // Whoever is at work is waited for; what is queued is still the guest's.
        drop((lock(&self.receiver), lock(&self.sender)));
    }

    fn reset(&self) {
        lock(&self.receiver).held = None;
        drop(lock(&self.sender));
        *lock(&self.now) = self.mac;
    }
}

impl Net {
    /// How long the header is that the driver uses.
    fn header(link: &Link) -> usize {
        match link.features() & (feature::MERGE | transport::VERSION_1) {
            0 => header::SHORT,
            _ => header::SIZE,
        }
    }

    /// Gives the guest the frames there are, as far as it has buffers.
    fn receive(&self) {
        let (Some(link), Some(connection)) = (self.link.get(), self.connection.get()) else {
            return;
        };
        let mut receiver = lock(&self.receiver);
        while let Some(frame) = receiver.held.take().or_else(|| connection.receive()) {
            if !deliver(link, &frame, connection.is_checked()) {
                receiver.held = Some(frame);
                return;
            }
        }
    }

    /// Sends the frames that the guest has given, as far as there is room.
    fn transmit(&self) {
        let Some(link) = self.link.get() else { return };
        let _alone = lock(&self.sender);
        while let Some(chain) = link.pop(queue::TRANSMIT) {
            let size = Self::header(link);
            let mut bytes = vec![0; chain.readable.size().min(LONGEST) as usize];
            chain.readable.read(0, &mut bytes);
            let Some((head, frame)) = bytes.split_at_mut_checked(size) else {
                return link.fail("a frame has no header");
            };
            if head.first().is_some_and(|flags| flags & header::NEEDS_CHECKSUM != 0) {
                complete(head, frame);
            }
            // Without a back end, all of them are lost.
            if self.connection.get().is_some_and(|connection| !connection.send(frame)) {
                return link.unpop(queue::TRANSMIT, &chain);
            }
            link.push(queue::TRANSMIT, &chain, 0);
        }
    }

    fn control(&self) {
        let Some(link) = self.link.get() else { return };
        while let Some(chain) = link.pop(queue::CONTROL) {
            let mut command = [0; 8];
            chain.readable.read(0, &mut command);
            let [class, command, mac @ ..] = command;
            let answer = match (class, command, chain.readable.size()) {
                // All frames are passed on: the modes only say which need not be.
                (control::RX, _, 3) | (control::MAC, control::MAC_TABLE, _) => control::OK,
                (control::MAC, control::MAC_ADDRESS, 8) => {
                    *lock(&self.now) = mac;
                    control::OK
                }
                _ => control::ERROR,
            };
            let written = chain.writable.write(0, &[answer]);
            link.push(queue::CONTROL, &chain, written);
        }
    }
}

/// Puts a frame into buffers of the guest; `false` when there are too few.
fn deliver(link: &Link, frame: &[u8], checked: bool) -> bool {
    let features = link.features();
    let mut packet = vec![0; Net::header(link)];
    if checked && features & feature::GUEST_CHECKSUM != 0 {
        packet[0] = header::CHECKED;
    }
    packet.extend_from_slice(frame);
    let mut filled: Vec<(Chain, u32)> = Vec::new();
    let mut rest = packet.as_slice();
    while !rest.is_empty() {
        let Some(chain) = link.pop(queue::RECEIVE) else {
            filled.iter().rev().for_each(|(chain, _)| link.unpop(queue::RECEIVE, chain));
            return false;
        };
        let written = chain.writable.write(0, rest);
        if written == 0 {
            link.fail("a buffer for frames has no room");
            return true;
        }
        rest = rest.get(written as usize..).unwrap_or_default();
        filled.push((chain, written));
        if features & feature::MERGE == 0 {
            // A driver that merges nothing has buffers that are large enough.
            break;
        }
    }
    let count = (filled.len() as u16).to_le_bytes();
    if let (Some((first, _)), true) = (filled.first(), Net::header(link) == header::SIZE) {
        first.writable.write(header::BUFFERS, &count);
    }
    for (chain, written) in &filled {
        link.push(queue::RECEIVE, chain, *written);
    }
    true
}

/// Puts the checksum into a frame that the driver has left to the card (RFC 1071).
fn complete(head: &[u8], frame: &mut [u8]) {
    let number = |at: usize| match head.get(at..at + 2) {
        Some(&[low, high]) => usize::from(u16::from_le_bytes([low, high])),
        _ => 0,
    };
    let (start, place) = (number(header::START), number(header::START) + number(header::OFFSET));
    let Some(covered) = frame.get(start..) else { return };
    let mut sum = 0_u64;
    for pair in covered.chunks(2) {
        let high = pair.first().copied().unwrap_or(0);
        sum += u64::from(u16::from_be_bytes([high, pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    if let Some(field) = frame.get_mut(place..place + 2) {
        field.copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
}
