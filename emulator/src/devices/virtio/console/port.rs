//! `virtconsole` and `virtserialport`: the ports of a virtio serial device.
//!
//! Bytes of the guest go to the character back end on the hart's thread, bytes for it come on the
//! back end's. Nobody waits and nothing is lost: what the back end does not take stays in the
//! guest's queue, what the guest has no buffers for stays with the back end.

use std::sync::{Arc, Mutex, OnceLock, Weak};

use qapi_runtime::QmpError;

use super::control::News;
use super::{Serial, lock};
use crate::backends::char::{CharEvent, Chardev, Connection, FrontEnd};
use crate::devices::{Built, BusKind, Defaults, Driver, Passive, Peripheral, Seat};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, VirtconsoleProperties, VirtserialportProperties};

/// How much is moved at a time.
const PIECE: usize = 1 << 16;

/// The two drivers, which differ in what they tell the guest.
macro_rules! ports {
    ($($properties:ident: $variant:ident, console $console:literal, from $first:literal;)*) => {$(
        impl Defaults for $properties {
            fn defaults() -> Self {
                Self { bus: None, nr: None, name: None, chardev: None }
            }
        }

        impl Driver for $properties {
            fn check(&self) -> Result<(), QmpError> {
                check(self.nr, $first, self.name.as_deref())
            }

            fn on_bus(&self) -> bool {
                false
            }

            fn first_slot(&self) -> u32 {
                $first
            }

            fn name_on_bus(&self) -> Option<&str> {
                self.name.as_deref()
            }

            fn seat(&self) -> Option<Seat<'_>> {
                let slot = self.nr.unwrap_or(Seat::ANY);
                Some(Seat { kind: BusKind::VirtioSerial, bus: self.bus.as_deref(), slot })
            }

            fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
                let options = Self { bus: Some(owner.into()), ..self.clone() };
                Some(DeviceOptionsDriver::$variant(options))
            }

            fn in_slot(&self, slot: u32) -> Option<DeviceOptionsDriver> {
                Some(DeviceOptionsDriver::$variant(Self { nr: Some(slot), ..self.clone() }))
            }

            fn chardev(&self) -> Option<&str> {
                self.chardev.as_deref()
            }

            fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
                let number = self.nr.unwrap_or($first);
                build(site, number, self.name.clone(), $console, self.chardev.as_deref())
            }
        }
    )*};
}

ports! {
    // Port 0 is what drivers know that know of one port only, and take it for a console.
    VirtconsoleProperties: Virtconsole, console true, from 0;
    VirtserialportProperties: Virtserialport, console false, from 1;
}

/// The longest name of a port.
const LONGEST: usize = 255;

fn check(number: Option<u32>, first: u32, name: Option<&str>) -> Result<(), QmpError> {
    if number.is_some_and(|number| number < first) {
        return Err(QmpError::generic(
            "Port number 0 on virtio-serial devices reserved for virtconsole devices for backward compatibility.",
        ));
    }
    if name.is_some_and(|name| !(1..=LONGEST).contains(&name.len()) || name.contains('\0')) {
        return Err(QmpError::generic(format!(
            "Parameter 'name' expects 1 to {LONGEST} bytes, none of them 0"
        )));
    }
    Ok(())
}

fn build(
    site: &Site<'_>,
    number: u32,
    name: Option<String>,
    console: bool,
    chardev: Option<&str>,
) -> Result<Built, QmpError> {
    let port = Arc::new(Port {
        number,
        name,
        id: site.device.named.then(|| site.device.name.to_string()),
        console,
        chardev: site.chardev(chardev)?,
        connection: OnceLock::new(),
        serial: OnceLock::new(),
        written: Mutex::new(0),
    });
    if let Some(chardev) = &port.chardev {
        let connection = chardev
            .connect(Arc::new(Front(Arc::downgrade(&port))))
            .map_err(|error| QmpError::generic(error.to_string()))?;
        // It is new.
        let _ = port.connection.set(connection);
    }
    let peripheral = Some(Peripheral::VirtioSerial(port));
    Ok(Built { peripheral, ..Built::device(Arc::new(Passive)) })
}

