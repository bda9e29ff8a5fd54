//! `qapi/device-tree.json`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qapi_runtime::{QmpError, Value};

use crate::board::import::{self, Imported};
use crate::board::{compare, export};
use crate::boot::tree;
use crate::door::Door;
use crate::qapi::{
    BoardToDt, DeviceTreeBoard, DeviceTreeCommand, DeviceTreeCommands, DeviceTreeDifference,
    DeviceTreeFormat, DeviceTreeOfBoard, DtCompare, DtToBoard,
};

impl DeviceTreeCommands for Door {
    fn dt_to_board(&mut self, arguments: DtToBoard) -> Result<DeviceTreeBoard, QmpError> {
        let imported = import::import(&tree::read(&arguments.path)?, &crate::machines::empty())?;
        Ok(board_of_tree(imported))
    }

    fn board_to_dt(&mut self, arguments: BoardToDt) -> Result<DeviceTreeOfBoard, QmpError> {
        let board = self.board()?;
        let tree = export::as_file(&board)?;
        let dropped = export::dropped(&board, &tree)?;
        let format = arguments.format.unwrap_or(DeviceTreeFormat::Dts);
        let data = match format {
            DeviceTreeFormat::Dts => tree::to_source(&tree)?,
            DeviceTreeFormat::Dtb => STANDARD.encode(tree::to_blob(&tree)?),
        };
        Ok(DeviceTreeOfBoard { format, data, dropped })
    }

    fn dt_compare(&mut self, arguments: DtCompare) -> Result<Vec<DeviceTreeDifference>, QmpError> {
        compare::compare(&tree::read(&arguments.path)?, &self.board()?)
    }
}

/// What `dt-to-board` returns.
pub(crate) fn board_of_tree(imported: Imported) -> DeviceTreeBoard {
    let commands = imported.commands().map(|(node, command)| DeviceTreeCommand {
        node: node.into(),
        execute: command.name,
        arguments: Value::Object(command.arguments),
    });
    DeviceTreeBoard { commands: commands.collect(), report: imported.report }
}
