//! `cargo xtask bench`: what Boardwright takes, beside QEMU as Debian has it, as ratios.
//!
//! `cargo xtask bench qapi` measures the generator instead.
//!
//! Prints Markdown. Figures depend on the machine and on what else it does, so no figure is a
//! failure; what fails is a program that does not do its work.

mod boards;
mod kernels;
mod linux;
mod qapi;
mod runs;
mod side;
mod transfer;
mod trees;

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{bail, ensure};

use self::side::Side;
use crate::guest::Scratch;
use crate::tidy::root;

/// A row of the table: what was measured, for both, and which is better.
pub(crate) struct Row {
    what: String,
    ours: String,
    /// The peer's figure, or why there is none.
    peer: String,
    ratio: String,
}

impl Row {
    /// Two times for the same work; `per` divides both.
    fn times(what: impl Into<String>, ours: Duration, peer: Duration, per: u32) -> Self {
        Self {
            what: what.into(),
            ours: show(ours / per),
            peer: show(peer / per),
            ratio: ratio(ours, peer),
        }
    }

    /// A time that has no counterpart.
    fn alone(what: impl Into<String>, ours: Duration, per: u32) -> Self {
        Self { what: what.into(), ours: show(ours / per), peer: "-".into(), ratio: "-".into() }
    }
}

/// A time with three digits.
fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// How many times faster ours is; below 1, slower.
fn ratio(ours: Duration, peer: Duration) -> String {
    format!("{:.2} ×", peer.as_secs_f64() / ours.as_secs_f64().max(1e-9))
}

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    match parser.next()? {
        None => {}
        Some(lexopt::Arg::Value(part)) if part == "qapi" => return qapi::run(parser),
        Some(_) => bail!("usage: cargo xtask bench [qapi]"),
    }
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--package", "boardwright"])
        .current_dir(root())
        .status()?;
    ensure!(built.success(), "the program does not build");
    let ours = Side::ours()?;
    let peer = Side::peer()?;
    let scratch = Scratch::new()?;

    println!("Boardwright {} beside {}\n", env!("CARGO_PKG_VERSION"), peer.version()?);
    println!("| what | Boardwright | QEMU | ratio (above 1: Boardwright is faster) |");
    println!("|---|--:|--:|--:|");
    for measure in
        [runs::measure, linux::measure, transfer::measure, boards::measure, trees::measure]
    {
        for Row { what, ours, peer, ratio } in measure(&ours, &peer, &scratch.0)? {
            println!("| {what} | {ours} | {peer} | {ratio} |");
        }
    }
    println!("\n{}", boards::NOTE);
    Ok(ExitCode::SUCCESS)
}
