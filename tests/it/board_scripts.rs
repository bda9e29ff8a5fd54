//! Verb `run`: how a script is written, what a mistake in it leads to, how it goes with options,
//! and what becomes of the guest's wishes.

use anyhow::{Result, ensure};
use boardwright_tests::program::{self, Ended, Program, Scratch};
use serde_json::json;

/// Up to `initialized`, in three lines.
const BEGIN: &str = "machine-set type=none\naccel-set\nnext-machine-phase\n";

/// A board for a guest in `{dir}/guest`, up to `initialized`.
const BOARD: &str = "\
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus resetvec=0x80000000
device_add driver=sysbus-memory id=ram size=1MiB
sysbus-mmio-map device=ram addr=0x80000000
device_add driver=riscv.sifive.test id=finisher
sysbus-mmio-map device=finisher addr=0x100000
device_add driver=riscv.sifive.uart id=uart chardev=serial0
sysbus-mmio-map device=uart addr=0x10013000
device_add driver=loader file=\"{dir}/guest\" addr=0x80000000 force-raw=true
";

/// Writes to the finisher (0x100000) and stays where it is.
const FAIL_3: &[u32] = &[
    0x0010_02b7, // lui   t0, 0x100
    0x0003_3337, // lui   t1, 0x33
    0x3333_0313, // addi  t1, t1, 0x333: 3 << 16 | 0x3333
    0x0062_a023, // sw    t1, 0(t0)
    0x0000_006f, // j     .
];

/// Prints "ok\n" and powers off.
const PRINT_AND_PASS: &[u32] = &[
    0x1001_32b7, // lui   t0, 0x10013
    0x0010_0313, // li    t1, 1
    0x0062_a423, // sw    t1, 8(t0): txctrl.txen
    0x06f0_0313, // li    t1, 'o'
    0x0062_a023, // sw    t1, 0(t0)
    0x06b0_0313, // li    t1, 'k'
    0x0062_a023, // sw    t1, 0(t0)
    0x00a0_0313, // li    t1, '\n'
    0x0062_a023, // sw    t1, 0(t0)
    0x0010_02b7, // lui   t0, 0x100
    0x0000_5337, // lui   t1, 5
    0x5553_0313, // addi  t1, t1, 0x555
    0x0062_a023, // sw    t1, 0(t0)
    0x0000_006f, // j     .
];

/// Resets the first time, powers off the second: memory keeps which it is.
const RESET_ONCE: &[u32] = &[
    0x0000_1397, // auipc t2, 1
    0x0003_ae03, // lw    t3, 0(t2)
    0x0010_02b7, // lui   t0, 0x100
    0x000e_1a63, // bnez  t3, 1f
    0x0053_a023, // sw    t0, 0(t2)
    0x0000_7337, // lui   t1, 7
    0x7773_0313, // addi  t1, t1, 0x777
    0x00c0_006f, // j     2f
    0x0000_5337, // 1: lui t1, 5
    0x5553_0313, // addi  t1, t1, 0x555
    0x0062_a023, // 2: sw t1, 0(t0)
    0x0000_006f, // j     .
];

/// Puts a script and a guest into a directory, and runs the script; `{dir}` is the directory.
fn run(scratch: &Scratch, script: &str, options: &[&str]) -> Result<Ended> {
    let dir = scratch.path("").display().to_string();
    let dir = dir.trim_end_matches('/');
    let file = scratch.file("x.qmp", script.replace("{dir}", dir))?.display().to_string();
    let mut arguments = vec!["run".to_string(), file];
    arguments.extend(options.iter().map(|option| option.replace("{dir}", dir)));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program::run(&arguments)
}

