//! The walk-through is true: its changes are made to a copy of the example, its commands are run,
//! and what it shows is what they print.
//!
//! The page has two kinds of blocks that matter here. `diff FILE` changes a file: its unmarked and
//! its `-` lines have to stand in the file, once, and become its unmarked and `+` lines.
//! `console` has a command after `$` and lines of its output in order; `...` stands for any. Line
//! numbers are not shown: `654 |` is compared as `|`.
//!
//! The copy is a workspace of its own below cargo's target directory, with which it shares what is
//! built, so that only the example itself is compiled.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot go on fails the test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A block of the page.
struct Block<'a> {
    /// What stands after the opening fence.
    info: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(Block { info, lines: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of the page has no end");
    blocks
}

/// Makes the change of a `diff` block.
fn change(file: &Path, lines: &[&str]) {
    let side = |keep: char| -> String {
        let of_side = lines.iter().filter(|line| line.is_empty() || line.starts_with([' ', keep]));
        of_side.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
    };
    let (before, after) = (side('-'), side('+'));
    let text = fs::read_to_string(file).unwrap();
    assert_eq!(
        text.matches(&before).count(),
        1,
        "{} does not have once:\n{before}",
        file.display()
    );
    fs::write(file, text.replacen(&before, &after, 1)).unwrap();
}

/// Runs the command of a `console` block and compares its output.
fn run(place: &Path, lines: &[&str]) {
    let (command, expected) = lines.split_first().unwrap();
    let words: Vec<&str> = command.split_whitespace().collect();
    let ["$", "cargo", arguments @ ..] = &words[..] else {
        panic!("only cargo can be run: {command}");
    };
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--target-dir"])
        .arg(target())
        .current_dir(place)
        // What the test itself is run with is nothing to the example.
        .env_remove("RUSTFLAGS")
        .env("CARGO_TERM_COLOR", "never")
        .output()
        .unwrap();
    let printed = [output.stderr, output.stdout].concat();
    let printed = String::from_utf8_lossy(&printed);
    let fails = expected.iter().any(|line| line.starts_with("error"));
    assert_eq!(output.status.success(), !fails, "{command}\n{printed}");
    let words = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace());
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut rest = printed.lines().map(words);
    for line in expected.iter().filter(|line| **line != "...") {
        assert!(
            rest.any(|printed| printed == words(line)),
            "{command} does not print, or not here:\n{line}\nbut:\n{printed}"
        );
    }
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Cargo's target directory.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_path_buf()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A copy of the example, as the only member of a workspace that is otherwise the repository's.
fn example() -> PathBuf {
    let (root, place) = (root(), Path::new(env!("CARGO_TARGET_TMPDIR")).join("walk-through"));
    let kettle = place.join("tea-kettle");
    if kettle.exists() {
        fs::remove_dir_all(&kettle).unwrap();
    }
    copy(&root.join("qapi-codegen/examples/kettle"), &kettle);
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (head, rest) = manifest.split_once("members = [").unwrap();
    let (_, rest) = rest.split_once("\n[").unwrap();
    let rest = rest.replace("path = \"", &format!("path = \"{}/", root.display()));
    let manifest = format!("{head}members = [\"tea-kettle\"]\n\n[{rest}");
    fs::write(place.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), place.join("Cargo.lock")).unwrap();
    // Under a name of its own, for the repository's example is built into the same directory.
    let manifest = fs::read_to_string(kettle.join("Cargo.toml")).unwrap();
    let renamed = manifest.replacen("name = \"kettle\"", "name = \"tea-kettle\"", 1);
    fs::write(kettle.join("Cargo.toml"), renamed).unwrap();
    kettle
}

#[test]
fn the_page_is_true() {
    let page = fs::read_to_string(root().join("qapi-codegen/docs/walk-through.md")).unwrap();
    let kettle = example();
    let mut made = 0;
    for Block { info, lines } in blocks(&page) {
        match info.split_once(' ') {
            Some(("diff", file)) => change(&kettle.join(file), &lines),
            None if info == "console" => run(&kettle, &lines),
            _ => panic!("what is a block `{info}`?"),
        }
        made += 1;
    }
    assert_eq!(made, 8, "blocks of the page");
}
