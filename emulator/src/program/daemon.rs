//! `-daemonize`: the program starts itself again without a terminal, and ends when its other self
//! says that it is ready.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

/// Set for the other self.
const MARK: &str = "BOARDWRIGHT_DAEMON";

/// Whether this process is the one that stays.
pub(super) fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts the process that stays; returns this one's exit status, once the other one is ready or
/// has failed.
pub(super) fn detach(arguments: &[String]) -> io::Result<u8> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(arguments)
        .env(MARK, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = [0; 1];
    let ready = match child.stdout.take() {
        Some(mut output) => output.read(&mut said)? == 1,
        None => false,
    };
    if ready {
        return Ok(0);
    }
    // It has printed why.
    let status = child.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).max(1))
}

/// The process that stays.
pub(super) struct Child(());

impl Child {
    /// Leaves the terminal's session.
    pub(super) fn begin() -> io::Result<Self> {
        match rustix::process::setsid() {
            // A group leader cannot make a session: it has one of its own already.
            Ok(_) | Err(rustix::io::Errno::PERM) => Ok(Self(())),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells the waiting process that sockets and pid file exist, and closes the way back.
    pub(super) fn ready(self) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(b"\n")?;
        out.flush()?;
        let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(&nowhere)?;
        rustix::stdio::dup2_stderr(&nowhere)?;
        Ok(())
    }
}
