//! Virtio 1.x devices ("Virtual I/O Device (VIRTIO) Version 1.2", OASIS).
//!
//! A device ([`VirtioDevice`]) knows its features, its configuration and what the requests in its
//! queues mean. How a guest finds it and where its registers stand is a matter of the transport
//! ([`mmio`], [`pci`]); what both share, the status, the negotiation and the queues, is a
//! [`Function`](function::Function). A transport plugs a device into a function and implements
//! [`Interrupts`](function::Interrupts); the device gets a [`Link`] to take requests from its queues
//! and to give them back, on any thread.
//!
//! What a guest does wrong ends in the architected answer: the device needs a reset (section
//! 2.1.1), which the log tells with the reason. The rings are our own rather than a crate's:
//! `virtio-queue` of rust-vmm knows no packed rings, and wants guest memory as plain host memory,
//! where here every access to it is atomic.

mod balloon;
mod blk;
mod console;
mod device;
mod function;
mod mmio;
mod net;
mod p9;
mod pci;
mod ring;
mod rng;
#[cfg(test)]
mod tests;
mod worker;

pub use balloon::Balloon;
pub use console::{Port as SerialPort, Serial};
pub use device::{Link, VirtioBus, VirtioDevice};
pub use pci::chosen;
pub use ring::{Buffers, Chain};
