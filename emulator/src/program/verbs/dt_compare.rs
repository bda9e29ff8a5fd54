//! Verb `dt-compare`: a device tree against a board.

use std::fmt::Write as _;

use qapi_runtime::Encode as _;

use super::{Arguments, Flag, Run, Verb, print};
use crate::board::compare;
use crate::boot::tree;
use crate::program::{Failure, source};

pub(super) const VERB: Verb = Verb {
    name: "dt-compare",
    arguments: "[OPTION...] TREE BOARD",
    help: "tells what a device tree claims that a board has not, and the other way round",
    options: &[Flag { name: "json", value: None, help: "print what dt-compare returns over QMP" }],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let Some((path, board)) = given.operands.split_first() else {
        return Err(given.misuse("dt-compare needs a device tree and a board"));
    };
    let boards = source::sources(board)?;
    let [board] = boards.as_slice() else {
        return Err(given.misuse("dt-compare needs a device tree and one board"));
    };
    let tree = tree::read(path)?;
    let differences = compare::compare(&tree, &board.board()?)?;
    let mut text = String::new();
    if given.has("json") {
        let _ = writeln!(text, "{}", differences.encode());
    } else {
        for found in &differences {
            // The node is the better place: it is what has to be changed, or believed.
            let place = found.node.as_ref().or(found.device.as_ref());
            let place = place.map(|place| format!("{place}: ")).unwrap_or_default();
            let _ = writeln!(text, "{}: {place}{}", found.kind, found.text);
        }
    }
    print(&text);
    Ok(u8::from(!differences.is_empty()))
}
