//! `qapi/board.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::phase::Stage;
use crate::qapi::{BoardCommands, SysbusMmioMap};

impl BoardCommands for Door {
    fn sysbus_mmio_map(&mut self, arguments: SysbusMmioMap) -> Result<(), QmpError> {
        // The gate lets the command through at `initialized` only; elsewhere there is no board to
        // change, which `board` says.
        let Stage::Initialized(board) = &mut self.stage else {
            return self.stage.board().map(|_| ());
        };
        let mut changed = board.clone();
        changed.map(&arguments)?;
        *board = changed;
        Ok(())
    }

    fn x_sysbus_mmio_map(&mut self, arguments: SysbusMmioMap) -> Result<(), QmpError> {
        self.sysbus_mmio_map(arguments)
    }
}
