//! Verb `draw`: a picture of a board.

use super::{Arguments, Flag, Run, Verb, deliver};
use crate::board::draw::Drawing;
use crate::program::Failure;
use crate::qapi::DrawingFormat;

pub(super) const VERB: Verb = Verb {
    name: "draw",
    arguments: "[OPTION...] BOARD",
    help: "draws a board: memory map, interrupts, reset, harts",
    options: &[
        Flag { name: "format", value: Some("svg|html"), help: "a picture, or a page to search" },
        Flag { name: "o", value: Some("FILE"), help: "the file to write; .html makes a page" },
        Flag { name: "title", value: Some("TEXT"), help: "what stands above it" },
    ],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let output = given.value("o");
    let format = match given.parsed("format")? {
        Some(format) => format,
        None if output.is_some_and(is_page) => DrawingFormat::Html,
        None => DrawingFormat::Svg,
    };
    let boards = given.boards(1..=1)?;
    for source in &boards {
        let board = source.board()?;
        let name = source.to_string();
        let drawing = Drawing::new(&board, given.value("title").unwrap_or(&name));
        deliver(output, &drawing.document(format))?;
    }
    Ok(0)
}

fn is_page(path: &str) -> bool {
    let end = std::path::Path::new(path).extension();
    end.is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"))
}
