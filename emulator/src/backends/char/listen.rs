//! Socket addresses: binding, connecting, and how the other end is named.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::config::SocketAddress;
use super::error::CharError;

/// A listening socket, blocking or not as the standard library left it.
#[derive(Debug)]
pub(super) enum Listener {
    /// A local one.
    Unix(UnixListener),
    /// A network one.
    Tcp(TcpListener),
}

/// A connected socket.
#[derive(Debug)]
pub(super) enum Socket {
    /// A local one.
    Unix(UnixStream),
    /// A network one.
    Tcp(TcpStream),
}

impl std::fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "{}", path.display()),
            Self::Tcp { host, port } => write!(f, "{}:{port}", bracketed(host)),
            Self::Fd(fd) => write!(f, "fd:{fd}"),
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

impl Listener {
    /// Listens at an address.
    pub(super) fn bind(address: &SocketAddress) -> Result<Self, CharError> {
        let failed = |source| CharError::Bind { address: address.to_string(), source };
        match address {
            SocketAddress::Unix(path) => {
                unlink_socket(path);
                UnixListener::bind(path).map(Self::Unix).map_err(failed)
            }
            SocketAddress::Tcp { host, port } => {
                resolve(host, *port, TcpListener::bind).map(Self::Tcp).map_err(failed)
            }
            SocketAddress::Fd(fd) => {
                let failed = |source| CharError::Fd { fd: *fd, source };
                let listener = UnixListener::from(inherited(*fd).map_err(failed)?);
                if listener.local_addr().is_ok() {
                    return Ok(Self::Unix(listener));
                }
                let listener = TcpListener::from(OwnedFd::from(listener));
                listener.local_addr().map_err(failed)?;
                Ok(Self::Tcp(listener))
            }
        }
    }

    /// Waits for a client.
    pub(super) fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Unix(listener) => listener.accept().map(|(stream, _)| Socket::Unix(stream)),
            Self::Tcp(listener) => listener.accept().map(|(stream, _)| Socket::Tcp(stream)),
        }
    }

    /// The name in `filename`, with the port that was really taken.
    pub(super) fn name(&self, address: &SocketAddress) -> String {
        match self {
            Self::Unix(listener) => {
                let bound = listener.local_addr().ok();
                let path = match address {
                    SocketAddress::Unix(path) => Some(path.clone()),
                    _ => bound.and_then(|a| a.as_pathname().map(Path::to_owned)),
                };
                format!("unix:{}", path.unwrap_or_default().display())
            }
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(local) => format!("tcp:{local}"),
                Err(_) => format!("tcp:{address}"),
            },
        }
    }
}

impl Socket {
    /// Connects to an address.
    pub(super) fn connect(address: &SocketAddress) -> Result<Self, CharError> {
        let failed = |source| CharError::Connect { address: address.to_string(), source };
        match address {
            SocketAddress::Unix(path) => UnixStream::connect(path).map(Self::Unix).map_err(failed),
            SocketAddress::Tcp { host, port } => {
                resolve(host, *port, TcpStream::connect).map(Self::Tcp).map_err(failed)
            }
            SocketAddress::Fd(fd) => {
                let failed = |source| CharError::Fd { fd: *fd, source };
                let stream = UnixStream::from(inherited(*fd).map_err(failed)?);
                if stream.local_addr().is_ok() {
                    return Ok(Self::Unix(stream));
                }
                let stream = TcpStream::from(OwnedFd::from(stream));
                stream.peer_addr().map_err(failed)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    /// The peer as `filename` names it after the arrow; local sockets have none.
    pub(super) fn peer(&self) -> Option<String> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(stream) => stream.peer_addr().ok().map(|peer| peer.to_string()),
        }
    }

    /// Our own end, for a client.
    pub(super) fn local(&self) -> Option<String> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(stream) => stream.local_addr().ok().map(|local| local.to_string()),
        }
    }
}

/// Tries the addresses of a host until one works. No host means all of this machine's.
fn resolve<T>(
    host: &str,
    port: u16,
    attempt: impl Fn(std::net::SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "no address for this host"));
    for address in (host, port).to_socket_addrs()? {
        result = attempt(address);
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Removes what an earlier process left; never anything but a socket.
fn unlink_socket(path: &Path) {
    if fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket()) {
        // If that fails, binding says why.
        let _ = fs::remove_file(path);
    }
}

/// The path to remove when the server ends.
pub(super) fn path_to_remove(address: &SocketAddress) -> Option<PathBuf> {
    match address {
        SocketAddress::Unix(path) => Some(path.clone()),
        _ => None,
    }
}

/// Removes the socket of a server.
pub(super) fn remove(path: &Path) {
    unlink_socket(path);
}

/// A descriptor the process was started with, owned. Duplicated by way of a handle on this very
/// process, because taking over a bare number would be `unsafe`; so the number stays in use.
fn inherited(fd: i32) -> io::Result<OwnedFd> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    Ok(pidfd_getfd(&this, fd, PidfdGetfdFlags::empty())?)
}
