//! The wire of QMP, as its bytes go over the program's socket: greeting, negotiation, and what the
//! schema says of the commands; requests and limits in modules of their own.

mod limits;
mod requests;

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch};
use serde_json::{Value, json};

const NEGOTIATE: &str = "Expecting capabilities negotiation with 'qmp_capabilities'";
const CHECK: &str = "\n{'execute': 'query-name', 'id': 'check'}";

/// A program with a monitor on a socket, and nothing else.
fn start() -> Result<Program> {
    Program::start_in(Scratch::new()?, &["-qmp", "unix:{dir}/qmp,server=on,wait=off"])
}

/// A connection that has read nothing.
fn stream(program: &Program) -> Result<UnixStream> {
    let begin = Instant::now();
    loop {
        match UnixStream::connect(program.scratch().path("qmp")) {
            Ok(stream) => return Ok(stream),
            Err(error) if begin.elapsed() > Duration::from_secs(30) => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

fn negotiated(program: &Program) -> Result<Client> {
    Client::connect(&program.scratch().path("qmp"))
}

/// Class and text of an error, or the answer.
fn outcome(answer: &Value) -> String {
    match (answer["error"]["class"].as_str(), answer["error"]["desc"].as_str()) {
        (Some("GenericError"), Some(desc)) => desc.into(),
        (Some(class), Some(desc)) => format!("{class}: {desc}"),
        _ => answer.to_string(),
    }
}

/// Sends each row and reads its answers, then has a good request answered.
fn check(client: &mut Client, rows: &[(&[u8], &[&str])]) -> Result<()> {
    for (input, expected) in rows {
        let shown = String::from_utf8_lossy(input);
        client.send(input)?;
        client.send(CHECK)?;
        let mut answers = Vec::new();
        loop {
            let answer = client.answer().with_context(|| format!("{shown}, so far {answers:?}"))?;
            if answer["id"] == "check" {
                ensure!(answer["return"] == json!({}), "{shown}: {answer}");
                break;
            }
            answers.push(outcome(&answer));
        }
        ensure!(answers == *expected, "{shown}\n expected {expected:?}\n received {answers:?}");
    }
    Ok(())
}

#[test]
fn the_greeting_is_one_line() -> Result<()> {
    let program = start()?;
    let mut stream = stream(&program)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\n") {
        let mut some = [0; 1024];
        let count = stream.read(&mut some)?;
        ensure!(count > 0, "closed after {bytes:?}");
        bytes.extend(&some[..count]);
    }
    let text = String::from_utf8(bytes)?;
    // The order of members means nothing; one blank stands behind each colon and comma.
    let greeting: Value = serde_json::from_str(&text)?;
    let version = greeting.pointer("/QMP/version").context("no version")?;
    ensure!(version["qemu"] == json!({ "major": 10, "minor": 0, "micro": 2 }), "{text}");
    ensure!(
        version["package"].is_string() && version.as_object().is_some_and(|all| all.len() == 2),
        "{text}"
    );
    ensure!(greeting["QMP"]["capabilities"] == json!(["oob"]), "{text}");
    ensure!(
        text.starts_with("{\"QMP\": {\"version\": {\"qemu\": {\"") && text.ends_with("}\r\n"),
        "{text}"
    );
    ensure!(text.replace(": ", "").replace(", ", "").matches([':', ',']).count() == 0, "{text}");
    ensure!(text.is_ascii() && text.matches('\n').count() == 1, "{text}");
    // Then nothing.
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    ensure!(stream.read(&mut [0; 16]).is_err());
    Ok(())
}

#[test]
fn nothing_goes_before_negotiation_and_negotiation_goes_once() -> Result<()> {
    let program = start()?;
    let mut client = Client::connect_raw(&program.scratch().path("qmp"))?;
    let not_yet = format!("CommandNotFound: {NEGOTIATE}");
    let rows: &[(&str, &str)] = &[
        ("{'execute': 'query-status'}", &not_yet),
        ("{'execute': 'no-such-command'}", &not_yet),
        ("{'execute': 'machine-set', 'arguments': {'type': 'none'}}", &not_yet),
        ("{'exec-oob': 'query-machine-phase'}", "QMP input member 'exec-oob' is unexpected"),
        ("{'execute': 1}", "QMP input member 'execute' must be a string"),
        ("{'arguments': {}}", "QMP input lacks member 'execute'"),
        (
            "{'execute': 'qmp_capabilities', 'arguments': {'enable': ['nope']}}",
            "Parameter 'enable[0]' does not accept value 'nope'",
        ),
        (
            "{'execute': 'qmp_capabilities', 'arguments': {'enable': 'oob'}}",
            "Invalid parameter type for 'enable', expected: array",
        ),
        (
            "{'execute': 'qmp_capabilities', 'arguments': {'enable': null}}",
            "Invalid parameter type for 'enable', expected: array",
        ),
        (
            "{'execute': 'qmp_capabilities', 'arguments': {'bogus': 1}}",
            "Parameter 'bogus' is unexpected",
        ),
        ("{'execute': 'query-status'}", &not_yet),
        (
            "{'execute': 'qmp_capabilities', 'arguments': {'enable': ['oob', 'oob']}}",
            r#"{"return":{}}"#,
        ),
        (
            "{'execute': 'qmp_capabilities'}",
            "CommandNotFound: Capabilities negotiation is already complete, command ignored",
        ),
        ("{'exec-oob': 'query-machine-phase'}", r#"{"return":{"phase":"no-machine"}}"#),
    ];
    for (request, expected) in rows {
        client.send(request)?;
        let answer = outcome(&client.read()?);
        ensure!(answer == *expected, "{request}\n expected {expected}\n received {answer}");
    }
    // The next client negotiates anew, without out-of-band.
    drop(client);
    let mut client = Client::connect_raw(&program.scratch().path("qmp"))?;
    client.send("{'execute': 'query-status'}")?;
    ensure!(outcome(&client.read()?) == not_yet);
    client.send("{'execute': 'qmp_capabilities'}")?;
    ensure!(client.read()? == json!({ "return": {} }));
    client.send("{'exec-oob': 'query-machine-phase'}")?;
    ensure!(outcome(&client.read()?) == "QMP input member 'exec-oob' is unexpected");
    Ok(())
}

#[test]
fn the_schema_describes_every_command() -> Result<()> {
    let program = start()?;
    let mut client = negotiated(&program)?;
    let commands = client.execute("query-commands", json!({}))?;
    let schema = client.execute("query-qmp-schema", json!({}))?;
    let (commands, schema) =
        (commands.as_array().context("no list")?, schema.as_array().context("no list")?);
    let entity = |name: &Value| schema.iter().find(|one| one["name"] == *name);
    ensure!(commands.len() >= 30, "{} commands", commands.len());
    for command in commands {
        let found =
            entity(&command["name"]).with_context(|| format!("{command} is not in the schema"))?;
        ensure!(found["meta-type"] == "command" && command["permitted"].is_boolean(), "{found}");
    }
    // Whatever an entity refers to exists, and is what it is taken for.
    let mut seen = std::collections::HashSet::new();
    for one in schema {
        ensure!(seen.insert(&one["name"]), "{} is there twice", one["name"]);
        let object =
            |key: &str| entity(&one[key]).is_some_and(|found| found["meta-type"] == "object");
        let exists = |name: &Value| entity(name).is_some();
        let all = |list: &str, key: &str| {
            one[list].as_array().is_some_and(|list| list.iter().all(|member| exists(&member[key])))
        };
        let right = match one["meta-type"].as_str() {
            Some("command") => {
                let known = commands.iter().any(|command| command["name"] == one["name"]);
                let phases =
                    one["allowed-phases"].as_array().is_none_or(|phases| !phases.is_empty());
                known && object("arg-type") && exists(&one["ret-type"]) && phases
            }
            Some("event") => object("arg-type"),
            Some("object") => {
                let tag = one.get("tag").is_none_or(|tag| {
                    one["members"]
                        .as_array()
                        .is_some_and(|list| list.iter().any(|member| member["name"] == *tag))
                });
                all("members", "type")
                    && tag
                    && (one.get("variants").is_none() || all("variants", "type"))
            }
            Some("array") => exists(&one["element-type"]),
            Some("alternate") => all("members", "type"),
            Some("enum") => one["members"].as_array().is_some_and(|list| !list.is_empty()),
            Some("builtin") => one["json-type"].is_string(),
            _ => false,
        };
        ensure!(right, "{one}");
    }
    Ok(())
}
