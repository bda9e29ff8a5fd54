//! `qapi/board.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::qapi::{
    BoardCommands, DeviceConnect, DeviceDisconnect, DeviceInfo, DeviceList, DeviceMap, DeviceUnmap,
    ResetTreeInfo, SysbusMmioMap,
};

impl BoardCommands for Door {
    fn sysbus_mmio_map(&mut self, arguments: SysbusMmioMap) -> Result<(), QmpError> {
        self.edit(|board| board.map(&arguments))
    }

    fn x_sysbus_mmio_map(&mut self, arguments: SysbusMmioMap) -> Result<(), QmpError> {
        self.sysbus_mmio_map(arguments)
    }

    fn device_map(&mut self, arguments: DeviceMap) -> Result<(), QmpError> {
        self.edit(|board| board.map_named(&arguments))
    }

    fn device_unmap(&mut self, arguments: DeviceUnmap) -> Result<(), QmpError> {
        self.edit(|board| board.unmap(&arguments))
    }

    fn device_connect(&mut self, arguments: DeviceConnect) -> Result<(), QmpError> {
        self.edit(|board| board.connect_lines(&arguments))
    }

    fn device_disconnect(&mut self, arguments: DeviceDisconnect) -> Result<(), QmpError> {
        self.edit(|board| board.disconnect_lines(&arguments))
    }

    fn device_list(&mut self, arguments: DeviceList) -> Result<Vec<DeviceInfo>, QmpError> {
        let board = self.stage.board()?;
        match &arguments.device {
            Some(path) => Ok(vec![board.describe(board.find_device(path)?)]),
            None => Ok(board.devices().map(|device| board.describe(device)).collect()),
        }
    }

    fn query_reset_tree(&mut self) -> Result<Vec<ResetTreeInfo>, QmpError> {
        Ok(self.stage.board()?.reset_tree())
    }
}
