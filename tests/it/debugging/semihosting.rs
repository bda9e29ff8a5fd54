//! Guests that ask the host by semihosting calls.

use anyhow::Result;
use boardwright_tests::asm::reg::{A0, A1, S0, ZERO};
use boardwright_tests::asm::{addi, here, sd};
use boardwright_tests::program::{Program, Scratch};
use serde_json::json;

use super::board;

/// `slli x0, x0, 0x1f; ebreak; srai x0, x0, 7`
const CALL: [u32; 3] = [0x01f0_1013, 0x0010_0073, 0x4070_5013];
/// Where argument blocks begin, each of 32 bytes, and where text begins, counted from the start.
const BLOCKS: usize = 0x200;
const TEXT: usize = 0x400;
const BASE: u64 = 0x8000_0000;
const APPLICATION_EXIT: u64 = 0x2_0026;

/// The address of a place in the text, which is known by its first occurrence.
fn at(text: &str, piece: &str) -> u64 {
    BASE + (TEXT + text.find(piece).unwrap_or_default()) as u64
}

/// A guest that makes calls, operations with their argument blocks, one after the other, and ends
/// with the last one's result as its status.
fn guest(text: &str, calls: &[(i32, [u64; 4])]) -> Vec<u32> {
    let exit = (0x20, [APPLICATION_EXIT, 0, 0, 0]);
    let mut code = vec![here(S0)];
    let mut blocks = Vec::new();
    for (number, (operation, block)) in calls.iter().chain([&exit]).enumerate() {
        let offset = (BLOCKS + 32 * number) as i32;
        if *operation == 0x20 {
            code.push(sd(A0, S0, offset + 8));
        }
        code.extend([addi(A0, ZERO, *operation), addi(A1, S0, offset)]);
        code.extend(CALL);
        blocks.extend(block.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]));
    }
    code.resize(BLOCKS / 4, 0);
    code.extend(blocks);
    code.resize(TEXT / 4, 0);
    let mut text = text.as_bytes().to_vec();
    text.resize(text.len().next_multiple_of(4) + 4, 0);
    code.extend(text.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)));
    code
}

/// The exit status and standard error of a guest.
fn run(guest: &[u32], options: &[&str]) -> Result<(i32, String, Program)> {
    let (mut program, mut client) = board(1, guest, &[&["-S"], options].concat())?;
    client.execute("cont", json!({}))?;
    client.wait_event("SHUTDOWN")?;
    while program.is_running() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let status = program.status()?;
    Ok((status, program.err(), program))
}

