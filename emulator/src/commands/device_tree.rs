//! `qapi/device-tree.json`.

use qapi_runtime::{QmpError, Value};

use crate::board::import;
use crate::door::Door;
use crate::qapi::{DeviceTreeBoard, DeviceTreeCommand, DeviceTreeCommands, DtToBoard};

impl DeviceTreeCommands for Door {
    fn dt_to_board(&mut self, arguments: DtToBoard) -> Result<DeviceTreeBoard, QmpError> {
        let tree = crate::boot::tree::read(&arguments.path)?;
        let imported = import::import(&tree, &crate::machines::empty())?;
        let commands = imported.commands.into_iter().map(|planned| DeviceTreeCommand {
            node: planned.node,
            execute: planned.command.name,
            arguments: Value::Object(planned.command.arguments),
        });
        Ok(DeviceTreeBoard { commands: commands.collect(), report: imported.report })
    }
}
