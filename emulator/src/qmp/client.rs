//! One client of a control monitor: its requests in order, its answers and its events.
//!
//! Requests wait here, not at the executor: so those of a client that leaves are forgotten, and
//! several monitors take turns. Whoever sets `busy` is the only one to take from the queue, so
//! that answers keep their order though the edge's thread adds and the machine's thread removes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use qapi_runtime::json::ParseError;
use qapi_runtime::{Call, QmpError, Value, is_out_of_band, response, take_id};

use crate::backends::char::{Chardev, ClientId};

use super::executor::{Executor, Request};
use super::lock;
use super::monitor::{MonitorState, SessionConfig};
use super::wire::{self, Line};

/// How many requests may wait behind the one that runs, if out of band is enabled.
const WAITING: usize = 8;

/// With so many bytes of answers unread, no more requests are read.
const UNREAD_ANSWERS: usize = 1 << 20;

/// With so many bytes unread, a client gets no more events.
const UNREAD_EVENTS: usize = 8 << 20;

/// See the module's description.
pub(super) struct Client {
    id: ClientId,
    chardev: Arc<Chardev>,
    executor: Arc<dyn Executor>,
    monitor: Arc<MonitorState>,
    pretty: bool,
    work: Mutex<Work>,
    /// Whether the answer to negotiation is on its way, and events may follow it.
    wants_events: Mutex<bool>,
}

#[derive(Default)]
struct Work {
    waiting: VecDeque<Result<Value, ParseError>>,
    busy: bool,
}

impl Client {
    /// A client that has just come.
    pub(super) fn new(
        id: ClientId,
        chardev: Arc<Chardev>,
        executor: Arc<dyn Executor>,
        config: &SessionConfig,
    ) -> Arc<Self> {
        let monitor = MonitorState::new(chardev.id(), config.capabilities.clone());
        Arc::new(Self {
            id,
            chardev,
            executor,
            monitor: Arc::new(monitor),
            pretty: config.pretty,
            work: Mutex::default(),
            wants_events: Mutex::new(false),
        })
    }

    /// The first thing a client hears.
    pub(super) fn greet(&self, config: &SessionConfig) {
        self.say(&wire::greeting(config));
    }

    /// The client is gone: what it still wanted is forgotten. A command that runs is not
    /// stopped; its answer goes nowhere.
    pub(super) fn leave(&self) {
        let forgotten = std::mem::take(&mut lock(&self.work).waiting);
        drop(forgotten);
    }

    /// Whether another request may be read.
    pub(super) fn has_room(&self) -> bool {
        let oob = self.monitor.oob_enabled();
        let room = {
            let work = lock(&self.work);
            if oob { work.waiting.len() < WAITING } else { !work.busy && work.waiting.is_empty() }
        };
        room && self.chardev.queued() < UNREAD_ANSWERS
    }

    /// Whether everything is answered.
    pub(super) fn settled(&self) -> bool {
        let work = lock(&self.work);
        !work.busy && work.waiting.is_empty()
    }

    /// Takes one message, or what was wrong with it, which is answered in its turn.
    pub(super) fn take(self: &Arc<Self>, message: Result<Value, ParseError>) {
        match message {
            Ok(message) if is_out_of_band(&message) => self.run_out_of_band(message),
            message => {
                lock(&self.work).waiting.push_back(message);
                self.run_waiting();
            }
        }
    }

    /// Passes on an event, if this client has negotiated and reads.
    pub(super) fn event(&self, line: &Line) {
        // The lock is held while the line is queued, so that none overtakes the answer to
        // negotiation; the queue is a leaf that calls nobody.
        let wanted = lock(&self.wants_events);
        if *wanted && self.chardev.queued() < UNREAD_EVENTS {
            self.chardev.write_to(self.id, line.as_bytes());
        }
        drop(wanted);
    }

    fn say(&self, message: &Value) {
        let line = Line::render(message, self.pretty);
        let mut wanted = lock(&self.wants_events);
        self.chardev.write_to(self.id, line.as_bytes());
        *wanted = self.monitor.negotiated();
    }

    /// Starts the next request unless one is running.
    fn run_waiting(self: &Arc<Self>) {
        loop {
            let message = {
                let mut work = lock(&self.work);
                if work.busy {
                    return;
                }
                let Some(message) = work.waiting.pop_front() else { return };
                work.busy = true;
                message
            };
            let (id, call) = match message {
                Ok(mut message) => (take_id(&mut message), self.admit(message, false)),
                Err(error) => (None, Err(QmpError::generic(error.to_string()))),
            };
            match call {
                Ok(Call { name, arguments }) => {
                    let answer = Answer { client: Some(Arc::clone(self)), id: id.clone() };
                    self.executor.submit(Request {
                        name,
                        arguments,
                        id,
                        monitor: Arc::clone(&self.monitor),
                        done: Box::new(move |result| answer.give(result)),
                    });
                    return;
                }
                Err(error) => {
                    self.say(&response(id, Err(error)));
                    lock(&self.work).busy = false;
                }
            }
        }
    }

    fn run_out_of_band(self: &Arc<Self>, mut message: Value) {
        let id = take_id(&mut message);
        let result = self.admit(message, true).and_then(|Call { name, arguments }| {
            self.executor.out_of_band(&name, &arguments, &self.monitor)
        });
        self.say(&response(id, result));
    }

    /// Everything that is checked before the command itself looks at its arguments, as far as
    /// it is a matter of the session.
    fn admit(&self, message: Value, out_of_band: bool) -> Result<Call, QmpError> {
        let call = Call::read(message, self.monitor.oob_enabled())?;
        let name = &call.name;
        if !self.monitor.negotiated() && name != "qmp_capabilities" {
            return Err(QmpError::command_not_found(
                "Expecting capabilities negotiation with 'qmp_capabilities'",
            ));
        }
        let Some(facts) = self.executor.lookup(name) else {
            return Err(self.executor.not_found(name));
        };
        if out_of_band && !facts.allow_oob {
            return Err(QmpError::generic(format!("The command {name} does not support OOB")));
        }
        Ok(call)
    }

    /// The running command came to an end.
    fn finish(self: &Arc<Self>, id: Option<Value>, result: Result<Option<Value>, QmpError>) {
        // `Ok(None)` is a command that does not answer success.
        if let Some(result) = result.transpose() {
            self.say(&response(id, result));
        }
        lock(&self.work).busy = false;
        self.run_waiting();
        // There is room for one more.
        self.chardev.accept_input();
    }
}

/// The duty to answer one request.
struct Answer {
    client: Option<Arc<Client>>,
    id: Option<Value>,
}

impl Answer {
    fn give(mut self, result: Result<Option<Value>, QmpError>) {
        if let Some(client) = self.client.take() {
            client.finish(self.id.take(), result);
        }
    }
}

impl Drop for Answer {
    /// Nobody will run the command any more: without a word the client would wait for ever.
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            client.finish(self.id.take(), Err(QmpError::generic("The command was abandoned")));
        }
    }
}
