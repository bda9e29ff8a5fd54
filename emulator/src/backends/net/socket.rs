//! Two emulators as neighbours on one cable: frames over a stream socket, each behind its length of
//! four bytes, most significant first, as QEMU writes them (`-netdev socket`, `-netdev stream`).

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::netdev::{Facts, Listener, NetError, NetEvent};
use super::wire::{LONGEST, Wire};

/// Where the stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamAddress {
    /// TCP: a host and a port.
    Tcp(String, u16),
    /// A file.
    Unix(PathBuf),
}

impl fmt::Display for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "tcp:{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A stream to another emulator.
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// Its address.
    pub address: StreamAddress,
    /// Whether this side waits for the other.
    pub server: bool,
    /// When a client tries again after it has lost its server or not found it; `None`: there has to
    /// be one, and it is not looked for again.
    pub reconnect: Option<Duration>,
    /// The name of its kind: `socket` or `stream`.
    pub kind: &'static str,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listening {
    /// The next other end; who else comes waits for its turn.
    async fn accept(&self) -> io::Result<(Box<dyn Stream>, StreamAddress)> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, from) = listener.accept().await?;
                stream.set_nodelay(true)?;
                (Box::new(stream), StreamAddress::Tcp(from.ip().to_string(), from.port()))
            }
            // A client has no file of its own.
            Self::Unix(listener) => {
                (Box::new(listener.accept().await?.0), StreamAddress::Unix(PathBuf::new()))
            }
        })
    }
}

/// Opens the stream's end here and starts what serves it.
pub(super) fn start(
    config: SocketConfig,
    wire: Arc<Wire>,
    facts: Facts,
    listener: Listener,
    io: &Handle,
) -> Result<JoinHandle<()>, NetError> {
    let status = Status { kind: config.kind, facts, listener };
    status.tell(match config.server {
        true => format!("listening on {}", config.address),
        false => format!("connecting to {}", config.address),
    });
    if config.server {
        let listening = listen(&config.address, io)
            .map_err(NetError::host(format!("can't bind {}", config.address)))?;
        return Ok(io.spawn(async move {
            loop {
                match listening.accept().await {
                    Ok((stream, from)) => status.serve(stream, &wire, &from).await,
                    // Out of descriptors, say: what is no connection is not tried at full speed.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
                status.tell(format!("listening on {}", config.address));
            }
        }));
    }
    let entered = io.enter();
    let first = match (connect_now(&config.address), config.reconnect) {
        (Ok(stream), _) => Some(stream),
        (Err(_), Some(_)) => None,
        (Err(error), None) => {
            return Err(NetError::host(format!("can't connect to {}", config.address))(error));
        }
    };
    drop(entered);
    Ok(io.spawn(async move {
        let mut next = first;
        loop {
            if let Some(stream) = next.take() {
                status.serve(stream, &wire, &config.address).await;
            }
            let Some(pause) = config.reconnect else { break };
            status.tell(format!("connecting to {}", config.address));
            tokio::time::sleep(pause).await;
            next = connect(&config.address).await.ok();
        }
        // Nobody will ever read what the guest sends.
        wire.close();
    }))
}

fn listen(address: &StreamAddress, io: &Handle) -> io::Result<Listening> {
    let _entered = io.enter();
    Ok(match address {
        StreamAddress::Tcp(host, port) => {
            let listener = std::net::TcpListener::bind((host.as_str(), *port))?;
            listener.set_nonblocking(true)?;
            Listening::Tcp(TcpListener::from_std(listener)?)
        }
        StreamAddress::Unix(path) => {
            // As for character back ends: a socket file that nobody serves any more is replaced.
            if std::os::unix::net::UnixStream::connect(path).is_err() && is_socket(path) {
                std::fs::remove_file(path)?;
            }
            Listening::Unix(UnixListener::bind(path)?)
        }
    })
}

fn is_socket(path: &std::path::Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    std::fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket())
}

/// Connects before the command returns, so that it can tell why it cannot.
fn connect_now(address: &StreamAddress) -> io::Result<Box<dyn Stream>> {
    Ok(match address {
        StreamAddress::Tcp(host, port) => {
            let stream = std::net::TcpStream::connect((host.as_str(), *port))?;
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Box::new(TcpStream::from_std(stream)?)
        }
        StreamAddress::Unix(path) => {
            let stream = std::os::unix::net::UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Box::new(UnixStream::from_std(stream)?)
        }
    })
}

async fn connect(address: &StreamAddress) -> io::Result<Box<dyn Stream>> {
    Ok(match address {
        StreamAddress::Tcp(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
        StreamAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
    })
}

/// What is told of the stream.
struct Status {
    kind: &'static str,
    facts: Facts,
    listener: Listener,
}

impl Status {
    fn tell(&self, text: String) {
        let text = format!("type={},{text}", self.kind);
        *self.facts.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Passes frames both ways until the other end is gone.
    async fn serve(&self, stream: Box<dyn Stream>, wire: &Wire, other: &StreamAddress) {
        self.tell(format!("connection to {other}"));
        // QEMU tells of streams only.
        let tells = self.kind == "stream";
        let listener = |event| {
            if tells {
                (self.listener)(event)
            }
        };
        listener(NetEvent::Connected(other.clone()));
        let (mut from, mut to) = tokio::io::split(stream);
        // Whichever ends first ends the connection.
        tokio::select! {
            _ = read_frames(&mut from, wire) => {}
            _ = write_frames(&mut to, wire) => {}
        }
        listener(NetEvent::Disconnected);
    }
}

async fn read_frames(stream: &mut (impl AsyncRead + Unpin), wire: &Wire) -> io::Result<()> {
    let mut stream = tokio::io::BufReader::with_capacity(1 << 16, stream);
    loop {
        let length = stream.read_u32().await?;
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST);
        // What has such a length is no frame, and where the next one begins is unknown.
        let length = length.ok_or(io::ErrorKind::InvalidData)?;
        let mut frame = vec![0; length];
        stream.read_exact(&mut frame).await?;
        wire.ready().await;
        wire.give(frame);
    }
}

async fn write_frames(stream: &mut (impl AsyncWrite + Unpin), wire: &Wire) -> io::Result<()> {
    let mut stream = tokio::io::BufWriter::with_capacity(1 << 16, stream);
    loop {
        let frame = match wire.take() {
            Some(frame) => frame,
            None => {
                stream.flush().await?;
                wire.next().await
            }
        };
        stream.write_u32(u32::try_from(frame.len()).unwrap_or(0)).await?;
        stream.write_all(&frame).await?;
    }
}
