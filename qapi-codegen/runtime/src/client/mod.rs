//! A client of any QMP server: one connection, any number of requests at a time, typed replies,
//! events as a stream. Behind the feature `client`, because it brings tokio with it.
//!
//! The types of requests and events are generated from a schema
//! (`qapi_codegen::Builder::client`); without one there are [`Client::execute_raw`] and
//! [`UnknownEvent`](crate::UnknownEvent).
//!
//! ```
//! # mod toy {
//! #     pub struct QueryLamps;
//! #     impl qapi_runtime::Encode for QueryLamps {
//! #         fn encode_under(&self, _: qapi_runtime::Policy) -> qapi_runtime::Value {
//! #             qapi_runtime::Map::new().into()
//! #         }
//! #     }
//! #     impl qapi_runtime::Request for QueryLamps {
//! #         const NAME: &'static str = "query-lamps";
//! #         type Reply = Vec<String>;
//! #     }
//! # }
//! use qapi_runtime::UnknownEvent;
//! use qapi_runtime::client::{Client, ClientError};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ClientError> {
//! // A server that says what it says, whatever it hears; a real one is `Client::unix(path)` away.
//! let (ours, mut server) = tokio::io::duplex(4096);
//! # tokio::spawn(async move {
//! #     let mut heard = [0; 512];
//! #     for line in [
//! #         r#"{"QMP": {"version": {}, "capabilities": []}}"#,
//! #         r#"{"return": {}, "id": 0}"#,
//! #         r#"{"event": "LAMP_LIT", "timestamp": {"seconds": 1, "microseconds": 0}}
//! #            {"return": ["l0"], "id": 1}"#,
//! #     ] {
//! #         let _ = server.write_all(line.as_bytes()).await;
//! #         let _ = server.read(&mut heard).await;
//! #     }
//! # });
//!
//! let client = Client::over(ours).await?;
//! let mut events = client.events::<UnknownEvent>();
//! assert_eq!(client.execute(toy::QueryLamps).await?, ["l0"]);
//! let heard = events.next().await.expect("there was an event")?;
//! assert_eq!(heard.event.name, "LAMP_LIT");
//! # Ok(())
//! # }
//! ```
//!
//! # What to rely on
//!
//! - **Many at a time.** A [`Client`] is cheap to clone; each request waits for the answer with
//!   its own `id`, so that answers out of order (out-of-band commands) find their way.
//! - **Dropping a future is safe.** Either nothing was sent, or the whole request was and its
//!   answer will be passed over. Timeouts are therefore the caller's:
//!   `tokio::time::timeout(limit, client.execute(request))`.
//! - **A lost connection is told to everybody** who waits, with its reason, and to whoever asks
//!   later.
//! - **A newer server is understood** as far as possible: unknown members are passed over,
//!   unknown enumeration values, union branches and events arrive as `Unknown` with all that came.
//!   What cannot be read names its place: `reply of query-x: member 'return[1].kind': missing`.
//! - **Events never hold up replies**: see [`Events`].
//! - At most eight requests in band are on their way at a time; more wait here. A server takes no
//!   more than that and then stops reading, which would also hold up what is out of band.

mod connection;
mod error;
mod events;
mod greeting;
mod schema;

use std::path::Path as FilePath;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, ToSocketAddrs, UnixStream};

use crate::{AnyEvent, Decode, Map, Mode, OobRequest, Path, Request, Value};

use connection::{Band, Connection};
pub use error::{ClientError, Lost, Unreadable};
pub use events::{CAPACITY, Events, Heard};
pub use greeting::Greeting;
pub use schema::{NamedMember, SchemaCommand, SchemaEvent, SchemaMember, ServerSchema};

/// A connection to a server, shared by its clones; it ends with the last of them and of its
/// [`Events`].
#[derive(Clone, Debug)]
pub struct Client {
    connection: Arc<Connection>,
    greeting: Arc<Greeting>,
    oob: bool,
}

