//! A network back end: its name, its end of the wire, and what serves it.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::socket::{self, SocketConfig, StreamAddress};
use super::tap::{self, TapConfig};
use super::user::{self, UserConfig};
use super::wire::{Card, FrontEnd, Wire};

/// What a back end is made from.
#[derive(Clone, Debug)]
pub enum NetConfig {
    /// Nothing at the other end: frames vanish.
    Null,
    /// A network in this program that leads out through ordinary sockets.
    User(UserConfig),
    /// Another emulator, over a stream socket.
    Socket(SocketConfig),
    /// A network interface of the host.
    Tap(TapConfig),
}

/// Why there can be no such back end.
#[derive(Debug, Error)]
pub enum NetError {
    /// The settings contradict themselves; QEMU's text.
    #[error("{0}")]
    Settings(String),
    /// The host refuses.
    #[error("{what}: {}", crate::backends::char::Plain(.source))]
    Host {
        /// What was to be done.
        what: String,
        /// Why not.
        source: io::Error,
    },
}

impl NetError {
    pub(super) fn host(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Host { what, source }
    }
}

/// What a back end tells clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// A stream has found its other end.
    Connected(StreamAddress),
    /// A stream has lost it.
    Disconnected,
}

/// Takes events; called on the thread that serves back ends.
pub(super) type Listener = Arc<dyn Fn(NetEvent) + Send + Sync>;

/// What there is to say of a back end, in the form of `info network`.
pub(super) type Facts = Arc<Mutex<String>>;

/// A network back end. Dropped, it is closed.
pub struct Netdev {
    id: String,
    wire: Arc<Wire>,
    facts: Facts,
    user: Option<Arc<user::Network>>,
    task: Option<JoinHandle<()>>,
}

impl Netdev {
    /// Opens one. `listener` hears of its connections.
    ///
    /// # Errors
    /// The settings contradict themselves, or the host refuses.
    pub fn open(
        id: impl Into<String>,
        config: NetConfig,
        io: &Handle,
        listener: impl Fn(NetEvent) + Send + Sync + 'static,
    ) -> Result<Self, NetError> {
        let wire = Arc::new(Wire::default());
        let facts = Facts::default();
        let tell = |text: String| *facts.lock().unwrap_or_else(PoisonError::into_inner) = text;
        let mut user = None;
        let task = match config {
            NetConfig::Null => {
                tell("type=none".into());
                let wire = wire.clone();
                Some(io.spawn(async move {
                    loop {
                        wire.next().await;
                    }
                }))
            }
            NetConfig::User(config) => {
                tell(config.to_string());
                let network = user::Network::start(config, &wire, io)?;
                user = Some(network.clone());
                Some(io.spawn(network.run()))
            }
            NetConfig::Socket(config) => {
                Some(socket::start(config, wire.clone(), facts.clone(), Arc::new(listener), io)?)
            }
            NetConfig::Tap(config) => {
                let (task, text) = tap::start(&config, wire.clone(), io)?;
                tell(text);
                Some(task)
            }
        };
        Ok(Self { id: id.into(), wire, facts, user, task })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is, as `info network` says it: `type=user,net=10.0.2.0,restrict=off`.
    pub fn facts(&self) -> String {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The network of a back end of the kind `user`.
    pub fn user(&self) -> Option<&Arc<user::Network>> {
        self.user.as_ref()
    }

    /// Connects a network card; none if there is one already.
    pub fn connect(self: &Arc<Self>, front: Arc<dyn FrontEnd>) -> Option<Connection> {
        self.wire.connect(front).then(|| Connection { netdev: self.clone() })
    }

    /// The network card that uses it.
    pub fn card(&self) -> Option<Card> {
        self.wire.card()
    }

    /// Whether its link is up.
    pub fn link(&self) -> bool {
        self.wire.is_up()
    }

    /// Switches its link on or off.
    pub fn set_link(&self, up: bool) {
        self.wire.switch(up);
    }

    /// Ends what serves it. A card that is still connected has no link any more.
    pub fn close(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        if let Some(user) = &self.user {
            user.close();
        }
        self.wire.close();
    }
}

/// The back ends by id.
#[derive(Default)]
pub struct Netdevs {
    by_id: Mutex<BTreeMap<String, Arc<Netdev>>>,
    /// How many cards have been given an address.
    cards: AtomicU8,
}

impl Netdevs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Netdev>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The back end of an id.
    pub fn get(&self, id: &str) -> Option<Arc<Netdev>> {
        self.lock().get(id).cloned()
    }

    /// Adds one, in the place of one of the same id.
    pub fn add(&self, netdev: Netdev) {
        self.lock().insert(netdev.id.clone(), Arc::new(netdev));
    }

    /// Takes one away.
    pub fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// All of them, by id.
    pub fn all(&self) -> Vec<Arc<Netdev>> {
        self.lock().values().cloned().collect()
    }

    /// The address of a card for which none is given: QEMU's, one after the other.
    pub fn next_mac(&self) -> [u8; 6] {
        let number = self.cards.fetch_add(1, Ordering::Relaxed);
        [0x52, 0x54, 0x00, 0x12, 0x34, 0x56u8.wrapping_add(number)]
    }
}

impl Drop for Netdev {
    fn drop(&mut self) {
        self.close();
    }
}

/// A network card's use of a back end, until dropped.
pub struct Connection {
    netdev: Arc<Netdev>,
}

impl Connection {
    /// Sends a frame; `false` when there is no room and the card keeps it. [`FrontEnd::room`] tells
    /// when to try again.
    #[must_use]
    pub fn send(&self, frame: &[u8]) -> bool {
        self.netdev.wire.send(frame)
    }

    /// The next frame for the card, if there is one. [`FrontEnd::frames`] tells when there is again.
    #[must_use]
    pub fn receive(&self) -> Option<Vec<u8>> {
        self.netdev.wire.receive()
    }

    /// Whether the link is up.
    pub fn link(&self) -> bool {
        self.netdev.link()
    }

    /// Whether the checksums in frames for the card are right for certain, as they are computed
    /// here.
    pub fn is_checked(&self) -> bool {
        self.netdev.user.is_some()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.netdev.wire.disconnect();
    }
}
