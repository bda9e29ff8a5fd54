//! `qapi/journal.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::phase::Stage;
use crate::qapi::{BoardLogEntry, JournalCommands};

impl JournalCommands for Door {
    fn board_log(&mut self) -> Result<Vec<BoardLogEntry>, QmpError> {
        let journal = match &self.stage {
            Stage::MachineCreated(setup) | Stage::AccelCreated(setup, _) => &setup.journal,
            stage => stage.board()?.journal(),
        };
        Ok(journal.entries().map(|entry| entry.told()).collect())
    }
}
