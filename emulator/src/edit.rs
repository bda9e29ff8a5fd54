//! How commands change a board: the one way, which records what it does.
//!
//! A command gets a copy of the board and changes it. When all went well, the copy takes the
//! board's place, with the command in its journal; otherwise nothing has happened. The boards that
//! were replaced are kept: copies share all that did not change.

use std::sync::Arc;

use qapi_runtime::{Map, QmpError, Value};
use rpds::VectorSync;

use crate::board::{Board, Entry, Journal, Origin};
use crate::door::{Command, Door, Step};
use crate::phase::Stage;
use crate::qapi::{BoardCommand, BoardDiff, MachineOptions};

/// A machine that has no board yet.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its properties.
    pub options: MachineOptions,
    /// The commands that gave them.
    pub journal: Journal,
}

/// A board that is being built, and what it was like before each command. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Draft {
    board: Board,
    past: VectorSync<Board>,
}

impl Draft {
    /// A board that no command has changed yet.
    pub fn new(board: Board) -> Self {
        Self { board, past: VectorSync::new_sync() }
    }

    /// The board as it stands.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The board as it was before the last `count` edits.
    ///
    /// # Errors
    /// There were not so many.
    pub fn ago(&self, count: u32) -> Result<&Board, QmpError> {
        let edits = self.past.len();
        (count as usize)
            .checked_sub(1)
            .map_or(Some(&self.board), |back| self.past.get(edits.checked_sub(back + 1)?))
            .ok_or_else(|| match edits {
                0 => QmpError::generic("No command has changed the board since it is there"),
                _ => QmpError::generic(format!(
                    "{count} commands are more than have changed the board: {edits} (a transaction is one)"
                )),
            })
    }

    /// Takes the last edits back; returns the journal's entries, the last first.
    ///
    /// # Errors
    /// There were not so many; nothing has changed then.
    fn undo(&mut self, count: u32) -> Result<Vec<Arc<Entry>>, QmpError> {
        let before = self.ago(count)?.clone();
        let kept = before.journal().len();
        let journal = self.board.journal();
        let undone = (kept + 1..=journal.len()).rev();
        let undone = undone.filter_map(|number| journal.entry(number).cloned()).collect();
        for _ in 0..count {
            self.past.drop_last_mut();
        }
        self.board = before;
        Ok(undone)
    }

    /// Makes one edit of all since `before`.
    fn unite_since(&mut self, before: Self) {
        self.past = before.past.push_back(before.board);
    }

    fn edit<T>(
        &mut self,
        step: Step,
        change: impl FnOnce(&mut Board) -> Result<T, QmpError>,
    ) -> Result<T, QmpError> {
        let (board, answer) = self.board.edited(step.origin, step.command, change)?;
        self.past.push_back_mut(std::mem::replace(&mut self.board, board));
        Ok(answer)
    }
}

impl Door {
    /// Lets the command that is being executed change the board.
    ///
    /// # Errors
    /// What the change says, or that no board can be changed at this phase; nothing has changed
    /// then.
    pub(crate) fn edit<T>(
        &mut self,
        change: impl FnOnce(&mut Board) -> Result<T, QmpError>,
    ) -> Result<T, QmpError> {
        let step = self.executing()?;
        self.draft()?.edit(step, change)
    }

    /// Lets the command that is being executed change a machine that has no board yet.
    ///
    /// # Errors
    /// What the change says; nothing has changed then.
    pub(crate) fn set_up(
        &mut self,
        change: impl FnOnce(&mut MachineOptions) -> Result<(), QmpError>,
    ) -> Result<(), QmpError> {
        let Step { command, origin } = self.executing()?;
        match &mut self.stage {
            Stage::MachineCreated(setup) | Stage::AccelCreated(setup, _) => {
                change(&mut setup.options)?;
                setup.journal.record(origin, command);
                Ok(())
            }
            stage => stage.board().map(|_| ()),
        }
    }

    /// Takes back what the last commands have done to the board.
    ///
    /// # Errors
    /// There were not so many, or there is no board to change.
    pub(crate) fn undo(&mut self, count: u32) -> Result<Vec<Arc<Entry>>, QmpError> {
        if count == 0 {
            return Err(QmpError::generic("Parameter 'count' expects a number from 1"));
        }
        self.draft()?.undo(count)
    }

    /// Executes commands that change the board, all or none, as one edit.
    ///
    /// # Errors
    /// What the first that fails says, after its place; the board is as before then.
    pub(crate) fn transact(&mut self, actions: &[BoardCommand]) -> Result<(), QmpError> {
        let (before, objects) = (self.draft()?.clone(), self.host.objects.copy());
        let done = self.perform_all(actions);
        let draft = self.draft()?;
        match done {
            Ok(()) if actions.is_empty() => {}
            Ok(()) => draft.unite_since(before),
            Err(_) => {
                *draft = before;
                self.host.objects.restore(objects);
            }
        }
        done
    }

    /// What the commands would change; they change nothing.
    ///
    /// # Errors
    /// As [`Door::transact`].
    pub(crate) fn rehearse(&mut self, actions: &[BoardCommand]) -> Result<BoardDiff, QmpError> {
        let objects = self.host.objects.copy();
        let before = self.draft()?.clone();
        let was = before.board.with_backends(&self.host);
        let done = self.perform_all(actions);
        let after = std::mem::replace(self.draft()?, before);
        let board = after.board.with_backends(&self.host);
        self.host.objects.restore(objects);
        done?;
        was.diff(&board)
    }

    fn draft(&mut self) -> Result<&mut Draft, QmpError> {
        match &mut self.stage {
            Stage::Initialized(draft) => Ok(draft),
            stage => Err(stage.board().err().unwrap_or_else(fixed)),
        }
    }

    fn perform_all(&mut self, actions: &[BoardCommand]) -> Result<(), QmpError> {
        for (index, action) in actions.iter().enumerate() {
            self.perform_one(index, action).map_err(|error| {
                let mut data = match error.data {
                    Some(Value::Object(data)) => data,
                    _ => Map::new(),
                };
                data.insert("action".into(), index.into());
                let desc = format!("actions[{index}]: {}", error.desc);
                QmpError { desc, data: Some(Value::Object(data)), ..error }
            })?;
        }
        Ok(())
    }

    fn perform_one(&mut self, index: usize, action: &BoardCommand) -> Result<(), QmpError> {
        let none = || Value::Object(Map::new());
        let arguments = action.arguments.clone().unwrap_or_else(none);
        let command = Command::new(&action.command, arguments)?;
        if !Self::describes_boards(&command)? {
            return Err(QmpError::generic(format!(
                "The command '{}' does not change the board, or not only that: it cannot be part of a transaction",
                command.name
            )));
        }
        let origin = self.origin();
        let origin = Origin::new(origin.kind, format!("{origin}, actions[{index}]"));
        self.on_behalf(origin, |door| door.execute_under(&command, door.policy)).map(drop)
    }
}

fn fixed() -> QmpError {
    QmpError::generic("The board can no longer be changed at 'ready'")
}
