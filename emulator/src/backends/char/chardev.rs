//! The type that everybody else holds.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

use super::config::CharConfig;
use super::error::CharError;
use super::file;
use super::front::{ClientId, FrontEnd};
use super::line::Line;
use super::mux::{Mux, MuxConfig};
use super::pty::Pty;
use super::ring::Ring;
use super::socket::SocketEnd;
use super::stdio::Stdio;
use super::sync::lock;

/// A character back end of any kind. See the [module](super) for the rules.
pub struct Chardev {
    id: String,
    kind: Kind,
}

enum Kind {
    Line { line: Arc<Line>, end: Mutex<End> },
    Ring { line: Arc<Line>, ring: Ring },
    Mux(Arc<Mux>),
}

/// What a line ends in; dropping it lets go of the host's resources.
enum End {
    Null,
    File,
    Stdio(Stdio),
    Pty(Pty),
    Socket(SocketEnd),
    Closed { filename: String },
}

impl Chardev {
    /// Makes a back end; `handle` is of the runtime that serves it.
    ///
    /// With `wait` this blocks until a client is there.
    ///
    /// # Errors
    ///
    /// What the host refuses.
    pub fn open(id: &str, config: &CharConfig, handle: &Handle) -> Result<Arc<Self>, CharError> {
        let line = Arc::new(Line::default());
        let end = match config {
            CharConfig::Ringbuf { size } => {
                let kind = Kind::Ring { line, ring: Ring::new(*size)? };
                return Ok(Arc::new(Self { id: id.to_owned(), kind }));
            }
            CharConfig::Null => End::Null,
            CharConfig::File(config) => {
                file::open(&line, config)?;
                End::File
            }
            CharConfig::Stdio(config) => End::Stdio(Stdio::open(&line, *config, handle)?),
            CharConfig::Pty { path } => End::Pty(Pty::open(&line, path.as_deref(), handle)?),
            CharConfig::Socket(config) => End::Socket(SocketEnd::open(&line, config, handle)?),
        };
        Ok(Arc::new(Self { id: id.to_owned(), kind: Kind::Line { line, end: Mutex::new(end) } }))
    }

    /// Makes a back end that several front ends can share, over one that nobody uses.
    ///
    /// # Errors
    ///
    /// When somebody does.
    pub fn open_mux(
        id: &str,
        base: Arc<Chardev>,
        config: MuxConfig,
    ) -> Result<Arc<Self>, CharError> {
        Ok(Arc::new(Self { id: id.to_owned(), kind: Kind::Mux(Mux::open(base, config)?) }))
    }

    /// The label.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is on the other side, as `query-chardev` shows it.
    #[must_use]
    pub fn filename(&self) -> String {
        match &self.kind {
            Kind::Line { end, .. } => lock(end).filename(),
            Kind::Ring { .. } => "ringbuf".into(),
            Kind::Mux(_) => "mux".into(),
        }
    }

