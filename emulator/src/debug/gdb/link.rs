//! The server as the front end of a chardev. On the thread that serves all chardevs it finds
//! packets and acknowledges them; what they ask for is done on the machine thread, one packet at
//! a time. Meanwhile what follows stays with the chardev.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backends::char::{CharEvent, Chardev, ClientId, FrontEnd};

use super::packet::{self, Input, Reader};

/// What a debugger does, for the machine thread.
#[derive(Debug)]
pub enum Event {
    /// It has come.
    Attached(ClientId),
    /// It has sent a packet, or one that was too long; the next one comes after [`Link::done`].
    Packet(Option<Vec<u8>>),
    /// It has sent Ctrl-C.
    Interrupt,
    /// It has gone without a word.
    Gone(ClientId),
}

/// Takes events; called on the thread that serves all chardevs.
pub(super) type Submit = Box<dyn Fn(Event) + Send + Sync>;

/// See the module's description.
pub(super) struct Link {
    chardev: Arc<Chardev>,
    submit: Submit,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Option<ClientId>,
    reader: Reader,
    /// A packet is with the machine thread.
    busy: bool,
    /// There is a machine to debug; before that, nothing is read.
    ready: bool,
    /// The last packet that was sent.
    last: Vec<u8>,
}

impl Link {
    /// Between a chardev and the machine thread.
    pub(super) fn new(chardev: Arc<Chardev>, submit: Submit) -> Arc<Self> {
        Arc::new(Self { chardev, submit, state: Mutex::default() })
    }

    /// There is a machine to debug.
    pub(super) fn ready(&self) {
        self.lock().ready = true;
        self.chardev.accept_input();
    }

    /// The packet that was submitted is dealt with.
    pub(super) fn done(&self) {
        self.lock().busy = false;
        self.chardev.accept_input();
    }

    /// Sends a packet to a client; to nobody if it has gone.
    pub(super) fn send(&self, client: ClientId, body: &[u8]) {
        let packet = packet::packet(body);
        self.chardev.write_to(client, &packet);
        self.lock().last = packet;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a byte, unless a packet is under way; returns what is to be answered at once and to
    /// be submitted.
    fn take(&self, byte: u8) -> Option<(Vec<u8>, Option<Event>)> {
        let mut state = self.lock();
        if state.busy || !state.ready {
            return None;
        }
        let input = state.reader.push(byte);
        state.busy = matches!(input, Some(Input::Packet(_) | Input::Oversized));
        Some(match input {
            None => (vec![], None),
            Some(Input::Packet(body)) => (vec![b'+'], Some(Event::Packet(Some(body)))),
            Some(Input::Oversized) => (vec![b'+'], Some(Event::Packet(None))),
            Some(Input::Damaged) => (vec![b'-'], None),
            Some(Input::Interrupt) => (vec![], Some(Event::Interrupt)),
            Some(Input::Resend) => (state.last.clone(), None),
        })
    }
}

impl FrontEnd for Link {
    fn receive(&self, bytes: &[u8]) -> usize {
        for (taken, &byte) in bytes.iter().enumerate() {
            let Some((answer, event)) = self.take(byte) else { return taken };
            let client = self.lock().client;
            if let Some(client) = client.filter(|_| !answer.is_empty()) {
                self.chardev.write_to(client, &answer);
            }
            if let Some(event) = event {
                (self.submit)(event);
            }
        }
        bytes.len()
    }

    fn event(&self, event: CharEvent) {
        match event {
            CharEvent::Opened(client) => {
                let mut state = self.lock();
                *state = State { client: Some(client), ready: state.ready, ..State::default() };
                drop(state);
                (self.submit)(Event::Attached(client));
            }
            CharEvent::Closed => {
                let client = self.lock().client.take();
                if let Some(client) = client {
                    (self.submit)(Event::Gone(client));
                }
            }
            CharEvent::Break | CharEvent::FocusIn | CharEvent::FocusOut => {}
        }
    }

    fn settled(&self) -> bool {
        !self.lock().busy
    }

    fn input_dies_with_client(&self) -> bool {
        true
    }
}
