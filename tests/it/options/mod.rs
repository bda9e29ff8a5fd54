//! Options: what the program prints when asked, what it refuses, and that an option is the same as
//! the command it stands for, alone and mixed with a client's commands.

mod ask;
mod board;
mod compat;
mod life;
mod logging;
mod refusals;
mod serial;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use boardwright_tests::PATIENCE;

/// Waits until something is so.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) -> Result<()> {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > PATIENCE {
            bail!("waited in vain for {what}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
