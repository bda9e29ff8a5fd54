//! Character back ends: a byte stream of the host on one side, a front end on the other.
//!
//! A [`Chardev`] is made from a [`CharConfig`]. A front end (a UART, a console, a monitor)
//! implements [`FrontEnd`] and connects to it. Two rules hold everywhere:
//!
//! - **Output never blocks.** [`Chardev::write`] puts bytes into a queue and may be called from
//!   any thread, with a device locked. Bytes for a peer that is not there are discarded.
//! - **Input is offered, not pushed.** The edge calls [`FrontEnd::receive`] with what it has; the
//!   front end says how much it took and calls [`Chardev::accept_input`] when it can take more.
//!   So nothing is lost when a FIFO is full, and reading stops when nobody takes.
//!
//! All calls to one front end come from one place, the edge of its chardev, one at a time.

mod chardev;
mod config;
mod edge;
mod error;
mod file;
mod front;
mod line;
mod listen;
mod mux;
mod output;
mod pty;
mod ring;
mod socket;
mod stdio;
mod sync;
pub mod terminal;

#[cfg(test)]
mod tests;

pub use chardev::{Chardev, Connection};
pub use config::{CharConfig, FileConfig, SocketAddress, SocketConfig, StdioConfig};
pub use error::CharError;
pub(crate) use error::Plain;
pub use front::{CharEvent, ClientId, FrontEnd};
pub use mux::MuxConfig;
