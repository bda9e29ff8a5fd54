//! The host side of devices: where characters, blocks and frames come from and go to.
//!
//! Back ends know the host and nothing of devices; a device (or a monitor) is a front end that
//! connects to one. tokio lives here, behind an [`IoThread`](io_thread::IoThread), and goes no
//! further.

pub mod block;
pub mod char;
pub mod host;
pub mod io_thread;
pub mod net;
pub mod objects;
pub mod random;
pub mod recipes;
pub mod share;
