//! Clients: several at once and one after the other, over every kind of socket.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript::words;
use serde_json::{Value, json};

#[test]
fn several_clients_negotiate_for_themselves_and_hear_the_same_events() -> Result<()> {
    let (program, mut first) = Program::with_qmp(&words(concat!(
        "-M none -preconfig -qmp unix:{dir}/two,server=on,wait=off ",
        "-qmp unix:{dir}/three,server=on,wait=off",
    )))?;
    let mut second = Client::connect_raw(&program.scratch().path("two"))?;
    let mut third = Client::connect_raw(&program.scratch().path("three"))?;
    let expecting = "CommandNotFound: Expecting capabilities negotiation with 'qmp_capabilities'";
    second.talk(&format!("-> query-status\n<- {expecting}"))?;
    first.talk("-> query-machine-phase\n<- {\"phase\": \"accel-created\"}")?;
    second.talk("-> qmp_capabilities\n<- {}")?;
    second.talk(
        "-> qmp_capabilities\n<- CommandNotFound: Capabilities negotiation is already complete, command ignored",
    )?;
    // What one does, the other hears; whoever has not negotiated hears nothing.
    let event = r#"<- event MACHINE_PHASE_CHANGE {"phase": "initialized"}"#;
    first.talk(&format!("-> next-machine-phase\n{event}\n<- {{}}"))?;
    second.talk(&format!("{event}\n-> query-machine-phase\n<- {{\"phase\": \"initialized\"}}"))?;
    third.talk(&format!("-> query-status\n<- {expecting}\n-> qmp_capabilities\n<- {{}}"))?;
    second.talk(
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- {}"#,
    )?;
    for other in [&mut first, &mut third] {
        other.talk("<- event MACHINE_PHASE_CHANGE {\"phase\": \"ready\"}\n<- event RESUME")?;
    }
    // Ids are each client's own.
    first.send("{'execute': 'query-status', 'id': 1}")?;
    second.send("{'execute': 'query-status', 'id': 1}")?;
    for client in [&mut first, &mut second] {
        assert_eq!(client.read()?["id"], 1);
    }
    third.talk(
        "-> quit\n<- event SHUTDOWN {\"guest\": false, \"reason\": \"host-qmp-quit\"}\n<- {}",
    )?;
    first.talk("<- event SHUTDOWN {\"guest\": false, \"reason\": \"host-qmp-quit\"}")?;
    Ok(())
}

/// Where a monitor's back end is, as the client finds it.
fn dial(client: &mut Client, label: &str, scratch: &Scratch) -> Result<Client> {
    let all = client.execute("query-chardev", json!({}))?;
    let entry = all.as_array().into_iter().flatten().find(|entry| entry["label"] == label);
    let filename = entry.with_context(|| all.to_string())?["filename"].as_str().unwrap_or_default();
    let address = filename.split(',').next().unwrap_or_default();
    // The client before may not have been missed yet: then its connection is shown, which has the
    // same address.
    match address.strip_prefix("disconnected:").unwrap_or(address).strip_prefix("tcp:") {
        Some(address) => Client::over(TcpStream::connect(address)?),
        None => Client::connect_raw(&scratch.path("m")),
    }
}

#[test]
fn a_monitor_stands_on_any_socket() -> Result<()> {
    let rows = [
        ("-chardev socket,id=m,host=127.0.0.1,port=0,server=on,wait=off -mon m,mode=control", "m"),
        ("-chardev socket,id=m,path={dir}/m,server=on,wait=off -mon chardev=m,mode=control", "m"),
        ("-chardev socket,id=m,path={dir}/m,server,nowait -qmp chardev:m", "m"),
        ("-qmp tcp:127.0.0.1:0,server=on,wait=off", "compat_monitor1"),
        ("-qmp tcp:localhost:0,server,nowait", "compat_monitor1"),
        ("-qmp unix:{dir}/m,server,nowait", "compat_monitor1"),
    ];
    for (options, label) in rows {
        let line = format!("-M none -S {options}");
        let (program, mut main) = Program::with_qmp(&words(&line))?;
        // One client after the other.
        for _ in 0..3 {
            let mut client = dial(&mut main, label, program.scratch()).context(options)?;
            assert_eq!(client.greeting, main.greeting);
            client.talk(
                "-> qmp_capabilities\n<- {}\n-> query-machine-phase\n<- {\"phase\": \"ready\"}",
            )?;
        }
    }
    Ok(())
}

