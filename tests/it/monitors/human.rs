//! The human monitor: by the command `human-monitor-command`, and at a socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result, bail};
use boardwright_tests::PATIENCE;
use boardwright_tests::program::Program;
use boardwright_tests::transcript::{check, words};
use serde_json::json;

use super::BOARD;

/// Lines of the human monitor at `ready`, and a part of what each prints.
const LINES: &[(&str, &str)] = &[
    ("info status", "VM status: paused (prelaunch)\r\n"),
    ("info name", "board\r\n"),
    ("info version", "10.0.2 (boardwright "),
    ("info mtree", "0000000080000000-0000000087ffffff (prio 0): "),
    ("info qtree", "dev: riscv.sifive.plic, id \""),
    ("info registers", "\r\nCPU#0\r\n pc  "),
    ("info chardev", "serial0: filename=null\r\n"),
    ("info", "info registers  -- show the cpu registers\r\n"),
    ("help", "cont|c  -- resume emulation\r\n"),
    ("help", "qom-list path -- "),
    ("help system_reset", "system_reset \r\n    "),
    ("help q", "quit|q  -- quit the emulator\r\n"),
    ("help sysbus-mmio-map", "  priority (int32)  "),
    ("help nonsense", "unknown command: 'nonsense'\r\n"),
    ("?", "cont|c  -- resume emulation\r\n"),
    ("nonsense", "unknown command: 'nonsense'\r\n"),
    ("device_dell x", "unknown command: 'device_dell'; did you mean device_del?\r\n"),
    ("system_reset now", "Error: 'system_reset' takes no more than '': 'now' is too much\r\n"),
    ("qom-get /machine type", "sifive_dt-machine\r\n"),
    ("qom_get /machine property=type", "sifive_dt-machine\r\n"),
    ("qom-get /machine", "Error: Parameter 'property' is missing\r\n"),
    ("query-machine-phase", "phase: ready\r\n"),
    ("info machine-phase", "phase: ready\r\n"),
    ("info cpus-fast", "  thread-id: "),
    ("info qom-tree", "\r\n  /peripheral (container)\r\n"),
    ("object_add memory-backend-ram,id=m0,size=4K", ""),
    ("object_add memory-backend-ram,id=m0,size=4K", "Error: "),
    ("qom-get /objects/m0 size", "4096\r\n"),
    ("object-del m0", ""),
    ("chardev-add null,id=n0", ""),
    ("chardev-remove n0", ""),
    ("info nonsense", "unknown command: 'info nonsense'\r\n"),
    (
        "device_add sysbus-memory,id=late,size=4K",
        "Error: Bus 'main-system-bus' does not support hotplugging\r\n",
    ),
    ("device_add", "Error: "),
    ("device_add help", "name \"loader\"\r\n"),
    ("", ""),
    ("c", ""),
    ("info status", "VM status: running\r\n"),
    ("system_reset", ""),
    ("stop", ""),
    ("info status", "VM status: paused\r\n"),
];

#[test]
fn a_line_of_the_human_monitor_by_command() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&words(BOARD))?;
    for (line, expected) in LINES {
        let printed = client.execute("human-monitor-command", json!({ "command-line": line }))?;
        let printed = printed.as_str().context("no string")?;
        assert!(printed.contains(expected), "{line}: {printed}");
        assert_eq!(printed.is_empty(), expected.is_empty(), "{line}: {printed}");
        assert_eq!(
            printed.matches('\n').count(),
            printed.matches("\r\n").count(),
            "{line}: {printed}"
        );
    }
    assert_eq!(client.take_events(), ["RESUME", "RESET", "STOP"]);
    let argument = json!({ "command-line": "info registers", "cpu-index": 1 });
    assert_eq!(
        client.refused("human-monitor-command", argument)?,
        "Parameter 'cpu-index' expects a CPU number"
    );
    Ok(())
}

/// Before there is a board the lines that need one say so.
#[test]
fn a_line_of_the_human_monitor_before_ready() -> Result<()> {
    check(
        "-M none -preconfig",
        r#"
        -> human-monitor-command {"command-line": "info registers"}
        <- "Error: No CPU runs at 'accel-created': harts exist from 'ready' on\r\n"
        -> human-monitor-command {"command-line": "info qtree"}
        <- "Error: There is no board at 'accel-created': it exists from 'initialized' on\r\n"
        -> human-monitor-command {"command-line": "device_add sysbus-memory,id=m,size=4K"}
        <- "Error: The command 'device_add' is not permitted at this phase\r\n"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> human-monitor-command {"command-line": "device_add sysbus-memory,id=m,size=4K"}
        <- ""
        -> qom-get path=m property=size
        <- 4096
        -> human-monitor-command {"command-line": "cont"}
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- event RESUME
        <- ""
        "#,
    )
}

/// A person at the other end of a socket.
struct Person {
    stream: UnixStream,
    heard: String,
}

impl Person {
    fn connect(path: &Path) -> Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, heard: String::new() })
    }

    /// Reads up to the next prompt.
    fn hear(&mut self) -> Result<String> {
        const PROMPT: &str = "(qemu) ";
        let mut bytes = [0; 4096];
        loop {
            if let Some(at) = self.heard.find(PROMPT) {
                let rest = self.heard.split_off(at + PROMPT.len());
                return Ok(std::mem::replace(&mut self.heard, rest));
            }
            let count = self.stream.read(&mut bytes).context(self.heard.clone())?;
            if count == 0 {
                bail!("hung up after {:?}", self.heard);
            }
            self.heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}

#[test]
fn a_person_at_a_socket() -> Result<()> {
    let line = format!("{BOARD} -monitor unix:{{dir}}/person,server,nowait");
    let (program, mut client) = Program::with_qmp(&words(&line))?;
    let path = program.scratch().path("person");
    for _ in 0..2 {
        let mut person = Person::connect(&path)?;
        let banner = "QEMU 10.0.2 monitor - type 'help' for more information\r\n(qemu) ";
        assert_eq!(person.hear()?, banner);
    }
    let mut person = Person::connect(&path)?;
    person.hear()?;
    for (line, expected) in LINES {
        person.stream.write_all(format!("{line}\n").as_bytes())?;
        let printed = person.hear()?;
        assert!(printed.contains(line) && printed.contains(expected), "{line}: {printed}");
    }
    client.wait_event("RESET")?;
    person.stream.write_all(b"quit\n")?;
    client.wait_event("SHUTDOWN")?;
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}
