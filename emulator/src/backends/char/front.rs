//! The front end's side of the contract: what a UART or a monitor implements.

/// One stay of one peer on a chardev. Output may be tied to it, so that an answer to a client
/// that left is not given to the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId(pub(super) u64);

/// What happens to a chardev apart from bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CharEvent {
    /// A peer is there; also told to a front end that connects while one is.
    Opened(ClientId),
    /// The peer left.
    Closed,
    /// The user sent a break (Ctrl-A b on a mux).
    Break,
    /// On a mux: input now comes to this front end.
    FocusIn,
    /// On a mux: input now goes to another one.
    FocusOut,
}

/// Somebody who takes the input of a chardev.
///
/// Calls come from the edge, one at a time, and share its thread with every other channel: they
/// must not wait for anything slow. They may take the device's own lock and may write.
pub trait FrontEnd: Send + Sync {
    /// Offers input. Returns how many bytes, counted from the start, were taken; the others are
    /// offered again, together with new ones, after more arrived or after
    /// [`accept_input`](super::Chardev::accept_input). `bytes` may be empty.
    fn receive(&self, bytes: &[u8]) -> usize;

    /// Tells what happens to the channel.
    fn event(&self, event: CharEvent) {
        let _ = event;
    }

    /// Output that was refused can be given again. Called from the thread that writes, too.
    fn room(&self) {}

    /// Whether everything taken so far is dealt with. A peer that has ended its input, but
    /// still listens, is kept until this is so and its answers are written.
    fn settled(&self) -> bool {
        true
    }

    /// Whether input that was not taken is worthless once its sender is gone, as requests to a
    /// monitor are. Characters on a serial line are not.
    fn input_dies_with_client(&self) -> bool {
        false
    }
}
