//! The console of `:tt`: a character back end, or standard error for output where none is given.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use boardwright_riscv::Interrupts;

use crate::backends::char::{CharError, CharEvent, Chardev, Connection, FrontEnd};

/// Input that the guest has not asked for yet; more stays with the back end.
const MOST: usize = 4096;

/// See the module's description.
pub struct Console {
    connection: Option<Connection>,
    input: Arc<Input>,
}

#[derive(Default)]
struct Input(Mutex<State>);

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Harts that wait for input.
    waiting: Vec<Arc<Interrupts>>,
}

impl Console {
    /// On a back end, or on standard error, where no input comes from.
    ///
    /// # Errors
    /// Somebody else uses the back end.
    pub fn open(chardev: Option<&Arc<Chardev>>) -> Result<Arc<Self>, CharError> {
        let input = Arc::<Input>::default();
        let connection = chardev.map(|chardev| chardev.connect(input.clone())).transpose()?;
        Ok(Arc::new(Self { connection, input }))
    }

    /// Writes bytes; to nobody if nobody reads.
    pub(super) fn write(&self, bytes: &[u8]) {
        match &self.connection {
            Some(connection) => drop(connection.write(bytes)),
            None => drop(std::io::stderr().write_all(bytes)),
        }
    }

    /// Takes up to `most` bytes of input. Without any, the hart with these inputs is asked to
    /// exit when there are, and `None` is returned. Nothing, where no input can come.
    pub(super) fn read(&self, most: usize, hart: &Arc<Interrupts>) -> Option<Vec<u8>> {
        let Some(connection) = &self.connection else { return Some(vec![]) };
        let mut state = self.input.lock();
        if state.bytes.is_empty() && most > 0 {
            if !state.waiting.iter().any(|other| Arc::ptr_eq(other, hart)) {
                state.waiting.push(hart.clone());
            }
            return None;
        }
        let count = most.min(state.bytes.len());
        let bytes = state.bytes.drain(..count).collect();
        drop(state);
        connection.accept_input();
        Some(bytes)
    }
}

impl Input {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrontEnd for Input {
    fn receive(&self, bytes: &[u8]) -> usize {
        let mut state = self.lock();
        let count = bytes.len().min(MOST - state.bytes.len().min(MOST));
        state.bytes.extend(bytes.iter().take(count));
        if !state.bytes.is_empty() {
            state.waiting.drain(..).for_each(|hart| hart.request_exit());
        }
        count
    }

    fn event(&self, _event: CharEvent) {}
}
