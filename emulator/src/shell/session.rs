//! A connection with what the shell remembers of it, and where its output goes.

use std::io::Write;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use qapi_runtime::client::{Client, ClientError, Events, ServerSchema};
use qapi_runtime::{Map, QmpError, UnknownEvent, Value};
use serde_json::json;
use tokio::runtime::Handle;

use crate::backends::char::Plain;
use crate::program::hint;

/// How long the answer to a question that nobody has typed is waited for: completion and prompt must
/// not hang because a server is busy.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How long a server may take to greet; one that serves another client does not.
const GREETING: Duration = Duration::from_secs(10);
/// How long events that belong to the last command may take to come after its answer.
const SETTLE: Duration = Duration::from_millis(50);

/// Why a shell ends.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The address leads nowhere.
    #[error("Cannot connect to '{0}': {1}")]
    Connect(String, String),
    /// The connection is there no more.
    #[error("{0}")]
    Lost(String),
    /// The host refuses something.
    #[error("{}", Plain(.0))]
    Host(std::io::Error),
}

/// Prints a line while somebody may be typing another.
pub(super) type Printer = Box<dyn FnMut(&str) + Send>;

/// A connection.
pub(super) struct Session {
    client: Client,
    handle: Handle,
    json: bool,
    printer: Arc<Mutex<Printer>>,
    schema: OnceLock<ServerSchema>,
    address: String,
}

impl Session {
    /// Connects: `unix:PATH`, `tcp:HOST:PORT`, a path, or `HOST:PORT`.
    pub(super) fn connect(handle: Handle, address: &str, json: bool) -> Result<Self, Problem> {
        let failed = |why: String| Problem::Connect(address.into(), why);
        let tcp = |text: &str| -> Result<Vec<std::net::SocketAddr>, Problem> {
            Ok(text.to_socket_addrs().map_err(|error| failed(Plain(&error).to_string()))?.collect())
        };
        let unix = |path: &str| greeted(&handle, Client::unix(path)).map_err(failed);
        let stream = |text: &str| {
            let addresses = tcp(text)?;
            greeted(&handle, Client::tcp(addresses.as_slice())).map_err(failed)
        };
        let client = if let Some(path) = address.strip_prefix("unix:") {
            unix(path)?
        } else if let Some(text) = address.strip_prefix("tcp:") {
            stream(text)?
        } else if address.contains('/') || Path::new(address).exists() || !address.contains(':') {
            unix(address)?
        } else {
            stream(address)?
        };
        let printer: Printer = Box::new(|text| {
            // A reader that has gone away is no error of ours.
            let _ = writeln!(std::io::stdout(), "{text}");
        });
        Ok(Self {
            client,
            handle,
            json,
            printer: Arc::new(Mutex::new(printer)),
            schema: OnceLock::new(),
            address: address.into(),
        })
    }

    /// Lets somebody else print.
    pub(super) fn set_printer(&self, printer: Printer) {
        *self.printer.lock().unwrap_or_else(PoisonError::into_inner) = printer;
    }

    /// Prints a line, or several.
    pub(super) fn print(&self, text: &str) {
        say(&self.printer, text);
    }

    /// Where it leads to.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What the server calls itself.
    pub(super) fn server(&self) -> String {
        let greeting = self.client.greeting();
        let version = greeting.members().get("version");
        let package = version.and_then(|version| version.get("package")).and_then(Value::as_str);
        match (package.filter(|package| !package.is_empty()), greeting.version()) {
            (Some(package), _) if package.starts_with("boardwright") => package.into(),
            (_, Some((major, minor, micro))) => format!("QEMU {major}.{minor}.{micro}"),
            _ => "a QMP server".into(),
        }
    }

    /// The server's schema, asked for once.
    pub(super) fn schema(&self) -> Result<&ServerSchema, Problem> {
        if let Some(schema) = self.schema.get() {
            return Ok(schema);
        }
        let schema = self.handle.block_on(self.client.schema()).map_err(lost)?;
        Ok(self.schema.get_or_init(|| schema))
    }

