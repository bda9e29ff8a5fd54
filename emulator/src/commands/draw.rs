//! `qapi/draw.json`.

use qapi_runtime::QmpError;

use crate::backends::char::Plain;
use crate::board::draw::Drawing;
use crate::door::Door;
use crate::qapi::{BoardDraw, BoardDrawing, DrawCommands, DrawingFormat};

impl DrawCommands for Door {
    fn board_draw(&mut self, arguments: BoardDraw) -> Result<BoardDrawing, QmpError> {
        let board = self.stage.board()?;
        let machine = board.machine.type_.tag();
        let title = arguments.title.unwrap_or_else(|| format!("Machine {machine}"));
        let drawing = Drawing::new(board, &title);
        let document = drawing.document(arguments.format.unwrap_or(DrawingFormat::Svg));
        let size = document.len() as u64;
        let Some(path) = arguments.filename else {
            return Ok(BoardDrawing { drawing: Some(document), size });
        };
        std::fs::write(&path, document).map_err(|error| {
            QmpError::generic(format!("Cannot write '{path}': {}", Plain(&error)))
        })?;
        Ok(BoardDrawing { drawing: None, size })
    }
}
