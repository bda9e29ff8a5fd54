//! gdb itself, in batch mode: `gdb-multiarch`, which tests/setup/install.sh installs.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use super::{board, counters};
use boardwright_tests::program::Program;

/// What gdb prints for these commands after it has connected.
fn gdb(program: &Program, commands: &[&str]) -> Result<String> {
    let socket = program.scratch().path("gdb").display().to_string();
    let mut all = vec!["set pagination off".into(), "set osabi none".into()];
    all.push(format!("target remote {socket}"));
    all.extend(commands.iter().map(ToString::to_string));
    let mut gdb = Command::new("gdb-multiarch");
    gdb.args(["-nx", "-batch"]);
    for command in &all {
        gdb.args(["-ex", command]);
    }
    let output =
        gdb.output().context("gdb-multiarch does not start: see tests/setup/install.sh")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr))
}

/// Runs gdb on two harts that stand at their start; the text must have these pieces, in order.
fn says(commands: &[&str], expected: &[&str]) -> Result<()> {
    let (program, _client) = board(2, &counters(), &["-S"])?;
    let text = gdb(&program, commands)?;
    let mut rest = text.as_str();
    for piece in expected {
        let at = rest.find(piece).with_context(|| format!("no {piece:?} in {rest}\n--- {text}"))?;
        rest = &rest[at + piece.len()..];
    }
    Ok(())
}

#[test]
fn it_stops_at_breakpoints_and_steps() -> Result<()> {
    for kind in ["break", "hbreak"] {
        says(
            &[
                &format!("{kind} *0x80000028"),
                "continue",
                "continue",
                "print $s1",
                "stepi",
                "print $pc",
                "print $a0",
                "x/i $pc",
            ],
            &["Breakpoint 1", "= 2", "= (void (*)()) 0x8000002c", "= 2", "sw\ta0,228(s0)"],
        )?;
    }
    Ok(())
}

#[test]
fn it_sees_harts_as_threads() -> Result<()> {
    says(
        &[
            "info threads",
            "thread 2",
            "stepi",
            "stepi",
            "print $pc",
            "print $t0",
            "thread 1",
            "print $pc",
        ],
        &["Thread 1.1", "Thread 1.2", "0x80000008", "= 1", "0x800000"],
    )
}

#[test]
fn one_hart_steps_while_the_others_stand() -> Result<()> {
    says(
        &["set scheduler-locking on", "thread 2", "stepi", "print $pc", "thread 1", "print $pc"],
        &["0x80000004", "0x80000000"],
    )
}

#[test]
fn it_reads_and_writes_registers() -> Result<()> {
    says(
        &[
            "set var $s1 = 41",
            "print $s1",
            "print/x $mhartid",
            "print $priv",
            "set var $mscratch = 77",
            "print $mscratch",
            "set var $fa0 = 1.5",
            "print $fa0",
            "info registers pc",
            "info all-registers",
        ],
        &["= 41", "= 0x0", "= 3", "= 77", "= 1.5", "0x80000000", "ft0", "mstatus"],
    )
}

#[test]
fn it_watches_memory() -> Result<()> {
    says(
        &["watch *(int*)0x80000100", "continue", "continue", "print *(int*)0x80000100"],
        &["Old value = 0", "New value = 1", "Old value = 1", "New value = 2", "= 2"],
    )?;
    says(
        &["rwatch *(int*)0x80000200", "continue", "info registers pc"],
        &["Value = 0", "pc             0x800000"],
    )
}

#[test]
fn memory_stays_as_the_guest_has_it() -> Result<()> {
    let (program, mut client) = board(1, &counters(), &["-S"])?;
    let text = gdb(
        &program,
        &[
            "break *0x80000028",
            "continue",
            "set var *(int*)0x80000300 = 7",
            "print *(int*)0x80000300",
            "x/x 0",
            "kill",
        ],
    )?;
    assert!(text.contains("= 7"), "{text}");
    assert!(text.contains("Cannot access memory at address 0x0"), "{text}");
    client.wait_event("SHUTDOWN")?;
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}

#[test]
fn it_gives_commands_to_the_monitor() -> Result<()> {
    says(
        &[
            "break *0x80000028",
            "continue",
            "monitor info status",
            "monitor system_reset",
            "maintenance flush register-cache",
            "print $pc",
        ],
        &["(void (*)()) 0x80000000", "VM status: paused (debug)"],
    )
}

#[test]
fn a_guest_it_lets_go_runs_on() -> Result<()> {
    let (program, mut client) = board(2, &counters(), &[])?;
    gdb(&program, &["break *0x80000028", "continue", "detach"])?;
    assert_eq!(client.execute("query-status", json!({}))?["status"], "running");
    Ok(())
}

#[test]
fn it_debugs_32_bit_harts() -> Result<()> {
    let program = Program::start(&[
        "run",
        "boards/first-rv32.qmp",
        "-S",
        "-gdb",
        "unix:{dir}/gdb,server=on,wait=off",
    ])?;
    let text = gdb(
        &program,
        &["stepi", "stepi", "print $pc", "set var $a0 = -1", "print $a0", "print sizeof($mepc)"],
    )?;
    for piece in ["0x8000000c", "= -1", "= 4"] {
        assert!(text.contains(piece), "no {piece} in {text}\n{}", program.err());
    }
    Ok(())
}
