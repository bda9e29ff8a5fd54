//! The session that the RFC shows, word for word, with the peer's own client: qmp-shell of the
//! Python package qemu.qmp, as it comes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use boardwright_tests::PATIENCE;
use boardwright_tests::program::{Program, root};

/// What is typed, and what qmp-shell prints.
const SESSION: &[(&str, &str)] = &[
    ("query-machine-phase", r#"{"return": {"phase": "accel-created"}}"#),
    ("next-machine-phase", r#"{"return": {}}"#),
    ("query-machine-phase", r#"{"return": {"phase": "initialized"}}"#),
    ("device_add driver=sysbus-memory id=mem0 size=0x1000", r#"{"return": {}}"#),
    ("device_add driver=riscv.sifive.uart id=uart9", r#"{"return": {}}"#),
    ("sysbus-mmio-map device=mem0 addr=0x20000000", r#"{"return": {}}"#),
    ("x-sysbus-mmio-map device=uart9 mmio=0 addr=0x20001000", r#"{"return": {}}"#),
    ("next-machine-phase", r#"{"return": {}}"#),
    ("query-machine-phase", r#"{"return": {"phase": "ready"}}"#),
];

/// A second client, after the first has left: the machine is as it was left.
const LATER: &[(&str, &str)] = &[
    ("query-machine-phase", r#"{"return": {"phase": "ready"}}"#),
    (
        "next-machine-phase",
        r#"{"error": {"class": "GenericError", "desc": "Cannot increment machine init phase any further"}}"#,
    ),
    (
        "advance-machine-phase phase=ready",
        r#"{"error": {"class": "GenericError", "desc": "Machine is already in the target phase"}}"#,
    ),
    (
        "advance-machine-phase phase=initialized",
        r#"{"error": {"class": "GenericError", "desc": "Target machine phase already entered"}}"#,
    ),
    (
        "device_add driver=sysbus-memory id=mem1 size=0x1000",
        r#"{"error": {"class": "GenericError", "desc": "Bus 'main-system-bus' does not support hotplugging"}}"#,
    ),
    ("qom-get path=/machine/peripheral/mem0 property=size", r#"{"return": 4096}"#),
    ("query-status", r#"{"return": {"running": true, "status": "running"}}"#),
];

/// Commands that come too early, at `accel-created`.
const EARLY: &[(&str, &str)] = &[
    (
        "advance-machine-phase phase=no-machine",
        r#"{"error": {"class": "GenericError", "desc": "Target machine phase already entered"}}"#,
    ),
    ("qom-get path=/machine property=dtb", r#"{"return": null}"#),
    ("query-status", r#"{"return": {"running": false, "status": "prelaunch"}}"#),
];

fn qmp_shell() -> Result<PathBuf> {
    let path = std::env::var_os("BOARDWRIGHT_QMP_SHELL")
        .map_or_else(|| root().join("target/venv/bin/qmp-shell"), PathBuf::from);
    if !path.is_file() {
        bail!("there is no {}: run tests/setup/install.sh", path.display());
    }
    Ok(path)
}

/// Types the lines into qmp-shell and compares all that it prints.
fn converse(shell: &Path, directory: &Path, lines: &[(&str, &str)]) -> Result<()> {
    let mut child = Command::new(shell)
        .arg("./qmp-sock")
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}: run tests/setup/install.sh", shell.display()))?;
    let mut typed = child.stdin.take().context("no stdin")?;
    for (line, _) in lines {
        writeln!(typed, "{line}")?;
    }
    drop(typed);
    let output = child.wait_with_output()?;
    let printed = String::from_utf8(output.stdout)?;
    let mut expected =
        String::from("Welcome to the QMP low-level shell!\nConnected to QEMU 10.0.2\n\n");
    for (_, answer) in lines {
        expected.push_str(&format!("(QEMU) {answer}\n"));
    }
    // The end of its input.
    expected.push_str("(QEMU) \n");
    assert_eq!(printed, expected, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Starts the program as the RFC does and waits until it waits for its client.
fn start(options: &[&str]) -> Result<Program> {
    let mut all = vec!["-M", "sifive_dt", "-qmp", "unix:./qmp-sock,server", "-preconfig"];
    all.extend(options);
    let mut program = Program::start_there(&all)?;
    let begin = Instant::now();
    while !program.scratch().path("qmp-sock").exists() {
        if begin.elapsed() > PATIENCE || !program.is_running() {
            bail!("no socket\n{}", program.err());
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    program.wait_for_err("waiting for connection on: disconnected:unix:./qmp-sock,server=on")?;
    Ok(program)
}

fn check(options: &[&str]) -> Result<()> {
    let shell = qmp_shell()?;
    let mut program = start(options)?;
    let directory = program.scratch().path("");
    for lines in [EARLY, SESSION, LATER] {
        converse(&shell, &directory, lines)?;
    }
    assert!(program.is_running(), "{}", program.err());
    Ok(())
}

#[test]
fn the_session_of_the_rfc_on_64_bits() -> Result<()> {
    check(&[])
}

#[test]
fn the_session_of_the_rfc_on_32_bits() -> Result<()> {
    check(&["-cpu", "rv32"])
}

/// `-S` first: at `ready` the guest stands until `cont`.
#[test]
fn the_session_of_the_rfc_with_a_guest_that_stands() -> Result<()> {
    let shell = qmp_shell()?;
    let program = start(&["-S"])?;
    let directory = program.scratch().path("");
    converse(&shell, &directory, SESSION)?;
    converse(
        &shell,
        &directory,
        &[
            ("query-status", r#"{"return": {"running": false, "status": "prelaunch"}}"#),
            ("cont", r#"{"return": {}}"#),
            ("query-status", r#"{"return": {"running": true, "status": "running"}}"#),
        ],
    )
}
