//! A pseudo terminal: the user opens the other side with a terminal program.
//!
//! Linux tells on the controlling side, by a hang-up condition, that nobody has the other side
//! open, and has no event for somebody opening it. So that is looked for a few times a second.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::net::unix::pipe;
use tokio::runtime::Handle;

use super::edge::{Stream, hung_up, serve};
use super::error::CharError;
use super::line::{Line, Pending};

/// How often the other side is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A pseudo terminal in use.
#[derive(Debug)]
pub(super) struct Pty {
    name: String,
    link: Option<PathBuf>,
    task: tokio::task::AbortHandle,
}

impl Pty {
    /// Makes one, with a link to it at `link`.
    pub(super) fn open(
        line: &Arc<Line>,
        link: Option<&Path>,
        handle: &Handle,
    ) -> Result<Self, CharError> {
        let (name, control) = make().map_err(|source| CharError::Pty { source })?;
        if let Some(link) = link {
            std::os::unix::fs::symlink(&name, link)
                .map_err(|source| CharError::Open { path: link.to_owned(), source })?;
        }
        let task = handle.spawn(run(Arc::clone(line), control)).abort_handle();
        Ok(Self { name, link: link.map(Path::to_owned), task })
    }

    /// `/dev/pts/N`
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(link) = &self.link {
            // Somebody else may have removed it.
            let _ = std::fs::remove_file(link);
        }
    }
}

fn make() -> io::Result<(String, OwnedFd)> {
    let control: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&control)?;
    unlockpt(&control)?;
    let name = ptsname(&control, Vec::new())?;
    let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
    // Raw from the start, whatever program opens it. Closing it again makes the hang-up
    // condition true until somebody does.
    let user =
        rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut termios = tcgetattr(&user)?;
    termios.make_raw();
    tcsetattr(&user, OptionalActions::Now, &termios)?;
    drop(user);
    rustix::fs::fcntl_setfl(&control, OFlags::RDWR | OFlags::NONBLOCK)?;
    Ok((path.display().to_string(), control))
}

/// The controlling side for one user. To tokio a hang-up is for ever, so that each user needs a
/// descriptor that has not seen the one before leave.
fn stream(control: &OwnedFd) -> io::Result<Stream> {
    let input = pipe::Receiver::from_owned_fd_unchecked(control.try_clone()?)?;
    let output = pipe::Sender::from_owned_fd_unchecked(control.try_clone()?)?;
    Ok(Stream::Pty { input, output })
}

async fn run(line: Arc<Line>, control: OwnedFd) {
    let mut pending = Pending::default();
    loop {
        while hung_up(control.as_fd()) {
            // What was typed before may still be wanted.
            line.service(&mut pending);
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = line.kicked() => {}
            }
        }
        match stream(&control) {
            Ok(stream) => serve(&line, &stream, &mut pending).await,
            // The host is out of descriptors.
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