impl Client {
    /// Connects to a server that listens on a Unix socket.
    ///
    /// # Errors
    ///
    /// As [`Client::over`], and [`ClientError::Connect`].
    pub async fn unix(path: impl AsRef<FilePath>) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).await.map_err(ClientError::Connect)?;
        Self::over(stream).await
    }

    /// Connects to a server that listens on a TCP port.
    ///
    /// # Errors
    ///
    /// As [`Client::over`], and [`ClientError::Connect`].
    pub async fn tcp(address: impl ToSocketAddrs) -> Result<Self, ClientError> {
        let stream = TcpStream::connect(address).await.map_err(ClientError::Connect)?;
        // Requests are short and wait for their answer: nothing is gained by collecting them.
        stream.set_nodelay(true).map_err(ClientError::Connect)?;
        Self::over(stream).await
    }

    /// Takes a connection of any kind, waits for the greeting and negotiates; enables
    /// out-of-band execution if the server offers it. Has to be called within a tokio runtime,
    /// where it starts a task that serves the connection.
    ///
    /// # Errors
    ///
    /// [`ClientError::Lost`] if the server hangs up or speaks no QMP, and
    /// [`ClientError::Refused`] if it does not want to negotiate.
    pub async fn over<S>(stream: S) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (connection, greeting) = Connection::start(stream);
        let greeting = match greeting.await {
            Ok(greeting) => Arc::new(greeting),
            Err(_) => return Err(connection.lost().into()),
        };
        let oob = greeting.offers("oob");
        let mut arguments = Map::new();
        if oob {
            arguments.insert("enable".into(), Value::from(vec!["oob"]));
        }
        let client = Self { connection: Arc::new(connection), greeting, oob };
        client.execute_raw("qmp_capabilities", arguments).await?;
        Ok(client)
    }

    /// What the server said first: its version and its capabilities.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Executes a command.
    ///
    /// A command that does not answer success ([`Request::ANSWERED`]) has succeeded when the
    /// server ends the connection or answers a later one.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] with the server's error, [`ClientError::Unreadable`] if the reply
    /// is not what the schema says, [`ClientError::Lost`].
    pub async fn execute<R: Request>(&self, request: R) -> Result<R::Reply, ClientError> {
        self.run(&request, Band::In).await
    }

    /// Executes a command out of band: it overtakes what the server is busy with.
    ///
    /// # Errors
    ///
    /// As [`Client::execute`], and [`ClientError::NoOutOfBand`].
    pub async fn execute_oob<R: OobRequest>(&self, request: R) -> Result<R::Reply, ClientError> {
        if !self.oob {
            return Err(ClientError::NoOutOfBand);
        }
        self.run(&request, Band::OutOf).await
    }

    /// Executes a command of which no type is known; the reply as it came.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] and [`ClientError::Lost`].
    pub async fn execute_raw(&self, name: &str, arguments: Map) -> Result<Value, ClientError> {
        self.connection.call(name, arguments, Band::In, true).await
    }

    /// The events from now on.
    pub fn events<E: AnyEvent>(&self) -> Events<E> {
        Events::new(self.clone(), self.connection.subscribe())
    }

    /// Asks the server for its schema: what this server has, whatever the client was made for.
    ///
    /// # Errors
    ///
    /// As [`Client::execute`].
    pub async fn schema(&self) -> Result<ServerSchema, ClientError> {
        let answer = self.execute_raw("query-qmp-schema", Map::new()).await?;
        ServerSchema::new(&answer)
    }

    async fn run<R: Request>(&self, request: &R, band: Band) -> Result<R::Reply, ClientError> {
        let arguments = match request.encode() {
            Value::Object(arguments) => arguments,
            // Arguments are objects by the rules of the schema language.
            _ => Map::new(),
        };
        let reply = self.connection.call(R::NAME, arguments, band, R::ANSWERED).await?;
        R::Reply::decode(&reply, &Path::RETURN, Mode::LENIENT)
            .map_err(|cause| ClientError::unreadable(format!("reply of {}", R::NAME), cause, reply))
    }
}
