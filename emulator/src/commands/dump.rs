//! `qapi/dump.json`.

use qapi_runtime::QmpError;

use crate::board::Board;
use crate::door::Door;
use crate::phase::Stage;
use crate::qapi::{BoardDiff, BoardDump, BoardDumpFormat, DumpCommands};
use crate::qapi::{BoardDiffArguments, BoardDumpArguments};

impl DumpCommands for Door {
    fn board_dump(&mut self, arguments: BoardDumpArguments) -> Result<BoardDump, QmpError> {
        self.board()?.dump(arguments.format.unwrap_or(BoardDumpFormat::Json))
    }

    fn board_diff(&mut self, arguments: BoardDiffArguments) -> Result<BoardDiff, QmpError> {
        let board = self.board()?;
        match (arguments.with, arguments.ago) {
            (Some(image), None) => {
                let origin = self.origin().clone();
                board.diff(&Board::from_image(&image, |_| origin.clone())?)
            }
            (None, Some(ago)) => match &self.stage {
                Stage::Initialized(draft) => draft.ago(ago)?.with_backends(&self.host).diff(&board),
                _ => Err(QmpError::generic("What the board was before is forgotten at 'ready'")),
            },
            _ => Err(QmpError::generic("Exactly one of 'with' and 'ago' is expected")),
        }
    }
}
