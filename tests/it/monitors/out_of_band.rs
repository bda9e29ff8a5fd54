//! Commands out of band: they overtake one that is at work.

use anyhow::Result;
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript::words;
use serde_json::json;

/// A FIFO that nobody writes to: a command that reads it takes as long as the test wants.
fn fifo(scratch: &Scratch) -> Result<()> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    Ok(mknodat(CWD, scratch.path("fifo"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?)
}

const BLOCKING: &str = "{'execute': 'device_add', 'id': 'slow', 'arguments': \
                        {'driver': 'loader', 'id': 'image', 'addr': 0, 'file': '{dir}/fifo'}}";

fn blocking(program: &Program) -> String {
    let dir = program.scratch().path("").display().to_string();
    BLOCKING.replace("{dir}/", &dir)
}

/// Lets the command that reads the FIFO go on.
fn unblock(scratch: &Scratch) -> Result<()> {
    Ok(std::fs::write(scratch.path("fifo"), [0; 16])?)
}

/// A program at `initialized` and a client that may go out of band.
fn with_oob() -> Result<(Program, Client)> {
    let scratch = Scratch::new()?;
    fifo(&scratch)?;
    let program = Program::start_in(
        scratch,
        &words("-M none -preconfig -qmp unix:{dir}/qmp,server=on,wait=off"),
    )?;
    let mut client = Client::connect_raw(&program.scratch().path("qmp"))?;
    assert_eq!(client.greeting["QMP"]["capabilities"], json!(["oob"]));
    client.talk(
        r#"
        -> qmp_capabilities {"enable": ["oob"]}
        <- {}
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}"#,
    )?;
    Ok((program, client))
}

#[test]
fn a_command_out_of_band_overtakes_one_that_is_at_work() -> Result<()> {
    let (program, mut client) = with_oob()?;
    client.send(blocking(&program))?;
    client.send("{'execute': 'query-name', 'id': 'behind'}")?;
    let rows = [
        (
            "{'exec-oob': 'query-machine-phase', 'id': 1}",
            json!({ "return": { "phase": "initialized" }, "id": 1 }),
        ),
        (
            "{'exec-oob': 'query-name', 'id': 2}",
            json!({ "id": 2, "error": { "class": "GenericError", "desc": "The command query-name does not support OOB" }}),
        ),
        (
            "{'exec-oob': 'query-machine-phase', 'arguments': {'zz': 1}, 'id': 3}",
            json!({ "id": 3, "error": { "class": "GenericError", "desc": "Parameter 'zz' is unexpected" }}),
        ),
        (
            "{'exec-oob': 'no-such-command', 'id': 4}",
            json!({ "id": 4, "error": { "class": "CommandNotFound", "desc": "The command no-such-command has not been found" }}),
        ),
    ];
    for (request, expected) in rows {
        client.send(request)?;
        assert_eq!(client.read()?, expected, "{request}");
    }
    unblock(program.scratch())?;
    assert_eq!(client.read()?["id"], "slow");
    assert_eq!(client.read()?, json!({ "return": {}, "id": "behind" }));
    // With nothing before it, it is like any other.
    client.send("{'execute': 'query-machine-phase', 'id': 5}")?;
    assert_eq!(client.read()?, json!({ "return": { "phase": "initialized" }, "id": 5 }));
    Ok(())
}

#[test]
fn out_of_band_is_for_those_who_asked_for_it() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&[])?;
    let unexpected = "QMP input member 'exec-oob' is unexpected";
    client.send("{'exec-oob': 'query-machine-phase'}")?;
    assert_eq!(client.read()?["error"]["desc"], unexpected);
    Ok(())
}

#[test]
fn a_capability_that_is_not_offered_cannot_be_had() -> Result<()> {
    let program = Program::start(&words("-qmp unix:{dir}/qmp,server=on,wait=off"))?;
    let mut client = Client::connect_raw(&program.scratch().path("qmp"))?;
    client.talk(
        r#"
        -> qmp_capabilities {"enable": ["fast"]}
        <- GenericError: Parameter 'enable[0]' does not accept value 'fast'
        -> query-name
        <- CommandNotFound: Expecting capabilities negotiation with 'qmp_capabilities'
        -> qmp_capabilities {"enable": ["oob"]}
        <- {}
        -> query-name
        <- {}
        "#,
    )
}

/// A client that leaves while its command is at work: the command ends, its answer goes nowhere,
/// what waited behind it is forgotten, and the next client is greeted at once.
#[test]
fn a_client_may_leave_while_its_command_is_at_work() -> Result<()> {
    let (program, mut client) = with_oob()?;
    client.send(blocking(&program))?;
    client.send("{'execute': 'quit', 'id': 'forgotten'}")?;
    client.send("{'exec-oob': 'query-machine-phase'}")?;
    assert_eq!(client.read()?, json!({ "return": { "phase": "initialized" } }));
    drop(client);
    let mut next = Client::connect_raw(&program.scratch().path("qmp"))?;
    assert!(next.greeting["QMP"].is_object());
    unblock(program.scratch())?;
    next.talk("-> qmp_capabilities\n<- {}\n-> qom-get path=image property=addr\n<- 0")
}
