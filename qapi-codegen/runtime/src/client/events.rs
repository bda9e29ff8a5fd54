//! Events as a stream.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_core::Stream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::{AnyEvent, Map, Value};

use super::{Client, ClientError};

/// So many events wait for whoever listens; what comes beyond them is dropped and counted.
pub const CAPACITY: usize = 1024;

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard<E> {
    /// What happened.
    pub event: E,
    /// When, by the server's clock; the epoch if the server does not know.
    pub at: SystemTime,
}

/// The events of a server from the moment at which this was made: [`Client::events`].
///
/// It is a [`Stream`], and has [`next`](Self::next) for those who need no more. It ends when the
/// connection ends, and keeps the connection as long as it is there.
///
/// Events never hold up replies. Up to [`CAPACITY`] events wait to be taken. While the buffer is
/// full, further ones are dropped, and at the place where they are missing the stream says how many:
/// [`ClientError::Missed`]. A client that follows a state then has to ask for it anew. Neither
/// that nor an event that cannot be read ([`ClientError::Unreadable`]) ends the stream.
#[derive(Debug)]
pub struct Events<E> {
    _client: Client,
    receiver: mpsc::Receiver<Message>,
    /// What comes after the gap that was told.
    held: Option<Arc<RawEvent>>,
    event: PhantomData<fn() -> E>,
}

impl<E: AnyEvent> Events<E> {
    pub(super) fn new(client: Client, receiver: mpsc::Receiver<Message>) -> Self {
        Self { _client: client, receiver, held: None, event: PhantomData }
    }

    /// The next event; `None` after the end of the connection. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Heard<E>, ClientError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<E: AnyEvent> Stream for Events<E> {
    type Item = Result<Heard<E>, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let raw = match self.held.take() {
            Some(raw) => raw,
            None => match ready!(self.receiver.poll_recv(context)) {
                None => return Poll::Ready(None),
                Some(Message { missed: 0, event }) => event,
                Some(Message { missed, event }) => {
                    self.held = Some(event);
                    return Poll::Ready(Some(Err(ClientError::Missed(missed))));
                }
            },
        };
        Poll::Ready(Some(raw.read()))
    }
}

/// What travels to a listener.
#[derive(Debug)]
pub(super) struct Message {
    /// How many events are missing before this one.
    missed: u64,
    event: Arc<RawEvent>,
}

/// The way to a listener.
#[derive(Debug)]
pub(super) struct Listener {
    sender: mpsc::Sender<Message>,
    missed: u64,
}

impl Listener {
    pub(super) fn new() -> (Self, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        (Self { sender, missed: 0 }, receiver)
    }

    /// Passes an event on; `false` if nobody listens any more.
    pub(super) fn tell(&mut self, event: &Arc<RawEvent>) -> bool {
        match self.sender.try_send(Message { missed: self.missed, event: Arc::clone(event) }) {
            Ok(()) => self.missed = 0,
            Err(TrySendError::Full(_)) => self.missed += 1,
            Err(TrySendError::Closed(_)) => return false,
        }
        true
    }
}

/// An event as it came.
#[derive(Debug)]
pub(super) struct RawEvent {
    name: String,
    data: Value,
    at: SystemTime,
}

impl RawEvent {
    /// The event in a message, if it is one.
    pub(super) fn take(message: &mut Map) -> Option<Self> {
        let name = message.get("event")?.as_str()?.to_owned();
        let data = message.remove("data").unwrap_or_else(|| Value::Object(Map::new()));
        let part = |name| message.get("timestamp")?.get(name)?.as_u64();
        let seconds = part("seconds").unwrap_or_default();
        let since = Duration::from_secs(seconds)
            .saturating_add(Duration::from_micros(part("microseconds").unwrap_or_default()));
        Some(Self { name, data, at: UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH) })
    }

    fn read<E: AnyEvent>(&self) -> Result<Heard<E>, ClientError> {
        match E::read(&self.name, &self.data) {
            Ok(event) => Ok(Heard { event, at: self.at }),
            Err(cause) => {
                let what = format!("event {}", self.name);
                Err(ClientError::unreadable(what, cause, self.data.clone()))
            }
        }
    }
}
