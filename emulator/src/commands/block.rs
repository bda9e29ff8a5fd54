//! `qapi/block.json`.

use qapi_runtime::QmpError;

use crate::backends::recipes::BackendKind;
use crate::door::Door;
use crate::qapi::{
    BlockCommands, BlockDeviceInfo, BlockInfo, BlockResize, BlockdevDel, BlockdevOptions,
    QueryNamedBlockNodes, XDriveAdd,
};

impl BlockCommands for Door {
    fn blockdev_add(&mut self, arguments: BlockdevOptions) -> Result<(), QmpError> {
        self.host.blocks.add_node(&arguments, self.host.is_closed())?;
        let names = &arguments.node_name;
        self.host.recipes.learn(BackendKind::Drive, names, "blockdev-add", &arguments);
        Ok(())
    }

    fn blockdev_del(&mut self, arguments: BlockdevDel) -> Result<(), QmpError> {
        let name = &arguments.node_name;
        let devices = self.stage.board().ok().into_iter().flat_map(|board| board.devices());
        let mut users = devices.filter(|device| device.driver().drive() == Some(name));
        if let Some(user) = users.next() {
            return Err(QmpError::generic(format!(
                "Node {name} is in use: device '{}' has it",
                user.name
            )));
        }
        self.host.blocks.remove_node(name)?;
        self.host.recipes.forget(BackendKind::Drive, name);
        Ok(())
    }

    fn x_drive_add(&mut self, arguments: XDriveAdd) -> Result<(), QmpError> {
        let asked = arguments.clone();
        if let Some(warning) = self.host.blocks.add_drive(arguments, self.host.is_closed())? {
            self.host.warn(&warning);
        }
        let names = [&asked.id].into_iter().chain(&asked.node_name);
        self.host.recipes.learn(BackendKind::Drive, names, "x-drive-add", &asked);
        Ok(())
    }

    fn query_block(&mut self) -> Result<Vec<BlockInfo>, QmpError> {
        Ok(self.host.blocks.query())
    }

    fn query_named_block_nodes(
        &mut self,
        _arguments: QueryNamedBlockNodes,
    ) -> Result<Vec<BlockDeviceInfo>, QmpError> {
        Ok(self.host.blocks.query_nodes())
    }

    fn block_resize(&mut self, arguments: BlockResize) -> Result<(), QmpError> {
        let BlockResize { device, node_name, size } = arguments;
        let (Some(name), true) = (device.or(node_name), size >= 0) else {
            return Err(QmpError::generic(
                "Parameter 'size' or the name of a drive or node is missing",
            ));
        };
        self.host.blocks.resize(&name, size.unsigned_abs())
    }
}
