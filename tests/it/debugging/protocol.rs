//! The protocol packet by packet, also from clients that do not keep to it.

use anyhow::Result;
use boardwright_tests::gdb::{Debugger, hex, packet};
use boardwright_tests::program::{Program, Scratch};
use serde_json::json;

use super::{board, counters};

fn attach(program: &Program) -> Result<Debugger> {
    Debugger::attach(&program.scratch().path("gdb"))
}

/// Packets and their answers, on two harts at their start.
#[test]
fn packets_are_answered() -> Result<()> {
    let (program, _client) = board(2, &counters(), &["-S"])?;
    let mut gdb = attach(&program)?;
    let rows = [
        (
            "qSupported:xmlRegisters=i386",
            "PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+",
        ),
        ("vMustReplyEmpty", ""),
        ("QStartNoAckMode", ""),
        ("nonsense", ""),
        ("", ""),
    ];
    for (ask, answer) in rows {
        assert_eq!(gdb.ask(ask)?, answer, "{ask}");
    }
    drop(gdb);
    let mut gdb = attach(&program)?;
    let rows = [
        ("?", "T05thread:p01.01;"),
        ("qfThreadInfo", "mp01.01,p01.02"),
        ("qsThreadInfo", "l"),
        ("qC", "QCp01.01"),
        ("qAttached:1", "1"),
        ("Hgp1.2", "OK"),
        ("p1f", "0000000000000000"),
        ("p20", "0000008000000000"),
        ("pf56", "0100000000000000"), // mhartid
        ("P9=2a00000000000000", "OK"),
        ("p9", "2a00000000000000"),
        ("P9=2a", "E14"),
        ("P9", "E22"),
        ("pffff", "E14"),
        ("p", "E22"),
        ("Hgp1.3", "E22"),
        ("Hgp0.0", "OK"),
        ("Tp1.2", "OK"),
        ("Tp1.3", "E22"),
        ("m80000000,4", "f322 40f1"),
        ("m0,4", "E14"),
        ("mfffffffffffffffc,8", "E14"),
        ("m80000000,ffffffffffffffff", "E22"),
        ("m80000000", "E22"),
        ("m80000ffe,4", "00000000"),
        ("M80000300,2:abcd", "OK"),
        ("m80000300,4", "abcd0000"),
        ("M80000300,3:abcd", "E22"),
        ("M0,1:00", "E14"),
        ("X80000300,0:", "OK"),
        ("X80000300,2:zZ", "OK"),
        ("m80000300,2", "7a5a"),
        ("Z0,80000028,2", "OK"),
        ("Z0,80000028,4", "OK"),
        ("z0,80000028,2", "OK"),
        ("Z5,80000028,2", ""),
        ("Z0,x,2", "E22"),
        ("vCont?", "vCont;c;C;s;S"),
        ("vCont;t", "E22"),
        ("vCont;s:p1.9", "E22"),
        ("D", "E22"),
        ("D;2", "E22"),
        ("qXfer:features:read:none.xml:0,100", "E22"),
        ("qXfer:features:read:target.xml:ffffffff,100", "E22"),
        ("qqemu.PhyMemMode", "0"),
    ];
    for (ask, answer) in rows {
        assert_eq!(gdb.ask(ask)?, answer.replace(' ', ""), "{ask}");
    }
    assert_eq!(gdb.ask("g")?.len(), 33 * 16);
    assert_eq!(gdb.ask("qXfer:features:read:target.xml:0,5")?, "m<?xml");
    Ok(())
}

#[test]
fn a_list_of_actions_is_one_for_each_hart() -> Result<()> {
    let (program, mut client) = board(2, &counters(), &["-S"])?;
    let mut gdb = attach(&program)?;
    assert_eq!(gdb.ask("vCont;s:p1.2")?, "T05thread:p01.02;");
    assert_eq!(gdb.ask("p20")?, "0400008000000000");
    assert_eq!(client.execute("query-status", json!({}))?["status"], "debug");
    gdb.ask("Hgp1.1")?;
    assert_eq!(gdb.ask("p20")?, "0000008000000000", "hart 0 stood still");
    // Hart 1 comes by here, hart 0 does not.
    gdb.ask("Z0,80000010,4")?;
    assert_eq!(gdb.ask("vCont;c:p1.-1")?, "T05thread:p01.02;");
    gdb.ask("z0,80000010,4")?;
    gdb.ask("Z2,80000100,4")?;
    assert_eq!(gdb.ask("vCont;c")?, "T05thread:p01.01;watch:80000100;");
    gdb.ask("z2,80000100,4")?;
    gdb.ask("Z3,80000200,4")?;
    assert_eq!(gdb.ask("c")?, "T05thread:p01.02;rwatch:80000200;");
    Ok(())
}

#[test]
fn a_running_guest_is_interrupted() -> Result<()> {
    let (program, mut client) = board(2, &counters(), &[])?;
    let mut gdb = attach(&program)?;
    client.wait_event("STOP")?;
    for _ in 0..3 {
        gdb.send(packet("vCont;c:p1.-1"))?;
        client.wait_event("RESUME")?;
        gdb.send([3])?;
        assert_eq!(gdb.answer()?, "T02thread:p01.01;");
        client.wait_event("STOP")?;
    }
    // A command of another client is heard of, too.
    gdb.send(packet("c"))?;
    client.wait_event("RESUME")?;
    client.execute("stop", json!({}))?;
    assert_eq!(gdb.answer()?, "T02thread:p01.01;");
    assert_eq!(client.execute("query-status", json!({}))?["status"], "paused");
    Ok(())
}

