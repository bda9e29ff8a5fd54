//! `virtio-serial-device`: consoles and channels of bytes (Virtio 1.2, section 5.3).
//!
//! The device has the control queues ([`control`]); what goes through a port is the matter of the
//! [`Port`], a device of its own on the bus that this one has.

mod control;
mod port;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::control::{Control, Message, News, SIZE};
pub use self::port::Port;
use super::device::{Link, VirtioDevice, id};
use crate::devices::{Built, Bus, BusKind, Defaults, Driver, LiveBus, Passive, Peripheral, Seat};
use crate::machine::{Notice, Site};
use crate::qapi::{DeviceOptionsDriver, VirtioSerialDeviceProperties, VserportChange};

/// Features (section 5.3.3).
mod feature {
    pub(super) const MULTIPORT: u64 = 1 << 1;
    pub(super) const EMERGENCY_WRITE: u64 = 1 << 2;
}

/// The queues that are not a port's (section 5.3.2): messages to the driver, and from it.
mod queue {
    pub(super) const TO_DRIVER: u16 = 2;
    pub(super) const FROM_DRIVER: u16 = 3;
    /// The size of each.
    pub(super) const SIZE: u16 = 128;
}

/// Where the configuration takes a character (section 5.3.4).
const EMERGENCY: usize = 8;
/// The most ports: each has two queues, and there are 1024 at most.
const MOST: u32 = 511;

impl Defaults for VirtioSerialDeviceProperties {
    fn defaults() -> Self {
        Self { bus: None, max_ports: Some(31), emergency_write: Some(true), packed: Some(false) }
    }
}

impl VirtioSerialDeviceProperties {
    fn ports(&self) -> u32 {
        self.max_ports.unwrap_or(31)
    }
}

