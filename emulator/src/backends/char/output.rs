//! The queue between those who write (any thread) and the edge that carries the bytes out.
//!
//! The queue also knows who is on the other side: nobody (what is written is discarded), or the
//! client with a number, so that bytes meant for an earlier one can be told apart.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::front::ClientId;
use super::sync::lock;

/// From this length on nothing more is taken. A peer that reads at all never gets here.
const LIMIT: usize = 16 << 20;

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Taken out by the edge, not written yet.
    in_flight: usize,
    client: Option<ClientId>,
    clients: u64,
    /// Somebody was refused, and waits for room.
    refused: bool,
    /// No more output will come; a writer thread ends when the queue is empty.
    finished: bool,
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Output {
    state: Mutex<State>,
    /// For an edge that is a task: there is something to do.
    pub(super) kick: Notify,
    /// For an edge that is a thread, and for those who wait until all is written.
    changed: Condvar,
}

impl Output {
    /// Queues bytes, for a certain client or for whoever is there. Returns how many are dealt
    /// with: all, or none when the peer has stopped reading long ago.
    pub(super) fn push(&self, client: Option<ClientId>, bytes: &[u8]) -> usize {
        let mut state = lock(&self.state);
        let Some(present) = state.client else { return bytes.len() };
        if client.is_some_and(|wanted| wanted != present) || bytes.is_empty() {
            return bytes.len();
        }
        if state.bytes.len() >= LIMIT || state.finished {
            state.refused = true;
            return 0;
        }
        state.bytes.extend(bytes);
        drop(state);
        self.changed.notify_all();
        self.kick.notify_one();
        bytes.len()
    }

    /// A peer arrived. Said by its edge; and before that by whoever has the peer already while the
    /// edge has yet to begin, so that what is written in between is not for nobody.
    pub(super) fn open(&self) -> ClientId {
        let mut state = lock(&self.state);
        state.clients += 1;
        let client = ClientId(state.clients);
        state.client = Some(client);
        client
    }

    /// The peer left; what it did not get is dropped. Tells whether somebody waits for room.
    pub(super) fn shut(&self) -> bool {
        let mut state = lock(&self.state);
        state.client = None;
        state.bytes = VecDeque::new();
        state.in_flight = 0;
        let refused = std::mem::take(&mut state.refused);
        drop(state);
        self.changed.notify_all();
        refused
    }

    /// Who is there.
    pub(super) fn client(&self) -> Option<ClientId> {
        lock(&self.state).client
    }

    /// How many bytes are not written yet.
    pub(super) fn queued(&self) -> usize {
        let state = lock(&self.state);
        state.bytes.len() + state.in_flight
    }

    /// For the edge: takes up to `most` bytes, to be reported as [`written`](Self::written).
    pub(super) fn take(&self, most: usize) -> Vec<u8> {
        Self::take_locked(&mut lock(&self.state), most)
    }

    fn take_locked(state: &mut State, most: usize) -> Vec<u8> {
        let count = state.bytes.len().min(most);
        let taken: Vec<u8> = state.bytes.drain(..count).collect();
        state.in_flight += count;
        taken
    }

    /// For an edge that is a thread: waits for bytes. `None` when there will be none.
    pub(super) fn wait(&self, most: usize) -> Option<Vec<u8>> {
        let mut state = lock(&self.state);
        while state.bytes.is_empty() {
            if state.finished {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        Some(Self::take_locked(&mut state, most))
    }

    /// For the edge: so many of the bytes it took are out. Tells whether somebody who was refused
    /// has room now.
    pub(super) fn written(&self, count: usize) -> bool {
        let mut state = lock(&self.state);
        state.in_flight = state.in_flight.saturating_sub(count);
        let empty = state.in_flight == 0 && state.bytes.is_empty();
        let room = state.refused && state.bytes.len() <= LIMIT / 2;
        state.refused &= !room;
        drop(state);
        if empty {
            self.changed.notify_all();
            // A front end may have stopped taking requests because answers piled up.
            self.kick.notify_one();
        }
        room
    }

    /// No more output will come.
    pub(super) fn finish(&self) {
        lock(&self.state).finished = true;
        self.changed.notify_all();
        self.kick.notify_one();
    }

    /// Waits until everything is written, or nobody is there to get it. False when the time is
    /// over first.
    pub(super) fn drain(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = lock(&self.state);
        while state.in_flight > 0 || !state.bytes.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        true
    }
}
