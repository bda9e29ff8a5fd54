//! `virtio-9p-device`: a folder of the host in the guest (Virtio 1.2, section 5.10, says only what
//! number it has; the rest is in QEMU's and Linux's headers: one queue, a message in each request,
//! its answer in the same). What messages mean is the matter of the [`Server`].

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use qapi_runtime::QmpError;
use serde_json::Value;

use super::device::{Link, VirtioDevice, id};
use super::worker::Worker;
use crate::backends::share::{LONGEST, Server};
use crate::devices::{Built, BusKind, Defaults, Driver, Passive, Peripheral, Seat};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, Virtio9pDeviceProperties};

/// The configuration has what a guest mounts it by.
const MOUNT_TAG: u64 = 1;
/// The size of the queue.
const QUEUE: u16 = 128;
/// The longest tag.
const LONGEST_TAG: usize = 32;

impl Defaults for Virtio9pDeviceProperties {
    fn defaults() -> Self {
        Self { bus: None, fsdev: None, mount_tag: None, packed: Some(false) }
    }
}

impl Driver for Virtio9pDeviceProperties {
    fn check(&self) -> Result<(), QmpError> {
        let missing = |what: &str| Err(QmpError::generic(format!("{what} property not set")));
        if self.fsdev.as_deref().unwrap_or_default().is_empty() {
            return missing("fsdev");
        }
        match self.mount_tag.as_deref() {
            None | Some("") => missing("mount_tag"),
            Some(tag) if tag.len() > LONGEST_TAG => Err(QmpError::generic(format!(
                "mount tag '{tag}' ({} bytes) is longer than maximum ({LONGEST_TAG} bytes)",
                tag.len()
            ))),
            Some(_) => Ok(()),
        }
    }

    fn on_bus(&self) -> bool {
        false
    }

    fn seat(&self) -> Option<Seat<'_>> {
        Some(Seat { kind: BusKind::Virtio, bus: self.bus.as_deref(), slot: 0 })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let options = Self { bus: Some(owner.into()), ..self.clone() };
        Some(DeviceOptionsDriver::Virtio9pDevice(options))
    }

    fn share(&self) -> Option<&str> {
        self.fsdev.as_deref()
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let folder = site.around.shares.get(self.fsdev.as_deref().unwrap_or_default())?;
        let shared = Arc::new(Shared {
            tag: self.mount_tag.clone().unwrap_or_default(),
            server: Mutex::new(Server::new(folder)),
            link: OnceLock::new(),
        });
        let served = shared.clone();
        let worker = Worker::new(&site.clock, move || served.serve());
        let packed = self.packed.unwrap_or(false);
        let device = Arc::new(P9 { packed, shared, worker });
        let peripheral = Some(Peripheral::Virtio(device));
        Ok(Built { peripheral, ..Built::device(Arc::new(Passive)) })
    }
}

/// The part that the worker has.
struct Shared {
    tag: String,
    server: Mutex<Server>,
    link: OnceLock<Link>,
}

impl Shared {
    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let Some(link) = self.link.get() else { return };
        while let Some(chain) = link.pop(0) {
            let mut message = vec![0; chain.readable.size().min(LONGEST) as usize];
            chain.readable.read(0, &mut message);
            match self.server().answer(&message) {
                Some(answer) if answer.len() <= chain.writable.size() as usize => {
                    let written = chain.writable.write(0, &answer);
                    link.push(0, &chain, written);
                }
                Some(answer) => {
                    return link.fail(&format!("no room for an answer of {} bytes", answer.len()));
                }
                None => return link.fail("a message has no header"),
            }
        }
    }
}

/// A shared folder.
struct P9 {
    packed: bool,
    shared: Arc<Shared>,
    worker: Worker,
}

impl VirtioDevice for P9 {
    fn id(&self) -> u32 {
        id::SHARED
    }

    fn features(&self) -> u64 {
        MOUNT_TAG
    }

    fn packed(&self) -> bool {
        self.packed
    }

    fn queues(&self) -> Vec<u16> {
        vec![QUEUE]
    }

    /// The tag after its length.
    fn config(&self) -> Vec<u8> {
        let mut config = (self.shared.tag.len() as u16).to_le_bytes().to_vec();
        config.extend(self.shared.tag.bytes());
        config
    }

    fn plugged(&self, link: Link) {
        let _ = self.shared.link.set(link);
    }

    fn notify(&self, _queue: u16) {
        self.worker.kick();
    }

    fn drain(&self) {
        self.worker.drain();
    }

    fn save(&self) -> Result<Value, String> {
        // What a guest has open is of this process.
        match self.shared.server().is_used() {
            true => Err(format!(
                "a shared folder is mounted in the guest, by mount_tag '{}': unmount it first",
                self.shared.tag
            )),
            false => Ok(Value::Null),
        }
    }

    fn reset(&self) {
        self.worker.settle();
        self.shared.server().reset();
    }
}
