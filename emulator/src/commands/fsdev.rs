//! `qapi/fsdev.json`.

use qapi_runtime::QmpError;

use crate::backends::recipes::BackendKind;
use crate::door::Door;
use crate::qapi::{FsdevCommands, FsdevOptions};

impl FsdevCommands for Door {
    fn x_fsdev_add(&mut self, arguments: FsdevOptions) -> Result<(), QmpError> {
        self.host.shares.add(&arguments, self.host.is_closed())?;
        self.host.recipes.learn(BackendKind::Share, [&arguments.id], "x-fsdev-add", &arguments);
        Ok(())
    }
}
