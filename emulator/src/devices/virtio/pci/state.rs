//! What a transport on PCI keeps: configuration space, messages, and what a driver has selected.

use serde::{Deserialize, Serialize};

use super::legacy::register as legacy;
use crate::devices::chip::Outputs;
use crate::devices::pci::{Bar, BarKind, ConfigSpace, Express, Identity, Msix};
use crate::devices::virtio::device::{VirtioDevice, id};
use crate::machine::Line;
/// BARs: ports of before Virtio 1.0, messages, registers.
pub(super) const LEGACY: u32 = 0;
pub(super) const MESSAGES: u32 = 1;
pub(super) const MODERN: u32 = 4;
/// The structures in [`MODERN`], each of [`STRUCTURE`] bytes: the type of its capability by place
/// (common, interrupt status, device, notify; section 4.1.4).
pub(super) const STRUCTURES: [u8; 4] = [1, 3, 4, 2];
pub(super) const STRUCTURE: u64 = 0x1000;
/// The type of the capability that is a window on the BARs, and its registers (section 4.1.4.9).
pub(super) const WINDOW: u8 = 5;
pub(super) mod window {
    pub(in super::super) const BAR: u16 = 4;
    pub(in super::super) const OFFSET: u16 = 8;
    pub(in super::super) const LENGTH: u16 = 12;
    pub(in super::super) const DATA: u16 = 16;
}
/// How far apart the queues' notify registers are.
pub(super) const NOTIFY_MULTIPLIER: u32 = 4;
/// No message for an event.
pub(super) const NO_VECTOR: u16 = 0xffff;

/// Which of its forms a device has.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) legacy: bool,
    pub(super) modern: bool,
    pub(super) express: bool,
    pub(super) multifunction: bool,
}

/// What the transport keeps of itself.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    pub(super) config: ConfigSpace,
    pub(super) msix: Msix,
    pub(super) isr: u8,
    pub(super) device_features: u32,
    pub(super) driver_features: u32,
    pub(super) queue: u16,
    pub(super) config_vector: u16,
    pub(super) queue_vectors: Vec<u16>,
    /// Where the window is through which BARs are reached without being mapped.
    #[serde(skip)]
    pub(super) window: u16,
}

impl State {
    pub(super) fn new(device: &dyn VirtioDevice, form: Form, vectors: Option<u32>) -> Self {
        let queues = device.queues().len();
        let (class, transitional) = numbers(device.id());
        let mut config = ConfigSpace::device(Identity {
            vendor: 0x1af4,
            device: if form.legacy { transitional } else { 0x1040 + device.id() as u16 },
            revision: u8::from(!form.legacy),
            class,
            subsystem: (0x1af4, if form.legacy { device.id() as u16 } else { 0x1100 }),
            interrupt: true,
            express: form.express,
        });
        if form.multifunction {
            config.make_multifunction();
        }
        if form.express {
            config.add_express(Express {
                flags: 0,
                link: 0x0000_0411,
                device2: 0x0030_0000,
                link2: 0,
            });
            let power = config.add_capability(0x01, 8);
            config.set16(power + 2, 3);
            config.allow(power + 4, 2, 3);
        }
        if form.legacy {
            let size = legacy::CONFIG[1] + device.config().len() as u64;
            let size = size.next_power_of_two();
            config.add_bar(Bar { index: LEGACY as u8, kind: BarKind::Io, size });
        }
        let mut window = 0;
        if form.modern {
            for (place, kind) in (0..).zip(STRUCTURES) {
                let len = if kind == 2 { 0x14 } else { 0x10 };
                let at = config.add_capability(0x09, len);
                config.set8(at + 2, len as u8);
                config.set8(at + 3, kind);
                config.set8(at + 4, MODERN as u8);
                config.set32(at + 8, place * STRUCTURE as u32);
                config.set32(at + 12, STRUCTURE as u32);
                if kind == 2 {
                    config.set32(at + 16, NOTIFY_MULTIPLIER);
                }
            }
            window = config.add_capability(0x09, 0x14);
            config.set8(window + 2, 0x14);
            config.set8(window + 3, WINDOW);
            config.allow(window + window::BAR, 1, 0xff);
            for register in [window::OFFSET, window::LENGTH, window::DATA] {
                config.allow(window + register, 4, u32::MAX);
            }
            config.add_bar(Bar {
                index: MODERN as u8,
                kind: BarKind::Prefetchable,
                size: 4 * STRUCTURE,
            });
        }
        let vectors = vectors.and_then(|count| u16::try_from(count).ok());
        let vectors = vectors.unwrap_or(queues as u16 + 1);
        let msix = Msix::new(&mut config, MESSAGES as u8, vectors);
        Self {
            config: config.finish(),
            msix,
            isr: 0,
            device_features: 0,
            driver_features: 0,
            queue: 0,
            config_vector: NO_VECTOR,
            queue_vectors: vec![NO_VECTOR; queues],
            window,
        }
    }

    /// Back to the state after a reset of the device, which is not one of the function.
    pub(super) fn forget(&mut self) {
        self.isr = 0;
        (self.device_features, self.driver_features, self.queue) = (0, 0, 0);
        self.config_vector = NO_VECTOR;
        self.queue_vectors.fill(NO_VECTOR);
    }

    pub(super) fn vector(&mut self, queue: Option<u16>) -> Option<&mut u16> {
        match queue {
            None => Some(&mut self.config_vector),
            Some(queue) => self.queue_vectors.get_mut(usize::from(queue)),
        }
    }

    /// A vector that is not there is not taken (section 4.1.5.1.2).
    pub(super) fn set_vector(&mut self, queue: Option<u16>, value: u16) {
        let value = if self.msix.has(value) { value } else { NO_VECTOR };
        if let Some(vector) = self.vector(queue) {
            *vector = value;
        }
    }
}

/// Class, and device id of before Virtio 1.0, by what a device is.
pub(super) fn numbers(device: u32) -> (u16, u16) {
    match device {
        1 => (0x0200, 0x1000),
        id::BLOCK => (0x0100, 0x1001),
        3 => (0x0780, 0x1003),
        4 => (0x00ff, 0x1005),
        5 => (0x00ff, 0x1002),
        9 => (0x0002, 0x1009),
        other => (0x00ff, 0x1040 + other as u16),
    }
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        lines.iter().for_each(|line| line.set(self.config.pin_level()));
    }

    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        if saved.queue_vectors.len() != self.queue_vectors.len() {
            return Err("another number of queues".into());
        }
        let mut msix = self.msix.clone();
        msix.adopt(saved.msix)?;
        let mut config = self.config.clone();
        config.adopt(saved.config)?;
        *self =
            Self { msix, config, queue_vectors: saved.queue_vectors, window: self.window, ..saved };
        Ok(())
    }
}
