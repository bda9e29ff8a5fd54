//! Limits: how deep and how long a request may be, and clients that go away or never read.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use boardwright_tests::client::Client;
use serde_json::json;

use super::{CHECK, NEGOTIATE, check, negotiated, outcome, start, stream};

#[test]
fn depth_has_a_limit() -> Result<()> {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{'execute': 'query-name', 'arguments': {{'deep': {open}{close}}}}}")
    };
    let program = start()?;
    let mut client = negotiated(&program)?;
    // Two braces are around the brackets.
    let fine = nested(1022);
    check(&mut client, &[(nested(998).as_bytes(), &["Parameter 'deep' is unexpected"])])?;
    check(&mut client, &[(fine.as_bytes(), &["Parameter 'deep' is unexpected"])])?;
    let mut expected = vec!["JSON nesting depth limit exceeded"];
    expected.resize(1 + 1025, "JSON parse error, expecting value");
    check(&mut client, &[(nested(1023).as_bytes(), &expected)])?;
    // Openers without end, then a known state.
    let mut endless = vec![b'['; 1 << 20];
    endless.push(0xff);
    client.send(&endless)?;
    client.send(CHECK)?;
    let mut errors = 0;
    while client.answer()?["id"] != "check" {
        errors += 1;
    }
    ensure!(errors <= 1 + (1 << 20) / 1025, "{errors} errors");
    Ok(())
}

#[test]
fn long_lines_have_one_answer() -> Result<()> {
    const MIB: usize = 1 << 20;
    let program = start()?;
    let mut client = negotiated(&program)?;
    let begin = Instant::now();
    let chunk = vec![b'x'; MIB];
    for (size, expected) in
        [(63, "Parameter 'long' is unexpected"), (65, "JSON token size limit exceeded")]
    {
        client.send("{'execute': 'query-name', 'arguments': {'long': '")?;
        for _ in 0..size {
            client.send(&chunk)?;
        }
        client.send("'}}")?;
        let answer = outcome(&client.answer()?);
        ensure!(answer == expected, "{size} MiB: {}", answer.get(..200).unwrap_or(&answer));
        // Whatever the rest of the line was taken for ends here.
        client.send(b"\xff")?;
        client.send(CHECK)?;
        let mut errors = 0;
        while client.answer()?["id"] != "check" {
            errors += 1;
        }
        ensure!(errors <= 4, "{size} MiB: {errors} errors after it");
    }
    // Work that grows with the square of the length would take hours.
    ensure!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
    Ok(())
}

#[test]
fn clients_that_hang_up_leave_nothing_behind() -> Result<()> {
    let program = start()?;
    // In the middle of a request, of a string, of a number; then the next one is greeted afresh.
    for left in
        ["{'execute': 'machine-set', ", "{'execute': 'que", "12", "{'execute': 'query-name'}{"]
    {
        let mut client = negotiated(&program)?;
        client.send(left)?;
        drop(client);
        let mut client = Client::connect_raw(&program.scratch().path("qmp"))?;
        client.send("{'execute': 'query-name'}")?;
        ensure!(outcome(&client.read()?) == format!("CommandNotFound: {NEGOTIATE}"), "{left}");
    }
    // Behind a command whose answer nobody reads.
    for _ in 0..20 {
        let mut client = negotiated(&program)?;
        client.send("{'execute': 'query-qmp-schema'}{'execute': 'query-qmp-schema'}")?;
        drop(client);
    }
    // Requests in plenty, and not one answer read: the program keeps its memory and its calm.
    let mut deaf = stream(&program)?;
    deaf.set_write_timeout(Some(Duration::from_secs(2)))?;
    deaf.write_all(b"{'execute': 'qmp_capabilities'}")?;
    while deaf.write_all(b"{'execute': 'query-qmp-schema'}{'execute': 'query-commands'}").is_ok() {}
    drop(deaf);
    // A client that comes while another one is there waits, and leaves again.
    let kept = negotiated(&program)?;
    for _ in 0..10 {
        drop(stream(&program)?);
    }
    drop(kept);
    check(
        &mut negotiated(&program)?,
        &[(
            b"{'execute': 'query-status'}",
            &[r#"{"return":{"running":false,"status":"prelaunch"}}"#],
        )],
    )?;
    let mut client = negotiated(&program)?;
    ensure!(client.phase()? == "no-machine");
    client.execute("quit", json!({}))?;
    let ended = program.ended()?;
    ensure!(ended.status.success() && ended.err.is_empty(), "{ended:?}");
    Ok(())
}
