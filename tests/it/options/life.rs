//! The program as a process: its pid file, signals, and the background.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, Result};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript::words;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::wait_until;

/// Ends a process that is not our child, whatever becomes of the test.
struct Foreign(Pid);

impl Foreign {
    /// Whether it is there; one that has ended and that nobody has asked for is not.
    fn is_running(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.as_raw_nonzero()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = kill_process(self.0, Signal::KILL);
        }
    }
}

fn read_pid(path: &Path) -> Result<Pid> {
    let text = std::fs::read_to_string(path)?;
    let number = text.strip_suffix('\n').with_context(|| format!("no line: {text:?}"))?;
    Pid::from_raw(number.parse()?).context("no process id")
}

#[test]
fn a_signal_ends_the_program_in_order() -> Result<()> {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        for board in ["-M sifive_dt", "-M none -S", "-M none -preconfig", ""] {
            let line = format!("{board} -pidfile {{dir}}/pid -serial null");
            let (mut program, mut client) = Program::with_qmp(&words(&line))?;
            let pidfile = program.scratch().path("pid");
            wait_until("the pid file", || read_pid(&pidfile).is_ok())?;
            let pid = read_pid(&pidfile)?;
            assert_eq!(u32::try_from(pid.as_raw_nonzero().get())?, program.id());
            kill_process(pid, signal)?;
            client.talk(r#"<- event SHUTDOWN {"guest": false, "reason": "host-signal"}"#)?;
            assert!(client.read().is_err(), "nothing comes after SHUTDOWN");
            wait_until("the end", || !program.is_running())?;
            let left: Vec<_> = std::fs::read_dir(program.scratch().path(""))?.collect();
            assert!(left.is_empty(), "{signal:?} {board:?}: {left:?}");
            assert_eq!(program.ended()?.status.code(), Some(0), "{signal:?} {board:?}");
        }
    }
    Ok(())
}

/// The line with which libvirt asks what a program can do.
#[test]
fn libvirt_s_probe_finds_the_program_in_the_background() -> Result<()> {
    let scratch = Scratch::new()?;
    let (socket, pidfile) = (scratch.path("qmp.monitor"), scratch.path("qmp.pid"));
    let line = format!(
        "-S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg \
         -qmp unix:{},server=on,wait=off -pidfile {} -daemonize",
        socket.display(),
        pidfile.display()
    );
    let program = Program::start(&words(&line))?;
    let ended = program.ended();
    let daemon = Foreign(read_pid(&pidfile)?);
    let ended = ended?;
    assert!(ended.status.success() && ended.out.is_empty(), "{ended:?}");
    assert!(daemon.is_running());
    // It connects at once, and does not wait for the greeting.
    let mut stream = UnixStream::connect(&socket)?;
    stream.write_all(b"{\"execute\":\"qmp_capabilities\",\"id\":\"libvirt-1\"}\n")?;
    let mut client = Client::over(stream)?;
    assert!(client.greeting["QMP"]["version"]["qemu"]["major"].is_u64());
    assert_eq!(client.read()?, json!({ "return": {}, "id": "libvirt-1" }));
    client.talk("-> query-status\n<- {\"running\": false, \"status\": \"prelaunch\"}")?;
    assert_eq!(client.phase()?, "ready");
    kill_process(daemon.0, Signal::TERM)?;
    client.talk(r#"<- event SHUTDOWN {"guest": false, "reason": "host-signal"}"#)?;
    wait_until("the daemon's end", || !daemon.is_running())?;
    assert!(!pidfile.exists() && !socket.exists());
    Ok(())
}

/// A socket that waits for its first client can still be left.
#[test]
fn a_signal_ends_a_program_that_waits_for_its_client() -> Result<()> {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start(&words("-M none -qmp unix:{dir}/qmp,server"))?;
        program.wait_for_err("waiting for connection on: ")?;
        let pid = Pid::from_raw(i32::try_from(program.id())?).context("no process id")?;
        kill_process(pid, signal)?;
        let ended = program.ended()?;
        assert!(!ended.status.success(), "{ended:?}");
    }
    Ok(())
}
