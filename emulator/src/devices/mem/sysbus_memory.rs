//! `sysbus-memory`: RAM or ROM as a device.

use std::sync::Arc;

use boardwright_devicetree::Node;
use boardwright_riscv::Ram;
use qapi_runtime::QmpError;

use crate::backends::char::Plain;
use crate::devices::binding::{Binding, Described, Found, Nodes, Part};
use crate::devices::node::Place;
use crate::devices::{Built, Defaults, Driver, Passive, Region, RegionKind};
use crate::machine::Site;
use crate::qapi::{DeviceOptionsDriver, SysbusMemoryProperties};

impl Defaults for SysbusMemoryProperties {
    fn defaults() -> Self {
        Self { size: None, readonly: Some(false), memdev: None }
    }
}

impl SysbusMemoryProperties {
    fn kind(&self) -> RegionKind {
        if self.readonly.unwrap_or(false) { RegionKind::Rom } else { RegionKind::Ram }
    }
}

impl Driver for SysbusMemoryProperties {
    fn check(&self) -> Result<(), QmpError> {
        match self.size {
            None | Some(0) => Err(QmpError::generic("'size' must be non-zero.")),
            Some(_) => Ok(()),
        }
    }

    fn object(&self) -> Option<&str> {
        self.memdev.as_deref()
    }

    fn needs_id(&self) -> bool {
        true
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region { name: "memory".into(), size: self.size.unwrap_or(0), kind: self.kind() }]
    }

    fn bindings() -> &'static [Binding] {
        &[
            Binding { nodes: Nodes::Type("memory"), read: |node| Ok(memory(node, false)) },
            Binding {
                nodes: Nodes::Compatible(&["sifive,dtim0", "sifive,itim0"]),
                read: |node| Ok(memory(node, false)),
            },
            Binding {
                nodes: Nodes::Compatible(&["mmio-rom", "mtd-rom", "sifive,rom0"]),
                read: |node| Ok(memory(node, true)),
            },
        ]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let (addr, size) = place.region(0)?;
        Some(match self.kind() {
            RegionKind::Ram => Node::new(format!("memory@{addr:x}"))
                .with_str("device_type", "memory")
                .with_u64s("reg", &[addr, size]),
            _ => place.bus_node("rom", &["mmio-rom", "mtd-rom"])?.with_cells("bank-width", &[4]),
        })
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        if let Some(id) = &self.memdev {
            let ram = site.around.objects.memory(id)?;
            return Ok(Built { memory: vec![ram], ..Built::device(Arc::new(Passive)) });
        }
        let size = self.size.unwrap_or(0);
        let ram = Ram::new(size).map_err(|error| {
            QmpError::generic(format!(
                "Device '{}': cannot have {size:#x} bytes of memory: {}",
                site.device.name,
                Plain(&error)
            ))
        })?;
        Ok(Built { memory: vec![ram], ..Built::device(Arc::new(Passive)) })
    }
}

/// One device an entry of `reg`.
fn memory(node: &Described<'_, '_>, readonly: bool) -> Found {
    if node.regions.is_empty() {
        return node.without_registers();
    }
    let mut found = Found::default();
    for region in &node.regions {
        let own = node.memory.filter(|_| found.devices.is_empty());
        let size = Some(own.unwrap_or(region.size));
        let properties = SysbusMemoryProperties { size, readonly: Some(readonly), memdev: None };
        let part = Part::new(DeviceOptionsDriver::SysbusMemory(properties)).at(region.address);
        found.devices.push(part);
    }
    found
}
