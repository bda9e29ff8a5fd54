//! What device and driver tell each other of ports (Virtio 1.2, section 5.3.6.2).
//!
//! What the driver is to be told is a set, not a queue: a port that changes faster than the driver
//! has buffers is told of once, as it is then. So there is an end to what is kept.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::port::Port;

/// The size of a message, without a name: number of the port, event, value.
pub(super) const SIZE: usize = 8;

/// Events.
mod event {
    pub(super) const DEVICE_READY: u16 = 0;
    pub(super) const PORT_ADD: u16 = 1;
    pub(super) const PORT_REMOVE: u16 = 2;
    pub(super) const PORT_READY: u16 = 3;
    pub(super) const CONSOLE_PORT: u16 = 4;
    pub(super) const PORT_OPEN: u16 = 6;
    pub(super) const PORT_NAME: u16 = 7;
}

/// What the driver says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// It can take messages.
    Ready,
    /// It has set a port up.
    PortReady(u32),
    /// A program of the guest has opened or closed a port.
    Open(u32, bool),
    /// That it failed, or nothing.
    Other,
}

impl From<[u8; SIZE]> for Message {
    fn from(bytes: [u8; SIZE]) -> Self {
        let all = u64::from_le_bytes(bytes);
        let (port, event, value) = (all as u32, (all >> 32) as u16, all >> 48);
        match (event, value) {
            (event::DEVICE_READY, 1) => Self::Ready,
            (event::PORT_READY, 1) => Self::PortReady(port),
            (event::PORT_OPEN, 0 | 1) => Self::Open(port, value == 1),
            _ => Self::Other,
        }
    }
}

/// What the driver is to be told of a port, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum News {
    /// It is gone.
    Removed,
    /// It is there.
    Added,
    /// It is a console.
    Console,
    /// What it is called.
    Name,
    /// Whether the host's side is open.
    Open,
}

impl News {
    /// The message; none of a port that is gone.
    pub(super) fn message(self, number: u32, port: Option<&Port>) -> Option<Vec<u8>> {
        let (event, value, name) = match (self, port) {
            (Self::Removed, _) => (event::PORT_REMOVE, 1, None),
            (Self::Added, Some(_)) => (event::PORT_ADD, 1, None),
            (Self::Console, Some(_)) => (event::CONSOLE_PORT, 1, None),
            (Self::Name, Some(port)) => (event::PORT_NAME, 1, port.name()),
            (Self::Open, Some(port)) => (event::PORT_OPEN, port.host_open().into(), None),
            (_, None) => return None,
        };
        let mut message = number.to_le_bytes().to_vec();
        message.extend(event.to_le_bytes());
        message.extend(u16::to_le_bytes(value));
        message.extend(name.unwrap_or_default().as_bytes());
        Some(message)
    }
}

/// What is known of the driver.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Control {
    /// It can take messages.
    ready: bool,
    /// The ports that it has open.
    open: BTreeSet<u32>,
    news: BTreeSet<(u32, News)>,
}

impl Control {
    /// The driver begins.
    pub(super) fn ready(&mut self) {
        *self = Self { ready: true, ..Self::default() };
    }

    /// The driver is to know something; one that cannot be told asks when it begins.
    pub(super) fn tell(&mut self, port: u32, news: News) {
        if self.ready {
            self.news.insert((port, news));
        }
    }

    /// A port is gone; tells whether it was open.
    pub(super) fn removed(&mut self, port: u32) -> bool {
        self.news.retain(|(other, _)| *other != port);
        self.tell(port, News::Removed);
        self.open.remove(&port)
    }

    /// The next that the driver is to know.
    pub(super) fn first(&self) -> Option<(u32, News)> {
        self.news.first().copied()
    }

    /// It knows that now.
    pub(super) fn told(&mut self) {
        self.news.pop_first();
    }

    /// Whether the driver has a port open.
    pub(super) fn is_open(&self, port: u32) -> bool {
        self.open.contains(&port)
    }

    /// The driver has opened or closed a port; tells whether that is new.
    pub(super) fn opened(&mut self, port: u32, open: bool) -> bool {
        if open { self.open.insert(port) } else { self.open.remove(&port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_and_what_is_none_is_nothing() {
        let rows = [
            ([0, 0, 0, 0, 0, 0, 1, 0], Message::Ready),
            ([0, 0, 0, 0, 0, 0, 0, 0], Message::Other),
            ([2, 1, 0, 0, 3, 0, 1, 0], Message::PortReady(258)),
            ([2, 0, 0, 0, 3, 0, 0, 0], Message::Other),
            ([0xff, 0xff, 0xff, 0xff, 6, 0, 1, 0], Message::Open(u32::MAX, true)),
            ([1, 0, 0, 0, 6, 0, 0, 0], Message::Open(1, false)),
            ([1, 0, 0, 0, 6, 0, 2, 0], Message::Other),
            ([1, 0, 0, 0, 99, 0, 1, 0], Message::Other),
        ];
        for (bytes, message) in rows {
            assert_eq!(Message::from(bytes), message, "{bytes:?}");
        }
    }

    #[test]
    fn what_changes_often_is_told_once() {
        let mut control = Control::default();
        control.tell(1, News::Added);
        assert_eq!(control.first(), None, "nobody listens");
        control.ready();
        for _ in 0..1000 {
            control.tell(1, News::Open);
            control.tell(1, News::Added);
        }
        assert_eq!(control.first(), Some((1, News::Added)));
        control.told();
        assert_eq!(control.first(), Some((1, News::Open)));
        assert!(control.opened(1, true) && !control.opened(1, true));
        assert!(control.removed(1), "it was open");
        assert_eq!(control.first(), Some((1, News::Removed)));
        control.told();
        assert_eq!(control.first(), None);
    }
}
