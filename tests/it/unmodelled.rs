//! What a guest wants that is not modelled is counted, and told with the code that wants it.

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch, root};
use boardwright_tests::transcript::request;
use serde_json::{Value, json};

/// The first guest on a board without a timer, where a placeholder stands in the place of the UART,
/// and the PLIC is a UART, so that the guest finds registers that there are not.
fn board(end: &str) -> String {
    let guest = root().join("boards/guest/first-rv64.elf");
    format!(
        "machine-set type=none
        set-machine-phase phase=initialized
        device_add driver=riscv.hart_array id=cpus resetvec=0x80000000
        device_add driver=sysbus-memory id=ram size=1MiB
        sysbus-mmio-map device=ram addr=0x80000000
        device_add driver=unimplemented-device id=uart0 name=console size=0x1000
        sysbus-mmio-map device=uart0 addr=0x10013000
        device_add driver=riscv.sifive.test id=finisher
        sysbus-mmio-map device=finisher addr=0x00100000
        device_add driver=loader id=guest file={}
        {end}",
        guest.display()
    )
}

fn script(options: &[&str], end: &str) -> Result<Program> {
    let scratch = Scratch::new()?;
    let path = scratch.file("board.qmp", board(end))?.display().to_string();
    let arguments = [&["run", &path, "-nodefaults"], options].concat();
    Program::start_in(scratch, &arguments)
}

/// Gives the lines of a board as commands.
fn build(client: &mut Client, board: &str) -> Result<()> {
    for line in board.lines() {
        let mut command = request(line.trim())?;
        let arguments = command["arguments"].take();
        let arguments = if arguments.is_null() { json!({}) } else { arguments };
        client.execute(command["execute"].as_str().unwrap_or_default(), arguments)?;
    }
    Ok(())
}

const RUN: &str = "set-machine-phase phase=ready";

/// The report, without what it says before: the table is the last that the program prints.
#[test]
fn the_report_at_the_end_names_block_register_and_code() -> Result<()> {
    // The items, and whether single accesses are told.
    for (items, lines) in [("unmodelled", false), ("unimp", true)] {
        let ended = script(&["-d", items], RUN)?.ended()?;
        // An unexpected trap: there is no timer.
        assert_eq!(ended.status.code(), Some(6), "{ended:?}");
        let single =
            "console: unimplemented device write (size 4, offset 0x0000, value 0x42) at pc";
        assert_eq!(ended.err.contains(single), lines, "-d {items}: {}", ended.err);
        let (_, report) =
            ended.err.split_once("Accesses to what is not modelled: ").context("no report")?;
        let rows: Vec<String> = report
            .lines()
            .skip(2)
            .map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        for expected in [
            "read 4 console+0x0 pc 0x80000",
            "write 4 console+0x10 pc 0x80000",
            "1 read 4 0x200bff8 (nothing is there) pc 0x80000",
        ] {
            assert!(rows.iter().any(|row| row.contains(expected)), "no {expected}: {report}");
        }
        assert!(rows.iter().any(|row| row.ends_with("(try_clock)")), "{report}");
        assert!(rows.first().is_some_and(|row| row.ends_with("(put_char)")), "{report}");
    }
    // Nobody asked.
    let ended = script(&[], RUN)?.ended()?;
    assert!(!ended.err.contains("not modelled"), "{}", ended.err);
    Ok(())
}

#[test]
fn clients_can_ask_and_debuggers_are_not_counted() -> Result<()> {
    let (mut program, mut client) = Program::with_qmp(&["-S", "-nodefaults"])?;
    build(&mut client, &board("finish-machine-init"))?;
    let none = client.execute("query-unmodelled", json!({}))?;
    assert_eq!(none, json!({ "total": 0, "places": [], "beyond": 0 }));
    // A look by the monitor is not the guest's.
    let line = json!({ "command-line": "xp /1wx 0x10013000" });
    client.execute("human-monitor-command", line)?;
    let none = client.execute("query-unmodelled", json!({}))?;
    assert_eq!(none["total"], 0);
    // Up to the first access to the UART.
    client.execute("x-log-set", json!({ "items": ["unimp"] }))?;
    client.execute("cont", json!({}))?;
    program.wait_for_err("console: unimplemented device write (size 4, offset 0x0010")?;
    assert_eq!(program.ended()?.status.code(), Some(6));
    Ok(())
}

/// Registers that a device does not have, and an access of a size that it does not take.
#[test]
fn registers_that_a_device_does_not_have_are_counted() -> Result<()> {
    use boardwright_tests::asm::reg::{A0, T0};
    use boardwright_tests::asm::{SPIN, lui, lw, sw};
    let guest = [lui(T0, 0x10013), lw(A0, T0, 0x20), lw(A0, T0, 0x20), sw(A0, T0, 0x24), SPIN];
    let scratch = Scratch::new()?;
    let file = scratch.words("guest", &guest)?.display().to_string();
    let (_program, mut client) = Program::with_qmp_in(scratch, &["-S", "-nodefaults"])?;
    let board = format!(
        "machine-set type=none
        set-machine-phase phase=initialized
        device_add driver=riscv.hart_array resetvec=0x80000000
        device_add driver=sysbus-memory id=ram size=64KiB
        sysbus-mmio-map device=ram addr=0x80000000
        device_add driver=riscv.sifive.uart id=uart7
        sysbus-mmio-map device=uart7 addr=0x10013000
        device_add driver=loader file={file} addr=0x80000000
        set-machine-phase phase=ready
        cont"
    );
    build(&mut client, &board)?;
    // The guest needs no time worth mentioning, but it has to come to it.
    let mut info = Value::Null;
    for _ in 0..600 {
        info = client.execute("query-unmodelled", json!({}))?;
        if info["total"] == 3 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let caller =
        |pc: u64, count: u64| json!({ "hart": 0, "pc": 0x8000_0000_u64 + pc, "count": count });
    let place = |offset: u64, access: &str, count: u64, callers: Value| {
        json!({
            "block": "uart7", "path": "/machine/peripheral/uart7", "offset": offset, "size": 4,
            "access": access, "count": count, "callers": callers,
        })
    };
    let expected = json!({
        "total": 3,
        "places": [
            place(0x20, "read", 2, json!([caller(4, 1), caller(8, 1)])),
            place(0x24, "write", 1, json!([caller(12, 1)])),
        ],
        "beyond": 0,
    });
    assert_eq!(info, expected);
    Ok(())
}
