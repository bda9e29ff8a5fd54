//! `cargo xtask linux`: what `boards/linux.qmp` starts.

use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use boardwright_tests::linux::{Linux, SHELL};

use crate::tidy::root;

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    if parser.next()?.is_some() {
        bail!("usage: cargo xtask linux");
    }
    let fetched = Command::new(root().join("tests/setup/linux.sh")).status()?;
    ensure!(fetched.success(), "tests/setup/linux.sh could not fetch the kernel");
    let linux = Linux::fetched().context("tests/setup/linux.sh has left no kernel")?;
    linux.initrd(&root().join("target/linux/initrd"), SHELL)?;
    println!("now: cargo run --release -- run boards/linux.qmp harts=4");
    Ok(ExitCode::SUCCESS)
}
