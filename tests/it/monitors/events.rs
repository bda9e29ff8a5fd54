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
        <- {"running": false, "status": "paused"}
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
