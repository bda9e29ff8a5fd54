//! QMP on the wire: monitors on character devices, what they accept and how they answer.
//!
//! A [`Monitor`] connects to a chardev and turns bytes into requests for an [`Executor`], which
//! knows the commands, and results and events into lines. It knows of two commands only that there
//! is negotiation before all others. Requests of one monitor run one after the other; those marked
//! out-of-band run at once, on the thread that read them.
//!
//! Everything that a monitor says goes through the one output queue of its chardev, so an event
//! that was emitted before a command was reported done stands before its response.
//!
//! A monitor that people type into is the other kind, [`Monitor::human`].

mod client;
mod events;
mod executor;
mod human;
mod monitor;
mod session;
mod wire;

#[cfg(test)]
mod tests;

pub use events::EventHub;
pub use executor::{CommandFacts, Done, Executor, HumanExecutor, Request};
pub use monitor::{Capability, Monitor, MonitorState, SessionConfig};

/// Locks, whatever happened to the thread that held it last. What these locks protect is whole
/// between any two statements.
fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
