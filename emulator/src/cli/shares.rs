//! `-fsdev` and `-virtfs`: shared folders.

use qapi_runtime::{Map, Value};

use crate::door::Step;

use super::error::CliError;
use super::invocation::Given;

/// The driver of the device that `-virtfs` makes.
const DEVICE: &str = "virtio-9p";

/// What has been said so far.
#[derive(Debug, Default)]
pub(super) struct Shares {
    folders: Vec<Step>,
    devices: Vec<Step>,
}

impl Shares {
    /// `-fsdev local,id=ID,path=PATH,security_model=MODEL`
    pub(super) fn fsdev(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let arguments = given.settings("fsdriver")?;
        if !arguments.contains_key("id") {
            return Err(given.error("has no id: add id=NAME"));
        }
        self.folders.push(given.step("x-fsdev-add", arguments));
        Ok(())
    }

    /// `-virtfs local,path=PATH,mount_tag=TAG,security_model=MODEL`: that and a device.
    pub(super) fn virtfs(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let mut arguments = given.settings("fsdriver")?;
        let Some(tag) = arguments.shift_remove("mount_tag") else {
            return Err(given.error("has no mount_tag: add mount_tag=TAG"));
        };
        let id = arguments.entry("id").or_insert_with(|| tag.clone()).clone();
        let device = [("driver", Value::from(DEVICE)), ("fsdev", id), ("mount_tag", tag)];
        let device = device.map(|(name, value)| (name.into(), value));
        self.folders.push(given.step("x-fsdev-add", arguments));
        self.devices.push(given.step("device_add", Map::from_iter(device)));
        Ok(())
    }

    /// The folders, and the devices.
    pub(super) fn finish(self) -> (Vec<Step>, Vec<Step>) {
        (self.folders, self.devices)
    }
}
