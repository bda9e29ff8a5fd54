//! What a generated client sends.

use crate::{Decode, Encode};

/// The arguments of one command: what a client sends to get a `Reply`.
pub trait Request: Encode {
    /// The command's name on the wire.
    const NAME: &'static str;
    /// What it returns; [`Empty`](crate::Empty) if nothing.
    type Reply: Decode;
    /// Whether success is answered; `false` for a command that ends the server.
    const ANSWERED: bool = true;
}

/// A request that may overtake others (`'allow-oob': true`).
pub trait OobRequest: Request {}
