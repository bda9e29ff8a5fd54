//! The generator as a program, for those who look at a schema rather than build with it.
//!
//! `qapi-codegen` is this and nothing else; a project may give it a schema of its own, as
//! `cargo xtask codegen` does.

mod arguments;
mod emit;
mod report;
mod show;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use qapi_schema::load;

use self::arguments::{Action, Arguments};
use crate::check_examples;
use crate::diff::{Old, diff};

/// Exit status when the answer is no: errors, wrong examples, stale files, an incompatible change.
const REFUSED: u8 = 1;
/// Exit status when there is no answer: wrong usage, a file, other than the schema's, that
/// cannot be read or written.
const FAILED: u8 = 2;

/// Where the program stands.
#[derive(Clone, Debug)]
pub struct Tool {
    /// What one types to call it.
    pub command: &'static str,
    /// The schema that is meant without `--schema`.
    pub schema: Option<PathBuf>,
}

/// Why there is no answer, in full.
struct Failure(String);

/// Runs the program.
pub fn run(tool: &Tool, parser: lexopt::Parser) -> ExitCode {
    let outcome = match arguments::parse(tool, parser) {
        Ok(Some(arguments)) if arguments.watch => watch::run(&arguments),
        Ok(Some(arguments)) => once(&arguments).map(|round| round.verdict),
        Ok(None) => {
            print!("{}", arguments::usage(tool));
            return ExitCode::SUCCESS;
        }
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(REFUSED),
        Err(Failure(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(FAILED)
        }
    }
}

/// What one run has done.
struct Round {
    /// Whether the answer is yes.
    verdict: bool,
    /// The files that it depends on.
    files: Vec<PathBuf>,
    /// How many files were written.
    written: usize,
}

/// Does what is asked for, once.
fn once(arguments: &Arguments) -> Result<Round, Failure> {
    let mut files: Vec<PathBuf> = arguments.defines.iter().cloned().collect();
    let options = arguments.options()?;
    let schema = match load(&arguments.schema) {
        Ok(schema) => schema,
        Err(diagnostics) => {
            files.extend(diagnostics.files().map(Path::to_owned));
            report::diagnostics(&diagnostics, arguments.format);
            return Ok(Round { verdict: false, files, written: 0 });
        }
    };
    files.extend(schema.files.iter().map(|file| file.path.clone()));
    let mut written = 0;
    let verdict = match &arguments.action {
        Action::Check => true,
        Action::Examples => report::examples(&check_examples(&schema), arguments.format),
        Action::Show(names) => show::show(&schema, &options, names),
        Action::Diff(old) => {
            let old = Old::load(old).map_err(|error| Failure(error.to_string()))?;
            let changes = diff(&old, &schema, &options);
            report::changes(&changes, arguments.format);
            changes.compatible()
        }
        Action::Print(emit) => {
            report::print(&emit.text(&schema, &options));
            true
        }
        Action::Write { emits, out } => {
            emit::warn_of_examples(emits, &schema);
            written = emit::write(&emit::files(emits, &schema, &options), out)?;
            true
        }
        Action::Compare { emits, out } => {
            let wrong = emit::compare(&emit::files(emits, &schema, &options), out);
            report::wrong(&wrong, arguments.format, "run without --check to write them")
        }
    };
    Ok(Round { verdict, files, written })
}
