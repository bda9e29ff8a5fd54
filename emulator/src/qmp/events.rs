//! Where events go: to every client that has negotiated.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use qapi_runtime::Value;

use crate::backends::char::Chardev;

use super::lock;
use super::session::Session;
use super::wire::Line;

/// All monitors of the program.
#[derive(Debug, Default)]
pub struct EventHub {
    monitors: Mutex<Vec<Entry>>,
}

#[derive(Debug)]
struct Entry {
    chardev: Weak<Chardev>,
    /// Only control monitors get events.
    session: Option<Weak<Session>>,
}

impl EventHub {
    /// One without monitors.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a monitor, and forgets those that are gone.
    pub(super) fn register(&self, chardev: &Arc<Chardev>, session: Option<&Arc<Session>>) {
        let entry =
            Entry { chardev: Arc::downgrade(chardev), session: session.map(Arc::downgrade) };
        let mut monitors = lock(&self.monitors);
        monitors.retain(|entry| match &entry.session {
            Some(session) => session.strong_count() > 0,
            None => entry.chardev.strong_count() > 0,
        });
        monitors.push(entry);
    }

    /// Sends an event, given as the whole object, to every client that wants events. May be
    /// called from any thread; does not block.
    pub fn emit(&self, event: &Value) {
        let sessions: Vec<_> = lock(&self.monitors)
            .iter()
            .filter_map(|entry| entry.session.as_ref()?.upgrade())
            .collect();
        // Rendered once for each style that is in use.
        let mut lines: [Option<Line>; 2] = [None, None];
        for session in sessions {
            let pretty = session.pretty();
            let line =
                lines[usize::from(pretty)].get_or_insert_with(|| Line::render(event, pretty));
            session.event(line);
        }
    }

    /// Waits until everything that was said to any client is written: to be called before the
    /// process exits, not on the thread that serves the channels. False if that takes too long.
    pub fn drain(&self, timeout: Duration) -> bool {
        let chardevs: Vec<_> =
            lock(&self.monitors).iter().filter_map(|entry| entry.chardev.upgrade()).collect();
        let deadline = Instant::now() + timeout;
        let mut complete = true;
        for chardev in chardevs {
            complete &= chardev.drain(deadline.saturating_duration_since(Instant::now()));
        }
        complete
    }
}
