//! Stream sockets as a chardev: one peer at a time, the next when it left.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

use super::config::{SocketAddress, SocketConfig};
use super::edge::{Stream, serve};
use super::error::CharError;
use super::line::{Line, Pending};
use super::listen::{self, Listener, Socket};
use super::sync::lock;

/// How long a server rests after its host refused it a client (out of descriptors).
const REST: Duration = Duration::from_millis(100);

/// A socket in use.
#[derive(Debug)]
pub(super) struct SocketEnd {
    name: Arc<Mutex<String>>,
    remove: Option<PathBuf>,
    task: tokio::task::AbortHandle,
}

impl SocketEnd {
    /// Binds or connects; waits for the first client if that is asked for.
    pub(super) fn open(
        line: &Arc<Line>,
        config: &SocketConfig,
        handle: &Handle,
    ) -> Result<Self, CharError> {
        match (config.server, config.reconnect) {
            (true, Some(_)) => {
                Err(CharError::Incompatible { option: "reconnect", state: "listening" })
            }
            (false, _) if config.wait => {
                Err(CharError::Incompatible { option: "wait", state: "connecting" })
            }
            (true, None) => Self::listen(line, config, handle),
            (false, reconnect) => Self::connect(line, config, reconnect, handle),
        }
    }

    fn listen(line: &Arc<Line>, config: &SocketConfig, handle: &Handle) -> Result<Self, CharError> {
        let address = &config.address;
        let listener = Listener::bind(address)?;
        let label = format!("{},server=on", listener.name(address));
        let accepted = |source| CharError::Accept { address: address.to_string(), source };
        let first = if config.wait {
            eprintln!("boardwright: waiting for connection on: disconnected:{label}");
            Some(listener.accept().map_err(accepted)?)
        } else {
            None
        };
        let name = Arc::new(Mutex::new(format!("disconnected:{label}")));
        let server = {
            let _context = handle.enter();
            Server {
                listener: AsyncListener::new(listener).map_err(accepted)?,
                first: first.map(into_stream).transpose().map_err(accepted)?,
                label,
                name: Arc::clone(&name),
            }
        };
        if server.first.is_some() {
            line.output().open();
        }
        let task = handle.spawn(server.run(Arc::clone(line))).abort_handle();
        Ok(Self { name, remove: listen::path_to_remove(address), task })
    }

    fn connect(
        line: &Arc<Line>,
        config: &SocketConfig,
        reconnect: Option<Duration>,
        handle: &Handle,
    ) -> Result<Self, CharError> {
        let address = &config.address;
        // Without a second try, not being able to connect is an error of the configuration.
        let first = match (Socket::connect(address), reconnect) {
            (Ok(socket), _) => Some(socket),
            (Err(error), None) => return Err(error),
            (Err(_), Some(_)) => None,
        };
        let label = match address {
            SocketAddress::Tcp { .. } => format!("tcp:{address}"),
            SocketAddress::Unix(_) | SocketAddress::Fd(_) => format!("unix:{address}"),
        };
        let name = Arc::new(Mutex::new(format!("disconnected:{label}")));
        let failed = |source| CharError::Connect { address: address.to_string(), source };
        let client = {
            let _context = handle.enter();
            Client {
                address: address.clone(),
                first: first.map(into_stream).transpose().map_err(failed)?,
                reconnect,
                label,
                name: Arc::clone(&name),
            }
        };
        if client.first.is_some() {
            line.output().open();
        }
        let task = handle.spawn(client.run(Arc::clone(line))).abort_handle();
        Ok(Self { name, remove: None, task })
    }

    /// As `query-chardev` shows it.
    pub(super) fn name(&self) -> String {
        lock(&self.name).clone()
    }
}

impl Drop for SocketEnd {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(path) = &self.remove {
            listen::remove(path);
        }
    }
}

/// A stream with what its name is while it is connected.
struct Connected {
    stream: Stream,
    local: Option<String>,
    peer: Option<String>,
}

