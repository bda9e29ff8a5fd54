//! Verb `help`: what verbs there are, or one of them.

use std::fmt::Write as _;

use super::{Arguments, Run, VERBS, Verb, print};
use crate::program::{Failure, source};

pub(super) const VERB: Verb = Verb {
    name: "help",
    arguments: "[VERB]",
    help: "tells about options and verbs, or about one verb",
    options: &[],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    match given.operands.as_slice() {
        [] => Ok(print(&crate::program::help::all())),
        [name] => match Verb::find(name) {
            Some(verb) => Ok(print(&of(verb))),
            None => Err(super::no_verb(name)),
        },
        [_, extra, ..] => Err(given.misuse(&format!("unexpected argument: {extra}"))),
    }
}

/// The lines of all verbs.
pub(crate) fn list() -> String {
    VERBS.iter().fold(String::new(), |mut text, verb| {
        let _ = writeln!(text, "  {:<34}  {}", verb.usage(), verb.help);
        text
    })
}

/// All about a verb.
pub(super) fn of(verb: &Verb) -> String {
    let mut text = format!("usage: boardwright {}\n\n{}.\n", verb.usage(), capitalised(verb.help));
    if !verb.options.is_empty() {
        text.push_str("\nOptions:\n");
        for flag in verb.options {
            let _ = writeln!(text, "  {:<24}  {}", flag.usage(), flag.help);
        }
    }
    if verb.arguments.contains("BOARD") {
        let _ = write!(text, "\n{}", source::HELP);
    }
    text
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|char| char.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
