//! Network back ends: Ethernet frames between a network card and something of the host.
//!
//! A [`Netdev`] is made from a [`NetConfig`]. A network card implements [`FrontEnd`] and connects to
//! it. Frames have no checksum sequence at their end, as everywhere behind a card. Two rules hold:
//!
//! - **Nobody waits.** Between both sides are two short queues ([`wire`]). A side that finds a queue
//!   full keeps its frame and is told when there is room, so that a fast sender is slowed down
//!   rather than robbed of frames, and memory stays bounded.
//! - **What comes from a guest is hostile.** Whatever it sends, it spends its own frames and
//!   connections, of which there are limits.

mod netdev;
mod socket;
mod tap;
pub mod user;
mod wire;

#[cfg(test)]
mod tests;

pub use netdev::{Connection, NetConfig, NetError, NetEvent, Netdev, Netdevs};
pub use socket::{SocketConfig, StreamAddress};
pub use tap::TapConfig;
pub use user::UserConfig;
pub use wire::{Card, FrontEnd};
