//! A chardev with one front end: what its writers, its front end and its edge share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::front::{CharEvent, ClientId, FrontEnd};
use super::output::Output;
use super::sync::lock;

/// Input that was read from the host and not taken by the front end yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    start: usize,
}

impl Pending {
    /// As much is read ahead of the front end.
    pub(super) const LIMIT: usize = 64 * 1024;

    /// What is there.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Whether nothing is.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.bytes().len() < Self::LIMIT
    }

    /// Adds what was read.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start.min(self.bytes.len()));
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn consume(&mut self, count: usize) {
        self.start += count.min(self.bytes().len());
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }
}

#[derive(Default)]
struct Side {
    front: Option<Arc<dyn FrontEnd>>,
    /// It was told that the channel is open.
    announced: bool,
}

/// See the module's description. The first half of the methods is for the chardev, the second
/// for its edge.
#[derive(Default)]
pub(super) struct Line {
    side: Mutex<Side>,
    /// The front end wants to be offered input, or asked for anything at all. Without it a kick
    /// is about output only, and a device is not locked for every character that it prints.
    asked: AtomicBool,
    /// Input waits, whoever could take it.
    held: AtomicBool,
    output: Output,
}

impl Line {
    /// Connects a front end; false when there is one.
    pub(super) fn attach(&self, front: Arc<dyn FrontEnd>) -> bool {
        let mut side = lock(&self.side);
        if side.front.is_some() {
            return false;
        }
        *side = Side { front: Some(front), announced: false };
        drop(side);
        self.accept_input();
        true
    }

    /// Disconnects it. A call to it that is under way is not waited for.
    pub(super) fn detach(&self) {
        let old = std::mem::take(&mut *lock(&self.side));
        // Outside of the lock: this may be the last reference to the front end.
        drop(old);
    }

    /// Whether a front end is connected.
    pub(super) fn is_attached(&self) -> bool {
        lock(&self.side).front.is_some()
    }

    /// Lets input wait, or come again.
    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
        self.accept_input();
    }

    /// Queues output, see [`Output::push`].
    pub(super) fn write(&self, client: Option<ClientId>, bytes: &[u8]) -> usize {
        self.output.push(client, bytes)
    }

    /// Has the edge look at everything again.
    pub(super) fn accept_input(&self) {
        self.asked.store(true, Ordering::Release);
        self.output.kick.notify_one();
    }

    /// Waits until output is written.
    pub(super) fn drain(&self, timeout: Duration) -> bool {
        self.output.drain(timeout)
    }

    /// The queue itself.
    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    /// A peer is there.
    pub(super) fn opened(&self) {
        self.output.open();
        self.announce();
    }

    /// The peer is gone.
    pub(super) fn closed(&self) {
        let refused = self.output.shut();
        let front = {
            let mut side = lock(&self.side);
            let told = std::mem::take(&mut side.announced);
            side.front.clone().filter(|_| told)
        };
        if let Some(front) = front {
            front.event(CharEvent::Closed);
            if refused {
                front.room();
            }
        }
    }

    /// So many bytes of the output are out.
    pub(super) fn written(&self, count: usize) {
        if self.output.written(count)
            && let Some(front) = self.front()
        {
            front.room();
        }
    }

    fn announce(&self) {
        let Some(client) = self.output.client() else { return };
        let front = {
            let mut side = lock(&self.side);
            if side.announced {
                return;
            }
            side.announced = side.front.is_some();
            side.front.clone()
        };
        if let Some(front) = front {
            front.event(CharEvent::Opened(client));
        }
    }

    /// Tells the front end what it does not know yet and offers it what is pending.
    pub(super) fn service(&self, pending: &mut Pending) {
        self.announce();
        let asked = self.asked.swap(false, Ordering::AcqRel);
        if (asked || !pending.is_empty())
            && !self.held.load(Ordering::Acquire)
            && let Some(front) = self.front()
        {
            let taken = front.receive(pending.bytes());
            pending.consume(taken);
        }
    }

    /// Whether the front end has dealt with all it took.
    pub(super) fn settled(&self) -> bool {
        self.front().is_none_or(|front| front.settled())
    }

    /// Whether pending input is worthless without the peer that sent it.
    pub(super) fn input_dies_with_client(&self) -> bool {
        self.front().is_some_and(|front| front.input_dies_with_client())
    }

    fn front(&self) -> Option<Arc<dyn FrontEnd>> {
        lock(&self.side).front.clone()
    }

    /// Waits for something to do.
    pub(super) async fn kicked(&self) {
        self.output.kick.notified().await;
    }
}
