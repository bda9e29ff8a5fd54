//! Connections: a socket of the stack on the guest's side, a stream of the host on the other, and
//! bytes between them as fast as the slower of the two takes them.

use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{self, RecvError, State};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Network;
use super::admit::Flow;
use super::udp::resolver;

/// How many connections a guest can have. Further ones are not answered, so that it tries again.
pub(super) const MOST: usize = 256;
/// What a connection holds in each direction, in bytes.
const BUFFER: usize = 128 << 10;
/// How long either side may take to connect, and to close.
const PATIENCE: Duration = Duration::from_secs(75);
/// After so long a silence the guest is asked whether it still knows of the connection: one that has
/// been reset does not.
const KEEP_ALIVE: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(75);

/// What a connection has become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The host is connecting.
    Connecting,
    /// It has a socket in the stack.
    Open,
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_ack_delay(None);
    socket.set_nagle_enabled(false);
    socket.set_keep_alive(Some(KEEP_ALIVE));
    socket
}

impl Network {
    /// The guest wants to connect: first the host does, then the guest's segment is answered.
    pub(super) fn tcp_from_guest(self: &Arc<Self>, flow: Flow, segment: Vec<u8>) {
        {
            let mut stack = self.stack();
            match stack.flows.get(&flow) {
                // A segment that came before, and the stack's matter when it has a socket.
                Some(Phase::Connecting) => return,
                Some(Phase::Open) => {
                    drop(stack);
                    return self.ingress(segment);
                }
                None if stack.flows.len() >= MOST => return,
                None => drop(stack.flows.insert(flow, Phase::Connecting)),
            }
        }
        let Some(target) = self.target(flow.remote) else {
            self.stack().remove(&flow, None);
            return self.ingress(segment);
        };
        let network = self.clone();
        self.spawn(async move {
            let stream = match timeout(PATIENCE, TcpStream::connect(target)).await {
                Ok(Ok(stream)) => stream,
                result => {
                    network.stack().remove(&flow, None);
                    // With nothing there that listens, the stack refuses; silence is passed on.
                    if result.is_ok() {
                        network.ingress(segment);
                        network.changed.notify_one();
                    }
                    return;
                }
            };
            let handle = {
                let mut stack = network.stack();
                let handle = stack.open(socket());
                stack.flows.insert(flow, Phase::Open);
                // A socket that is new can listen anywhere but on port 0, where nobody does.
                let _ =
                    stack.socket(handle).listen((flow.remote.ip().to_owned(), flow.remote.port()));
                handle
            };
            network.ingress(segment);
            network.relay(flow, handle, stream).await;
        });
    }

    /// Somebody has connected to a forwarded port.
    pub(super) fn tcp_from_host(
        self: &Arc<Self>,
        stream: TcpStream,
        from: SocketAddr,
        guest: SocketAddrV4,
    ) {
        let flow = Flow { guest, remote: self.visible(from) };
        let handle = {
            let mut stack = self.stack();
            // The stream is closed, as by a server with too many clients.
            if stack.flows.len() >= MOST || stack.flows.contains_key(&flow) {
                return;
            }
            let handle = stack.open(socket());
            let (socket, context) = stack.parts(handle);
            if socket.connect(context, flow.guest, flow.remote).is_err() {
                return stack.remove(&flow, Some(handle));
            }
            stack.flows.insert(flow, Phase::Open);
            handle
        };
        let network = self.clone();
        self.spawn(async move { network.relay(flow, handle, stream).await });
    }

    /// How a guest sees somebody outside: the host as the gateway.
    pub(super) fn visible(&self, from: SocketAddr) -> SocketAddrV4 {
        let address = match from {
            SocketAddr::V4(from) if self.config().is_outside(*from.ip()) => *from.ip(),
            _ => self.config().host,
        };
        SocketAddrV4::new(address, from.port())
    }

