//! `qapi/board.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::qapi::{BoardCommands, SysbusMmioMap};

impl BoardCommands for Door {
    fn sysbus_mmio_map(&mut self, arguments: SysbusMmioMap) -> Result<(), QmpError> {
        self.edit(|board| board.map(&arguments))
    }

    fn x_sysbus_mmio_map(&mut self, arguments: SysbusMmioMap) -> Result<(), QmpError> {
        self.sysbus_mmio_map(arguments)
    }
}