#[test]
fn noise_does_no_harm() -> Result<()> {
    let (program, _client) = board(1, &counters(), &["-S"])?;
    let mut gdb = attach(&program)?;
    gdb.send("$g#00")?;
    assert_eq!(gdb.byte()?, b'-');
    gdb.send("\r\n\0garbage\u{ff}#\u{1}")?;
    assert_eq!(gdb.ask("qAttached")?, "1");
    gdb.send("-")?;
    assert_eq!(gdb.answer()?, "1", "the last packet again");
    gdb.send(packet(&"a".repeat(1 << 20)))?;
    assert_eq!(gdb.answer()?, "E22");
    gdb.send("$m80000000,4")?;
    assert_eq!(gdb.ask("qAttached")?, "1", "a packet that was cut off is forgotten");
    gdb.send(packet("qAttached").repeat(100))?;
    for _ in 0..100 {
        assert_eq!(gdb.answer()?, "1");
    }
    Ok(())
}

/// The next client finds no breakpoints of the one that was lost, and a guest that still runs.
#[test]
fn a_client_may_be_lost_and_come_back() -> Result<()> {
    let (program, mut client) = board(2, &counters(), &["-S"])?;
    let mut gdb = attach(&program)?;
    gdb.ask("Z0,80000028,4")?;
    gdb.send(packet("c"))?;
    assert_eq!(gdb.answer()?, "T05thread:p01.01;");
    drop(gdb);
    let mut gdb = attach(&program)?;
    gdb.send(packet("c"))?;
    client.wait_event("RESUME")?;
    gdb.send("$m800000")?;
    drop(gdb);
    let mut gdb = attach(&program)?;
    client.wait_event("STOP")?;
    assert_eq!(gdb.ask("?")?, "T05thread:p01.01;");
    assert_eq!(gdb.ask("D;1")?, "OK");
    assert_eq!(client.execute("query-status", json!({}))?["status"], "running");
    Ok(())
}

#[test]
fn the_end_of_the_guest_is_told() -> Result<()> {
    let guest = boardwright_tests::asm::fail(3);
    let (program, _client) = board(1, &guest, &["-S"])?;
    let mut gdb = attach(&program)?;
    gdb.send(packet("c"))?;
    assert_eq!(gdb.answer()?, "W03");
    assert_eq!(program.ended()?.status.code(), Some(3));
    Ok(())
}

#[test]
fn a_client_ends_the_program() -> Result<()> {
    for (body, answer) in [("vKill;1", Some("OK")), ("k", None)] {
        let (program, _client) = board(1, &counters(), &[])?;
        let mut gdb = attach(&program)?;
        gdb.send(packet(body))?;
        if let Some(answer) = answer {
            assert_eq!(gdb.answer()?, answer);
        }
        assert_eq!(program.ended()?.status.code(), Some(0));
    }
    Ok(())
}

#[test]
fn the_monitor_answers_a_debugger() -> Result<()> {
    let (program, _client) = board(1, &counters(), &["-S"])?;
    let mut gdb = attach(&program)?;
    gdb.send(packet(&format!("qRcmd,{}", hex("info status"))))?;
    assert_eq!(gdb.answer()?, format!("O{}", hex("VM status: paused (prelaunch)\r\n")));
    assert_eq!(gdb.answer()?, "OK");
    Ok(())
}

/// Before there is a machine the server keeps what it is sent.
#[test]
fn a_client_may_come_before_the_machine() -> Result<()> {
    let (program, mut client) = Program::with_qmp(&[
        "-M",
        "sifive_dt",
        "-preconfig",
        "-nodefaults",
        "-gdb",
        "unix:{dir}/gdb,server=on,wait=off",
    ])?;
    let mut gdb = Debugger::connect(&program.scratch().path("gdb"))?;
    gdb.send(packet("qAttached"))?;
    client.execute("set-machine-phase", json!({ "phase": "ready" }))?;
    assert_eq!(gdb.answer()?, "1");
    assert_ne!(client.execute("query-status", json!({}))?["status"], "running");
    Ok(())
}

#[test]
fn a_server_is_opened_and_closed_by_command() -> Result<()> {
    let scratch = Scratch::new()?;
    let socket = scratch.path("other");
    let device = format!("gdbserver unix:{},server=on,wait=off", socket.display());
    let (_program, mut client) = board(1, &counters(), &[])?;
    let mut line =
        |line: &str| client.execute("human-monitor-command", json!({ "command-line": line }));
    let said = line(&device)?;
    assert!(
        said.as_str().is_some_and(|text| text.starts_with("Waiting for gdb connection on device")),
        "{said}"
    );
    let mut gdb = Debugger::attach(&socket)?;
    assert_eq!(gdb.ask("qAttached")?, "1");
    assert_eq!(line(&device)?, said, "opened anew");
    assert_eq!(line("gdbserver none")?, "Disabled gdbserver\r\n");
    assert!(line("gdbserver nonsense")?.as_str().is_some_and(|text| text.starts_with("Error: ")));
    Ok(())
}
