//! Verb `dt-to-board`: a device tree as the script that builds its board.

use std::fmt::Write as _;

use qapi_runtime::QmpError;

use super::{Arguments, Flag, Run, Verb, print, tell};
use crate::board::import::{self, Imported};
use crate::boot::tree;
use crate::cli::script;
use crate::program::Failure;

pub(super) const VERB: Verb = Verb {
    name: "dt-to-board",
    arguments: "[OPTION...] TREE",
    help: "prints the script that builds the board a device tree describes",
    options: &[
        Flag { name: "json", value: None, help: "print what dt-to-board returns over QMP" },
        Flag { name: "strict", value: None, help: "fail if something of it is not modelled" },
    ],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let [path] = given.operands.as_slice() else {
        return Err(given.misuse("dt-to-board needs one device tree"));
    };
    let imported = import::import(&tree::read(path)?, &crate::machines::empty())?;
    if given.has("strict") {
        let refused = import::refuse_remarks(&imported.report);
        if let Err(QmpError { desc, .. }) = refused {
            tell(&desc);
            return Ok(1);
        }
    }
    if given.has("json") {
        let answer = crate::commands::board_of_tree(imported);
        return Ok(print(&format!("{}\n", qapi_runtime::Encode::encode(&answer))));
    }
    for remark in &imported.report {
        tell(&import::line(remark));
    }
    Ok(print(&text(path, &imported)))
}

/// A script that builds the board and leaves it to be added to.
fn text(path: &str, imported: &Imported) -> String {
    let mut text = format!(
        "# The board of {path}.\nmachine-set type=none\nset-machine-phase phase=initialized\n"
    );
    let mut node = None;
    for (place, command) in imported.commands() {
        if node != Some(place) {
            let _ = write!(text, "\n# {place}\n");
            node = Some(place);
        }
        let _ = writeln!(text, "{}", script::line(&command));
    }
    text
}
