//! `shell`: with lines given, piped and typed; at Boardwright and at QEMU.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use boardwright_tests::PATIENCE;
use boardwright_tests::program::{self, Ended, Program, Scratch, executable};

/// A program with a socket `{dir}/qmp`.
fn server(arguments: &[&str]) -> Result<Program> {
    let mut all = vec!["-qmp", "unix:{dir}/qmp,server=on,wait=off", "-display", "none"];
    all.extend(arguments);
    let program = Program::start(&all)?;
    wait_for_socket(program.scratch())?;
    Ok(program)
}

fn wait_for_socket(scratch: &Scratch) -> Result<()> {
    let begin = Instant::now();
    while !scratch.path("qmp").exists() {
        ensure!(begin.elapsed() < PATIENCE, "there is no socket");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn shell(scratch: &Scratch, options: &[&str], input: &str) -> Result<Ended> {
    let socket = scratch.path("qmp").display().to_string();
    let mut arguments = vec!["shell", &socket];
    arguments.extend(options);
    let mut program = Program::start(&arguments)?;
    program.type_in(input)?;
    program.close_input();
    program.ended()
}

/// Options, standard input, status, and texts on standard output and error.
type Row<'a> = (&'a [&'a str], &'a str, i32, &'a [&'a str], &'a [&'a str]);

