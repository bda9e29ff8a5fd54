//! `unimplemented-device`: stands for what is not modelled, and says when a guest wants it.

use std::sync::Arc;

use boardwright_devicetree::{Node, TreeError};
use qapi_runtime::QmpError;

use crate::devices::binding::{Binding, Described, Found, Nodes};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Region};
use crate::machine::Site;
use crate::machine::unmodelled::Block;
use crate::qapi::{DeviceOptionsDriver, UnimplementedDeviceProperties};

/// What says in a device tree that a placeholder is there, and what it stands for.
const COMPATIBLE: &str = "boardwright,unimplemented-device";
const NAME: &str = "boardwright,name";
/// The longest name that becomes that of a node.
const LONGEST_NAME: usize = 31;

impl Defaults for UnimplementedDeviceProperties {
    fn defaults() -> Self {
        Self { name: None, size: None }
    }
}

impl Driver for UnimplementedDeviceProperties {
    fn check(&self) -> Result<(), QmpError> {
        if self.name.as_deref().is_none_or(str::is_empty) {
            return Err(QmpError::generic("property 'name' not specified"));
        }
        match self.size {
            None | Some(0) => Err(QmpError::generic("property 'size' not specified or zero")),
            Some(_) => Ok(()),
        }
    }

    fn is_stand_in(&self) -> bool {
        true
    }

    fn regions(&self) -> Vec<Region> {
        vec![Region::io(self.name.clone().unwrap_or_default(), self.size.unwrap_or(0))]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding { nodes: Nodes::Compatible(&[COMPATIBLE]), read }]
    }

    /// No guest has a driver for this: it says that something is there, and how large it is.
    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let name = self.name.as_deref().unwrap_or_default();
        let base = name.split('@').next().unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_,.".contains(c);
        let begins = base.starts_with(|c: char| c.is_ascii_alphabetic());
        let writable = begins && base.len() <= LONGEST_NAME && base.chars().all(plain);
        let base = if writable { base } else { "unimplemented" };
        Some(place.bus_node(base, &[COMPATIBLE])?.with_str(NAME, &name.replace('\0', "")))
    }

    fn is_placeholder(&self) -> bool {
        true
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let name = self.name.as_deref().unwrap_or_default();
        Ok(Built::device(Arc::new(Unimplemented(site.block().placeholder(name)))))
    }
}

fn read(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let Some(region) = node.regions.first() else { return Ok(node.without_registers()) };
    let name = match node.node.property(NAME) {
        Some(name) => name.str()?,
        None => node.node.name(),
    };
    Ok(node.device(DeviceOptionsDriver::UnimplementedDevice(UnimplementedDeviceProperties {
        name: Some(name.into()),
        size: Some(region.size),
    })))
}

struct Unimplemented(Block);

impl Device for Unimplemented {
    fn saved(&self) -> Option<&dyn Saved> {
        None
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        self.0.unmodelled_read(offset, size);
        0
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        self.0.unmodelled_write(offset, size, value);
    }
}
