//! A QMP client as simple as they come: a line out, a line back.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::PATIENCE;

/// A connection to a monitor.
pub struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    /// The greeting.
    pub greeting: Value,
    /// Events that came while something else was waited for.
    pub events: Vec<Value>,
}

impl Client {
    /// Connects, waiting for the socket to appear, and negotiates.
    pub fn connect(path: &Path) -> Result<Self> {
        let mut client = Self::connect_raw(path)?;
        let answer = client.ask(&json!({ "execute": "qmp_capabilities" }))?;
        if answer != json!({ "return": {} }) {
            bail!("negotiation failed: {answer}");
        }
        Ok(client)
    }

    /// Connects and reads the greeting only.
    pub fn connect_raw(path: &Path) -> Result<Self> {
        let begin = Instant::now();
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(error) if begin.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        };
        Self::over(stream)
    }

    /// Reads the greeting from a connection of any kind: what is said of a unix stream here is
    /// true of every stream socket.
    pub fn over(stream: impl Into<OwnedFd>) -> Result<Self> {
        let stream = UnixStream::from(stream.into());
        stream.set_read_timeout(Some(PATIENCE))?;
        let writer = stream.try_clone()?;
        let mut client = Self {
            reader: BufReader::new(stream),
            writer,
            greeting: Value::Null,
            events: Vec::new(),
        };
        client.greeting = client.read()?;
        Ok(client)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.writer.write_all(bytes.as_ref())?)
    }

    /// Reads the next line as it came, its end included.
    pub fn read_line(&mut self) -> Result<String> {
        let mut line = String::new();
        let count = self.reader.read_line(&mut line).context("no answer in time")?;
        if count == 0 {
            bail!("the connection is closed");
        }
        Ok(line)
    }

    /// Reads the next object.
    pub fn read(&mut self) -> Result<Value> {
        let line = self.read_line()?;
        serde_json::from_str(&line).with_context(|| format!("no JSON: {line:?}"))
    }

    /// Reads the next object that is no event; events are kept.
    pub fn answer(&mut self) -> Result<Value> {
        loop {
            let value = self.read()?;
            if value.get("event").is_none() {
                return Ok(value);
            }
            self.events.push(value);
        }
    }

    /// Sends a request and reads its answer.
    pub fn ask(&mut self, request: &Value) -> Result<Value> {
        // No newline: a request ends with its last brace.
        self.send(request.to_string())?;
        self.answer()
    }

    /// Executes a command; its whole answer.
    pub fn try_execute(&mut self, name: &str, arguments: Value) -> Result<Value> {
        self.ask(&json!({ "execute": name, "arguments": arguments }))
    }

    /// Executes a command that has to succeed; what it returns.
    pub fn execute(&mut self, name: &str, arguments: Value) -> Result<Value> {
        let answer = self.try_execute(name, arguments)?;
        match answer.get("return") {
            Some(value) => Ok(value.clone()),
            None => bail!("{name}: {answer}"),
        }
    }

    /// Executes a command that has to fail; the error's `desc`.
    pub fn refused(&mut self, name: &str, arguments: Value) -> Result<String> {
        let answer = self.try_execute(name, arguments)?;
        match answer["error"]["desc"].as_str() {
            Some(desc) => Ok(desc.into()),
            None => bail!("{name} was not refused: {answer}"),
        }
    }

    /// The phase the machine is in.
    pub fn phase(&mut self) -> Result<String> {
        let status = self.execute("query-machine-phase", json!({}))?;
        Ok(status["phase"].as_str().unwrap_or_default().into())
    }

    /// Waits for an event of that name; those before it are kept.
    pub fn wait_event(&mut self, name: &str) -> Result<Value> {
        if let Some(index) = self.events.iter().position(|event| event["event"] == name) {
            return Ok(self.events.remove(index));
        }
        loop {
            let value = self.read()?;
            if value["event"] == name {
                return Ok(value);
            }
            if value.get("event").is_some() {
                self.events.push(value);
            }
        }
    }

    /// The names of the events kept, oldest first, and forgets them.
    pub fn take_events(&mut self) -> Vec<String> {
        let names = |event: &Value| event["event"].as_str().unwrap_or_default().to_string();
        self.events.drain(..).map(|event| names(&event)).collect()
    }
}
