//! What of a board no binding has words for: commands, in a node of the tree of their own. A tree
//! that is written as a file has it, so that reading it gives the same board; guests do not see it.

use std::ops::ControlFlow;
use std::path::Path;

use boardwright_devicetree::{Node, Tree};
use qapi_runtime::{Map, QmpError, Value};

use super::wrong;
use crate::cli::script::{Line, Program, line};
use crate::door::{Command, Door};
use crate::qapi::BoardDiff;

/// The node.
pub(super) const NAME: &str = "boardwright";
/// Its path.
pub(super) const NODE: &str = "/boardwright";
/// Its property: a line of a board script each.
const COMMANDS: &str = "commands";

/// The node for what a board has beyond its tree; none where there is nothing.
pub(in crate::board) fn write(beyond: &BoardDiff) -> Option<Node> {
    if beyond.patch.is_empty() {
        return None;
    }
    let lines = beyond.patch.iter().map(|one| {
        let arguments = match &one.arguments {
            Some(Value::Object(arguments)) => arguments.clone(),
            _ => Map::new(),
        };
        line(&Command { name: one.command.clone(), arguments })
    });
    let lines: Vec<String> = lines.collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    Some(Node::new(NAME).with_strings(COMMANDS, &lines))
}

/// The commands that a tree has.
///
/// # Errors
/// A line is not understood, or does more than changing the board: a tree from elsewhere must not.
pub(super) fn read(tree: &Tree) -> Result<Vec<Command>, QmpError> {
    let node = tree.find(NODE);
    let Some(lines) = node.and_then(|node| node.property(COMMANDS)) else { return Ok(Vec::new()) };
    let text = lines.strings().map_err(wrong)?.join("\n");
    let place = Path::new(NODE);
    let refuse = |path: &Path| Err(format!("'{}': a tree includes no scripts", path.display()));
    let mut commands = Vec::new();
    Program::parse(place, text)
        .and_then(|program| {
            program.walk(&[], &refuse, &mut |line: &Line| {
                commands.push(line.command.clone());
                Ok(ControlFlow::Continue(()))
            })
        })
        .map_err(|error| QmpError::generic(format!("Device tree: {error}")))?;
    for command in &commands {
        if !Door::describes_boards(command)? || writes(command) {
            return Err(QmpError::generic(format!(
                "Device tree: {NODE}: '{}' does not change the board, or not only that: a tree cannot ask for it",
                command.label()
            )));
        }
    }
    Ok(commands)
}

/// Whether a file of the host would be written.
fn writes(command: &Command) -> bool {
    let share = command.arguments.get("share");
    command.name == "object-add" && share.is_some_and(|share| *share != Value::Bool(false))
}
