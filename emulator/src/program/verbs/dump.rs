//! Verb `dump`: writes a board down in the form in which equal boards are equal.

use qapi_runtime::Encode;

use super::{Arguments, Flag, Run, Verb, print};
use crate::program::Failure;
use crate::qapi::{BoardDump, BoardDumpFormat};

pub(super) const VERB: Verb = Verb {
    name: "dump",
    arguments: "[OPTION...] BOARD",
    help: "writes a board down, so that it can be built again",
    options: &[
        Flag {
            name: "format",
            value: Some("script|json|options"),
            help: "as a board script, as data or as options (default: script)",
        },
        Flag { name: "json", value: None, help: "the same as --format json" },
    ],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let format = match given.parsed::<BoardDumpFormat>("format")? {
        Some(format) => format,
        None if given.has("json") => BoardDumpFormat::Json,
        None => BoardDumpFormat::Script,
    };
    let boards = given.boards(1..=1)?;
    let [source] = boards.as_slice() else { return Ok(2) };
    let board = source.board()?;
    Ok(print(&match board.dump(format)? {
        BoardDump::Script(script) => script.text,
        BoardDump::Options(options) => command_line(&options.arguments),
        json => format!("{:#}\n", json.encode()),
    }))
}

/// The words for a shell, an option with its value a line.
fn command_line(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let pairs: Vec<String> = quoted.chunks(2).map(|pair| pair.join(" ")).collect();
    format!("{}\n", pairs.join(" \\\n"))
}

fn quoted(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_=,./:@+%".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
