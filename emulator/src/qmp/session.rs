//! A control monitor as the front end of a chardev: one client after the other.

use std::sync::{Arc, Mutex};

use qapi_runtime::json::Parser;

use crate::backends::char::{CharEvent, Chardev, FrontEnd};

use super::client::Client;
use super::executor::Executor;
use super::lock;
use super::monitor::SessionConfig;
use super::wire::Line;

/// See the module's description.
pub(super) struct Session {
    chardev: Arc<Chardev>,
    executor: Arc<dyn Executor>,
    config: SessionConfig,
    /// Only the edge reads; the lock is for the compiler.
    parser: Mutex<Parser>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Session {
    /// A monitor that has no client yet.
    pub(super) fn new(
        chardev: Arc<Chardev>,
        executor: Arc<dyn Executor>,
        config: SessionConfig,
    ) -> Self {
        Self { chardev, executor, config, parser: Mutex::default(), client: Mutex::default() }
    }

    /// Whether output is spread over lines.
    pub(super) fn pretty(&self) -> bool {
        self.config.pretty
    }

    /// Passes on an event.
    pub(super) fn event(&self, line: &Line) {
        if let Some(client) = self.client() {
            client.event(line);
        }
    }

    fn client(&self) -> Option<Arc<Client>> {
        lock(&self.client).clone()
    }
}

impl FrontEnd for Session {
    fn receive(&self, bytes: &[u8]) -> usize {
        let Some(client) = self.client() else { return bytes.len() };
        // Taken out, because what is read is acted upon, which must not happen under a lock.
        let mut parser = std::mem::take(&mut *lock(&self.parser));
        let mut rest = bytes;
        while client.has_room() {
            match parser.step(&mut rest) {
                Some(message) => client.take(message),
                None => break,
            }
        }
        *lock(&self.parser) = parser;
        bytes.len() - rest.len()
    }

    fn event(&self, event: CharEvent) {
        match event {
            CharEvent::Opened(id) => {
                *lock(&self.parser) = Parser::new();
                let client = Client::new(
                    id,
                    Arc::clone(&self.chardev),
                    Arc::clone(&self.executor),
                    &self.config,
                );
                *lock(&self.client) = Some(Arc::clone(&client));
                client.greet(&self.config);
            }
            CharEvent::Closed => {
                *lock(&self.parser) = Parser::new();
                let client = lock(&self.client).take();
                if let Some(client) = client {
                    client.leave();
                }
            }
            CharEvent::Break | CharEvent::FocusIn | CharEvent::FocusOut => {}
        }
    }

    fn settled(&self) -> bool {
        self.client().is_none_or(|client| client.settled())
    }

    fn input_dies_with_client(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session({})", self.chardev.id())
    }
}
