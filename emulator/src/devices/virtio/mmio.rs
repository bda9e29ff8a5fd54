//! `virtio-mmio`: the transport (Virtio 1.2, section 4.2), with no device behind it: what a guest
//! sees of a slot that is empty.

use std::sync::Arc;

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;

use crate::devices::binding::{Binding, Nodes};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Port, Region};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, VirtioMmioProperties};

/// Offsets of the registers (table 4.1).
mod register {
    pub(super) const MAGIC: u64 = 0x000;
    pub(super) const VERSION: u64 = 0x004;
    pub(super) const VENDOR: u64 = 0x00c;
}

/// "virt".
const MAGIC: u32 = 0x7472_6976;
/// "QEMU", as guests know it.
const VENDOR: u32 = 0x554d_4551;

impl Defaults for VirtioMmioProperties {
    fn defaults() -> Self {
        Self { force_legacy: Some(true) }
    }
}

impl Driver for VirtioMmioProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("virtio-mmio", 0x200)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(1)]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["virtio,mmio"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::VirtioMmio(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        Some(place.with_interrupts(place.bus_node("virtio_mmio", &["virtio,mmio"])?))
    }

    fn build(&self, _site: &Site<'_>) -> Result<Built, QmpError> {
        let version = if self.force_legacy.unwrap_or(true) { 1 } else { 2 };
        Ok(Built::device(Arc::new(Empty { version })))
    }
}

struct Empty {
    version: u32,
}

impl Device for Empty {
    fn saved(&self) -> Option<&dyn Saved> {
        None
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        match (offset, size) {
            (register::MAGIC, 4) => MAGIC.into(),
            (register::VERSION, 4) => self.version.into(),
            (register::VENDOR, 4) => VENDOR.into(),
            // The device id, 0, among others.
            _ => 0,
        }
    }
}
