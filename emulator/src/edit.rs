//! How commands change a board: the one way, which records what it does.
//!
//! A command gets a copy of the board and changes it. When all went well, the copy takes the
//! board's place, with the command in its journal; otherwise nothing has happened. The boards that
//! were replaced are kept: copies share all that did not change.

use qapi_runtime::QmpError;
use rpds::VectorSync;

use crate::board::{Board, Journal};
use crate::door::{Door, Step};
use crate::phase::Stage;
use crate::qapi::MachineOptions;

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
        let step = self.executing();
        match &mut self.stage {
            Stage::Initialized(draft) => draft.edit(step?, change),
            stage => {
                stage.board()?;
                Err(QmpError::generic("The board can no longer be changed at 'ready'"))
            }
        }
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
}