impl Driver for VirtioSerialDeviceProperties {
    fn check(&self) -> Result<(), QmpError> {
        match self.ports() {
            0 => Err(QmpError::generic(format!("Parameter 'max_ports' expects 1 to {MOST}"))),
            1..=MOST => Ok(()),
            _ => Err(QmpError::generic(format!("maximum ports supported: {MOST}"))),
        }
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn bus(&self) -> Option<Bus> {
        Some(Bus { kind: BusKind::VirtioSerial, slots: self.ports() })
    }

    fn hot_plug(&self) -> bool {
        true
    }

    fn seat(&self) -> Option<Seat<'_>> {
        Some(Seat { kind: BusKind::Virtio, bus: self.bus.as_deref(), slot: 0 })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let options = Self { bus: Some(owner.into()), ..self.clone() };
        Some(DeviceOptionsDriver::VirtioSerialDevice(options))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let serial = Arc::new(Serial {
            properties: self.clone(),
            notice: site.around.notice.clone(),
            link: OnceLock::new(),
            ports: Mutex::default(),
            control: Mutex::default(),
        });
        Ok(Built {
            bus: Some(LiveBus::VirtioSerial(serial.clone())),
            peripheral: Some(Peripheral::Virtio(serial)),
            ..Built::device(Arc::new(Passive))
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A device with ports.
pub struct Serial {
    properties: VirtioSerialDeviceProperties,
    notice: Arc<dyn Fn(Notice) + Send + Sync>,
    link: OnceLock<Link>,
    ports: Mutex<BTreeMap<u32, Arc<Port>>>,
    /// Taken after a port's own lock and after `ports`, never before.
    control: Mutex<Control>,
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    control: Control,
    /// How much of its first request a port has written.
    written: BTreeMap<u32, u32>,
}

impl Serial {
    /// Takes a port, which a driver at work is told of.
    pub fn attach(self: &Arc<Self>, port: &Arc<Port>) {
        port.attached(self);
        lock(&self.ports).insert(port.number(), port.clone());
        lock(&self.control).tell(port.number(), News::Added);
        self.talk();
    }

    /// Lets go of a port, which a driver at work is told of.
    pub fn detach(&self, number: u32) {
        let Some(port) = lock(&self.ports).remove(&number) else { return };
        let was_open = lock(&self.control).removed(number);
        self.talk();
        if was_open {
            self.announce(&port, false);
        }
    }

    fn port(&self, number: u32) -> Option<Arc<Port>> {
        lock(&self.ports).get(&number).cloned()
    }

    /// All ports, so that no lock is held while something is done with them.
    fn all(&self) -> Vec<Arc<Port>> {
        lock(&self.ports).values().cloned().collect()
    }

    fn multiport(&self) -> bool {
        self.link.get().is_some_and(|link| link.features() & feature::MULTIPORT != 0)
    }

    /// Whether the guest wants what comes in at a port. A driver that knows but one does not say.
    fn wants_input(&self, number: u32) -> bool {
        !self.multiport() || lock(&self.control).is_open(number)
    }

    /// The host's side of a port has been opened or closed.
    fn host_changed(&self, number: u32) {
        lock(&self.control).tell(number, News::Open);
        self.talk();
    }

    /// Tells clients what the guest has done with a port.
    fn announce(&self, port: &Port, open: bool) {
        if let Some(id) = port.id() {
            (self.notice)(Notice::VserportChange(VserportChange { id: id.into(), open }));
        }
    }

    /// Says to the driver what it does not know yet, as far as it has buffers.
    fn talk(&self) {
        let Some(link) = self.link.get() else { return };
        let ports = lock(&self.ports);
        let mut control = lock(&self.control);
        while let Some((number, news)) = control.first() {
            let port = ports.get(&number);
            let message = news.message(number, port.map(|port| &**port));
            if let Some(message) = message {
                let Some(chain) = link.pop(queue::TO_DRIVER) else { return };
                let written = chain.writable.write(0, &message);
                link.push(queue::TO_DRIVER, &chain, written);
            }
            control.told();
        }
    }

    /// Hears what the driver says.
    fn listen(&self) {
        let Some(link) = self.link.get() else { return };
        while let Some(chain) = link.pop(queue::FROM_DRIVER) {
            let mut bytes = [0; SIZE];
            if chain.readable.size() < SIZE as u32 {
                return link.fail("a control message is too short");
            }
            chain.readable.read(0, &mut bytes);
            link.push(queue::FROM_DRIVER, &chain, 0);
            self.hear(Message::from(bytes));
        }
        self.talk();
    }

    fn hear(&self, message: Message) {
        match message {
            Message::Ready => {
                let ports = self.all();
                let mut control = lock(&self.control);
                control.ready();
                ports.iter().for_each(|port| control.tell(port.number(), News::Added));
            }
            Message::PortReady(number) => {
                if let Some(port) = self.port(number) {
                    let mut control = lock(&self.control);
                    port.news().for_each(|news| control.tell(number, news));
                }
            }
            Message::Open(number, open) => {
                let Some(port) = self.port(number) else { return };
                if lock(&self.control).opened(number, open) {
                    self.announce(&port, open);
                    port.accept_input();
                }
            }
            Message::Other => {}
        }
    }
}

impl VirtioDevice for Serial {
    fn id(&self) -> u32 {
        id::CONSOLE
    }

    fn features(&self) -> u64 {
        let mut features = 0;
        if self.properties.ports() > 1 {
            features |= feature::MULTIPORT;
        }
        if self.properties.emergency_write.unwrap_or(true) {
            features |= feature::EMERGENCY_WRITE;
        }
        features
    }

    fn packed(&self) -> bool {
        self.properties.packed.unwrap_or(false)
    }

    fn queues(&self) -> Vec<u16> {
        vec![queue::SIZE; 2 * self.properties.ports() as usize + 2]
    }

    /// Section 5.3.4: columns and rows, which are not known, ports, a character to write.
    fn config(&self) -> Vec<u8> {
        let mut config = vec![0; 4];
        config.extend(self.properties.ports().to_le_bytes());
        config.extend([0; 4]);
        config
    }

    fn write_config(&self, offset: usize, bytes: &[u8]) {
        if let (EMERGENCY, [byte, ..], Some(port)) = (offset, bytes, self.port(0)) {
            port.emergency(*byte);
        }
    }

    fn plugged(&self, link: Link) {
        let _ = self.link.set(link);
    }

    fn notify(&self, queue: u16) {
        match queue {
            queue::TO_DRIVER => self.talk(),
            queue::FROM_DRIVER => self.listen(),
            _ => {
                let number = u32::from(if queue < queue::TO_DRIVER { 0 } else { queue / 2 - 1 });
                let Some(port) = self.port(number) else { return };
                if queue.is_multiple_of(2) { port.accept_input() } else { port.transmit() }
            }
        }
    }

    fn drain(&self) {
        for port in self.all() {
            port.settle();
        }
    }

    fn save(&self) -> Result<Value, String> {
        let written = self.all().iter().map(|port| (port.number(), port.settle())).collect();
        let saved = Saved { control: lock(&self.control).clone(), written };
        serde_json::to_value(saved).map_err(|error| error.to_string())
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        let Saved { mut control, written } =
            Saved::deserialize(saved).map_err(|error| error.to_string())?;
        for port in self.all() {
            port.resume_at(written.get(&port.number()).copied().unwrap_or(0));
            // Who is there now need not be who was there then.
            control.tell(port.number(), News::Open);
        }
        *lock(&self.control) = control;
        Ok(())
    }

    fn reset(&self) {
        let ports = self.all();
        ports.iter().for_each(|port| port.resume_at(0));
        let before = std::mem::take(&mut *lock(&self.control));
        for port in ports.iter().filter(|port| before.is_open(port.number())) {
            self.announce(port, false);
        }
    }
}