#[test]
fn a_script_may_be_written_in_many_ways() -> Result<()> {
    // A line, and what `query` after it prints.
    let rows: &[(&str, &str, &str)] = &[
        (
            "device_add driver=sysbus-memory id=m size=0x4000",
            "qom-get path=m property=size",
            "16384",
        ),
        (
            "device_add driver=sysbus-memory id=m size=0x1_0000",
            "qom-get path=m property=size",
            "65536",
        ),
        (
            "device_add driver=sysbus-memory id=m size=16KiB",
            "qom-get path=m property=size",
            "16384",
        ),
        (
            "device_add driver=sysbus-memory id=m size=1G",
            "qom-get path=m property=size",
            "1073741824",
        ),
        (
            "device_add driver=sysbus-memory id=m size=\"16K\"",
            "qom-get path=m property=size",
            "16384",
        ),
        (
            "device_add driver=sysbus-memory id=m size=4096 readonly=on",
            "qom-get path=m property=readonly",
            "true",
        ),
        (
            "device_add driver=sysbus-memory id=m size=4096 readonly=True",
            "qom-get path=m property=readonly",
            "true",
        ),
        (
            "device_add driver='sysbus-memory' id=\"m\" size=1",
            "qom-get path='m' property=\"size\"",
            "1",
        ),
        (
            "device_add driver=sysbus-memory \\\n    id=m \\\n    size=2",
            "qom-get \\\n path=m property=size",
            "2",
        ),
        (
            "\tdevice_add   driver=sysbus-memory\tid=m size=3   ",
            "qom-get path=m property=size # why",
            "3",
        ),
        (
            "device_add driver=sysbus-memory id=m size=4 // slashes",
            "qom-get path=m property=size",
            "4",
        ),
        (
            "# device_add driver=nope\n// nor this\n\n\ndevice_add driver=sysbus-memory id=m size=5",
            "qom-get path=m property=size",
            "5",
        ),
        (
            "device_add driver=unimplemented-device id=m name=\"two # words\" size=6",
            "qom-get path=m property=name",
            "\"two # words\"",
        ),
        (
            "device_add driver=unimplemented-device id=m name=a#b//c size=6",
            "qom-get path=m property=name",
            "\"a#b//c\"",
        ),
        (
            "device_add driver=unimplemented-device id=m name='say \\\"hi\\\"' size=6",
            "qom-get path=m property=name",
            r#""say \"hi\"""#,
        ),
        ("x-log-set items=[\"unimp\"]", "qom-list-types implements=tcg-accel", "tcg-accel"),
        ("device_add driver=sysbus-memory id=m size=7\r", "qom-get path=m property=size\r", "7"),
    ];
    let scratch = Scratch::new()?;
    for (line, query, printed) in rows {
        let ended = run(&scratch, &format!("{BEGIN}{line}\n{query}"), &[])?;
        ensure!(ended.status.success(), "{line}: {ended:?}");
        let answer =
            ended.err.lines().rev().find(|line| line.starts_with("    ")).unwrap_or_default();
        ensure!(answer.contains(printed), "{line}\n{query}: {printed} is not in\n{}", ended.err);
    }
    Ok(())
}

#[test]
fn a_refused_command_stops_the_script_at_its_line() -> Result<()> {
    // What follows the three lines of BEGIN; the place, the text, and the line shown.
    let rows: &[(&str, &str, &str, &str)] = &[
        (
            "devise_add driver=loader",
            "x.qmp:4:1: ",
            "The command devise_add has not been found (did you mean device_add",
            "devise_add driver=loader",
        ),
        ("  device_add", "x.qmp:4:3: ", "Parameter 'driver' is missing", "device_add"),
        (
            "\n# comment\ndevice_add driver=sysbus-memory id=m",
            "x.qmp:6:1: ",
            "'size' must be non-zero.",
            "device_add driver=sysbus-memory id=m",
        ),
        (
            "device_add driver=sysbus-memory \\\n  id=m size=big",
            "x.qmp:4:1: ",
            "Parameter 'size' expects a size",
            "device_add driver=sysbus-memory id=m size=big",
        ),
        (
            "accel-set",
            "x.qmp:4:1: ",
            "not permitted at this phase (now 'initialized'; permitted at: machine-created)",
            "accel-set",
        ),
        ("stop", "x.qmp:4:1: ", "(now 'initialized'; permitted at: ready)", "stop"),
        (
            "qom-list path=nowhere",
            "x.qmp:4:1: ",
            "Device 'nowhere' not found",
            "qom-list path=nowhere",
        ),
        (
            "query-status bogus=1",
            "x.qmp:4:1: ",
            "Parameter 'bogus' is unexpected",
            "query-status bogus=1",
        ),
    ];
    let scratch = Scratch::new()?;
    for (line, place, text, shown) in rows {
        let script = format!(
            "{BEGIN}{line}\nx-log-set items=[] filename=\"{{dir}}/reached\"\nnext-machine-phase\n"
        );
        let ended = run(&scratch, &script, &[])?;
        ensure!(ended.status.code() == Some(1), "{line}: {ended:?}");
        ensure!(!scratch.path("reached").exists(), "{line}: the script went on");
        let (_, message) = ended.err.split_once("boardwright: ").unwrap_or_default();
        let mut lines = message.lines();
        let first = lines.next().unwrap_or_default();
        ensure!(first.contains(place) && first.contains(text), "{line}: {first}");
        ensure!(
            lines.next() == Some(*shown) && lines.next().is_some_and(|caret| caret.trim() == "^"),
            "{line}: {message}"
        );
    }
    Ok(())
}

