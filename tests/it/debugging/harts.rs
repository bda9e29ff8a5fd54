//! Several harts at once: looked at, stopped and ended while they run.

use anyhow::{Context, Result};
use boardwright_tests::asm::reg::{S0, S1, T0, T1, ZERO};
use boardwright_tests::asm::{
    MRET, SPIN, WFI, addi, amo_w, beq, bltu, csrrs, csrw, fail, here, lui, lw, pass,
};
use boardwright_tests::client::Client;
use boardwright_tests::gdb::{Debugger, packet};
use serde_json::json;

use super::{MHARTID, board, counters};

fn human(client: &mut Client, line: &str) -> Result<String> {
    let said = client.execute("human-monitor-command", json!({ "command-line": line }))?;
    Ok(said.as_str().context("no text")?.into())
}

#[test]
fn running_harts_are_looked_at_stopped_and_reset() -> Result<()> {
    let (_program, mut client) = board(4, &counters(), &[])?;
    for _ in 0..20 {
        let all = human(&mut client, "info registers -a")?;
        for hart in 0..4 {
            assert!(all.contains(&format!("CPU#{hart}\r\n")), "{all}");
            assert!(all.contains(&format!(" mhartid  {hart:016x}\r\n")), "{all}");
        }
        client.execute("stop", json!({}))?;
        let before = human(&mut client, "x/2xg 0x80000100")?;
        assert_eq!(human(&mut client, "x/2xg 0x80000100")?, before, "nobody counts");
        client.execute("cont", json!({}))?;
        client.execute("system_reset", json!({}))?;
        assert_eq!(client.execute("query-status", json!({}))?["status"], "running");
    }
    // Both counters go on.
    for addr in ["0x80000100", "0x80000200"] {
        let count = format!("x/xw {addr}");
        let before = human(&mut client, &count)?;
        while human(&mut client, &count)? == before {}
    }
    Ok(())
}

#[test]
fn harts_that_sleep_cost_nothing() -> Result<()> {
    let (program, _client) = board(8, &[WFI, beq(ZERO, ZERO, -4)], &[])?;
    let used = || -> Result<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id()))?;
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        // User and system time, in ticks of 10 ms.
        fields.split_whitespace().skip(11).take(2).map(|time| Ok(time.parse::<u64>()?)).sum()
    };
    let second = std::time::Duration::from_secs(1);
    let before = used()?;
    std::thread::sleep(second);
    // One hart that spun would have used a hundred, or on a busy host tens.
    assert!(used()? - before < 10);
    Ok(())
}

/// Four harts add to one counter with LR and SC; each gets its turn.
#[test]
fn contended_reservations_make_progress() -> Result<()> {
    const EACH: u32 = 4; // times 4096
    let count = vec![
        here(S0),
        addi(S0, S0, 0x400), // the counter, and 8 above it how many harts are done
        lui(S1, EACH),
        amo_w(2, T0, 0, S0), // 0x8000000c
        addi(T0, T0, 1),
        amo_w(3, T1, T0, S0),
        beq(T1, ZERO, 8),
        beq(ZERO, ZERO, -16),
        addi(S1, S1, -1),
        bltu(ZERO, S1, -24),
        addi(S1, S0, 8),
        addi(T0, ZERO, 1),
        amo_w(0, ZERO, T0, S1),
        csrrs(T0, MHARTID, ZERO),
        beq(T0, ZERO, 8),
        SPIN,
        lw(T0, S0, 8),
        addi(T1, ZERO, 4),
        bltu(T0, T1, -8),
        lw(T0, S0, 0),
        lui(T1, 4 * EACH),
    ];
    let good = pass();
    let skip = 4 * (good.len() as i32 + 2);
    let guest = [count, vec![bltu(T0, T1, skip + 4), bltu(T1, T0, skip)], good, fail(1)].concat();
    // Once it runs it may be over before anything else is asked.
    let (program, mut client) = board(4, &guest, &["-S"])?;
    client.execute("cont", json!({}))?;
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}

/// Whatever harts do, the program ends when it is told to.
#[test]
fn quit_ends_any_guest() -> Result<()> {
    const MTVEC: u32 = 0x305;
    let guests: [(&str, Vec<u32>); 5] = [
        ("spin", vec![SPIN]),
        ("sleep", vec![WFI, beq(ZERO, ZERO, -4)]),
        ("trap in the handler", vec![here(T0), csrw(MTVEC, T0), 0]),
        ("return to a trap", vec![here(T0), addi(T0, T0, 16), csrw(MTVEC, T0), 0, MRET]),
        ("no handler", vec![0]),
    ];
    for (name, guest) in guests {
        for stepped in [false, true] {
            let (program, mut client) = board(3, &guest, &[])?;
            if stepped {
                let mut gdb = Debugger::attach(&program.scratch().path("gdb"))?;
                gdb.send(packet("vCont;c:p1.1"))?;
                client.wait_event("RESUME")?;
            }
            client.execute("quit", json!({}))?;
            assert_eq!(program.ended()?.status.code(), Some(0), "{name}");
        }
    }
    Ok(())
}

#[test]
fn lines_are_about_the_chosen_hart() -> Result<()> {
    let (_program, mut client) = board(2, &counters(), &["-S"])?;
    let rows = [
        ("p $pc", "0x80000000\r\n"),
        ("print/d 2*3+0x10-1", "21\r\n"),
        ("p $nonsense", "Error: unknown register '$nonsense'\r\n"),
        ("p 1+", "Error: '' is no number or register: expected 16, 0x10 or $pc\r\n"),
        ("x/2xw 0x80000000", "0000000080000000: 0xf14022f3 0x00028c63\r\n"),
        ("xp/3xb 0x80000000", "0000000080000000: 0xf3 0x22 0x40\r\n"),
        ("x/db 0x80000000", "0000000080000000: -13\r\n"),
        ("x/xw 0", "0000000000000000: Cannot access memory\r\n"),
        (
            "x/z 0",
            "Error: invalid char in format: 'z' (expected a count, one of xduoci, and one of bhwg)\r\n",
        ),
        (
            "x/i $pc",
            "0x0000000080000000:  f14022f3          csrr                    t0,mhartid\r\n",
        ),
        ("cpu 2", "Error: invalid CPU index: there are 2, counted from 0\r\n"),
        ("cpu 1", ""),
        ("log nonsense", "Error: there is no log item 'nonsense'\r\n"),
        ("log int", ""),
        ("log none", ""),
    ];
    for (line, expected) in rows {
        assert_eq!(human(&mut client, line)?, expected, "{line}");
    }
    let cpus = human(&mut client, "info cpus")?;
    assert!(cpus.starts_with("* CPU #0: thread_id="), "{cpus}");
    assert!(cpus.contains("\r\n  CPU #1: thread_id="), "{cpus}");
    Ok(())
}
