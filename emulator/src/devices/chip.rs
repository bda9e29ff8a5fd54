//! A chip behind its lock: state, and the lines that its state drives.

use std::sync::{Mutex, PoisonError};

use crate::machine::Line;

/// The registers of a device, apart from the bus and the lines.
pub trait Outputs {
    /// Sets the lines to what the registers say; a device without lines does nothing. Called with the
    /// lock held.
    fn drive(&self, lines: &[Line]) {
        let _ = lines;
    }

    /// Becomes a state that was saved. What is not part of it (the way to the outside) is kept.
    ///
    /// # Errors
    /// It is the state of a chip of another shape; nothing is changed then.
    fn adopt(&mut self, saved: Self) -> Result<(), String>
    where
        Self: Sized,
    {
        *self = saved;
        Ok(())
    }
}

/// A chip, its lock and its lines.
pub struct Chip<T> {
    state: Mutex<T>,
    lines: Vec<Line>,
}

impl<T: Outputs> Chip<T> {
    /// A chip in the state given, with the lines that it drives.
    pub fn new(state: T, lines: Vec<Line>) -> Self {
        Self { state: Mutex::new(state), lines }
    }

    /// Does something with the registers, then lets the lines follow, the lock given back.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let result = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let result = work(&mut state);
            state.drive(&self.lines);
            result
        };
        self.lines.iter().for_each(Line::deliver);
        result
    }

    /// Takes a state that was saved; no line changes.
    ///
    /// # Errors
    /// It is that of another chip.
    pub fn replace(&self, saved: T) -> Result<(), String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).adopt(saved)
    }

    /// Looks at registers without side effects: no line changes.
    pub fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
