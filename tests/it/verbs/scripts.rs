//! Scripts with parameters as files, and `fmt`.

use anyhow::{Result, ensure};
use boardwright_tests::program::{self, Program, Scratch};

/// A command line in a directory with files, its status, and a text that it prints.
fn check(rows: &[(&str, i32, &str)], scratch: &Scratch) -> Result<()> {
    let dir = scratch.path("").display().to_string();
    for (line, status, text) in rows {
        let line = line.replace("{dir}/", &dir);
        let ended = program::run(&line.split_whitespace().collect::<Vec<_>>())?;
        let said = format!("{}{}", ended.out, ended.err).replace(&dir, "");
        ensure!(ended.status.code() == Some(*status), "{line}: {ended:?}");
        ensure!(said.contains(text), "{line}: no {text:?} in {said}");
    }
    Ok(())
}

#[test]
fn files_lead_to_files() -> Result<()> {
    let scratch = Scratch::new()?;
    std::fs::create_dir_all(scratch.path("parts"))?;
    scratch.file(
        "parts/memory.qmp",
        "param n = 0\ndevice_add driver=sysbus-memory id=m$n size=4K\n",
    )?;
    scratch.file("parts/self.qmp", "include ../parts/self.qmp\n")?;
    scratch.file("parts/bytes.qmp", [0xff, 0xfe])?;
    let begin = "machine-set type=none\nset-machine-phase phase=initialized\n";
    let rows = [
        ("good.qmp", "for n in 0..3 { include parts/memory.qmp n=$n }"),
        ("twice.qmp", "for n in 0..3 { include parts/memory.qmp }"),
        ("loop.qmp", "include parts/self.qmp"),
        ("folder.qmp", "include parts"),
        ("bytes.qmp", "include parts/bytes.qmp"),
        ("missing.qmp", "include parts/nope.qmp"),
        ("endless.qmp", "include /dev/null"),
    ];
    for (name, text) in rows {
        scratch.file(name, format!("{begin}{text}\n"))?;
    }
    check(
        &[
            ("check {dir}/good.qmp", 0, "devices: 3"),
            ("check {dir}/endless.qmp", 0, "devices: 0"),
            (
                "check {dir}/twice.qmp",
                2,
                "parts/memory.qmp:2:1: Duplicate device ID 'm0'\n\
                 device_add driver=sysbus-memory id=m$n size=4K\n^\n\
                 included from twice.qmp:3:17\nin iteration n=1 of the loop at twice.qmp:3:1\n",
            ),
            (
                "check {dir}/loop.qmp",
                2,
                "the files include each other: loop.qmp includes parts/self.qmp",
            ),
            ("check {dir}/folder.qmp", 2, "folder.qmp:3:1: Cannot read 'parts': Is a directory"),
            ("check {dir}/bytes.qmp", 2, "bytes.qmp:3:1: Cannot read 'parts/bytes.qmp': "),
            (
                "check {dir}/missing.qmp",
                2,
                "Cannot read 'parts/nope.qmp': No such file or directory",
            ),
        ],
        &scratch,
    )
}

#[test]
fn parameters_come_from_the_command_line() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.file("none.qmp", "machine-set type=none\n")?;
    scratch.file("wrong.qmp", "param a = 1 in 2\n")?;
    check(
        &[
            ("check boards/family.qmp harts=4 xlen=32", 0, "harts: 4"),
            ("check boards/family.qmp harts=9", 2, "parameter 'harts' is one of 1..=8, not 9"),
            ("run boards/family.qmp hart=9", 1, "has no parameter 'hart': did you mean harts?"),
            ("run boards/family.qmp --help", 0, "  xlen=<int> in [32, 64]"),
            ("run --help boards/family.qmp", 0, "usage: boardwright run SCRIPT "),
            ("run {dir}/none.qmp -help", 0, "The script has no parameters.\n"),
            ("run {dir}/none.qmp n=1", 1, "none.qmp has no parameter 'n': it has none"),
            ("run {dir}/wrong.qmp --help", 1, "wrong.qmp:1:7: 'a' is one of a range or a list"),
            ("run {dir}/nowhere.qmp --help", 1, "Cannot read 'nowhere.qmp': No such file"),
            ("run boards/family.qmp xlen=32 harts=2 -display none", 0, "cpu-type=rv$xlen"),
        ],
        &scratch,
    )
}

/// The journal knows the line and what the loops were at.
#[test]
fn the_journal_tells_the_line() -> Result<()> {
    let scratch = Scratch::new()?;
    let script = "machine-set type=none\nset-machine-phase phase=initialized\n\
        for i in 0..2 {\n device_add driver=sysbus-memory id=m$i size=1\n}\nboard-log\n";
    scratch.file("x.qmp", script)?;
    let line = "run {dir}/x.qmp -display none";
    check(&[(line, 0, r#""x.qmp:4 (i=0)""#), (line, 0, r#""x.qmp:4 (i=1)""#)], &scratch)
}

#[test]
fn files_are_laid_out() -> Result<()> {
    let scratch = Scratch::new()?;
    let untidy = "a   x=1\n\n\n\nfor i in 0..2 { b }\n";
    let good = scratch.file("good.qmp", "a x=1\n")?;
    let other = scratch.file("other.qmp", untidy)?;
    scratch.file("wrong.qmp", "a x\n")?;
    check(
        &[
            ("fmt", 2, "fmt needs a file\nusage: boardwright fmt [--check] FILE..."),
            ("fmt {dir}/nowhere.qmp", 2, "Cannot read 'nowhere.qmp': No such file"),
            ("fmt {dir}/other.qmp {dir}/wrong.qmp", 2, "wrong.qmp:1:3: expected key=value"),
            ("fmt --check {dir}/good.qmp", 0, ""),
            ("fmt --check {dir}/good.qmp {dir}/other.qmp", 1, "other.qmp\n"),
        ],
        &scratch,
    )?;
    // Nothing was touched so far.
    ensure!(std::fs::read_to_string(&other)? == untidy);
    check(&[("fmt {dir}/good.qmp {dir}/other.qmp", 0, "")], &scratch)?;
    ensure!(std::fs::read_to_string(&other)? == "a x=1\n\nfor i in 0..2 {\n    b\n}\n");
    ensure!(std::fs::read_to_string(&good)? == "a x=1\n");
    let mut piped = Program::start(&["fmt", "-"])?;
    piped.type_in(untidy)?;
    piped.close_input();
    let ended = piped.ended()?;
    ensure!(ended.out == "a x=1\n\nfor i in 0..2 {\n    b\n}\n", "{ended:?}");
    Ok(())
}
