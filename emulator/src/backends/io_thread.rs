//! The thread that serves the edges: one tokio runtime for all sockets, terminals and timers.
//!
//! Nothing of the machine runs here. What is called from here (front ends of character devices)
//! has to return soon, because every channel shares the thread.

use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Runs the edges until dropped.
#[derive(Debug)]
pub struct IoThread {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl IoThread {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the host gives no thread or no poll descriptor.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("io".into()).spawn(move || {
            // An error means that the sender is gone, which says the same.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// What edges are started with; cheap to clone.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        let this = std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != this) {
            // A panic there was already reported; there is nobody to pass it on to.
            let _ = thread.join();
        }
    }
}
