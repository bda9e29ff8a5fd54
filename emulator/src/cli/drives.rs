//! `-drive`, `-blockdev` and `-snapshot`.

use qapi_runtime::{Map, Value};

use crate::door::Step;

use super::error::CliError;
use super::invocation::Given;
use super::keyval;

/// The driver of the device that `-drive if=virtio` makes, on whatever transport there is.
const VIRTIO: &str = "virtio-blk";

/// What has been said so far.
#[derive(Debug, Default)]
pub(super) struct Drives {
    steps: Vec<Step>,
    devices: Vec<Step>,
    /// How many drives of each interface have no id of their own.
    unnamed: Map,
    snapshot: bool,
}

impl Drives {
    /// `-snapshot`: all drives forget what is written.
    pub(super) fn snapshot(&mut self) {
        self.snapshot = true;
    }

    /// `-drive file=FILE,...`
    pub(super) fn drive(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let mut arguments = Map::new();
        let mut interface = String::from("virtio");
        let mut serial = None;
        for item in keyval::items_with("file", given.value) {
            let (key, value) = item.setting();
            match key.as_str() {
                "if" => interface = value,
                "serial" => serial = Some(value),
                // Which of several drives it is shows in their order.
                "index" | "bus" | "unit" => {}
                "file.filename" => given.put(&mut arguments, "file", value.into())?,
                "driver" => given.put(&mut arguments, "format", value.into())?,
                _ => given.put(&mut arguments, &key, value.into())?,
            }
        }
        if !arguments.contains_key("file") {
            return Err(given.error("names no image: add file=PATH"));
        }
        let number = self.unnamed.get(&interface).and_then(Value::as_u64).unwrap_or(0);
        let id = match arguments.get("id") {
            Some(Value::String(id)) => id.clone(),
            _ => format!("{interface}{number}"),
        };
        self.unnamed.insert(interface.clone(), (number + 1).into());
        arguments.insert("id".into(), id.clone().into());
        match interface.as_str() {
            "none" => {}
            "virtio" => {
                let mut device =
                    Map::from_iter([("driver".into(), VIRTIO.into()), ("drive".into(), id.into())]);
                device.extend(serial.take().map(|serial| ("serial".into(), serial.into())));
                self.devices.push(given.step("device_add", device));
            }
            other => {
                return Err(given.error(format!(
                    "no board has an interface '{other}' for disks: expected if=none or if=virtio"
                )));
            }
        }
        if serial.is_some() {
            return Err(
                given.error("'serial' belongs to the device: -device virtio-blk,serial=...")
            );
        }
        self.steps.push(given.step("x-drive-add", arguments));
        Ok(())
    }

    /// `-blockdev driver=DRIVER,node-name=NAME,...`, or JSON.
    pub(super) fn blockdev(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let arguments = given.arguments("driver")?;
        self.steps.push(given.step("blockdev-add", arguments));
        Ok(())
    }

    /// The commands for back ends, and those for devices.
    pub(super) fn finish(mut self) -> (Vec<Step>, Vec<Step>) {
        if self.snapshot {
            for step in self.steps.iter_mut().filter(|step| step.command.name == "x-drive-add") {
                step.command.arguments.entry("snapshot").or_insert(true.into());
            }
        }
        (self.steps, self.devices)
    }
}
