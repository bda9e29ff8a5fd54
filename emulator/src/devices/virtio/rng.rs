//! `virtio-rng-device`: random numbers of the host (Virtio 1.2, section 5.4).

use std::sync::{Arc, OnceLock};

use qapi_runtime::QmpError;

use super::device::{Link, VirtioDevice, id};
use super::worker::Worker;
use crate::backends::random::Random;
use crate::devices::{Built, BusKind, Defaults, Driver, Passive, Peripheral, Seat};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, VirtioRngDeviceProperties};

/// The size of the queue.
const QUEUE: u16 = 8;
/// The most bytes of one answer.
const MOST: u32 = 1 << 16;

impl Defaults for VirtioRngDeviceProperties {
    fn defaults() -> Self {
        Self { bus: None, rng: None }
    }
}

impl Driver for VirtioRngDeviceProperties {
    fn on_bus(&self) -> bool {
        false
    }

    fn object(&self) -> Option<&str> {
        self.rng.as_deref()
    }

    fn seat(&self) -> Option<Seat<'_>> {
        Some(Seat { kind: BusKind::Virtio, bus: self.bus.as_deref(), slot: 0 })
    }

    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let options = Self { bus: Some(owner.into()), ..self.clone() };
        Some(DeviceOptionsDriver::VirtioRngDevice(options))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let (around, user) = (&site.around, site.device.path());
        let random = around.objects.random(self.rng.as_deref(), around.seed, &user)?;
        let host = Arc::new(Source { random, link: OnceLock::new() });
        let served = host.clone();
        let rng = Rng { host, worker: Worker::new(&site.clock, move || served.serve()) };
        let peripheral = Some(Peripheral::Virtio(Arc::new(rng)));
        Ok(Built { peripheral, ..Built::device(Arc::new(Passive)) })
    }
}

struct Source {
    random: Random,
    link: OnceLock<Link>,
}

struct Rng {
    host: Arc<Source>,
    worker: Worker,
}

impl Source {
    fn serve(&self) {
        let Some(link) = self.link.get() else { return };
        while let Some(chain) = link.pop(0) {
            let mut bytes = vec![0; chain.writable.size().min(MOST) as usize];
            // A source that ends gives no more; a driver asks again.
            let count = self.random.fill(&mut bytes);
            let written = chain.writable.write(0, bytes.get(..count).unwrap_or_default());
            link.push(0, &chain, written);
        }
    }
}

impl VirtioDevice for Rng {
    fn id(&self) -> u32 {
        id::ENTROPY
    }

    fn features(&self) -> u64 {
        0
    }

    fn queues(&self) -> Vec<u16> {
        vec![QUEUE]
    }

    fn config(&self) -> Vec<u8> {
        Vec::new()
    }

    fn plugged(&self, link: Link) {
        let _ = self.host.link.set(link);
    }

    fn notify(&self, _queue: u16) {
        self.worker.kick();
    }

    fn drain(&self) {
        self.worker.drain();
    }

    fn reset(&self) {
        self.worker.settle();
    }
}