/// The program may also be the one that connects.
#[test]
fn a_monitor_calls_its_client() -> Result<()> {
    let scratch = Scratch::new()?;
    let unix = UnixListener::bind(scratch.path("listen"))?;
    let tcp = TcpListener::bind("127.0.0.1:0")?;
    let line = format!(
        "-M none -S -qmp unix:{{dir}}/listen -chardev socket,id=m,host=127.0.0.1,port={} \
         -mon m,mode=control",
        tcp.local_addr()?.port()
    );
    let _program = Program::start_in(scratch, &words(&line))?;
    for mut client in [Client::over(unix.accept()?.0)?, Client::over(tcp.accept()?.0)?] {
        client.talk(
            "-> qmp_capabilities\n<- {}\n-> query-machine-phase\n<- {\"phase\": \"ready\"}",
        )?;
    }
    Ok(())
}

#[test]
fn a_monitor_on_standard_input_and_output_says_nothing_else() -> Result<()> {
    let rows = [("-qmp", "{\"QMP\": "), ("-qmp-pretty", "{\r\n    \"QMP\": ")];
    for (option, begin) in rows {
        let mut program = Program::start(&["-M", "none", "-S", option, "stdio"])?;
        program.wait_for("\"QMP\"")?;
        program.type_in(
            "{'execute': 'qmp_capabilities'}\n{'execute': 'query-machine-phase', 'id': 'a'}",
        )?;
        program.wait_for("\"id\": \"a\"")?;
        program.type_in("{'execute': 'quit', 'id': 'b'}\n")?;
        program.wait_for("\"id\": \"b\"")?;
        let ended = program.ended()?;
        assert!(ended.status.success() && ended.err.is_empty(), "{ended:?}");
        assert!(ended.out.starts_with(begin), "{}", ended.out);
        let values: Vec<Value> =
            serde_json::Deserializer::from_str(&ended.out).into_iter().collect::<Result<_, _>>()?;
        let expected = json!([
            { "return": {} },
            { "return": { "phase": "ready" }, "id": "a" },
            { "event": "SHUTDOWN", "data": { "guest": false, "reason": "host-qmp-quit" },
              "timestamp": values[3]["timestamp"] },
            { "return": {}, "id": "b" },
        ]);
        assert_eq!(json!(values[1..]), expected);
    }
    Ok(())
}

#[test]
fn whoever_leaves_makes_room_for_the_next() -> Result<()> {
    let greeted =
        "-> qmp_capabilities\n<- {}\n-> query-machine-phase\n<- {\"phase\": \"accel-created\"}";
    let leaving: &[&str] = &[
        "",
        "{\"execute\": \"qmp_capabilities\"}",
        "{\"execute\": \"query-st",
        "{\"execute\": \"qmp_capabilities\"}{\"execute\": \"query-qmp-schema\"}",
        "{\"execute\": \"qmp_capabilities\"}{\"execute\": \"query-qmp-schema\"}{\"execute\": \"query-qmp-schema\"}{\"exec",
        "{\"execute\": \"qmp_capabilities\", \"arguments\": {\"enable\": [\"oob\"]}}[[[[",
        "nonsense \u{1} \"",
    ];
    let (program, client) = Program::with_qmp(&words("-M none -preconfig"))?;
    drop(client);
    let path = program.scratch().path("qmp");
    for bytes in leaving {
        let mut client = Client::connect_raw(&path)?;
        client.send(bytes)?;
        // The answer may be on its way or not.
        drop(client);
        Client::connect_raw(&path)?.talk(greeted).with_context(|| bytes.to_string())?;
    }
    Ok(())
}
