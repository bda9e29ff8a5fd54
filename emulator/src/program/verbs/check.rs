//! Verb `check`: builds boards and tells how large they are. What is wrong with one that is built
//! is the matter of `lint`.

use std::fmt::Write as _;

use serde_json::json;

use super::{Arguments, Flag, Run, Verb, print};
use crate::program::Failure;

pub(super) const VERB: Verb = Verb {
    name: "check",
    arguments: "[OPTION...] BOARD...",
    help: "builds boards, up to phase 'initialized', and tells how large they are",
    options: &[Flag { name: "json", value: None, help: "print one JSON object a board" }],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let mut text = String::new();
    for source in given.boards(1..=usize::MAX)? {
        let board = source.board()?;
        let machine = board.machine.type_.tag();
        let (devices, harts) = (board.len(), board.harts().len());
        let _ = if given.has("json") {
            let facts = json!({ "board": source.to_string(), "machine": machine.as_str(),
                                "devices": devices, "harts": harts });
            writeln!(text, "{facts}")
        } else {
            writeln!(text, "{source}: machine {machine}, devices: {devices}, harts: {harts}")
        };
    }
    Ok(print(&text))
}
