//! What can go wrong when a character back end is made or connected.

use std::io;
use std::path::PathBuf;

/// Why there is no back end, or no connection to one.
#[derive(Debug, thiserror::Error)]
pub enum CharError {
    /// The listening socket could not be made.
    #[error("Failed to bind socket to {address}: {}", Plain(source))]
    Bind {
        /// As written by the user.
        address: String,
        /// The host's reason.
        source: io::Error,
    },
    /// The peer could not be reached.
    #[error("Failed to connect to '{address}': {}", Plain(source))]
    Connect {
        /// As written by the user.
        address: String,
        /// The host's reason.
        source: io::Error,
    },
    /// Waiting for the first client failed.
    #[error("Failed to accept a client on {address}: {}", Plain(source))]
    Accept {
        /// As written by the user.
        address: String,
        /// The host's reason.
        source: io::Error,
    },
    /// A file could not be opened.
    #[error("Could not open '{}': {}", path.display(), Plain(source))]
    Open {
        /// The file.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// The host gives no pseudo terminal.
    #[error("Failed to create PTY: {}", Plain(source))]
    Pty {
        /// The host's reason.
        source: io::Error,
    },
    /// The standard streams cannot be used.
    #[error("Failed to use stdio: {}", Plain(source))]
    Stdio {
        /// The host's reason.
        source: io::Error,
    },
    /// There is a stdio back end already.
    #[error("cannot use stdio by multiple character devices")]
    StdioTaken,
    /// A descriptor that was not passed, or is no stream socket.
    #[error("File descriptor {fd} is not a usable socket: {}", Plain(source))]
    Fd {
        /// Its number.
        fd: i32,
        /// The host's reason.
        source: io::Error,
    },
    /// A ring buffer of a size that cannot be.
    #[error("size of ringbuf chardev must be power of two")]
    RingSize,
    /// A second front end for a back end that takes one.
    #[error("Device '{id}' is in use")]
    InUse {
        /// The back end.
        id: String,
    },
    /// An option that makes no sense with the others.
    #[error("'{option}' option is incompatible with socket in server {state} mode")]
    Incompatible {
        /// The option.
        option: &'static str,
        /// Of which mode.
        state: &'static str,
    },
}

/// The text of a host error without Rust's "(os error 13)".
pub(crate) struct Plain<'a>(pub(crate) &'a io::Error);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split(" (os error").next().unwrap_or(&text))
    }
}
