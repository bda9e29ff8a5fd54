//! One connection: who waits for which answer, and the task that reads and writes.
//!
//! The task owns the socket. Requests come to it as text through a channel; a request gets its id,
//! its place among the waiting and its place in the channel in one step without an await, which is
//! what makes dropping a caller's future safe. The channel ends with the last [`Connection`], and
//! the task with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::json::{self, Parser};
use crate::{ErrorClass, Map, QmpError, Value};

use super::events::{Listener, Message, RawEvent};
use super::greeting::Greeting;
use super::{ClientError, Lost};

/// How many requests in band a server takes before it stops reading.
const IN_BAND: usize = 8;

/// Requests on their way to the socket: enough that the writer is never idle without reason.
const OUTBOX: usize = 16;

/// How a command is to be executed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Band {
    /// In order with others.
    In,
    /// Ahead of them.
    OutOf,
}

/// The callers' end.
#[derive(Debug)]
pub(super) struct Connection {
    outbox: mpsc::Sender<String>,
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// What callers and the task share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next_id: u64,
    waiting: BTreeMap<u64, Waiting>,
    listeners: Vec<Listener>,
    greeting: Option<oneshot::Sender<Greeting>>,
    lost: Option<Lost>,
}

/// Somebody who waits for an answer, or has given up, in which case the answer is passed over.
#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Result<Value, QmpError>>,
    /// Whether success is answered.
    answered: bool,
    /// The place among those in band; given back with the answer, not when the caller gives up,
    /// because the server is busy until then.
    room: Option<OwnedSemaphorePermit>,
}

impl Connection {
    /// Starts the task; the greeting comes when it comes.
    pub(super) fn start<S>(stream: S) -> (Self, oneshot::Receiver<Greeting>)
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (greeted, greeting) = oneshot::channel();
        let state = State { greeting: Some(greeted), ..State::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        let (outbox, requests) = mpsc::channel(OUTBOX);
        let (reader, writer) = tokio::io::split(stream);
        tokio::spawn(serve(reader, writer, requests, Arc::clone(&shared)));
        let room = Arc::new(Semaphore::new(IN_BAND));
        (Self { outbox, room, shared }, greeting)
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn call(
        &self,
        name: &str,
        arguments: Map,
        band: Band,
        answered: bool,
    ) -> Result<Value, ClientError> {
        let room = match band {
            Band::In => Some(Arc::clone(&self.room).acquire_owned().await),
            Band::OutOf => None,
        };
        // Nobody closes the semaphore.
        let room = room.transpose().unwrap_or_default();
        let Ok(place) = self.outbox.reserve().await else { return Err(self.lost().into()) };
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.shared.lock();
            if let Some(lost) = &state.lost {
                return Err(lost.clone().into());
            }
            let id = state.next_id;
            state.next_id += 1;
            state.waiting.insert(id, Waiting { answer: sender, answered, room });
            // Under the lock, so that requests are sent in the order of their ids.
            place.send(request(name, arguments, band, id));
        }
        match answer.await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(ClientError::Refused(error)),
            Err(_) => Err(self.lost().into()),
        }
    }

    /// The events from now on.
    pub(super) fn subscribe(&self) -> mpsc::Receiver<Message> {
        let (listener, receiver) = Listener::new();
        let mut state = self.shared.lock();
        // Without its listener a receiver is at its end.
        if state.lost.is_none() {
            state.listeners.push(listener);
        }
        receiver
    }

    /// Why the connection ended.
    pub(super) fn lost(&self) -> Lost {
        self.shared.lock().lost.clone().unwrap_or(Lost::Closed)
    }
}

fn request(name: &str, arguments: Map, band: Band, id: u64) -> String {
    let execute = match band {
        Band::In => "execute",
        Band::OutOf => "exec-oob",
    };
    let mut request = Map::new();
    request.insert(execute.into(), name.into());
    if !arguments.is_empty() {
        request.insert("arguments".into(), Value::Object(arguments));
    }
    request.insert("id".into(), id.into());
    let mut text = json::to_string(&Value::Object(request));
    text.push('\n');
    text
}

/// Serves the connection until it ends or nobody needs it.
async fn serve<S>(
    mut reader: ReadHalf<S>,
    mut writer: WriteHalf<S>,
    requests: mpsc::Receiver<String>,
    shared: Arc<Shared>,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let reading = read(&mut reader, &shared);
    tokio::pin!(reading);
    let lost = tokio::select! {
        lost = &mut reading => lost,
        written = write(&mut writer, requests) => match written {
            // All requests are written, and nobody is left to hear an answer.
            Ok(()) => Lost::Closed,
            Err(cause) => {
                // What the server said before it stopped listening is still to be read.
                shared.refuse(Lost::Io(Arc::new(cause)));
                reading.await
            }
        },
    };
    shared.end(lost);
}

