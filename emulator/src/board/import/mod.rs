//! A board from a device tree: the tree read as a list of ordinary commands.
//!
//! `reading` finds out what the nodes are; for devices the drivers say that read them
//! ([`crate::devices::binding`]), for harts `cpus` does. `plan` makes commands of it: it gives ids
//! and character back ends, and wires once all devices are known, whatever the order of the nodes
//! is. What is not understood becomes an `unimplemented-device` over its registers and a remark;
//! nothing is passed over in silence.

mod cpus;
mod isa;
mod plan;
mod reading;
mod unknown;
mod words;

use boardwright_devicetree::{Tree, TreeError};
use qapi_runtime::QmpError;

use super::{Board, Change};
use crate::door::Command;
use crate::qapi::{DeviceTreeProblem, DeviceTreeRemark, MachineOptions};

pub(super) use cpus::{Hart, claimed_extensions};
pub(super) use reading::{Entry, Reading};
pub(in crate::board) use words::write as written;

/// The board that a tree describes.
#[derive(Debug)]
pub struct Imported {
    /// What builds it at `initialized`, in this order.
    pub changes: Vec<Planned>,
    /// What the tree has as commands, to be executed after that.
    pub written: Vec<Command>,
    /// What of the tree is not on it, in the order of the tree.
    pub report: Vec<DeviceTreeRemark>,
}

/// A change of the board, and the node that it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Path of the node.
    pub node: String,
    /// The change.
    pub change: Change,
}

impl Imported {
    /// All commands in order, each with the path of the node that it comes from.
    pub fn commands(&self) -> impl Iterator<Item = (&str, Command)> {
        let planned = self.changes.iter().map(|one| (one.node.as_str(), one.change.command()));
        planned.chain(self.written.iter().map(|command| (words::NODE, command.clone())))
    }

    /// The board that the nodes describe, without what the tree has as commands.
    ///
    /// # Errors
    /// The tree describes what cannot be; the message names the node.
    pub fn board(&self) -> Result<Board, QmpError> {
        let mut board = Board::new(crate::machines::empty());
        for Planned { node, change } in &self.changes {
            change.apply(&mut board).map_err(|error| QmpError {
                desc: format!("Device tree: {node}: {}", error.desc),
                ..error
            })?;
        }
        Ok(board)
    }
}

/// Reads a tree. Of a machine's options count those that say what the board is to have instead:
/// `cpu`, `smp`, `memory`, and the software, which decides where harts start.
///
/// # Errors
/// A property that has to be understood is malformed; the message names node and property.
pub fn import(tree: &Tree, options: &MachineOptions) -> Result<Imported, QmpError> {
    let phandles = tree.phandles();
    let mut imported = plan::plan(&Reading::of(tree, &phandles, options)?, options)?;
    imported.written = words::read(tree)?;
    Ok(imported)
}

/// A remark as a line for people.
pub fn line(remark: &DeviceTreeRemark) -> String {
    format!("Device tree: {}: {}", remark.node, remark.text)
}

/// Refuses a tree that is not understood in full, and says what is not.
///
/// # Errors
/// There is something to report.
pub fn refuse_remarks(report: &[DeviceTreeRemark]) -> Result<(), QmpError> {
    use qapi_runtime::Encode as _;
    if report.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> =
        report.iter().map(|remark| format!("\n  {}: {}", remark.node, remark.text)).collect();
    let count = report.len();
    let text = format!(
        "Device tree: strict=on refuses what is not modelled, {count} in all:{}",
        lines.concat()
    );
    let data =
        serde_json::json!({ "report": report.iter().map(|r| r.encode()).collect::<Vec<_>>() });
    Err(QmpError { data: Some(data), ..QmpError::generic(text) })
}

fn wrong(error: TreeError) -> QmpError {
    QmpError::generic(format!("Device tree: {error}"))
}

/// What a driver or a reader has to say about a node.
type Remark = (DeviceTreeProblem, String);