#[test]
fn a_malformed_line_executes_nothing() -> Result<()> {
    let rows: &[(&str, &str, &str)] = &[
        ("device_add driver", "x.qmp:4:12: ", "expected key=value, found 'driver'"),
        ("device_add driver=a driver=b", "x.qmp:4:21: ", "'driver' is given twice"),
        ("device_add id=\"m", "x.qmp:4:15: ", "no closing \" on this line"),
        ("x-log-set items=[1", "x.qmp:4:17: ", "no ']' on this line"),
        ("x-log-set items=[1}", "x.qmp:4:19: ", "expected ',' or ']', found '}'"),
        ("id=m size=1", "x.qmp:4:1: ", "expected a command, found 'id=m'"),
        ("{\"execute\": \"stop\"}", "x.qmp:4:1: ", "expected a command"),
        ("device_add size=99999999999999999999", "x.qmp:4:17: ", "does not fit 64 bits"),
        ("device_add a..b=1", "x.qmp:4:12: ", "'a..b' is no parameter name"),
    ];
    let scratch = Scratch::new()?;
    for (line, place, text) in rows {
        let ended = run(&scratch, &format!("{BEGIN}{line}\n"), &[])?;
        ensure!(ended.status.code() == Some(1), "{line}: {ended:?}");
        ensure!(ended.err.contains(place) && ended.err.contains(text), "{line}: {}", ended.err);
        ensure!(
            !ended.err.contains("machine-set"),
            "{line}: something was executed: {}",
            ended.err
        );
        let source = line.lines().next().unwrap_or_default();
        ensure!(
            ended.err.contains(source) && ended.err.trim_end().ends_with('^'),
            "{line}: {}",
            ended.err
        );
    }
    Ok(())
}

#[test]
fn scripts_that_are_none_or_end_early() -> Result<()> {
    let scratch = Scratch::new()?;
    let missing = program::run(&["run", "/no/where.qmp"])?;
    ensure!(missing.status.code() == Some(1), "{missing:?}");
    ensure!(
        missing.err.contains("Cannot read '/no/where.qmp': No such file or directory"),
        "{}",
        missing.err
    );
    let none = program::run(&["run"])?;
    ensure!(
        none.status.code() == Some(1) && none.err.contains("run needs a board script"),
        "{none:?}"
    );
    let bytes = scratch.file("bytes.qmp", [0xff, 0xfe, 0])?.display().to_string();
    let bytes = program::run(&["run", &bytes])?;
    ensure!(bytes.status.code() == Some(1) && bytes.err.contains("bytes.qmp"), "{bytes:?}");
    for (script, phase) in [
        ("", "no-machine"),
        ("# nothing", "no-machine"),
        ("machine-set type=none", "machine-created"),
        (BEGIN, "initialized"),
    ] {
        let ended = run(&scratch, script, &[])?;
        ensure!(ended.status.success(), "{script:?}: {ended:?}");
        let text =
            format!("the script ends at '{phase}': set-machine-phase phase=ready runs the board");
        ensure!(ended.err.contains(&text), "{script:?}: {}", ended.err);
    }
    let quits = run(&scratch, "machine-set type=none\nquit\n", &[])?;
    ensure!(quits.status.success(), "{quits:?}");
    Ok(())
}

#[test]
fn the_guest_decides_on_the_status() -> Result<()> {
    for (guest, status, console) in
        [(FAIL_3, 3, ""), (PRINT_AND_PASS, 0, "ok\n"), (RESET_ONCE, 0, "")]
    {
        let scratch = Scratch::new()?;
        scratch.words("guest", guest)?;
        let ended = run(&scratch, &format!("{BOARD}set-machine-phase phase=ready\n"), &[])?;
        ensure!(ended.status.code() == Some(status), "{ended:?}");
        ensure!(ended.out == console, "{ended:?}");
        ensure!(ended.err.contains("-> ready"), "{}", ended.err);
    }
    Ok(())
}

