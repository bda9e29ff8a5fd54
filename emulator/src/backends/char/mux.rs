//! Several front ends on one chardev: a console and a monitor share a terminal.
//!
//! Output of all goes to the one chardev below. Input goes to the one that has the focus; after
//! an escape character (Ctrl-A) the next key is a command to the mux itself.

use std::sync::{Arc, Mutex};

use super::chardev::{Chardev, Connection};
use super::error::CharError;
use super::front::{CharEvent, ClientId, FrontEnd};
use super::sync::lock;

/// How a mux behaves.
pub struct MuxConfig {
    /// The escape character, normally 1 (Ctrl-A).
    pub escape: u8,
    /// Called for Ctrl-A x, on the edge's thread: asks the machine to quit.
    pub quit: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct State {
    slots: Vec<Option<Slot>>,
    focus: usize,
    /// The last byte was the escape character.
    escaped: bool,
    client: Option<ClientId>,
}

struct Slot {
    front: Arc<dyn FrontEnd>,
    /// It was told that the channel is open.
    announced: bool,
    /// It was told that it has the focus.
    focused: bool,
}

/// See the module's description.
pub(super) struct Mux {
    base: Arc<Chardev>,
    config: MuxConfig,
    state: Mutex<State>,
    /// Our place on the chardev below.
    connection: Mutex<Option<Connection>>,
}

/// A front end with something it has to be told.
type News = (Arc<dyn FrontEnd>, CharEvent);

impl Mux {
    /// Takes over a chardev.
    pub(super) fn open(base: Arc<Chardev>, config: MuxConfig) -> Result<Arc<Self>, CharError> {
        let mux = Arc::new(Self {
            base: Arc::clone(&base),
            config,
            state: Mutex::default(),
            connection: Mutex::default(),
        });
        let front = Arc::new(Below(Arc::downgrade(&mux)));
        *lock(&mux.connection) = Some(base.connect(front)?);
        Ok(mux)
    }

    /// The chardev below.
    pub(super) fn base(&self) -> &Chardev {
        &self.base
    }

    /// Connects a front end, which gets the focus.
    pub(super) fn attach(&self, front: Arc<dyn FrontEnd>) -> usize {
        let mut state = lock(&self.state);
        let slot = Slot { front, announced: false, focused: false };
        let index = match state.slots.iter().position(Option::is_none) {
            Some(free) => free,
            None => {
                state.slots.push(None);
                state.slots.len() - 1
            }
        };
        if let Some(place) = state.slots.get_mut(index) {
            *place = Some(slot);
        }
        state.focus = index;
        drop(state);
        self.base.accept_input();
        index
    }

    /// Disconnects a front end; the focus goes on if it had it.
    pub(super) fn detach(&self, index: usize) {
        let mut state = lock(&self.state);
        let old = state.slots.get_mut(index).and_then(Option::take);
        if state.focus == index {
            state.rotate();
        }
        drop(state);
        drop(old);
        self.base.accept_input();
    }

    /// Whether any front end is connected.
    pub(super) fn is_attached(&self) -> bool {
        lock(&self.state).slots.iter().any(Option::is_some)
    }

    /// Moves the focus.
    pub(super) fn take_focus(&self, index: usize) {
        lock(&self.state).focus = index;
        self.base.accept_input();
    }

    /// Tells the front ends what changed since they were told last.
    fn announce(&self) {
        while let Some((front, event)) = lock(&self.state).news() {
            front.event(event);
        }
    }

    fn focused(&self) -> Option<Arc<dyn FrontEnd>> {
        lock(&self.state).focused()
    }

    /// Offers input to whoever has the focus.
    fn offer(&self, bytes: &[u8]) -> usize {
        self.focused().map_or(0, |front| front.receive(bytes))
    }

    fn receive(&self, bytes: &[u8]) -> usize {
        self.announce();
        if bytes.is_empty() {
            // A kick: whoever waits for one looks after itself, with the focus or without.
            for front in self.fronts() {
                front.receive(&[]);
            }
            return 0;
        }
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            if lock(&self.state).escaped {
                if !self.command(rest) {
                    break;
                }
                taken += 1;
                lock(&self.state).escaped = false;
                self.announce();
                continue;
            }
            let plain = rest.iter().position(|&b| b == self.config.escape).unwrap_or(rest.len());
            if plain == 0 {
                lock(&self.state).escaped = true;
                taken += 1;
                continue;
            }
            let count = self.offer(rest.get(..plain).unwrap_or_default());
            taken += count;
            if count < plain {
                break;
            }
        }
        taken
    }

