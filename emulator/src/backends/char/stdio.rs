//! The standard streams of the process as a chardev.
//!
//! Both may be anything: terminal, pipe, file. Non-blocking mode would be shared with the other
//! users of a terminal, so two threads do the blocking calls: one writes (see `file`), one reads
//! and hands over to a task, which has the same duties as for any other stream.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::config::StdioConfig;
use super::error::CharError;
use super::file;
use super::line::{Line, Pending};
use super::terminal::{self, Mode};

/// There is one standard input.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The streams in use; dropping gives them back.
#[derive(Debug)]
pub(super) struct Stdio {
    signal: bool,
    /// Written to when the reading thread has to end.
    stop: Arc<OwnedFd>,
    task: tokio::task::AbortHandle,
}

impl Stdio {
    /// Takes the streams, and the terminal if there is one.
    pub(super) fn open(
        line: &Arc<Line>,
        config: StdioConfig,
        handle: &Handle,
    ) -> Result<Self, CharError> {
        if TAKEN.swap(true, Ordering::AcqRel) {
            return Err(CharError::StdioTaken);
        }
        Self::start(line, config, handle).map_err(|source| {
            TAKEN.store(false, Ordering::Release);
            terminal::restore();
            CharError::Stdio { source }
        })
    }

    fn start(line: &Arc<Line>, config: StdioConfig, handle: &Handle) -> io::Result<Self> {
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        terminal::set(Mode { signal: config.signal, cooked: false })?;
        file::spawn(line, output)?;

        line.output().open();
        let (sender, receiver) = mpsc::channel(1);
        let stopped = Arc::clone(&stop);
        thread::Builder::new()
            .name("stdin".into())
            .spawn(move || read_loop(&input, &stopped, &sender))?;
        let task = handle.spawn(serve(Arc::clone(line), receiver)).abort_handle();
        Ok(Self { signal: config.signal, stop, task })
    }

    /// Whether the terminal itself echoes and edits what is typed.
    pub(super) fn set_echo(&self, echo: bool) {
        // Fails when the terminal is gone; the end of input tells.
        let _ = terminal::set(Mode { signal: self.signal, cooked: echo });
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        self.task.abort();
        // Cannot fail: the counter is far from its end.
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes());
        terminal::restore();
        TAKEN.store(false, Ordering::Release);
    }
}

fn read_loop(input: &OwnedFd, stop: &OwnedFd, sender: &mpsc::Sender<Vec<u8>>) {
    let mut buffer = vec![0; 4096];
    loop {
        let mut fds = [PollFd::new(input, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) if !fds[1].revents().is_empty() => return,
            Ok(_) => {}
        }
        match rustix::io::read(input, &mut buffer) {
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                if sender.blocking_send(bytes).is_err() {
                    return;
                }
            }
        }
    }
}

/// Offers what is read. The end of input is no event: the channel stays open for output.
async fn serve(line: Arc<Line>, mut input: mpsc::Receiver<Vec<u8>>) {
    let mut pending = Pending::default();
    let mut ended = false;
    line.opened();
    loop {
        line.service(&mut pending);
        tokio::select! {
            bytes = input.recv(), if !ended && pending.has_room() => match bytes {
                Some(bytes) => pending.push(&bytes),
                None => ended = true,
            },
            () = line.kicked() => {}
        }
    }
}