/// A port.
pub struct Port {
    number: u32,
    name: Option<String>,
    /// What clients call it.
    id: Option<String>,
    console: bool,
    chardev: Option<Arc<Chardev>>,
    connection: OnceLock<Connection>,
    serial: OnceLock<Weak<Serial>>,
    /// How much of the first request in the queue the back end has taken. Held by who moves bytes,
    /// either way, so that they stay in order and a reset finds nobody at work.
    written: Mutex<u32>,
}

impl Port {
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What a driver is told that has set the port up.
    pub(super) fn news(&self) -> impl Iterator<Item = News> {
        let all = [
            (self.console, News::Console),
            (self.name.is_some(), News::Name),
            (self.host_open(), News::Open),
        ];
        all.into_iter().filter_map(|(so, news)| so.then_some(news))
    }

    /// Whether what the guest writes goes anywhere. A console is written to whether somebody looks
    /// or not; a program that has a channel open waits until somebody is there.
    pub(super) fn host_open(&self) -> bool {
        self.chardev.as_ref().is_some_and(|chardev| self.console || chardev.is_open())
    }

    pub(super) fn attached(&self, serial: &Arc<Serial>) {
        // A port is made for one device.
        let _ = self.serial.set(Arc::downgrade(serial));
        self.accept_input();
    }

    /// The guest can take more.
    pub(super) fn accept_input(&self) {
        if let Some(connection) = self.connection.get() {
            connection.accept_input();
        }
    }

    /// Waits for who moves bytes; tells how much of the first request is written.
    pub(super) fn settle(&self) -> u32 {
        *lock(&self.written)
    }

    /// The first request is one of which so much is written.
    pub(super) fn resume_at(&self, written: u32) {
        *lock(&self.written) = written;
    }

    /// A character of a guest that has no queues.
    pub(super) fn emergency(&self, byte: u8) {
        if let Some(chardev) = &self.chardev {
            chardev.write(&[byte]);
        }
    }

    /// The queues of the port: for what it receives, and the next for what it sends.
    fn queue(&self) -> u16 {
        match self.number {
            0 => 0,
            number => 2 * number as u16 + 2,
        }
    }

    /// Takes what the guest has to say, as far as the back end does.
    pub(super) fn transmit(&self) {
        let Some(serial) = self.serial.get().and_then(Weak::upgrade) else { return };
        let Some(link) = serial.link.get() else { return };
        let queue = self.queue() + 1;
        let mut written = lock(&self.written);
        let mut piece = Vec::new();
        while let Some(chain) = link.pop(queue) {
            while *written < chain.readable.size() {
                piece.resize((chain.readable.size() - *written).min(PIECE as u32) as usize, 0);
                chain.readable.read(*written, &mut piece);
                let refused = self.chardev.as_ref().is_some_and(|to| to.write(&piece) == 0);
                if refused {
                    return link.unpop(queue, &chain);
                }
                *written += piece.len() as u32;
            }
            *written = 0;
            link.push(queue, &chain, 0);
        }
    }

    /// Gives the guest what has come in, as far as it has buffers; returns how much it took.
    fn receive(&self, bytes: &[u8]) -> usize {
        let Some(serial) = self.serial.get().and_then(Weak::upgrade) else { return 0 };
        let (Some(link), true) = (serial.link.get(), serial.wants_input(self.number)) else {
            return 0;
        };
        let queue = self.queue();
        let _alone = lock(&self.written);
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            let Some(chain) = link.pop(queue) else { break };
            let count = chain.writable.write(0, rest);
            if count == 0 {
                link.fail("a buffer for input has no room");
                break;
            }
            link.push(queue, &chain, count);
            taken += count as usize;
        }
        taken
    }
}

/// The port as its back end sees it; it does not keep the port.
struct Front(Weak<Port>);

impl FrontEnd for Front {
    fn receive(&self, bytes: &[u8]) -> usize {
        // Input for nobody is taken and forgotten.
        self.0.upgrade().map_or(bytes.len(), |port| port.receive(bytes))
    }

    fn event(&self, event: CharEvent) {
        let Some(port) = self.0.upgrade() else { return };
        let serial = port.serial.get().and_then(Weak::upgrade);
        if let (CharEvent::Opened(_) | CharEvent::Closed, Some(serial)) = (event, serial) {
            serial.host_changed(port.number);
        }
    }

    fn room(&self) {
        if let Some(port) = self.0.upgrade() {
            port.transmit();
        }
    }
}