    /// Whether somebody is on the other side.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match &self.kind {
            Kind::Line { line, .. } => line.output().client().is_some(),
            Kind::Ring { .. } => true,
            Kind::Mux(mux) => mux.base().is_open(),
        }
    }

    /// Whether a front end is connected.
    #[must_use]
    pub fn frontend_open(&self) -> bool {
        match &self.kind {
            Kind::Line { line, .. } | Kind::Ring { line, .. } => line.is_attached(),
            Kind::Mux(mux) => mux.is_attached(),
        }
    }

    /// Whether this is a mux, which takes more than one front end.
    #[must_use]
    pub fn is_mux(&self) -> bool {
        matches!(self.kind, Kind::Mux(_))
    }

    /// Connects a front end. It hears of the peer, and gets input, from the edge's thread.
    /// On a mux it also gets the focus.
    ///
    /// # Errors
    ///
    /// When another one is connected and this is no mux.
    pub fn connect(self: &Arc<Self>, front: Arc<dyn FrontEnd>) -> Result<Connection, CharError> {
        let slot = match &self.kind {
            Kind::Line { line, .. } | Kind::Ring { line, .. } => {
                if !line.attach(front) {
                    return Err(CharError::InUse { id: self.id.clone() });
                }
                0
            }
            Kind::Mux(mux) => mux.attach(front),
        };
        Ok(Connection { chardev: Arc::clone(self), slot })
    }

    /// Sends bytes to whoever is there; to nobody, they are discarded. Never blocks. Returns how
    /// many bytes are dealt with: all, or none if the peer has stopped reading megabytes ago.
    pub fn write(&self, bytes: &[u8]) -> usize {
        self.send(None, bytes)
    }

    /// Sends bytes to one client only; if it has left, they are discarded.
    pub fn write_to(&self, client: ClientId, bytes: &[u8]) -> usize {
        self.send(Some(client), bytes)
    }

    fn send(&self, client: Option<ClientId>, bytes: &[u8]) -> usize {
        match &self.kind {
            Kind::Line { line, .. } => line.write(client, bytes),
            Kind::Ring { ring, .. } => {
                ring.write(bytes);
                bytes.len()
            }
            Kind::Mux(mux) => mux.base().send(client, bytes),
        }
    }

    /// How many bytes of output are not written yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        match &self.kind {
            Kind::Line { line, .. } => line.output().queued(),
            Kind::Ring { .. } => 0,
            Kind::Mux(mux) => mux.base().queued(),
        }
    }

    /// A front end that did not take all its input can take more now. Never blocks; the input
    /// comes from the edge's thread.
    pub fn accept_input(&self) {
        match &self.kind {
            Kind::Line { line, .. } | Kind::Ring { line, .. } => line.accept_input(),
            Kind::Mux(mux) => mux.base().accept_input(),
        }
    }

    /// Lets input wait, or come again: for a machine that is being made into what it was once, and
    /// would forget what it has heard before.
    pub fn hold(&self, held: bool) {
        match &self.kind {
            Kind::Line { line, .. } | Kind::Ring { line, .. } => line.hold(held),
            Kind::Mux(mux) => mux.base().hold(held),
        }
    }

    /// Waits until all output is written; not to be called on the edge's thread. False if that
    /// takes longer than `timeout`.
    pub fn drain(&self, timeout: Duration) -> bool {
        match &self.kind {
            Kind::Line { line, .. } => line.drain(timeout),
            Kind::Ring { .. } => true,
            Kind::Mux(mux) => mux.base().drain(timeout),
        }
    }

    /// For a terminal: whether it echoes and edits lines itself (a monitor that reads JSON wants
    /// that) or hands over every key as it comes.
    pub fn set_echo(&self, echo: bool) {
        if let Kind::Line { end, .. } = &self.kind
            && let End::Stdio(stdio) = &*lock(end)
        {
            stdio.set_echo(echo);
        }
    }

    /// Takes output out of a ring buffer; `None` if this is none.
    #[must_use]
    pub fn ring_read(&self, most: usize) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Ring { ring, .. } => Some(ring.read(most)),
            _ => None,
        }
    }

    /// Adds bytes to a ring buffer, as if they were output; false if this is none.
    pub fn ring_write(&self, bytes: &[u8]) -> bool {
        match &self.kind {
            Kind::Ring { ring, .. } => {
                ring.write(bytes);
                true
            }
            _ => false,
        }
    }

    /// Lets go of the host: the peer is disconnected, a socket's file removed, the terminal
    /// restored. Output that is to arrive has to be [drained](Self::drain) before. Dropping the
    /// last reference does the same.
    pub fn close(&self) {
        match &self.kind {
            Kind::Line { line, end } => {
                let old = {
                    let mut end = lock(end);
                    let filename = end.filename();
                    std::mem::replace(&mut *end, End::Closed { filename })
                };
                match old {
                    End::Closed { .. } => return,
                    // The writer thread still empties its queue.
                    End::File | End::Stdio(_) => line.output().finish(),
                    // Nobody will write what is left, and nobody shall wait for it.
                    End::Null | End::Pty(_) | End::Socket(_) => {
                        line.output().shut();
                    }
                }
                line.detach();
            }
            Kind::Ring { .. } => {}
            Kind::Mux(mux) => mux.base().close(),
        }
    }
}

impl Drop for Chardev {
    fn drop(&mut self) {
        if let Kind::Line { .. } = self.kind {
            self.close();
        }
    }
}

impl End {
    fn filename(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::File => "file".into(),
            Self::Stdio(_) => "stdio".into(),
            Self::Pty(pty) => format!("pty:{}", pty.name()),
            Self::Socket(socket) => socket.name(),
            Self::Closed { filename } => filename.clone(),
        }
    }
}

impl fmt::Debug for Chardev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chardev({}: {})", self.id, self.filename())
    }
}

/// A front end's place on a chardev; dropping it disconnects.
#[derive(Debug)]
pub struct Connection {
    chardev: Arc<Chardev>,
    slot: usize,
}

impl Connection {
    /// The chardev.
    #[must_use]
    pub fn chardev(&self) -> &Arc<Chardev> {
        &self.chardev
    }

    /// See [`Chardev::write`].
    pub fn write(&self, bytes: &[u8]) -> usize {
        self.chardev.write(bytes)
    }

    /// See [`Chardev::accept_input`].
    pub fn accept_input(&self) {
        self.chardev.accept_input();
    }

    /// On a mux: input comes here from now on.
    pub fn take_focus(&self) {
        if let Kind::Mux(mux) = &self.chardev.kind {
            mux.take_focus(self.slot);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        match &self.chardev.kind {
            Kind::Line { line, .. } | Kind::Ring { line, .. } => line.detach(),
            Kind::Mux(mux) => mux.detach(self.slot),
        }
    }
}