async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    mut requests: mpsc::Receiver<String>,
) -> std::io::Result<()> {
    while let Some(text) = requests.recv().await {
        writer.write_all(text.as_bytes()).await?;
        writer.flush().await?;
    }
    Ok(())
}

/// Reads until the connection ends.
async fn read<R: AsyncRead + Unpin>(reader: &mut R, shared: &Shared) -> Lost {
    let mut parser = Parser::new();
    let mut bytes = vec![0; 16 << 10];
    loop {
        let count = match reader.read(&mut bytes).await {
            Ok(0) => {
                parser.finish();
                return if parser.next().is_some() { Lost::Cut } else { Lost::Closed };
            }
            Ok(count) => count,
            Err(cause) => return Lost::Io(Arc::new(cause)),
        };
        let mut rest = bytes.get(..count).unwrap_or_default();
        while let Some(message) = parser.step(&mut rest) {
            let taken = match message {
                Ok(message) => shared.take(message),
                Err(cause) => Err(Lost::NotJson(cause)),
            };
            if let Err(lost) = taken {
                return lost;
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one message of the server.
    fn take(&self, mut message: Value) -> Result<(), Lost> {
        let mut state = self.lock();
        if let Some(greeting) = Greeting::read(&message) {
            if let Some(greeted) = state.greeting.take() {
                // Whoever gave up in the meantime does not need it.
                let _ = greeted.send(greeting);
            }
            return Ok(());
        }
        let Some(members) = message.as_object_mut() else { return Err(nonsense(&message)) };
        if let Some(event) = RawEvent::take(members) {
            let event = Arc::new(event);
            state.listeners.retain_mut(|listener| listener.tell(&event));
            return Ok(());
        }
        let id = members.get("id").and_then(Value::as_u64);
        let error = members.get("error").map(read_error);
        let result = match (members.get_mut("return"), error) {
            (Some(reply), None) => Ok(reply.take()),
            (None, Some(error)) => Err(error),
            _ => return Err(nonsense(&message)),
        };
        match id {
            Some(id) => state.answer(id, result),
            // All our requests have an id, so this is about what the server made of our bytes.
            None => return Err(nonsense(&message)),
        }
        Ok(())
    }

    /// New requests are refused from now on.
    fn refuse(&self, lost: Lost) {
        self.lock().lost.get_or_insert(lost);
    }

    /// The end: whoever waits is told.
    fn end(&self, lost: Lost) {
        let mut state = self.lock();
        let closed = matches!(lost, Lost::Closed);
        state.lost.get_or_insert(lost);
        state.greeting = None;
        state.listeners.clear();
        for (_, waiting) in std::mem::take(&mut state.waiting) {
            // A command that ends the server does just that; all others find their sender gone.
            if closed && !waiting.answered {
                waiting.succeed();
            }
        }
    }
}

impl State {
    fn answer(&mut self, id: u64, result: Result<Value, QmpError>) {
        let Some(waiting) = self.waiting.remove(&id) else { return };
        if waiting.room.is_some() {
            // Commands in band are carried out in order: those before this one are done.
            let silent = self
                .waiting
                .extract_if(..id, |_, earlier| earlier.room.is_some() && !earlier.answered);
            silent.for_each(|(_, earlier)| earlier.succeed());
        }
        // An error here means that the caller has given up.
        let _ = waiting.answer.send(result);
    }
}

impl Waiting {
    /// Success without an answer.
    fn succeed(self) {
        let _ = self.answer.send(Ok(Value::Object(Map::new())));
    }
}

fn nonsense(message: &Value) -> Lost {
    const SHOWN: usize = 200;
    let mut text = json::to_string(message);
    // The writer's text is ASCII, so any place is between two characters.
    if text.len() > SHOWN {
        text.truncate(SHOWN);
        text.push_str("...");
    }
    Lost::NotQmp(text)
}

/// The error of an answer. An unknown class counts as the general one, as the protocol wants it.
fn read_error(error: &Value) -> QmpError {
    let text = |name| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let class = ErrorClass::named(text("class")).unwrap_or(ErrorClass::GenericError);
    QmpError { class, desc: text("desc").to_owned(), data: error.get("data").cloned() }
}
