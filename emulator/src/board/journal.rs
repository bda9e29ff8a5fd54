//! The journal: which commands have made a board, and where each came from.
//!
//! It is part of the board value. A command that takes something back takes its entries back with
//! it, so the journal always tells how the board came to be as it is.

use std::fmt;
use std::sync::Arc;

use qapi_runtime::{QmpError, Value};
use rpds::VectorSync;

use super::Board;
use crate::door::Command;
use crate::qapi::{BoardLogEntry, CommandOrigin};

/// Where a command came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What kind of place that is.
    pub kind: CommandOrigin,
    /// The place: `boards/first.qmp:12`, `option -device loader,file=a.elf`,
    /// `core.dts: /soc/serial@10013000`.
    pub text: Arc<str>,
}

impl Origin {
    /// A place of some kind.
    pub fn new(kind: CommandOrigin, text: impl Into<Arc<str>>) -> Self {
        Self { kind, text: text.into() }
    }

    /// Code that uses this crate as a library and says nothing more.
    pub fn program() -> Self {
        Self::new(CommandOrigin::Program, "program")
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A command that has changed the board.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the journal; the first is 1.
    pub number: u64,
    /// Where it came from.
    pub origin: Origin,
    /// The command as it was given.
    pub command: Command,
}

impl Entry {
    /// As `board-log` tells it.
    pub fn told(&self) -> BoardLogEntry {
        BoardLogEntry {
            number: self.number,
            origin: self.origin.kind,
            place: self.origin.text.to_string(),
            command: self.command.name.clone(),
            arguments: Value::Object(self.command.arguments.clone()),
        }
    }
}

/// The commands that have made a board, the first one first. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Journal(VectorSync<Arc<Entry>>);

impl Journal {
    /// How many commands there are; the number of the last.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The commands in order.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.0.iter()
    }

    /// The command of a number.
    pub fn entry(&self, number: u64) -> Option<&Arc<Entry>> {
        self.0.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Writes a command down.
    pub fn record(&mut self, origin: Origin, command: Command) {
        let number = self.len() + 1;
        self.0.push_back_mut(Arc::new(Entry { number, origin, command }));
    }
}

impl Board {
    /// The commands that have made it.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The board as a command leaves it, and what the command answers. This one stays as it is.
    ///
    /// # Errors
    /// What the change says.
    pub fn edited<T>(
        &self,
        origin: Origin,
        command: Command,
        change: impl FnOnce(&mut Self) -> Result<T, QmpError>,
    ) -> Result<(Self, T), QmpError> {
        let mut board = self.clone();
        // First, so that what the command makes knows its number.
        board.journal.record(origin, command);
        let answer = change(&mut board)?;
        Ok((board, answer))
    }
}