fn into_stream(socket: Socket) -> std::io::Result<Connected> {
    let (local, peer) = (socket.local(), socket.peer());
    let stream = match socket {
        Socket::Unix(stream) => {
            stream.set_nonblocking(true)?;
            Stream::Unix(tokio::net::UnixStream::from_std(stream)?)
        }
        Socket::Tcp(stream) => {
            stream.set_nonblocking(true)?;
            Stream::Tcp(no_delay(tokio::net::TcpStream::from_std(stream)?))
        }
    };
    Ok(Connected { stream, local, peer })
}

/// Answers are small and waited for: they must not be held back to be joined with others.
fn no_delay(stream: tokio::net::TcpStream) -> tokio::net::TcpStream {
    // Only slower if refused.
    let _ = stream.set_nodelay(true);
    stream
}

enum AsyncListener {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

impl AsyncListener {
    fn new(listener: Listener) -> std::io::Result<Self> {
        Ok(match listener {
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Self::Unix(tokio::net::UnixListener::from_std(listener)?)
            }
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Self::Tcp(tokio::net::TcpListener::from_std(listener)?)
            }
        })
    }

    async fn accept(&self) -> std::io::Result<Connected> {
        match self {
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(Connected { stream: Stream::Unix(stream), local: None, peer: None })
            }
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                let local = stream.local_addr().ok().map(|local| local.to_string());
                let peer = Some(peer.to_string());
                Ok(Connected { stream: Stream::Tcp(no_delay(stream)), local, peer })
            }
        }
    }
}

struct Server {
    listener: AsyncListener,
    first: Option<Connected>,
    label: String,
    name: Arc<Mutex<String>>,
}

impl Server {
    /// One client after the other; the next ones wait in the host's backlog.
    async fn run(mut self, line: Arc<Line>) {
        let mut pending = Pending::default();
        loop {
            let connected = match self.first.take() {
                Some(connected) => connected,
                None => tokio::select! {
                    accepted = self.listener.accept() => match accepted {
                        Ok(connected) => connected,
                        Err(_) => {
                            tokio::time::sleep(REST).await;
                            continue;
                        }
                    },
                    // What the last client typed may still be wanted.
                    () = line.kicked() => {
                        line.service(&mut pending);
                        continue;
                    }
                },
            };
            *lock(&self.name) = match &connected {
                Connected { local: Some(local), peer: Some(peer), .. } => {
                    format!("tcp:{local},server=on <-> {peer}")
                }
                _ => self.label.clone(),
            };
            serve(&line, &connected.stream, &mut pending).await;
            *lock(&self.name) = format!("disconnected:{}", self.label);
        }
    }
}

struct Client {
    address: SocketAddress,
    first: Option<Connected>,
    reconnect: Option<Duration>,
    label: String,
    name: Arc<Mutex<String>>,
}

impl Client {
    async fn run(mut self, line: Arc<Line>) {
        let mut pending = Pending::default();
        loop {
            let connected = match self.first.take() {
                Some(connected) => Some(connected),
                None => self.attempt().await,
            };
            if let Some(connected) = connected {
                *lock(&self.name) = match &connected {
                    Connected { local: Some(local), peer: Some(peer), .. } => {
                        format!("tcp:{local} <-> {peer}")
                    }
                    _ => self.label.clone(),
                };
                serve(&line, &connected.stream, &mut pending).await;
                *lock(&self.name) = format!("disconnected:{}", self.label);
            }
            match self.reconnect {
                Some(after) => tokio::time::sleep(after).await,
                None => break,
            }
        }
        // Nobody will come back, but a front end may take what is pending.
        loop {
            line.service(&mut pending);
            line.kicked().await;
        }
    }

    async fn attempt(&self) -> Option<Connected> {
        let stream = match &self.address {
            SocketAddress::Unix(path) => {
                Stream::Unix(tokio::net::UnixStream::connect(path).await.ok()?)
            }
            SocketAddress::Tcp { host, port } => {
                let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await.ok()?;
                let (local, peer) = (stream.local_addr().ok()?, stream.peer_addr().ok()?);
                return Some(Connected {
                    stream: Stream::Tcp(no_delay(stream)),
                    local: Some(local.to_string()),
                    peer: Some(peer.to_string()),
                });
            }
            SocketAddress::Fd(_) => return None,
        };
        Some(Connected { stream, local: None, peer: None })
    }
}
