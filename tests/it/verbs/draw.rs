//! Verb `draw` and command `board-draw`: pictures that are kept, and what cannot be drawn.

use std::fs;

use anyhow::{Context, Result, ensure};
use boardwright_tests::program::{self, Program, Scratch, root};
use serde_json::json;

/// Boards with the pictures of them in the repository; the first one is in the README.
const KEPT: &[(&str, &str)] = &[
    ("boards/first.qmp", "boards/first.svg"),
    ("tests/it/verbs/drawings/overlaps.qmp", "tests/it/verbs/drawings/overlaps.svg"),
];

#[test]
fn the_pictures_that_are_kept_are_those_of_their_boards() -> Result<()> {
    for (board, picture) in KEPT {
        let ended = program::run(&["draw", board])?;
        ensure!(ended.status.success(), "{board}: {ended:?}");
        let kept = fs::read_to_string(root().join(picture)).unwrap_or_default();
        ensure!(
            ended.out == kept,
            "{picture} shows {board} as it was: boardwright draw -o {picture} {board}, and look at it"
        );
    }
    Ok(())
}

#[test]
fn the_file_decides_the_format_and_the_option_before_it() -> Result<()> {
    let scratch = Scratch::new()?;
    for (name, format, begin) in [
        ("a.svg", None, "<svg "),
        ("a.html", None, "<!DOCTYPE html>"),
        ("b.HTM", None, "<!DOCTYPE html>"),
        ("page", Some("html"), "<!DOCTYPE html>"),
        ("c.html", Some("svg"), "<svg "),
    ] {
        let path = scratch.path(name).display().to_string();
        let mut words = vec!["draw", "-o", &path, "--title", "a <b> & c", "machine:none"];
        words.extend(format.iter().flat_map(|format| ["--format", format]));
        let ended = program::run(&words)?;
        ensure!(ended.status.success() && ended.out.is_empty(), "{name}: {ended:?}");
        let document = fs::read_to_string(&path)?;
        ensure!(document.starts_with(begin), "{name}: {document:.80}");
        ensure!(document.contains("<title>a &lt;b&gt; &amp; c</title>"), "{name}");
    }
    Ok(())
}

#[test]
fn what_lint_finds_is_marked() -> Result<()> {
    let scratch = Scratch::new()?;
    let board = "machine-set type=none\nset-machine-phase phase=initialized\n\
        device_add driver=riscv.sifive.plic id=plic\nsysbus-mmio-map device=plic addr=0xc000000\n\
        device_add driver=riscv.sifive.uart id=uart\nsysbus-mmio-map device=uart addr=0xc000000\n";
    let board = scratch.file("marked.qmp", board)?.display().to_string();
    let picture = program::run(&["draw", &board])?.out;
    let finding = "warning[irq-unconnected]: the interrupt of 'uart' leads nowhere";
    for part in ["lint: ", "circle class=\"warning\"", "lint: warning", &escaped(finding)] {
        ensure!(picture.contains(part), "no {part} in {picture}");
    }
    let page = program::run(&["draw", "--format", "html", &board])?.out;
    let told = "qom-set path=uart property=sysbus-irq[0] value=plic/unnamed-gpio-in[1]";
    ensure!(page.contains(finding) && page.contains(told), "{page}");
    let clean = program::run(&["draw", "boards/first.qmp"])?.out;
    ensure!(!clean.contains("lint: "), "{clean}");
    Ok(())
}

/// A text as it stands in a picture.
fn escaped(text: &str) -> String {
    text.replace('\'', "&#39;")
}

/// Arguments, and what is said of them.
const BAD: &[(&[&str], &str)] = &[
    (&[], "draw needs a board\nusage: boardwright draw "),
    (&["machine:none", "machine:none"], "unexpected argument: machine:none\nusage: "),
    (
        &["--format", "pdf", "machine:none"],
        "option --format: 'pdf' is not accepted: expected --format svg|html",
    ),
    (&["machine:none", "-o"], "option --o needs a value: -o FILE"),
    (
        &["-o", "/no/where/a.svg", "machine:none"],
        "Cannot write '/no/where/a.svg': No such file or directory",
    ),
    (&["-o", "/", "machine:none"], "Cannot write '/': Is a directory"),
    (&["-o", "/dev/full", "machine:none"], "Cannot write '/dev/full': No space left on device"),
    (&["/no/where.qmp"], "Cannot read '/no/where.qmp'"),
    (&["machine:nope"], "machine:nope: "),
];

#[test]
fn what_cannot_be_drawn_is_said() -> Result<()> {
    for (words, expected) in BAD {
        let words: Vec<&str> = std::iter::once("draw").chain(words.iter().copied()).collect();
        let ended = program::run(&words)?;
        ensure!(ended.status.code() == Some(2) && ended.out.is_empty(), "{words:?}: {ended:?}");
        ensure!(ended.err.contains(expected), "{words:?}: no {expected:?} in {}", ended.err);
    }
    Ok(())
}

#[test]
fn a_client_gets_the_same_picture() -> Result<()> {
    let (_program, mut client) = Program::with_qmp(&["-M", "sifive_dt", "-S"])?;
    let drawn = client.execute("board-draw", json!({ "title": "machine:sifive_dt" }))?;
    let own = program::run(&["draw", "machine:sifive_dt"])?.out;
    let drawing = drawn["drawing"].as_str().context("no picture")?;
    // Where a command came from is told differently: the machine was made by an option here.
    let shape = |text: &str| text.lines().filter(|line| line.starts_with('<')).count();
    ensure!(shape(drawing) == shape(&own) && drawn["size"] == drawing.len());

    let scratch = Scratch::new()?;
    let path = scratch.path("board.html");
    let arguments = json!({ "format": "html", "filename": path });
    let written = client.execute("board-draw", arguments)?;
    let page = fs::read_to_string(&path)?;
    ensure!(written == json!({ "size": page.len() }) && page.contains("Machine sifive_dt"));
    Ok(())
}
