//! Verb `dts`: a board as a device tree.

use std::fs;

use serde_json::json;

use super::{Arguments, Flag, Run, Verb, print, tell};
use crate::board::export;
use crate::boot::tree;
use crate::program::{self, Failure};

pub(super) const VERB: Verb = Verb {
    name: "dts",
    arguments: "[OPTION...] BOARD",
    help: "prints a board as a device tree, and says what of it a tree cannot say",
    options: &[
        Flag {
            name: "dtb",
            value: Some("FILE"),
            help: "write the flattened form to a file instead",
        },
        Flag { name: "guest", value: None, help: "the tree that a guest is given: without labels" },
        Flag { name: "json", value: None, help: "print an object with what is dropped" },
    ],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let boards = given.boards(1..=1)?;
    let [source] = boards.as_slice() else { return Err(given.misuse("dts needs one board")) };
    let board = source.board()?;
    let file = export::as_file(&board)?;
    let dropped = export::dropped(&board, &file)?;
    let (written, missing) = match given.has("guest") {
        true => (export::describe(&board), "not in the tree"),
        false => (file, "only as a command in /boardwright"),
    };
    let mut text = String::new();
    match given.value("dtb") {
        Some(path) => {
            let blob = tree::to_blob(&written)?;
            fs::write(path, blob).map_err(program::host(format!("Cannot write '{path}'")))?;
        }
        None => text = tree::to_source(&written)?,
    }
    if given.has("json") {
        let dropped = qapi_runtime::Encode::encode(&dropped);
        return Ok(print(&format!("{}\n", json!({ "source": text, "dropped": dropped }))));
    }
    for one in &dropped {
        tell(&format!("{missing}: {}: {}", one.device, one.text));
    }
    Ok(print(&text))
}
