//! The edge task: carries bytes between a connected stream of the host and a [`Line`].

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use tokio::io::Interest;
use tokio::net::unix::pipe;
use tokio::net::{TcpStream, UnixStream};

use super::line::{Line, Pending};

/// How much is moved by one system call.
const CHUNK: usize = 64 * 1024;

/// How often a peer from which nothing is being read is looked at for having gone.
const LOOK: Duration = Duration::from_millis(200);

/// A connected stream.
#[derive(Debug)]
pub(super) enum Stream {
    /// A local socket.
    Unix(UnixStream),
    /// A network socket.
    Tcp(TcpStream),
    /// The controlling side of a pseudo terminal, twice: to tokio it is like two pipes.
    Pty {
        /// What the user types.
        input: pipe::Receiver,
        /// What the user sees.
        output: pipe::Sender,
    },
}

impl Stream {
    /// Waits until something can be done. True when the peer has gone, of which only a pseudo
    /// terminal needs to be told: for it tokio calls everything ready from then on, though the
    /// next user may be there and nothing to be read.
    async fn ready(&self, interest: Interest) -> io::Result<bool> {
        match self {
            Self::Unix(stream) => stream.ready(interest).await.map(|_| false),
            Self::Tcp(stream) => stream.ready(interest).await.map(|_| false),
            Self::Pty { input, output } => {
                let ready = tokio::select! {
                    ready = input.ready(Interest::READABLE), if interest.is_readable() => ready?,
                    ready = output.ready(Interest::WRITABLE), if interest.is_writable() => ready?,
                };
                Ok(ready.is_read_closed() || ready.is_write_closed())
            }
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.try_read(buffer),
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Pty { input, .. } => input.try_read(buffer),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Pty { output, .. } => output.try_write(bytes),
        }
    }

    /// The descriptor, for questions about the peer.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
            Self::Pty { input, .. } => input.as_fd(),
        }
    }
}

/// Whether the peer has gone altogether, not only ended its own output.
pub(super) fn hung_up(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(&fd, PollFlags::empty())];
    match rustix::event::poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(_) => fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        Err(_) => true,
    }
}

/// Serves one peer until it leaves. A peer that only ends its output gets its answers first.
pub(super) async fn serve(line: &Line, stream: &Stream, pending: &mut Pending) {
    let mut buffer = vec![0; CHUNK];
    let mut ended = false;
    // Bytes under way to the peer, and how many of them are written.
    let mut chunk: Vec<u8> = Vec::new();
    let mut at = 0;
    line.opened();
    loop {
        line.service(pending);
        if at == chunk.len() {
            chunk = line.output().take(CHUNK);
            at = 0;
        }
        let writing = at < chunk.len();
        if ended {
            let answered = pending.is_empty() && line.settled() && line.output().queued() == 0;
            if answered || hung_up(stream.as_fd()) {
                break;
            }
        }
        let reading = !ended && pending.has_room();
        let interest = match (reading, writing) {
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        };
        tokio::select! {
            ready = wait_for(stream, interest) => {
                let Ok(gone) = ready else { break };
                if reading {
                    match stream.try_read(&mut buffer) {
                        Ok(0) => ended = true,
                        Ok(count) => pending.push(buffer.get(..count).unwrap_or_default()),
                        Err(error) if is_transient(&error) => ended = gone,
                        // A pseudo terminal reports its end as an error.
                        Err(_) => ended = true,
                    }
                }
                if writing {
                    match stream.try_write(chunk.get(at..).unwrap_or_default()) {
                        Ok(count) => {
                            at += count;
                            line.written(count);
                        }
                        Err(error) if is_transient(&error) && !gone => {}
                        // The peer does not listen any more; what it said is still read.
                        Err(_) => {
                            line.written(chunk.len() - at);
                            chunk.clear();
                            at = 0;
                        }
                    }
                }
            }
            () = line.kicked() => {}
            () = tokio::time::sleep(LOOK), if !reading => {
                // A full front end must not keep the next client waiting for one that left.
                if line.input_dies_with_client() && hung_up(stream.as_fd()) {
                    break;
                }
            }
        }
    }
    if line.input_dies_with_client() {
        pending.clear();
    }
    line.closed();
}

async fn wait_for(stream: &Stream, interest: Option<Interest>) -> io::Result<bool> {
    match interest {
        Some(interest) => stream.ready(interest).await,
        None => std::future::pending().await,
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
