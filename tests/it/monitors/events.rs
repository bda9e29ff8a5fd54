//! The events of a guest's life, by command and by the guest itself.

use anyhow::Result;
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript::{check, words};
use serde_json::json;

use super::BOARD;

#[test]
fn events_around_the_guest_s_life() -> Result<()> {
    check(
        BOARD,
        r#"
        -> stop
        <- {}
        -> cont
        <- event RESUME
        <- {}
        -> cont
        <- {}
        -> stop
        <- event STOP
        <- {}
        -> stop
        <- {}
        -> query-status
        <- {"running": false, "status": "paused"}
        -> system_reset
        <- event RESET {"guest": false, "reason": "host-qmp-system-reset"}
        <- {}
        -> query-status
        <- {"running": false, "status": "prelaunch"}
        -> cont
        <- event RESUME
        <- {}
        -> system_reset
        <- event RESET {"guest": false, "reason": "host-qmp-system-reset"}
        <- {}
        -> query-status
        <- {"running": true, "status": "running"}
        -> system_powerdown
        <- event POWERDOWN
        <- {}
        -> quit
        <- event SHUTDOWN {"guest": false, "reason": "host-qmp-quit"}
        <- {}
        "#,
    )
}

/// A guest that writes one word to the finisher. It stands until it is let go, so that the client
/// is there to hear of it.
fn finisher_guest(word: u32) -> Result<Scratch> {
    let scratch = Scratch::new()?;
    let (high, low) = (word.wrapping_add(0x800) & 0xffff_f000, word & 0xfff);
    scratch.words(
        "guest",
        &[
            0x0010_02b7,               // lui t0, 0x100: the finisher
            high | 0x337,              // lui t1, the word's upper part
            (low << 20) | 0x0003_0313, // addi t1, t1, its lower part
            0x0062_a023,               // sw t1, 0(t0)
            0x0000_006f,               // j .
        ],
    )?;
    Ok(scratch)
}

const GUEST: &str = "-M sifive_dt -S -serial null \
                     -device loader,file={dir}/guest,addr=0x80000000,cpu-num=0";

#[test]
fn a_guest_powers_off() -> Result<()> {
    for (word, status) in [(0x5555, 0), (0x0003_3333, 3), (0x0000_3333, 1), (0x0100_3333, 255)] {
        let (program, mut client) = Program::with_qmp_in(finisher_guest(word)?, &words(GUEST))?;
        client.send("{'execute': 'cont'}")?;
        let shutdown = client.wait_event("SHUTDOWN")?;
        assert_eq!(shutdown["data"], json!({ "guest": true, "reason": "guest-shutdown" }));
        assert_eq!(program.ended()?.status.code(), Some(status), "{word:#x}");
    }
    Ok(())
}

/// It resets itself again and again; a client is heard all the same.
#[test]
fn a_guest_resets_the_machine() -> Result<()> {
    let (program, mut client) = Program::with_qmp_in(finisher_guest(0x7777)?, &words(GUEST))?;
    client.send("{'execute': 'cont'}")?;
    for _ in 0..3 {
        let reset = client.wait_event("RESET")?;
        assert_eq!(reset["data"], json!({ "guest": true, "reason": "guest-reset" }));
    }
    client.execute("stop", json!({}))?;
    client.execute("quit", json!({}))?;
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}

/// What the options make of a guest that powers off or reboots: how the program ends, or what a
/// client hears of a guest that stands still.
#[test]
fn the_end_is_what_the_options_say() -> Result<()> {
    let (off, reboot) = (0x5555, 0x7777);
    for (options, word, reason) in [
        ("", off, "guest-shutdown"),
        ("-no-reboot", off, "guest-shutdown"),
        ("-no-reboot", reboot, "guest-reset"),
        ("-action reboot=shutdown", reboot, "guest-reset"),
        ("-no-shutdown -action shutdown=poweroff", off, "guest-shutdown"),
    ] {
        let options = format!("{GUEST} {options}");
        let (program, mut client) = Program::with_qmp_in(finisher_guest(word)?, &words(&options))?;
        client.send("{'execute': 'cont'}")?;
        let shutdown = client.wait_event("SHUTDOWN")?;
        assert_eq!(shutdown["data"], json!({ "guest": true, "reason": reason }), "{options}");
        assert_eq!(program.ended()?.status.code(), Some(0), "{options}");
        assert!(!client.take_events().contains(&"STOP".into()), "{options}");
    }
    for (options, word) in [
        ("-no-shutdown", off),
        ("-action shutdown=pause", off),
        ("-no-reboot -no-shutdown", reboot),
    ] {
        let options = format!("{GUEST} {options}");
        let (program, mut client) = Program::with_qmp_in(finisher_guest(word)?, &words(&options))?;
        client.send("{'execute': 'cont'}")?;
        client.wait_event("SHUTDOWN")?;
        client.wait_event("STOP")?;
        let status = client.execute("query-status", json!({}))?;
        assert_eq!(status, json!({ "running": false, "status": "shutdown" }), "{options}");
        let refused = client.refused("cont", json!({}))?;
        assert!(refused.starts_with("Resetting the Virtual Machine is required"), "{refused}");
        client.execute("set-action", json!({ "reboot": "reset" }))?;
        client.execute("system_reset", json!({}))?;
        let status = client.execute("query-status", json!({}))?;
        assert_eq!(status["status"], "prelaunch", "{options}");
        // It does the same again.
        client.execute("set-action", json!({ "reboot": "shutdown", "shutdown": "poweroff" }))?;
        client.send("{'execute': 'cont'}")?;
        client.wait_event("SHUTDOWN")?;
        assert_eq!(program.ended()?.status.code(), Some(0), "{options}");
    }
    Ok(())
}

/// A reset by a client is one, too.
#[test]
fn a_client_s_reset_ends_the_program_where_that_is_wanted() -> Result<()> {
    let (program, mut client) =
        Program::with_qmp(&words("-M sifive_dt -S -serial null -no-reboot"))?;
    client.execute("system_reset", json!({}))?;
    let shutdown = client.wait_event("SHUTDOWN")?;
    assert_eq!(shutdown["data"], json!({ "guest": false, "reason": "host-qmp-system-reset" }));
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}
