//! The two programs that are measured: how each is started, run to its end, or talked to.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use boardwright_tests::client::Client;
use serde_json::json;

use crate::guest;

/// The peer, by the name that Debian gives it.
const PEER: &str = "qemu-system-riscv64";

/// One of the two.
pub(crate) struct Side {
    program: PathBuf,
}

impl Side {
    /// The release build, beside the profile that this program was built in.
    pub(crate) fn ours() -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let built = own.ancestors().nth(2).map(|target| target.join("release/boardwright"));
        let program = built.filter(|path| path.is_file()).context("no release/boardwright")?;
        Ok(Self { program })
    }

    /// The peer; fails with where to get it.
    pub(crate) fn peer() -> anyhow::Result<Self> {
        let side = Self { program: PEER.into() };
        side.version().context("there is no peer: run tests/setup/install.sh")?;
        Ok(side)
    }

    /// The first line of what it says of itself.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let text = guest::output(Command::new(&self.program).arg("--version"))?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }

    /// Runs a guest to its end: how long it took, process start included, and what it printed.
    pub(crate) fn time_run(&self, arguments: &[&str]) -> anyhow::Result<(Duration, String)> {
        let begin = Instant::now();
        let output = Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let took = begin.elapsed();
        let messages = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{}: {}\n{messages}",
            self.program.display(),
            output.status
        );
        Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// Starts it with a QMP socket and connects; the time is that until the first answer.
    pub(crate) fn start(
        &self,
        arguments: &[String],
        scratch: &Path,
    ) -> anyhow::Result<(Session, Duration)> {
        let socket = scratch.join("qmp");
        // What an earlier session has left; there is none the first time.
        let _ = std::fs::remove_file(&socket);
        let begin = Instant::now();
        let child = Command::new(&self.program)
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", socket.display()))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let child = Killed(child);
        let client = Client::connect(&socket)?;
        let mut session = Session { client, child };
        // The answer comes from the main loop, which runs when everything is set up.
        session.client.execute("query-status", json!({}))?;
        Ok((session, begin.elapsed()))
    }
}

/// A child that does not outlive its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It has ended already if it was told to.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running program and a connection to it.
pub(crate) struct Session {
    pub(crate) client: Client,
    child: Killed,
}

impl Session {
    /// Tells the program to end and waits until it has.
    pub(crate) fn quit(mut self) -> anyhow::Result<()> {
        self.client.execute("quit", json!({}))?;
        self.child.0.wait()?;
        Ok(())
    }
}
