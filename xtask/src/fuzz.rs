//! `cargo xtask fuzz`: mutates the inputs in `tests/fuzz/corpus` and runs the targets with them.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use boardwright_fuzz::{TARGETS, Target, fuzz};
use lexopt::prelude::*;

const USAGE: &str = "\
usage: cargo xtask fuzz [TARGET...] [--seconds N] [--seed N]

    TARGET       what to fuzz (all, if none is given)
    --seconds    how long for each target (10)
    --seed       which mutants (1)

An input that fails is written to the target's corpus, where the tests find it; one that takes the
whole process down is left there as 'running'.

targets:
";

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let (mut targets, mut seconds, mut seed) = (Vec::new(), 10, 1);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seconds") => seconds = parser.value()?.parse()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Short('h') | Long("help") => return Ok(usage()),
            Value(name) => match TARGETS.iter().find(|target| name == target.name) {
                Some(target) => targets.push(target),
                None => return Ok(usage()),
            },
            _ => return Err(argument.unexpected().into()),
        }
    }
    if targets.is_empty() {
        targets.extend(TARGETS);
    }
    let mut failed = false;
    for target in targets {
        failed |= !one(target, seed, Duration::from_secs(seconds))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    for target in TARGETS {
        eprintln!("    {:<10} {}", target.name, target.about);
    }
    ExitCode::from(2)
}

/// Fuzzes one target; false when it failed.
fn one(target: &Target, seed: u64, time: Duration) -> anyhow::Result<bool> {
    let corpus = target.corpus().with_context(|| target.folder().display().to_string())?;
    let inputs: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    match fuzz(target, &inputs, seed, time) {
        Ok(summary) => {
            println!("{}: {} mutants, nothing found", target.name, summary.runs);
            Ok(true)
        }
        Err(failure) => {
            let path = target.folder().join(format!("failed-{seed}"));
            fs::write(&path, &failure.input).with_context(|| path.display().to_string())?;
            let how = failure.fault.to_string().replace('_', " ");
            println!("{}: {how} with {}", target.name, path.display());
            Ok(false)
        }
    }
}
