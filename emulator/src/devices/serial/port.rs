//! What UARTs share: the way from a character back end to the chip and back.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock, Weak};

use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use crate::backends::char::{Chardev, Connection, FrontEnd};

/// A UART's end of a character back end.
pub(super) struct Port {
    chardev: Option<Arc<Chardev>>,
    connection: OnceLock<Connection>,
}

impl Port {
    pub(super) fn new(chardev: Option<Arc<Chardev>>) -> Self {
        Self { chardev, connection: OnceLock::new() }
    }

    /// Begins to take input.
    ///
    /// # Errors
    /// Another device or monitor has the back end.
    pub(super) fn connect(&self, uart: &Arc<impl FrontEnd + 'static>) -> Result<(), QmpError> {
        if let Some(chardev) = &self.chardev {
            let input = Input(Arc::downgrade(uart) as Weak<dyn FrontEnd>);
            let connection = chardev
                .connect(Arc::new(input))
                .map_err(|error| QmpError::generic(error.to_string()))?;
            let _ = self.connection.set(connection);
        }
        Ok(())
    }

    /// Sends bytes; they vanish where there is no back end.
    pub(super) fn send(&self, bytes: &[u8]) {
        if let (Some(chardev), false) = (&self.chardev, bytes.is_empty()) {
            chardev.write(bytes);
        }
    }

    /// Says that the chip can take input again.
    pub(super) fn ready(&self) {
        if let Some(chardev) = &self.chardev {
            chardev.accept_input();
        }
    }
}

/// What the back end knows of the UART: not its owner, so that a machine that is gone is gone.
struct Input(Weak<dyn FrontEnd>);

impl FrontEnd for Input {
    fn receive(&self, bytes: &[u8]) -> usize {
        // Input for nobody is taken and forgotten.
        self.0.upgrade().map_or(bytes.len(), |uart| uart.receive(bytes))
    }
}

/// A receive or transmit queue of a chip.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Fifo {
    bytes: VecDeque<u8>,
}

impl Fifo {
    /// Takes as many bytes as there is room for; returns how many.
    pub(super) fn fill(&mut self, bytes: &[u8], depth: usize) -> usize {
        let room = depth.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend(&bytes[..room]);
        room
    }

    pub(super) fn pop(&mut self) -> Option<u8> {
        self.bytes.pop_front()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn drain(&mut self) -> Vec<u8> {
        self.bytes.drain(..).collect()
    }
}