    /// Where on the host an address leads that a guest uses.
    pub(super) fn target(&self, remote: SocketAddrV4) -> Option<SocketAddr> {
        let config = self.config();
        match *remote.ip() {
            host if host == config.host => {
                Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), remote.port()))
            }
            dns if dns == config.dns => {
                let resolver = || config.resolver.unwrap_or_else(resolver);
                (remote.port() == super::udp::DNS).then(resolver)
            }
            outside => config.is_outside(outside).then_some(remote.into()),
        }
    }

    /// Passes bytes both ways until both sides have closed, or one is gone.
    async fn relay(&self, flow: Flow, handle: SocketHandle, stream: TcpStream) {
        self.changed.notify_one();
        // Small pieces are somebody's keystrokes as often as not.
        let _ = stream.set_nodelay(true);
        let result = match timeout(PATIENCE, self.established(handle)).await {
            Ok(Ok(())) => {
                tokio::try_join!(self.to_host(handle, &stream), self.to_guest(handle, &stream))
            }
            _ => Err(io::ErrorKind::NotConnected.into()),
        };
        if result.is_err() {
            // Either side hears that what it has sent may not have arrived.
            let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
            self.stack().socket(handle).abort();
        } else {
            let closed = poll_fn(|context| {
                let mut stack = self.stack();
                let socket = stack.socket(handle);
                socket.register_send_waker(context.waker());
                match socket.state() {
                    State::Closed | State::TimeWait => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            });
            let _ = timeout(PATIENCE, closed).await;
        }
        let mut stack = self.stack();
        // The last segment, before the socket is gone.
        stack.poll();
        stack.remove(&flow, Some(handle));
    }

    async fn established(&self, handle: SocketHandle) -> io::Result<()> {
        poll_fn(|context| {
            let mut stack = self.stack();
            let socket = stack.socket(handle);
            socket.register_send_waker(context.waker());
            match socket.state() {
                State::SynSent | State::SynReceived => Poll::Pending,
                // A first segment that was none has changed nothing.
                State::Closed | State::Listen => {
                    Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()))
                }
                _ => Poll::Ready(Ok(())),
            }
        })
        .await
    }

    async fn to_host(&self, handle: SocketHandle, stream: &TcpStream) -> io::Result<()> {
        loop {
            let more = poll_fn(|context| {
                let mut stack = self.stack();
                let socket = stack.socket(handle);
                match socket.recv(|bytes| (0, !bytes.is_empty())) {
                    Ok(true) => Poll::Ready(Ok(true)),
                    Ok(false) => {
                        socket.register_recv_waker(context.waker());
                        Poll::Pending
                    }
                    Err(RecvError::Finished) => Poll::Ready(Ok(false)),
                    Err(RecvError::InvalidState) => Poll::Ready(Err(reset())),
                }
            });
            if !more.await? {
                return Ok(rustix::net::shutdown(stream, rustix::net::Shutdown::Write)?);
            }
            stream.writable().await?;
            let moved = self.stack().socket(handle).recv(|bytes| pass(stream.try_write(bytes)));
            moved.map_err(|_| reset())??;
            self.changed.notify_one();
        }
    }

    async fn to_guest(&self, handle: SocketHandle, stream: &TcpStream) -> io::Result<()> {
        loop {
            let room = poll_fn(|context| {
                let mut stack = self.stack();
                let socket = stack.socket(handle);
                match (socket.may_send(), socket.can_send()) {
                    (false, _) => Poll::Ready(Err(reset())),
                    (true, true) => Poll::Ready(Ok(())),
                    (true, false) => {
                        socket.register_send_waker(context.waker());
                        Poll::Pending
                    }
                }
            });
            room.await?;
            let gone = poll_fn(|context| {
                let mut stack = self.stack();
                let socket = stack.socket(handle);
                socket.register_send_waker(context.waker());
                if socket.may_send() { Poll::Pending } else { Poll::Ready(()) }
            });
            tokio::select! {
                ready = stream.readable() => ready?,
                () = gone => return Err(reset()),
            }
            let mut end = false;
            let moved = self.stack().socket(handle).send(|room| {
                let read = stream.try_read(room);
                end = !room.is_empty() && matches!(read, Ok(0));
                pass(read)
            });
            moved.map_err(|_| reset())??;
            if end {
                self.stack().socket(handle).close();
            }
            self.changed.notify_one();
            if end {
                return Ok(());
            }
        }
    }
}

/// How much was moved; nothing when the stream was not ready after all.
fn pass(moved: io::Result<usize>) -> (usize, io::Result<()>) {
    match moved {
        Ok(length) => (length, Ok(())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => (0, Ok(())),
        Err(error) => (0, Err(error)),
    }
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}
