//! Where serial ports go.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript::words;
use boardwright_tests::{PATIENCE, program};
use serde_json::json;

use super::wait_until;

/// Labels of back ends, and the begin of what `query-chardev` says of them.
const PORTS: &[(&str, &str)] = &[
    ("compat_monitor0", "unix:{dir}/qmp,server=on"),
    ("mine", "null"),
    ("serial0", "file"),
    ("serial1", "pty:/dev/pts/"),
    ("serial2", "disconnected:tcp:127.0.0.1:"),
    ("serial3", "disconnected:unix:{dir}/line,server=on"),
    ("serial4", "null"),
];

#[test]
fn serial_ports_go_where_they_are_sent() -> Result<()> {
    let (program, mut client) = Program::with_qmp(&words(concat!(
        "-M none -S -serial file:{dir}/out -serial pty -serial tcp:127.0.0.1:0,server=on,wait=off ",
        "-serial unix:{dir}/line,server,nowait -serial null -serial none ",
        "-chardev null,id=mine -serial chardev:mine",
    )))?;
    let dir = program.scratch().path("").display().to_string();
    let told = client.execute("query-chardev", json!({}))?;
    assert_eq!(told.as_array().map(Vec::len), Some(PORTS.len()), "{told}");
    for (label, expected) in PORTS {
        let expected = expected.replace("{dir}/", &dir);
        let filename = filename(&mut client, label)?;
        assert!(filename.starts_with(&expected), "{label}: {filename}");
    }
    assert!(program.scratch().path("out").is_file() && program.scratch().path("line").exists());
    Ok(())
}

fn filename(client: &mut Client, label: &str) -> Result<String> {
    let all = client.execute("query-chardev", json!({}))?;
    let entry = all.as_array().into_iter().flatten().find(|entry| entry["label"] == label);
    let entry = entry.with_context(|| format!("no {label} in {all}"))?;
    Ok(entry["filename"].as_str().unwrap_or_default().into())
}

/// The other end of `serial0`, once the program knows of it.
fn dial(program: &Program, client: &mut Client) -> Result<Box<dyn Read>> {
    let name = filename(client, "serial0")?;
    if let Some(path) = name.strip_prefix("pty:") {
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits())?;
        let pty = OpenOptions::new().read(true).write(true).custom_flags(nonblocking).open(path)?;
        // Somebody who opens a pseudo terminal is noticed a few times a second.
        std::thread::sleep(std::time::Duration::from_millis(500));
        return Ok(Box::new(pty));
    }
    let end: Box<dyn Read> = match name.strip_prefix("disconnected:tcp:") {
        Some(address) => {
            let stream = TcpStream::connect(address.split(',').next().unwrap_or_default())?;
            stream.set_nonblocking(true)?;
            Box::new(stream)
        }
        None => {
            let stream = UnixStream::connect(program.scratch().path("line"))?;
            stream.set_nonblocking(true)?;
            Box::new(stream)
        }
    };
    // Until then output is discarded.
    wait_until("the connection", || {
        filename(client, "serial0").is_ok_and(|name| !name.starts_with("disconnected:"))
    })?;
    Ok(end)
}

/// What a guest of five instructions writes to the UART arrives at every kind of back end.
#[test]
fn what_the_guest_writes_arrives() -> Result<()> {
    let guest = [
        0x1001_32b7, // lui t0, 0x10013: the UART
        0x0010_0313, // li t1, 1
        0x0062_a423, // sw t1, 8(t0): transmission on
        0x0580_0313, // li t1, 'X'
        0x0062_a023, // sw t1, 0(t0)
        0x0000_006f, // j .
    ];
    let backends = [
        "stdio",
        "file:{dir}/out",
        "chardev:c",
        "pty",
        "tcp:127.0.0.1:0,server,nowait",
        "unix:{dir}/line,server=on,wait=off",
    ];
    for backend in backends {
        let scratch = Scratch::new()?;
        scratch.words("guest", &guest)?;
        let line = format!(
            "-M sifive_dt -S -chardev file,id=c,path={{dir}}/out -serial {backend} \
             -device loader,file={{dir}}/guest,addr=0x80000000,cpu-num=0"
        );
        let (mut program, mut client) = Program::with_qmp_in(scratch, &words(&line))?;
        let mut end = match backend {
            "stdio" | "chardev:c" | "file:{dir}/out" => None,
            _ => Some(dial(&program, &mut client)?),
        };
        client.talk("-> cont\n<- event RESUME\n<- {}").context(backend)?;
        match &mut end {
            None if backend == "stdio" => drop(program.wait_for("X")?),
            None => wait_until("output in the file", || {
                std::fs::read(program.scratch().path("out")).is_ok_and(|out| out == b"X")
            })?,
            Some(end) => {
                let mut heard = [0; 8];
                wait_until(backend, || matches!(end.read(&mut heard), Ok(1)))?;
                assert_eq!(heard[0], b'X', "{backend}");
            }
        }
        client.talk("-> query-status\n<- {\"running\": true, \"status\": \"running\"}")?;
    }
    Ok(())
}

/// A pseudo terminal serves one user after the other, and all that time the rest of the program.
#[test]
fn a_pseudo_terminal_outlives_its_users() -> Result<()> {
    let (_program, mut client) =
        Program::with_qmp(&words("-M none -S -chardev pty,id=m -mon m,mode=control"))?;
    let name = filename(&mut client, "m")?;
    let path = name.strip_prefix("pty:").context("no pty")?;
    for round in 0..4 {
        let mut user = OpenOptions::new().read(true).write(true).open(path)?;
        let greeting = read_line(&mut user)?;
        assert!(greeting.starts_with("{\"QMP\": "), "{round}: {greeting}");
        user.write_all(b"{\"execute\": \"qmp_capabilities\", \"id\": 7}")?;
        let answer = read_line(&mut user)?;
        assert_eq!(answer, "{\"return\": {}, \"id\": 7}\r\n", "{round}");
        // Between, and while it hangs up.
        assert_eq!(client.phase()?, "ready");
        drop(user);
        assert_eq!(client.phase()?, "ready");
        if round == 1 {
            // Long enough to be noticed; otherwise the next user comes at once.
            std::thread::sleep(std::time::Duration::from_millis(400));
        }
    }
    client.execute("quit", json!({})).map(drop)
}

/// Reads byte by byte what comes, in a thread, so that a test without an answer ends.
fn read_line(from: &mut File) -> Result<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut from = from.try_clone()?;
    std::thread::spawn(move || {
        let mut line = Vec::new();
        let mut byte = [0];
        while line.last() != Some(&b'\n') && matches!(from.read(&mut byte), Ok(1)) {
            line.push(byte[0]);
        }
        // As long as it is open, the terminal has a user.
        drop(from);
        // The test may have given up.
        let _ = sender.send(line);
    });
    let line = receiver.recv_timeout(PATIENCE).context("nothing comes from the terminal")?;
    Ok(String::from_utf8(line)?)
}

/// `-serial` more than once: only the first is there by default, and one stdio is enough.
#[test]
fn standard_output_has_one_user() -> Result<()> {
    let ended = program::run(&words("-M none -serial stdio -serial stdio"))?;
    assert!(ended.err.contains("stdio is in use by -serial stdio"), "{ended:?}");
    Ok(())
}
