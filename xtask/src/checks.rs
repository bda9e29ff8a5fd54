//! `cargo xtask test`: everything that has to hold, in one command; CI runs the same.
//!
//! A check that fails does not keep the others from running: all failures are told together at the
//! end. Everything is built in one profile, so that nothing is compiled twice.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use lexopt::prelude::*;

use crate::tidy::root;

const USAGE: &str = "\
usage: cargo xtask test [--no-setup]

    --no-setup   do not run tests/setup/install.sh first
";

/// A check: what it is called, and the command that makes it.
struct Check {
    name: &'static str,
    program: Program,
    arguments: &'static [&'static str],
    /// Variables of the environment.
    environment: &'static [(&'static str, &'static str)],
}

/// Who makes a check.
enum Program {
    /// A script of the repository.
    Script,
    Cargo,
    /// Another task of this program.
    Xtask,
}

const fn cargo(name: &'static str, arguments: &'static [&'static str]) -> Check {
    Check { name, program: Program::Cargo, arguments, environment: &[] }
}

const fn xtask(name: &'static str, arguments: &'static [&'static str]) -> Check {
    Check { name, program: Program::Xtask, arguments, environment: &[] }
}

const SETUP: Check = Check {
    name: "set-up",
    program: Program::Script,
    arguments: &["tests/setup/install.sh"],
    environment: &[],
};

/// All checks, the quick ones first: what is wrong with the text is told before anything is built.
const CHECKS: &[Check] = &[
    xtask("tidy", &["tidy"]),
    cargo("format", &["fmt", "--all", "--check", "--", "-l"]),
    xtask("schema", &["codegen", "--examples"]),
    xtask("guest", &["guest", "--check"]),
    cargo(
        "lints",
        &["clippy", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"],
    ),
    // The tests run the program: nextest by itself would not build it.
    cargo("build", &["build", "--workspace"]),
    Check {
        name: "tests",
        program: Program::Cargo,
        arguments: &["nextest", "run", "--workspace", "--no-fail-fast", "--status-level=fail"],
        // An error's text says what is wrong; the stack of every error buries it.
        environment: &[("RUST_LIB_BACKTRACE", "0")],
    },
    xtask("differential", &["differ", "--instructions", "2000000"]),
    cargo("doc tests", &["test", "--workspace", "--doc", "--quiet"]),
    Check {
        name: "documentation",
        program: Program::Cargo,
        // The private items too, and links to them: the pages are for those who work on it.
        arguments: &["doc", "--workspace", "--no-deps", "--document-private-items"],
        environment: &[("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links")],
    },
];

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let mut setup = true;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("no-setup") => setup = false,
            Short('h') | Long("help") => {
                eprint!("{USAGE}");
                return Ok(ExitCode::from(2));
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    let begin = Instant::now();
    let mut results = Vec::new();
    if setup {
        // Later checks need what it installs: their failures would only hide this one.
        let (passed, took) = SETUP.run()?;
        if !passed {
            bail!("{} failed; --no-setup goes on without it", SETUP.arguments.join(" "));
        }
        results.push((&SETUP, passed, took));
    }
    for check in CHECKS {
        let (passed, took) = check.run()?;
        results.push((check, passed, took));
    }
    Ok(summary(&results, begin.elapsed()))
}

fn summary(results: &[(&Check, bool, Duration)], all: Duration) -> ExitCode {
    eprintln!("\n---- Summary");
    for (check, passed, took) in results {
        let verdict = if *passed { "ok" } else { "FAILED" };
        eprintln!("{:<14} {verdict:<7} {:>7.1} s", check.name, took.as_secs_f64());
    }
    if std::env::var_os("BOARDWRIGHT_OPENSBI32").is_none() {
        // A known gap: it shall not go unnoticed.
        eprintln!(
            "not tried: OpenSBI on 32-bit harts, which Debian 12 does not have; \
             BOARDWRIGHT_OPENSBI32=FILE names one"
        );
    }
    if !root().join("target/linux/Image").is_file() {
        eprintln!("not tried: Linux, whose kernel tests/setup/linux.sh could not fetch");
    }
    let failed: Vec<&Check> =
        results.iter().filter(|(_, passed, _)| !passed).map(|(check, ..)| *check).collect();
    if failed.is_empty() {
        eprintln!("all passed in {:.0} s", all.as_secs_f64());
        return ExitCode::SUCCESS;
    }
    eprintln!("\n{} failed; to run one again:", failed.len());
    for check in failed {
        eprintln!("    {}", check.line());
    }
    ExitCode::FAILURE
}

impl Check {
    /// Makes the check, showing what it prints: whether it passed, and how long it took.
    fn run(&self) -> anyhow::Result<(bool, Duration)> {
        eprintln!("\n---- {}: {}", self.name, self.line());
        let begin = Instant::now();
        let program = match self.program {
            Program::Script => PathBuf::from("bash"),
            Program::Cargo => std::env::var_os("CARGO").unwrap_or("cargo".into()).into(),
            Program::Xtask => std::env::current_exe().context("cannot find this program")?,
        };
        // `cargo build` below replaces the very file that runs here; Linux then shows it as deleted.
        let program = match program.to_string_lossy().strip_suffix(" (deleted)") {
            Some(path) => PathBuf::from(path),
            None => program,
        };
        let status = Command::new(&program)
            .args(self.arguments)
            .envs(self.environment.iter().copied())
            .current_dir(root())
            .status()
            .with_context(|| format!("cannot run {}", program.display()))?;
        Ok((status.success(), begin.elapsed()))
    }

    /// What one types to make this check alone.
    fn line(&self) -> String {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}='{value}' "));
        let program = match self.program {
            Program::Script => "",
            Program::Cargo => "cargo ",
            Program::Xtask => "cargo xtask ",
        };
        variables.collect::<String>() + program + &self.arguments.join(" ")
    }
}
