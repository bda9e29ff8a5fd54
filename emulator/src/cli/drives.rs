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
    /// Properties of the machine that are drives: its banks of flash.
    banks: Vec<String>,
    /// How many drives of each interface have no id of their own.
    unnamed: Map,
    snapshot: bool,
}

impl Drives {
    /// `-snapshot`: all drives forget what is written.
    pub(super) fn snapshot(&mut self) {
        self.snapshot = true;
    }

    /// `-drive file=FILE,...`; returns the property of the machine that it is, if it is one.
    pub(super) fn drive(&mut self, given: Given<'_>) -> Result<Option<(String, Value)>, CliError> {
        let mut arguments = Map::new();
        let mut interface = String::from("virtio");
        let (mut serial, mut unit, mut bank) = (None, None, None);
        for item in keyval::items_with("file", given.value) {
            let (key, value) = item.setting();
            match key.as_str() {
                "if" => interface = value,
                "serial" => serial = Some(value),
                "index" | "unit" => unit = Some(value),
                "bus" => {}
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
            "pflash" => bank = Some((self.bank(given, unit)?, id.into())),
            // Which of several disks it is shows in their order.
            "virtio" => {
                let mut device =
                    Map::from_iter([("driver".into(), VIRTIO.into()), ("drive".into(), id.into())]);
                device.extend(serial.take().map(|serial| ("serial".into(), serial.into())));
                self.devices.push(given.step("device_add", device));
            }
            other => {
                return Err(given.error(format!(
                    "no board has an interface '{other}' for disks: expected if=none, if=virtio or if=pflash"
                )));
            }
        }
        if serial.is_some() {
            return Err(
                given.error("'serial' belongs to the device: -device virtio-blk,serial=...")
            );
        }
        self.steps.push(given.step("x-drive-add", arguments));
        Ok(bank)
    }

    /// `if=pflash`: the bank of the unit, or the next; the property of the machine that it is.
    fn bank(&mut self, given: Given<'_>, unit: Option<String>) -> Result<String, CliError> {
        let number = unit.map_or(Ok(self.banks.len()), |unit| {
            unit.parse().map_err(|_| given.error(format!("'unit' expects a number, not '{unit}'")))
        })?;
        let property = format!("pflash{number}");
        if number > 1 {
            let text = "machine type does not support if=pflash,bus=0";
            return Err(given.error(format!("{text},unit={number}")));
        }
        if self.banks.contains(&property) {
            return Err(given.error(format!("drive with bus=0, unit={number} (index=-1) exists")));
        }
        self.banks.push(property.clone());
        Ok(property)
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