#[test]
fn what_a_guest_says_at_once_is_heard() -> Result<()> {
    // The terminal may still be about to be served when the guest speaks.
    let scratch = Scratch::new()?;
    scratch.words("guest", PRINT_AND_PASS)?;
    for _ in 0..30 {
        let ended = run(&scratch, &format!("{BOARD}next-machine-phase\n"), &[])?;
        ensure!(ended.status.success() && ended.out == "ok\n", "{ended:?}");
    }
    Ok(())
}

#[test]
fn options_go_with_a_script() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.words("guest", PRINT_AND_PASS)?;
    let ended =
        run(&scratch, &format!("{BOARD}next-machine-phase\n"), &["-serial", "file:{dir}/console"])?;
    ensure!(ended.status.success() && !ended.out.contains("ok"), "{ended:?}");
    ensure!(std::fs::read_to_string(scratch.path("console"))? == "ok\n");
    // A machine by option, the rest by script.
    let rest = BOARD.replace("machine-set type=none\n", "");
    let ended =
        run(&scratch, &format!("{rest}next-machine-phase\n"), &["-M", "none", "-name", "mixed"])?;
    ensure!(ended.status.success() && ended.out == "ok\n", "{ended:?}");
    // A device by option is there when `initialized` is entered.
    let script = format!("{BEGIN}qom-get path=extra property=size\n");
    let ended = run(&scratch, &script, &["-device", "sysbus-memory,id=extra,size=8K"])?;
    ensure!(ended.status.success() && ended.err.contains("    8192"), "{ended:?}");
    Ok(())
}

#[test]
fn a_script_may_leave_the_rest_to_a_client() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.words("guest", FAIL_3)?;
    let dir = scratch.path("").display().to_string();
    let script = format!("{BOARD}next-machine-phase\n").replace("{dir}/", &dir);
    scratch.file("x.qmp", script)?;
    let file = scratch.path("x.qmp").display().to_string();
    let (program, mut client) = with_script(scratch, &file, &["-S"])?;
    ensure!(client.phase()? == "ready");
    let status = client.execute("query-status", json!({}))?;
    ensure!(status == json!({ "status": "prelaunch", "running": false }), "{status}");
    client.execute("cont", json!({}))?;
    let event = client.wait_event("SHUTDOWN")?;
    ensure!(event["data"] == json!({ "guest": true, "reason": "guest-shutdown" }), "{event}");
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(3), "{ended:?}");
    Ok(())
}

#[test]
fn a_guest_can_ask_for_a_reset() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.words("guest", RESET_ONCE)?;
    let dir = scratch.path("").display().to_string();
    scratch.file("x.qmp", BOARD.replace("{dir}/", &dir))?;
    let file = scratch.path("x.qmp").display().to_string();
    // The script ends at `initialized`; the client goes on.
    let (program, mut client) = with_script(scratch, &file, &[])?;
    ensure!(client.phase()? == "initialized");
    client.execute("next-machine-phase", json!({}))?;
    let event = client.wait_event("RESET")?;
    ensure!(event["data"] == json!({ "guest": true, "reason": "guest-reset" }), "{event}");
    let event = client.wait_event("SHUTDOWN")?;
    ensure!(event["data"]["reason"] == "guest-shutdown", "{event}");
    let before = client.take_events();
    ensure!(before.iter().filter(|name| *name == "RESET").count() == 0, "{before:?}");
    ensure!(program.ended()?.status.success());
    Ok(())
}

/// A script with a QMP socket; the client comes when all lines are executed.
fn with_script(
    scratch: Scratch,
    file: &str,
    options: &[&str],
) -> Result<(Program, boardwright_tests::client::Client)> {
    let mut arguments = vec!["run", file];
    arguments.extend(options);
    arguments.extend(["-qmp", "unix:{dir}/qmp,server=on,wait=off"]);
    let program = Program::start_in(scratch, &arguments)?;
    let client = boardwright_tests::client::Client::connect(&program.scratch().path("qmp"))?;
    Ok((program, client))
}
