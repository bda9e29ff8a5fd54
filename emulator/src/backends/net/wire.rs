//! What is between a network card and its back end: a queue of frames in either direction.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many frames a queue holds.
const DEPTH: usize = 256;
/// A frame that is longer is no Ethernet frame, not even one that is to be segmented.
pub(super) const LONGEST: usize = 0x1_0000 + 64;
/// Two addresses and a type.
pub(super) const HEADER: usize = 14;

/// A network card, as its back end sees it. It is called by the back end at work: it has to return
/// soon, and may receive frames, but not send any.
pub trait FrontEnd: Send + Sync {
    /// Frames wait: [`super::Connection::receive`] gives them.
    fn frames(&self);

    /// There is room again after [`super::Connection::send`] has refused a frame; here it may send.
    fn room(&self);

    /// The link is up or down now.
    fn link(&self, up: bool);

    /// What it is.
    fn card(&self) -> Card;
}

/// A network card, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The device's name.
    pub name: String,
    /// Its driver.
    pub model: &'static str,
    /// Its address.
    pub mac: [u8; 6],
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mac = self.mac.map(|byte| format!("{byte:02x}")).join(":");
        write!(f, "type=nic,model={},macaddr={mac}", self.model)
    }
}

#[derive(Default)]
struct State {
    to_host: VecDeque<Vec<u8>>,
    to_guest: VecDeque<Vec<u8>>,
    front: Option<Arc<dyn FrontEnd>>,
    /// Whether the front end has been refused a frame.
    refused: bool,
    /// `set_link` has switched it off.
    off: bool,
    /// There is nobody at the other end any more.
    closed: bool,
}

impl State {
    fn up(&self) -> bool {
        !self.off && !self.closed
    }
}

/// Both queues.
#[derive(Default)]
pub(super) struct Wire {
    state: Mutex<State>,
    /// Tells the back end of frames from the guest.
    arrived: Notify,
    /// Tells the back end of room for frames to the guest.
    drained: Notify,
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a front end, if there is none.
    pub(super) fn connect(&self, front: Arc<dyn FrontEnd>) -> bool {
        let mut state = self.lock();
        let free = state.front.is_none();
        if free {
            state.front = Some(front);
        }
        free
    }

    pub(super) fn disconnect(&self) {
        {
            let mut state = self.lock();
            state.front = None;
            state.to_guest.clear();
        }
        self.drained.notify_one();
    }

    /// The network card.
    pub(super) fn card(&self) -> Option<Card> {
        let front = self.lock().front.clone()?;
        Some(front.card())
    }

    pub(super) fn is_up(&self) -> bool {
        self.lock().up()
    }

    /// Switches the link, or ends it for good, and tells the front end.
    pub(super) fn switch(&self, up: bool) {
        self.change(|state| state.off = !up);
    }

    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (front, up) = {
            let mut state = self.lock();
            let before = state.up();
            change(&mut state);
            let up = state.up();
            if !up {
                state.to_host.clear();
                state.to_guest.clear();
                state.refused = false;
            }
            (state.front.clone().filter(|_| before != up), up)
        };
        self.drained.notify_one();
        if let Some(front) = front {
            front.link(up);
        }
    }

    /// A frame of the guest; `false` when it has to keep it until there is room. One that nobody
    /// would get is gone.
    pub(super) fn send(&self, frame: &[u8]) -> bool {
        {
            let mut state = self.lock();
            if !state.up() || frame.len() < HEADER || frame.len() > LONGEST {
                return true;
            }
            if state.to_host.len() >= DEPTH {
                state.refused = true;
                return false;
            }
            state.to_host.push_back(frame.to_vec());
        }
        self.arrived.notify_one();
        true
    }

    /// The next frame for the guest.
    pub(super) fn receive(&self) -> Option<Vec<u8>> {
        let (frame, full) = {
            let mut state = self.lock();
            let full = state.to_guest.len() >= DEPTH;
            (state.to_guest.pop_front()?, full)
        };
        if full {
            self.drained.notify_one();
        }
        Some(frame)
    }

    /// The next frame of the guest, for the back end.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        let (frame, waiting) = {
            let mut state = self.lock();
            let frame = state.to_host.pop_front()?;
            let room = state.refused && state.to_host.len() <= DEPTH / 2;
            if room {
                state.refused = false;
            }
            (frame, state.front.clone().filter(|_| room))
        };
        if let Some(front) = waiting {
            front.room();
        }
        Some(frame)
    }

    /// Whether the guest would take a frame, or nobody wants it.
    pub(super) fn has_room(&self) -> bool {
        let state = self.lock();
        state.to_guest.len() < DEPTH
    }

    /// A frame for the guest, without waiting: gone if there is no room.
    pub(super) fn give(&self, frame: Vec<u8>) {
        let front = {
            let mut state = self.lock();
            if !state.up() || state.to_guest.len() >= DEPTH || frame.len() < HEADER {
                return;
            }
            let Some(front) = state.front.clone() else { return };
            state.to_guest.push_back(frame);
            // Of several frames the first one wakes; the front end takes until there are no more.
            (state.to_guest.len() == 1).then_some(front)
        };
        if let Some(front) = front {
            front.frames();
        }
    }

    /// Until the guest has sent something.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Until there is room that there was not.
    pub(super) async fn drained(&self) {
        self.drained.notified().await;
    }

    /// The next frame of the guest, when there is one.
    pub(super) async fn next(&self) -> Vec<u8> {
        loop {
            match self.take() {
                Some(frame) => return frame,
                None => self.arrived().await,
            }
        }
    }

    /// Until the guest takes frames.
    pub(super) async fn ready(&self) {
        while !self.has_room() {
            self.drained().await;
        }
    }
}
