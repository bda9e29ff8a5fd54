//! Sessions as text: what a client says, what it has to hear, in this order and nothing between.
//!
//! ```text
//! -> device_add driver=sysbus-memory id=ram size=64KiB     a command, as in qmp-shell
//! -> human-monitor-command {"command-line": "info status"} or with an object
//! <- {}                                                    what it returns; `*` if it does not matter
//! <- GenericError: Duplicate device ID 'ram'               or the error's class and text
//! <- event MACHINE_PHASE_CHANGE {"phase": "ready"}         an event with its data
//! ```

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::program::{Program, Scratch};

/// Starts the program with a monitor and holds a session with it. `{dir}` is the test's directory.
pub fn check(options: &str, transcript: &str) -> Result<()> {
    check_in(Scratch::new()?, options, transcript)
}

/// The same, with a directory that has files already.
pub fn check_in(scratch: Scratch, options: &str, transcript: &str) -> Result<()> {
    let dir = scratch.path("").display().to_string();
    let transcript = transcript.replace("{dir}", dir.trim_end_matches('/'));
    let (program, mut client) = Program::with_qmp_in(scratch, &words(options))?;
    client
        .talk(&transcript)
        .with_context(|| format!("started with {options}; it printed:\n{}", program.err()))
}

/// A command line without quotes as its words.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

impl Client {
    /// Holds a session; the module's description says how it is written.
    pub fn talk(&mut self, transcript: &str) -> Result<()> {
        let mut last = "";
        for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(said) = line.strip_prefix("-> ") {
                last = said;
                self.send(request(said)?.to_string())?;
            } else if let Some(expected) = line.strip_prefix("<- ") {
                let heard = self.read().with_context(|| format!("after {last:?}"))?;
                if !matches(expected, &heard)? {
                    bail!("after {last:?}\n  expected {expected}\n  heard    {heard}");
                }
            } else {
                bail!("neither said nor heard: {line:?}");
            }
        }
        Ok(())
    }
}

/// A command as qmp-shell writes it. A value that is no JSON is a string.
pub fn request(text: &str) -> Result<Value> {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim();
    if rest.starts_with('{') {
        let arguments: Value = serde_json::from_str(rest).with_context(|| rest.to_string())?;
        return Ok(json!({ "execute": name, "arguments": arguments }));
    }
    let mut arguments = Map::new();
    for word in rest.split_whitespace() {
        let (key, value) = word.split_once('=').with_context(|| format!("no key=value: {word}"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        arguments.insert(key.into(), value);
    }
    Ok(json!({ "execute": name, "arguments": arguments }))
}

fn matches(expected: &str, heard: &Value) -> Result<bool> {
    let parse = |text: &str| -> Result<Value> {
        serde_json::from_str(text).with_context(|| text.to_string())
    };
    if let Some(event) = expected.strip_prefix("event ") {
        let (name, data) = event.split_once(' ').unwrap_or((event, "null"));
        return Ok(heard["event"] == name && heard["data"] == parse(data)?);
    }
    if expected == "*" {
        return Ok(heard.get("return").is_some());
    }
    match expected.split_once(": ") {
        Some((class, desc)) if class.chars().all(char::is_alphabetic) => {
            Ok(heard["error"]["class"] == class && heard["error"]["desc"] == desc)
        }
        _ => Ok(heard.get("return") == Some(&parse(expected)?)),
    }
}