fn check(scratch: &Scratch, rows: &[Row<'_>]) -> Result<()> {
    for (options, input, status, out, err) in rows {
        let ended = shell(scratch, options, input)?;
        ensure!(ended.status.code() == Some(*status), "{options:?} {input:?}: {ended:?}");
        for text in *out {
            ensure!(
                ended.out.contains(text),
                "{options:?} {input:?}: no {text:?} in {}",
                ended.out
            );
        }
        for text in *err {
            ensure!(
                ended.err.contains(text),
                "{options:?} {input:?}: no {text:?} in {}",
                ended.err
            );
        }
        ensure!(err.is_empty() == ended.err.is_empty(), "{options:?} {input:?}: {ended:?}");
    }
    Ok(())
}

#[test]
fn lines_are_executed_up_to_the_first_that_fails() -> Result<()> {
    let server = server(&["-M", "none", "-preconfig"])?;
    check(
        server.scratch(),
        &[
            (
                &["-c", "query-machine-phase"],
                "",
                0,
                &["{\n  \"phase\": \"accel-created\"\n}\n"],
                &[],
            ),
            (
                &["--json", "-c", "query-machine-phase"],
                "",
                0,
                &["{\"return\":{\"phase\":\"accel-created\"}}\n"],
                &[],
            ),
            (&[], "# nothing\n\nquery-status\n", 0, &["\"status\": \"prelaunch\""], &[]),
            (&["-c", "help query-status"], "", 0, &["query-status\n    "], &[]),
            (&["-c", "help"], "", 0, &["\n  device_add ", "\n  query-status "], &[]),
            (&["-c", "help device_add"], "", 0, &["\n  driver=", "and more, by driver"], &[]),
            (
                &["-c", "help query-statu"],
                "",
                1,
                &[],
                &["there is no command 'query-statu': did you mean query-status"],
            ),
            (
                &[],
                "next-machine-phase\ndevice_add driver=sysbus-memory id=ram size=16KiB\nnope\nquery-status\n",
                1,
                &["* MACHINE_PHASE_CHANGE {\"phase\":\"initialized\"}"],
                &["CommandNotFound: The command nope has not been found"],
            ),
            (
                &["-c", "qom-get path=ram property=size", "-c", "exit", "-c", "nope"],
                "",
                0,
                &["16384\n"],
                &[],
            ),
            (
                &[
                    "-c",
                    "{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"ram\", \"property\": \"size\"}}",
                ],
                "",
                0,
                &["16384\n"],
                &[],
            ),
            (
                &[
                    "-c",
                    "for i in 0..2 { device_add driver=sysbus-memory id=m$i size=${4096 * (i + 1)} }",
                    "-c",
                    "qom-get path=m1 property=size",
                ],
                "",
                0,
                &["8192\n"],
                &[],
            ),
            (&["-c", "device_add driver=sysbus-memory"], "", 1, &[], &["GenericError: "]),
            (
                &["-c", "device_add driver"],
                "",
                1,
                &[],
                &[
                    "line:1:12: expected key=value, found 'driver'\ndevice_add driver\n           ^\n",
                ],
            ),
            (&["-c", "quer-status"], "", 1, &[], &["did you mean query-status"]),
            (
                &["--json", "-c", "quer-status"],
                "",
                1,
                &["{\"error\":{\"class\":\"CommandNotFound\",\"desc\":"],
                &[],
            ),
            (
                &["-c", "system_powerdown"],
                "",
                1,
                &[],
                &["not permitted at this phase (now 'initialized'; permitted at: "],
            ),
            (
                &["-c", "human-monitor-command command-line=\"info version\""],
                "",
                0,
                &["boardwright"],
                &[],
            ),
            (&["-c", "quit"], "", 0, &["* SHUTDOWN "], &[]),
        ],
    )
}

#[test]
fn sockets_that_lead_nowhere_are_named() -> Result<()> {
    let scratch = Scratch::new()?;
    let silent = scratch.file("file", "x")?.display().to_string();
    let rows: &[(&[&str], &str)] = &[
        (&[], "shell needs a socket\nusage: boardwright shell "),
        (&["/no/where"], "Cannot connect to '/no/where': No such file or directory"),
        (&["unix:/no/where"], "Cannot connect to 'unix:/no/where': No such file or directory"),
        (&["nowhere"], "Cannot connect to 'nowhere': No such file or directory"),
        (&[&silent], "Connection refused"),
        (&["127.0.0.1:1"], "Cannot connect to '127.0.0.1:1': Connection refused"),
        (&["tcp:127.0.0.1"], "Cannot connect to 'tcp:127.0.0.1': "),
        (&["/no/where", "query-status"], "a line to execute is given with -c 'LINE'"),
        (&["/no/where", "--jsn"], "shell has no option --jsn; did you mean --json?"),
        (&["/no/where", "-c"], "option --c needs a value: "),
    ];
    for (arguments, text) in rows {
        let arguments: Vec<&str> =
            std::iter::once("shell").chain(arguments.iter().copied()).collect();
        let ended = program::run(&arguments)?;
        ensure!(ended.status.code() == Some(2) && ended.out.is_empty(), "{arguments:?}: {ended:?}");
        ensure!(ended.err.contains(text), "{arguments:?}: no {text:?} in {}", ended.err);
    }
    Ok(())
}

/// The shell at a terminal of its own.
struct Typist {
    child: std::process::Child,
    control: File,
    heard: std::sync::mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Typist {
    fn start(scratch: &Scratch) -> Result<Self> {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let control = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&control)?;
        unlockpt(&control)?;
        let name = ptsname(&control, Vec::new())?;
        let terminal = || {
            File::options().read(true).write(true).open(name.to_str()?).map_err(anyhow::Error::from)
        };
        let child = Command::new(executable()?)
            .arg("shell")
            .arg(scratch.path("qmp"))
            .env("TERM", "xterm")
            .env("BOARDWRIGHT_HISTORY", scratch.path("history"))
            .stdin(terminal()?)
            .stdout(terminal()?)
            .stderr(terminal()?)
            .spawn()?;
        let control = File::from(control);
        let mut reader = control.try_clone()?;
        let (sender, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, control, heard, seen: String::new() })
    }

    /// Types, and waits until the terminal shows a text after that.
    fn types(&mut self, text: &str, expected: &str) -> Result<()> {
        self.control.write_all(text.as_bytes())?;
        let begin = Instant::now();
        while !self.seen.contains(expected) {
            match self.heard.recv_timeout(PATIENCE.saturating_sub(begin.elapsed())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => bail!("{text:?}: no {expected:?} in {:?}", self.seen),
            }
        }
        // What comes after it is for the next step.
        let after = self.seen.find(expected).map_or(0, |start| start + expected.len());
        self.seen.drain(..after);
        Ok(())
    }

    fn ended(&mut self) -> Result<i32> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code().unwrap_or(-1));
            }
            ensure!(begin.elapsed() < PATIENCE, "the shell does not end: {:?}", self.seen);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Typist {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_terminal_has_prompt_completion_history_and_events() -> Result<()> {
    let server = server(&["-M", "none", "-preconfig"])?;
    let mut typist = Typist::start(server.scratch())?;
    typist.types("", "(accel-created) ")?;
    typist.types("next-mach\t\r", "MACHINE_PHASE_CHANGE")?;
    typist.types("", "(initialized) ")?;
    typist.types("device_add dri\tsysbus-mem\t id=ram si\t4KiB\r", "(initialized) ")?;
    // The id comes from the live board, the property from the object.
    typist.types("qom-get path=ra\t prop\tsiz\t\r", "4096")?;
    typist.types("nope\r", "CommandNotFound")?;
    // The line before the last.
    typist.types("\x1b[A\x1b[A\r", "4096")?;
    typist.types("set-machine-phase phase=ready\r", "(running) ")?;
    typist.types("exit\r", "")?;
    ensure!(typist.ended()? == 0, "{:?}", typist.seen);
    let history = std::fs::read_to_string(server.scratch().path("history"))?;
    ensure!(history.contains("qom-get path=ram property=size"), "{history}");
    Ok(())
}

/// Debian's QEMU understands it, and is understood.
#[test]
fn qemu_has_a_shell_too() -> Result<()> {
    let scratch = Scratch::new()?;
    let socket = format!("unix:{},server=on,wait=off", scratch.path("qmp").display());
    let mut qemu = Command::new("qemu-system-riscv64")
        .args(["-M", "virt", "-S", "-display", "none", "-serial", "null", "-monitor", "none"])
        .args(["-bios", "none", "-qmp", &socket])
        .stdin(Stdio::null())
        .spawn()?;
    let result = wait_for_socket(&scratch).and_then(|()| {
        check(
            &scratch,
            &[
                (&["-c", "query-status"], "", 0, &["\"status\": \"prelaunch\""], &[]),
                (&["-c", "qom-list path=/machine"], "", 0, &["\"name\": \"peripheral\""], &[]),
                (&["-c", "help device_add"], "", 0, &["device_add\n", "driver="], &[]),
                (
                    &["-c", "query-statu"],
                    "",
                    1,
                    &[],
                    &["CommandNotFound: ", "did you mean query-status"],
                ),
                (&[], "cont\nstop\n", 0, &["* RESUME", "* STOP"], &[]),
            ],
        )?;
        let mut typist = Typist::start(&scratch)?;
        typist.types("", "(paused) ")?;
        typist.types("qom-list path=/machine/unatt\t\r", "\"type\"")?;
        typist.types("quit\r", "")?;
        typist.ended().map(drop)
    });
    let _ = qemu.kill();
    let _ = qemu.wait();
    result
}
