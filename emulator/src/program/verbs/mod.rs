//! The verbs: `boardwright VERB ...`, one file and one row of [`VERBS`] each.
//!
//! What all of them have in common: results go to standard output and messages to standard error;
//! the exit status is 0 when all is well, 1 when there are findings or differences, and 2 when the
//! verb is misused or fails. (`run` has the guest's status, or 1.) A verb that takes boards takes
//! them in every form that [`super::source`] knows.

mod arguments;
mod check;
mod diff;
mod draw;
mod dt_compare;
mod dt_to_board;
mod dts;
mod dump;
mod fmt;
mod help;
mod lint;
mod run;
mod shell;
mod sweep;

use std::io::Write;

use super::Failure;
pub(crate) use arguments::{Arguments, Flag};
pub(crate) use help::list;

/// What a verb is.
pub(crate) struct Verb {
    /// Its name.
    pub(crate) name: &'static str,
    /// What follows the name, such as `[OPTION...] BOARD...`.
    pub(crate) arguments: &'static str,
    /// What it does, in one line.
    pub(crate) help: &'static str,
    /// Its options.
    pub(crate) options: &'static [Flag],
    /// How it is done.
    pub(crate) run: Run,
}

/// How a verb is executed; the exit status is returned.
pub(crate) enum Run {
    /// With its options and operands; a failure is status 2.
    Plain(fn(&Arguments) -> Result<u8, Failure>),
    /// With all words of the command line, its own name included: it has the program's options,
    /// and a failure is status 1, as without a verb.
    Program(fn(&[String]) -> Result<u8, Failure>),
}

/// All of them, in the order of their names.
#[rustfmt::skip] // One row a verb.
pub(crate) const VERBS: &[Verb] = &[
    check::VERB,
    diff::VERB,
    draw::VERB,
    dt_compare::VERB,
    dt_to_board::VERB,
    dts::VERB,
    dump::VERB,
    fmt::VERB,
    help::VERB,
    lint::VERB,
    run::VERB,
    shell::VERB,
    sweep::VERB,
];

impl Verb {
    fn find(name: &str) -> Option<&'static Self> {
        VERBS.iter().find(|verb| verb.name == name)
    }

    /// Name and arguments.
    pub(crate) fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments)
    }
}

/// Whether a command line begins with a verb, or with what can only be meant as one.
pub(crate) fn is_verb(arguments: &[String]) -> bool {
    arguments.first().is_some_and(|word| !word.starts_with('-') && !word.is_empty())
}

/// Executes the verb that a command line begins with; returns the exit status.
pub(crate) fn execute(arguments: &[String]) -> u8 {
    let Some((name, rest)) = arguments.split_first() else { return super::fail(&no_verb(""), 1) };
    let Some(verb) = Verb::find(name) else { return super::fail(&no_verb(name), 1) };
    let asked = match verb.run {
        // What is behind a script is for the script.
        Run::Program(_) => rest.first().is_some_and(|word| arguments::is_help(word)),
        Run::Plain(_) => rest.iter().any(|word| arguments::is_help(word)),
    };
    if asked {
        return print(&help::of(verb));
    }
    let (result, status) = match verb.run {
        Run::Program(run) => (run(arguments), 1),
        Run::Plain(run) => (Arguments::parse(verb, rest).and_then(|given| run(&given)), 2),
    };
    result.unwrap_or_else(|failure| super::fail(&failure, status))
}

/// Writes a result to standard output; the status is that of a verb that has gone well.
pub(crate) fn print(text: &str) -> u8 {
    // A reader that has gone away is no error of ours.
    let _ = std::io::stdout().write_all(text.as_bytes());
    0
}

/// Writes a result to the file of an option, or to standard output where there is none.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn deliver(file: Option<&str>, text: &str) -> Result<(), Failure> {
    match file {
        None | Some("-") => print(text),
        Some(path) => std::fs::write(path, text)
            .map(|()| 0)
            .map_err(super::host(format!("Cannot write '{path}'")))?,
    };
    Ok(())
}

/// Writes a message to standard error.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn no_verb(word: &str) -> Failure {
    let near = qapi_runtime::nearest(word, VERBS.iter().map(|verb| verb.name));
    let path = std::path::Path::new(word);
    let hint = if !near.is_empty() {
        format!("did you mean {}?", near.join(" or "))
    } else if path.extension().is_some_and(|end| end == "qmp") {
        format!("a board script is executed by run {word}")
    } else {
        "a board script is executed by run SCRIPT, other files by -kernel FILE; help lists the verbs"
            .into()
    };
    Failure::Misuse(format!("unexpected argument: {word}; {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_what_verbs_do() {
        assert!(VERBS.is_sorted_by_key(|verb| verb.name));
        for verb in VERBS {
            assert!(!verb.help.is_empty() && !verb.help.ends_with('.'), "{}", verb.name);
            assert!(verb.options.is_sorted_by_key(|flag| flag.name), "{}", verb.name);
        }
    }
}