    /// Obeys the key after the escape character. False if it could not be delivered yet.
    fn command(&self, rest: &[u8]) -> bool {
        let Some(&key) = rest.first() else { return false };
        match key {
            _ if key == self.config.escape => return self.offer(&[key]) == 1,
            b'c' => lock(&self.state).rotate(),
            b'x' => {
                self.base.write(b"QEMU: Terminated\n\r");
                (self.config.quit)();
            }
            b'b' => {
                if let Some(front) = self.focused() {
                    front.event(CharEvent::Break);
                }
            }
            b'h' | b'?' => {
                self.base.write(self.help().as_bytes());
            }
            // Anything else is not for us alone; QEMU swallows it, and so do we.
            _ => {}
        }
        true
    }

    fn help(&self) -> String {
        let escape = match self.config.escape {
            control @ 1..=26 => format!("C-{}", char::from(control + b'a' - 1)),
            other => format!("0x{other:02x}"),
        };
        let keys = [
            ("h", "print this help"),
            ("x", "exit emulator"),
            ("b", "send break"),
            ("c", "switch between console and monitor"),
        ];
        let mut text = String::from("\n\r");
        for (key, meaning) in keys {
            text.push_str(&format!("{escape} {key}    {meaning}\n\r"));
        }
        text.push_str(&format!("{escape} {escape}  sends {escape}\n\r"));
        text
    }

    fn event(&self, event: CharEvent) {
        match event {
            CharEvent::Opened(client) => {
                lock(&self.state).client = Some(client);
                self.announce();
            }
            CharEvent::Closed => {
                let fronts: Vec<_> = {
                    let mut state = lock(&self.state);
                    state.client = None;
                    state.escaped = false;
                    let told = state.slots.iter_mut().flatten().filter(|slot| slot.announced);
                    told.map(|slot| {
                        slot.announced = false;
                        slot.focused = false;
                        Arc::clone(&slot.front)
                    })
                    .collect()
                };
                for front in fronts {
                    front.event(CharEvent::Closed);
                }
            }
            CharEvent::Break => {
                if let Some(front) = self.focused() {
                    front.event(event);
                }
            }
            // There is no mux below a mux.
            CharEvent::FocusIn | CharEvent::FocusOut => {}
        }
    }

    fn settled(&self) -> bool {
        self.fronts().iter().all(|front| front.settled())
    }

    fn fronts(&self) -> Vec<Arc<dyn FrontEnd>> {
        lock(&self.state).slots.iter().flatten().map(|slot| Arc::clone(&slot.front)).collect()
    }
}

impl State {
    fn focused(&self) -> Option<Arc<dyn FrontEnd>> {
        self.slots.get(self.focus)?.as_ref().map(|slot| Arc::clone(&slot.front))
    }

    /// Gives the focus to the next front end there is.
    fn rotate(&mut self) {
        let count = self.slots.len();
        let next = (1..=count).map(|step| (self.focus + step) % count);
        let found = next.clone().find(|&i| self.slots.get(i).is_some_and(Option::is_some));
        self.focus = found.unwrap_or(self.focus);
    }

    /// One thing that one front end does not know yet; marks it as told. Losing the focus comes
    /// before gaining it.
    fn news(&mut self) -> Option<News> {
        let client = self.client?;
        let focus = self.focus;
        if let Some(slot) = self.slots.iter_mut().flatten().find(|slot| !slot.announced) {
            slot.announced = true;
            return Some((Arc::clone(&slot.front), CharEvent::Opened(client)));
        }
        let mut slots: Vec<_> = self.slots.iter_mut().enumerate().collect();
        slots.sort_by_key(|(index, _)| *index == focus);
        for (index, slot) in slots {
            let Some(slot) = slot else { continue };
            let wanted = index == focus;
            if slot.focused != wanted {
                slot.focused = wanted;
                let event = if wanted { CharEvent::FocusIn } else { CharEvent::FocusOut };
                return Some((Arc::clone(&slot.front), event));
            }
        }
        None
    }
}

/// What the chardev below sees of the mux; weak, because the mux holds that chardev.
struct Below(std::sync::Weak<Mux>);

impl FrontEnd for Below {
    fn receive(&self, bytes: &[u8]) -> usize {
        self.0.upgrade().map_or(0, |mux| mux.receive(bytes))
    }

    fn event(&self, event: CharEvent) {
        if let Some(mux) = self.0.upgrade() {
            mux.event(event);
        }
    }

    fn room(&self) {
        if let Some(mux) = self.0.upgrade() {
            mux.fronts().iter().for_each(|front| front.room());
        }
    }

    fn settled(&self) -> bool {
        self.0.upgrade().is_none_or(|mux| mux.settled())
    }
}