    /// Executes a command and prints its answer; the inner error is a refusal, as one prints it.
    pub(super) fn execute(
        &self,
        name: &str,
        arguments: Map,
    ) -> Result<Result<(), String>, Problem> {
        match self.handle.block_on(self.client.execute_raw(name, arguments)) {
            Ok(value) if self.json => self.print(&json!({ "return": value }).to_string()),
            // Success that says nothing needs no line.
            Ok(Value::Object(value)) if value.is_empty() => {}
            Ok(Value::String(text)) => self.print(text.trim_end()),
            Ok(value) => self.print(&format!("{value:#}")),
            Err(ClientError::Refused(error)) if self.json => {
                self.print(&told(&error).to_string());
                return Ok(Err(String::new()));
            }
            Err(ClientError::Refused(error)) => {
                let nearest = self.nearest(name, &error);
                return Ok(Err(format!(
                    "{}: {}{nearest}{}",
                    error.class,
                    error.desc,
                    hint(&error)
                )));
            }
            // `quit` takes the server away, and that is what it is for.
            Err(ClientError::Lost(_)) if name == "quit" => {}
            Err(error) => return Err(lost(error)),
        }
        Ok(Ok(()))
    }

    /// Near names of a command that a server which says none does not have.
    fn nearest(&self, name: &str, error: &QmpError) -> String {
        let Some(schema) = self.schema.get().or_else(|| self.schema().ok()) else {
            return String::new();
        };
        if error.data.is_some() || schema.has_command(name) {
            return String::new();
        }
        match qapi_runtime::nearest(name, schema.commands()).as_slice() {
            [] => String::new(),
            near => format!(" (did you mean {}?)", near.join(", ")),
        }
    }

    /// Asks something that nobody has typed; none where the server does not know or is slow.
    pub(super) fn ask(&self, name: &str, arguments: Map) -> Option<Value> {
        let schema = self.schema().ok()?;
        if !schema.has_command(name) {
            return None;
        }
        let asking = self.client.execute_raw(name, arguments);
        let answer = self.handle.block_on(async { tokio::time::timeout(PATIENCE, asking).await });
        answer.ok()?.ok()
    }

    /// Prints events from now on, as they come.
    pub(super) fn print_events(&self) {
        let mut events: Events<UnknownEvent> = self.client.events();
        let (printer, json) = (self.printer.clone(), self.json);
        self.handle.spawn(async move {
            while let Some(heard) = events.next().await {
                let text = match heard {
                    Ok(heard) if json => {
                        let at = heard.at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                        json!({
                            "event": heard.event.name,
                            "data": heard.event.data,
                            "timestamp": { "seconds": at.as_secs(), "microseconds": at.subsec_micros() },
                        })
                        .to_string()
                    }
                    Ok(heard) => {
                        let data = match heard.event.data.as_object() {
                            Some(data) if data.is_empty() => String::new(),
                            _ => format!(" {}", heard.event.data),
                        };
                        format!("* {}{data}", heard.event.name)
                    }
                    Err(error) => format!("* {error}"),
                };
                say(&printer, &text);
            }
        });
    }

    /// Waits for the events that the last command has caused.
    pub(super) fn settle(&self) {
        std::thread::sleep(SETTLE);
    }
}

/// A connection that is being made, if its server greets.
fn greeted(
    handle: &Handle,
    connecting: impl Future<Output = Result<Client, ClientError>>,
) -> Result<Client, String> {
    let waiting = async { tokio::time::timeout(GREETING, connecting).await };
    match handle.block_on(waiting) {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(ClientError::Connect(cause))) => Err(Plain(&cause).to_string()),
        Ok(Err(other)) => Err(other.to_string()),
        Err(_) => Err(format!(
            "no greeting for {} s: is there another client, or no QMP server?",
            GREETING.as_secs()
        )),
    }
}

fn say(printer: &Mutex<Printer>, text: &str) {
    printer.lock().unwrap_or_else(PoisonError::into_inner)(text);
}

fn lost(error: ClientError) -> Problem {
    Problem::Lost(error.to_string())
}

/// A refusal as the server has put it.
fn told(error: &QmpError) -> Value {
    let mut members = Map::new();
    members.insert("class".into(), error.class.to_string().into());
    members.insert("desc".into(), error.desc.clone().into());
    if let Some(data) = &error.data {
        members.insert("data".into(), data.clone());
    }
    json!({ "error": members })
}
