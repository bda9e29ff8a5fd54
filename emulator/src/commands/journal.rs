//! `qapi/journal.json`.

use qapi_runtime::QmpError;

use crate::door::Door;
use crate::phase::Stage;
use crate::qapi::{BoardLogEntry, BoardUndo, JournalCommands, Transaction, TransactionInfo};

impl JournalCommands for Door {
    fn board_log(&mut self) -> Result<Vec<BoardLogEntry>, QmpError> {
        let journal = match &self.stage {
            Stage::MachineCreated(setup) | Stage::AccelCreated(setup, _) => &setup.journal,
            stage => stage.board()?.journal(),
        };
        Ok(journal.entries().map(|entry| entry.told()).collect())
    }

    fn board_undo(&mut self, arguments: BoardUndo) -> Result<Vec<BoardLogEntry>, QmpError> {
        let undone = self.undo(arguments.count.unwrap_or(1))?;
        Ok(undone.iter().map(|entry| entry.told()).collect())
    }

    fn transaction(&mut self, arguments: Transaction) -> Result<TransactionInfo, QmpError> {
        let changes = if arguments.dry_run.unwrap_or(false) {
            Some(self.rehearse(&arguments.actions)?)
        } else {
            self.transact(&arguments.actions)?;
            None
        };
        Ok(TransactionInfo { changes })
    }
}
