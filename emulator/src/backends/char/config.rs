//! What a character back end is made from.

use std::path::PathBuf;
use std::time::Duration;

/// A back end of one kind with its options. A mux is made over an open chardev instead, see
/// [`Chardev::open_mux`](super::Chardev::open_mux).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CharConfig {
    /// Discards output, has no input.
    Null,
    /// Keeps the newest output in memory; the size in bytes is a power of two.
    Ringbuf {
        /// How much is kept.
        size: usize,
    },
    /// Writes to a file.
    File(FileConfig),
    /// The standard input and output of the process.
    Stdio(StdioConfig),
    /// A new pseudo terminal, with a symbolic link to it if a path is given.
    Pty {
        /// Where the link is put.
        path: Option<PathBuf>,
    },
    /// A stream socket.
    Socket(SocketConfig),
}

/// Options of a file back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConfig {
    /// The file written to.
    pub path: PathBuf,
    /// Write behind what is there instead of emptying the file.
    pub append: bool,
}

/// Options of a stdio back end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StdioConfig {
    /// Whether Ctrl-C and the like are signals to the process (`signal=on`) or input.
    pub signal: bool,
}

/// Options of a socket back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketConfig {
    /// The endpoint.
    pub address: SocketAddress,
    /// Listen there, or connect to it.
    pub server: bool,
    /// A server that is not complete before its first client is there.
    pub wait: bool,
    /// A client that tries again after this time when there is no connection.
    pub reconnect: Option<Duration>,
}

/// The endpoint of a socket back end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketAddress {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A TCP port; for a server, port 0 takes a free one.
    Tcp {
        /// Name or address.
        host: String,
        /// Port number.
        port: u16,
    },
    /// A descriptor that the process was started with: a listening socket for a server, a
    /// connected one otherwise.
    Fd(i32),
}
