//! The verbs: how they are found, what they say of themselves, what boards they take.

mod boards;
mod draw;

mod lint;
mod scripts;
mod shell;
mod sweep;

use anyhow::{Result, ensure};
use boardwright_tests::program;
use boardwright_tests::transcript::words;

/// A command line, its status, and texts that it prints to standard output and error.
const ROWS: &[(&str, i32, &[&str], &[&str])] = &[
    ("help", 0, &["usage: boardwright ", "\n  check [OPTION...] BOARD...  ", "\nMachine:\n"], &[]),
    ("-help", 0, &["\n  run SCRIPT [OPTION...] [NAME=VALUE...]  "], &[]),
    ("help check", 0, &["usage: boardwright check ", "\n  --json  ", "A BOARD is one of:\n"], &[]),
    ("check --help", 0, &["usage: boardwright check "], &[]),
    ("check -h", 0, &["usage: boardwright check "], &[]),
    ("check x.qmp -help", 0, &["usage: boardwright check "], &[]),
    ("run --help", 0, &["usage: boardwright run SCRIPT "], &[]),
    ("help run", 0, &["usage: boardwright run SCRIPT "], &[]),
    ("help chekc", 2, &[], &["unexpected argument: chekc; did you mean check?"]),
    ("help check run", 2, &[], &["unexpected argument: run\nusage: boardwright help [VERB]"]),
    ("chekc a.qmp", 1, &[], &["unexpected argument: chekc; did you mean check?"]),
    ("board.qmp", 1, &[], &["a board script is executed by run board.qmp"]),
    ("check", 2, &[], &["check needs a board\nusage: boardwright check "]),
    ("check --jsn a.qmp", 2, &[], &["check has no option --jsn; did you mean --json?\nusage: "]),
    ("check --json=yes a.qmp", 2, &[], &["option --json takes no value\nusage: "]),
    ("check --zzzz", 2, &[], &["check has no option --zzzz\nusage: "]),
];

#[test]
fn verbs_are_found_and_say_what_they_do() -> Result<()> {
    for (line, status, out, err) in ROWS {
        let ended = program::run(&words(line))?;
        ensure!(ended.status.code() == Some(*status), "{line}: {ended:?}");
        for text in *out {
            ensure!(ended.out.contains(text), "{line}: no {text:?} in {}", ended.out);
        }
        for text in *err {
            ensure!(ended.err.contains(text), "{line}: no {text:?} in {}", ended.err);
        }
        let silent = if *status == 0 { &ended.err } else { &ended.out };
        ensure!(silent.is_empty(), "{line}: {ended:?}");
    }
    Ok(())
}

/// A word that is no text is no reason to panic.
#[test]
fn words_that_are_no_text_are_refused() -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let word = std::ffi::OsStr::from_bytes(b"r\xffn");
    let ended = std::process::Command::new(program::executable()?).arg(word).output()?;
    let text = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.code() == Some(1) && text.contains("is not UTF-8"), "{text}");
    Ok(())
}
