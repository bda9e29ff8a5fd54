//! `qapi/balloon.json`.

use qapi_runtime::QmpError;

use crate::devices::virtio::Balloon;
use crate::door::Door;
use crate::qapi::{self, BalloonCommands, BalloonInfo};

impl Door {
    fn balloon_device(&self) -> Result<&Balloon, QmpError> {
        // The commands are permitted where there is a machine.
        let machine = self.stage.machine();
        machine.map_or_else(|| Err(QmpError::generic("There is no machine")), |it| it.balloon())
    }
}

impl BalloonCommands for Door {
    fn balloon(&mut self, arguments: qapi::Balloon) -> Result<(), QmpError> {
        let balloon = self.balloon_device()?;
        match u64::try_from(arguments.value) {
            Ok(size @ 1..) => {
                balloon.keep(size);
                Ok(())
            }
            _ => Err(QmpError::generic("Parameter 'value' expects a size")),
        }
    }

    fn query_balloon(&mut self) -> Result<BalloonInfo, QmpError> {
        let balloon = self.balloon_device()?;
        let actual = i64::try_from(balloon.kept()).unwrap_or(i64::MAX);
        Ok(BalloonInfo { actual, stats: balloon.stats() })
    }
}
