//! The guide is true: what its pages show is what the program prints.
//!
//! The pages are `emulator/docs/guide/*.md`. Two kinds of blocks matter here; each page has a
//! directory of its own, in which the project's `boards` can be reached.
//!
//! - `text FILE` (or any language, then `FILE`) writes a file.
//! - `console` has commands, each after `$ `, executed by sh with nothing on standard input, and
//!   what each prints, standard error included. A line `...` stands for any lines, the rest is
//!   compared without regard to white space. `[status 1]` ends the output of one that fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use boardwright_tests::program::{Scratch, executable, root};

/// A block of a page.
struct Block<'a> {
    /// What stands after the opening fence.
    info: &'a str,
    /// The number of its first line.
    line: usize,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Result<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(Block { info, line: number + 1, lines: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.lines.push(line),
            (None, None) => {}
        }
    }
    ensure!(open.is_none(), "a block has no end");
    Ok(blocks)
}

/// A command of a `console` block and the output that is shown.
struct Session<'a> {
    command: String,
    output: Vec<&'a str>,
    status: i32,
}

fn sessions<'a>(lines: &[&'a str]) -> Result<Vec<Session<'a>>> {
    let mut sessions: Vec<Session<'a>> = Vec::new();
    let mut goes_on = false;
    for line in lines {
        let last = sessions.last_mut();
        if let Some(command) = line.strip_prefix("$ ") {
            sessions.push(Session { command: command.into(), output: Vec::new(), status: 0 });
            goes_on = command.ends_with('\\');
            continue;
        }
        let session = last.with_context(|| format!("no command before {line:?}"))?;
        if goes_on {
            session.command += &format!("\n{line}");
            goes_on = line.ends_with('\\');
        } else if let Some(status) = line.strip_prefix("[status ") {
            session.status = status.trim_end_matches(']').parse()?;
        } else {
            session.output.push(line);
        }
    }
    Ok(sessions)
}

/// Whether lines are as shown; `...` is any number of them.
fn is_as_shown(shown: &[String], printed: &[String]) -> bool {
    let Some((first, rest)) = shown.split_first() else { return printed.is_empty() };
    if first == "..." {
        return (0..=printed.len()).any(|skipped| is_as_shown(rest, &printed[skipped..]));
    }
    printed.first() == Some(first) && is_as_shown(rest, &printed[1..])
}

fn normalised<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    lines.map(words).filter(|line| !line.is_empty()).collect()
}

fn run(place: &Path, session: &Session<'_>) -> Result<()> {
    let program = executable()?;
    let folders = [program.parent().context("no folder")?.to_path_buf()];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&path)))?;
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{}", session.command)])
        .current_dir(place)
        .env("PATH", path)
        .env("TERM", "dumb")
        .env("COLUMNS", "100")
        .stdin(Stdio::null())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.code() == Some(session.status),
        "{} ends with {}, not {}:\n{printed}",
        session.command,
        output.status,
        session.status
    );
    let shown = normalised(session.output.iter().copied());
    ensure!(
        is_as_shown(&shown, &normalised(printed.lines())),
        "{}\nprints\n{printed}\nnot as shown",
        session.command
    );
    Ok(())
}

fn check(page: &Path) -> Result<usize> {
    let text = fs::read_to_string(page)?;
    let scratch = Scratch::new()?;
    std::os::unix::fs::symlink(root().join("boards"), scratch.path("boards"))?;
    let mut made = 0;
    for Block { info, line, lines } in blocks(&text)? {
        match info.split_once(' ') {
            Some((_, file)) => drop(scratch.file(file, lines.join("\n") + "\n")?),
            None if info == "console" => {
                for session in sessions(&lines)? {
                    run(&scratch.path(""), &session)
                        .with_context(|| format!("{}:{line}", page.display()))?;
                    made += 1;
                }
            }
            None => {}
        }
    }
    Ok(made)
}

fn pages() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root().join("emulator/docs/guide"))?;
    let mut pages: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    Ok(pages)
}

#[test]
fn the_pages_are_true() -> Result<()> {
    let pages = pages()?;
    let (mut sessions, mut wrong) = (0, Vec::new());
    for page in &pages {
        match check(page) {
            Ok(made) => sessions += made,
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    ensure!(sessions >= pages.len(), "{sessions} sessions on {} pages", pages.len());
    Ok(())
}

#[test]
fn what_is_not_as_shown_is_noticed() {
    let lines = |text: &str| normalised(text.split('|'));
    for (shown, printed, same) in [
        ("", "", true),
        ("a|b", " a| b ", true),
        ("a|...", "a|b|c", true),
        ("...|c", "a|b|c", true),
        ("a|...|c", "a|c", true),
        ("a", "a|b", false),
        ("a|b", "a", false),
        ("a|...|c", "a|b", false),
    ] {
        assert_eq!(is_as_shown(&lines(shown), &lines(printed)), same, "{shown} and {printed}");
    }
}
