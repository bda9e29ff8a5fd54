//! Output to a descriptor that may block: a file, or the standard output. A thread writes.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags};

use super::config::FileConfig;
use super::error::CharError;
use super::line::Line;

/// How much is written by one system call.
const CHUNK: usize = 64 * 1024;

/// Starts writing to a file.
pub(super) fn open(line: &Arc<Line>, config: &FileConfig) -> Result<(), CharError> {
    let failed = |source| CharError::Open { path: config.path.clone(), source };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .append(config.append)
        .truncate(!config.append)
        .open(&config.path)
        .map_err(failed)?;
    spawn(line, file.into()).map_err(failed)?;
    line.opened();
    Ok(())
}

/// Starts a thread that writes what the line has to say until its output is finished.
pub(super) fn spawn(line: &Arc<Line>, fd: OwnedFd) -> io::Result<()> {
    let line = Arc::clone(line);
    std::thread::Builder::new().name("char-out".into()).spawn(move || {
        while let Some(bytes) = line.output().wait(CHUNK) {
            // A full disk or a closed pipe: there is nobody to tell, and the guest goes on.
            let _ = write_all(&fd, &bytes);
            line.written(bytes.len());
        }
    })?;
    Ok(())
}

fn write_all(fd: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            // Another process that shares the terminal may have made it non-blocking.
            Err(rustix::io::Errno::AGAIN) => {
                let borrowed = fd.as_fd();
                rustix::event::poll(&mut [PollFd::new(&borrowed, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