#[test]
fn results_are_those_of_the_specification() -> Result<()> {
    let text = ":tt|hello|:semihosting-features|/nonexistent";
    let bad = u64::MAX - 0xfff;
    let open_console = (0x01, [at(text, ":tt"), 4, 3, 0]);
    let open_features = (0x01, [at(text, ":semi"), 0, 21, 0]);
    type Calls<'a> = &'a [(i32, [u64; 4])];
    let rows: &[(&str, Calls<'_>, i32)] = &[
        ("open gives handles from 1", &[open_console, open_console], 2),
        ("a bad pointer is an error", &[(0x01, [bad, 0, 3, 0])], 255),
        ("an endless name is an error", &[(0x01, [at(text, ":tt"), 0, u64::MAX, 0])], 255),
        ("a mode that there is not", &[(0x01, [at(text, ":tt"), 12, 3, 0])], 255),
        ("a file that there is not", &[(0x01, [at(text, "/non"), 0, 12, 0])], 255),
        ("its error", &[(0x01, [at(text, "/non"), 0, 12, 0]), (0x13, [0; 4])], 2),
        ("write tells what is left", &[open_console, (0x05, [1, at(text, "hello"), 5, 0])], 0),
        ("write through a bad pointer", &[open_console, (0x05, [1, bad, 5, 0])], 255),
        ("write to no handle", &[(0x05, [1, at(text, "hello"), 5, 0])], 255),
        ("read at the end", &[open_console, (0x06, [1, BASE + 0x700, 7, 0])], 7),
        ("read of the features", &[open_features, (0x06, [1, BASE + 0x700, 7, 0])], 2),
        ("their length", &[open_features, (0x0c, [1, 0, 0, 0])], 5),
        ("a console is one", &[open_console, (0x09, [1, 0, 0, 0])], 1),
        ("features are none", &[open_features, (0x09, [1, 0, 0, 0])], 0),
        ("a console has no positions", &[open_console, (0x0a, [1, 0, 0, 0])], 255),
        ("close", &[open_console, (0x02, [1, 0, 0, 0])], 0),
        ("close twice", &[open_console, (0x02, [1, 0, 0, 0]), (0x02, [1, 0, 0, 0])], 255),
        ("no error", &[(0x08, [1, 0, 0, 0])], 0),
        ("an error", &[(0x08, [u64::MAX, 0, 0, 0])], 1),
        ("commands are not run", &[(0x12, [at(text, "hello"), 5, 0, 0])], 255),
        ("an operation that there is not", &[(0x7f, [0; 4])], 255),
        ("a command line that does not fit", &[(0x15, [BASE + 0x700, 3, 0, 0])], 255),
        ("one that does", &[(0x15, [BASE + 0x700, 10, 0, 0])], 0),
        ("where the heap is", &[(0x16, [BASE + 0x700, 0, 0, 0])], 0),
        ("ticks", &[(0x30, [0; 4])], 0),
    ];
    for (name, calls, expected) in rows {
        let options = ["-semihosting-config", "arg=one,arg=two"];
        let (status, err, _program) = run(&guest(text, calls), &options)?;
        assert_eq!(status, *expected, "{name}: {err}");
    }
    Ok(())
}

#[test]
fn files_are_written_and_read() -> Result<()> {
    let scratch = Scratch::new()?;
    let dir = scratch.path("").display().to_string();
    let text = format!("{dir}out|{dir}new|some text");
    let name = text.split('|').next().unwrap_or_default().len() as u64;
    let (out, new) = (at(&text, "/"), at(&text, &format!("{dir}new")));
    let write = [
        (0x01, [out, 4, name, 0]),
        (0x05, [1, at(&text, "some"), 9, 0]),
        (0x0a, [1, 5, 0, 0]),
        (0x05, [1, at(&text, "some"), 4, 0]),
        (0x0c, [1, 0, 0, 0]),
    ];
    assert_eq!(run(&guest(&text, &write), &["-semihosting"])?.0, 9);
    assert_eq!(std::fs::read_to_string(scratch.path("out"))?, "some some");
    let rename = [
        (0x0f, [out, name, new, name]),
        (0x01, [new, 0, name, 0]),
        (0x06, [1, BASE + 0x700, 100, 0]),
    ];
    assert_eq!(run(&guest(&text, &rename), &["-semihosting"])?.0, 91);
    assert!(!scratch.path("out").exists());
    assert_eq!(run(&guest(&text, &[(0x0e, [new, name, 0, 0])]), &["-semihosting"])?.0, 0);
    assert!(!scratch.path("new").exists());
    Ok(())
}

#[test]
fn what_is_printed_goes_to_standard_error() -> Result<()> {
    let text = "hello\n";
    // WRITEC takes the address of a character, WRITE0 that of a text: each is the block itself.
    let block = u64::from_le_bytes(*b"hello\n\0\0");
    let (_, err, _program) = run(
        &guest(text, &[(0x03, [block, 0, 0, 0]), (0x04, [block, 0, 0, 0])]),
        &["-semihosting"],
    )?;
    assert!(err.contains("hhello\n"), "{err}");
    Ok(())
}

#[test]
fn a_console_is_a_back_end() -> Result<()> {
    let options =
        ["-S", "-chardev", "stdio,id=con,signal=off", "-semihosting-config", "chardev=con"];
    let block = u64::from_le_bytes(*b"name? \0\0");
    let guest = guest("", &[(0x04, [block, 0, 0, 0]), (0x07, [0; 4])]);
    let (mut program, mut client) = board(1, &guest, &options)?;
    client.execute("cont", json!({}))?;
    program.wait_for("name? ")?;
    // It waits, can be stopped, and goes on waiting.
    client.execute("stop", json!({}))?;
    client.execute("cont", json!({}))?;
    program.type_in("A")?;
    assert_eq!(program.ended()?.status.code(), Some(65));
    Ok(())
}

#[test]
fn a_guest_that_waits_for_input_can_be_ended() -> Result<()> {
    let options = ["-chardev", "stdio,id=con,signal=off", "-semihosting-config", "chardev=con"];
    let (program, mut client) = board(1, &guest("", &[(0x07, [0; 4])]), &options)?;
    client.execute("quit", json!({}))?;
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}

/// Without the option, an `ebreak` is the guest's own, in the sequence or not.
#[test]
fn an_ebreak_is_an_exception_otherwise() -> Result<()> {
    const MTVEC: u32 = 0x305;
    use boardwright_tests::asm::{csrw, fail, reg::T0};
    let trap = |call: &[u32]| {
        let mut code = vec![here(T0), addi(T0, T0, 0x40), csrw(MTVEC, T0)];
        code.extend(call);
        code.resize(0x10, boardwright_tests::asm::SPIN);
        code.extend(fail(5));
        code
    };
    assert_eq!(run(&trap(&CALL), &[])?.0, 5);
    assert_eq!(run(&trap(&CALL[1..]), &["-semihosting"])?.0, 5);
    assert_eq!(run(&trap(&[CALL[0], 0x9002_9002]), &["-semihosting"])?.0, 5);
    Ok(())
}
