//! `cargo xtask linux`: what `boards/linux.qmp` starts.

use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};
use boardwright_tests::linux::Linux;

use crate::tidy::root;

/// What the first process does: a shell on the console, with BusyBox's programs; then power off.
const LINES: &str = "/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mkdir -p /sys && mount -t sysfs sys /sys
setsid cttyhack sh
poweroff -f
";

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    if parser.next()?.is_some() {
        bail!("usage: cargo xtask linux");
    }
    let fetched = Command::new(root().join("tests/setup/linux.sh")).status()?;
    ensure!(fetched.success(), "tests/setup/linux.sh could not fetch the kernel");
    let linux = Linux::fetched().context("tests/setup/linux.sh has left no kernel")?;
    linux.initrd(&root().join("target/linux/initrd"), LINES)?;
    println!("now: cargo run --release -- run boards/linux.qmp harts=4");
    Ok(ExitCode::SUCCESS)
}
