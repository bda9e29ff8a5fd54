//! `cargo xtask tidy`: rules of the project that no compiler checks.
//!
//! Each rule is a function from the tree to what is wrong with it; all of it is told at once.

use std::path::{Component, Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{fs, iter};

use anyhow::{Context, ensure};

/// The most lines a source file may have: beyond that, it has more than one subject.
const MOST_LINES: usize = 800;
/// Generated files, kept to be looked at: they follow the generator's rules, not these.
const GENERATED: &str = "tests/golden/";

/// A file of the repository: its path from the root, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

/// Runs the verb.
pub(crate) fn run(_: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let found = check()?;
    for line in &found {
        eprintln!("{line}");
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// All that is wrong, one line each, in the order of the files.
fn check() -> anyhow::Result<Vec<String>> {
    let root = root();
    let rust = sources(&root, "*.rs")?;
    let pages = sources(&root, "*.md")?;
    ensure!(!rust.is_empty(), "git lists no Rust files in {}", root.display());
    let mut wrong = Vec::new();
    for file in rust.iter().filter(|file| !file.path.to_string_lossy().contains(GENERATED)) {
        wrong.extend(header(file));
        wrong.extend(length(file));
        wrong.extend(ignored_tests(file));
    }
    wrong.extend(devices(&rust)?);
    pages.iter().for_each(|page| wrong.extend(dead_links(page, &root)));
    Ok(wrong)
}

/// The files that git knows or would add, so that nothing built is looked at.
fn sources(root: &Path, pattern: &str) -> anyhow::Result<Vec<Source>> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern])
        .current_dir(root)
        .output()
        .context("cannot run git")?;
    let messages = String::from_utf8_lossy(&listing.stderr);
    ensure!(listing.status.success(), "git ls-files: {messages}");
    let names = String::from_utf8_lossy(&listing.stdout).into_owned();
    let mut files = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        // One that was deleted and is still in the index is no file.
        if let Ok(text) = fs::read_to_string(root.join(name)) {
            files.push(Source { path: name.into(), text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn header(file: &Source) -> Option<String> {
    let documented = file.text.starts_with("//! ") && !file.text.starts_with("//! TODO");
    (!documented)
        .then(|| format!("{}:1: begin with `//!`: what the file is about", file.path.display()))
}

fn length(file: &Source) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > MOST_LINES).then(|| {
        let path = file.path.display();
        format!("{path}:{MOST_LINES}: {lines} lines: move one of its subjects to another file")
    })
}

/// A test that is not run is forgotten.
fn ignored_tests(file: &Source) -> Vec<String> {
    // In two parts, or this file would be found.
    let mark = concat!("#[", "ignore");
    let lines = iter::zip(1.., file.text.lines());
    lines
        .filter(|(_, line)| line.trim_start().starts_with(mark))
        .map(|(number, _)| {
            format!("{}:{number}: a test is run or it is not there", file.path.display())
        })
        .collect()
}

/// The rows of `drivers!` and the files in the folders beside it: the same, and in order.
fn devices(rust: &[Source]) -> anyhow::Result<Vec<String>> {
    const FOLDER: &str = "emulator/src/devices";
    let list = rust.iter().find(|file| file.path == Path::new(FOLDER).join("mod.rs"));
    let list = &list.with_context(|| format!("there is no {FOLDER}/mod.rs"))?.text;
    let rows = list.split("\ndrivers! {").nth(1).and_then(|rest| rest.split("\n}").next());
    let rows = rows.with_context(|| format!("{FOLDER}/mod.rs has no list `drivers!`"))?;
    let files = rust
        .iter()
        .filter_map(|file| Some((file.path.strip_prefix(FOLDER).ok()?, &file.text)))
        // A file that two devices share has no `impl Driver`.
        .filter(|(path, text)| {
            path.components().count() == 2 && text.contains("\nimpl Driver for ")
        });
    let mut wrong = Vec::new();
    for (path, text) in files {
        let drivers = text
            .lines()
            .filter_map(|line| line.strip_prefix("impl Driver for ")?.split([' ', '{']).next());
        for driver in drivers {
            let listed = rows.split(|c: char| !c.is_alphanumeric()).any(|word| word == driver);
            if !listed {
                wrong.push(format!(
                    "{FOLDER}/{}: `{driver}` has no row in `drivers!` of {FOLDER}/mod.rs",
                    path.display()
                ));
            }
        }
    }
    Ok(wrong)
}

/// Links to files of the repository that are not there.
fn dead_links(page: &Source, root: &Path) -> Vec<String> {
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let mut wrong = Vec::new();
    for (number, line) in iter::zip(1.., page.text.lines()) {
        for target in targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
            // A link that climbs out of the repository is dead for whoever has only that.
            let path = normal(&folder.join(file));
            if !elsewhere && !path.is_some_and(|path| root.join(path).exists()) {
                let page = page.path.display();
                wrong.push(format!("{page}:{number}: the link to `{target}` leads nowhere"));
            }
        }
    }
    wrong
}

/// The targets of Markdown's `[text](target)` in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let ends = line.split("](").skip(1);
    ends.filter_map(|rest| rest.split([')', ' ']).next())
}

/// A path without `.` and `..`; nothing if it leads out of where it began.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_file_begins_with_what_it_is_about() {
        assert!(header(&source("a.rs", "//! Clocks.\n")).is_none());
        for text in ["", "use std::fs;\n", "// Clocks.\n", "//! TODO\n"] {
            assert!(header(&source("a.rs", text)).is_some(), "{text:?}");
        }
    }

    #[test]
    fn long_files_and_ignored_tests_are_found() {
        assert!(length(&source("a.rs", &"\n".repeat(MOST_LINES))).is_none());
        assert!(length(&source("a.rs", &"\n".repeat(MOST_LINES + 1))).is_some());
        let text = format!("#[test]\n    #[{}]\nfn f() {{}}\n", "ignore");
        let found = ignored_tests(&source("a.rs", &text));
        assert_eq!(found, ["a.rs:2: a test is run or it is not there"]);
    }

    #[test]
    fn links_are_followed_from_their_page() {
        let page =
            "[a](there.md) [b](missing.md)\n[c](https://x.org/y) [d](#here) [e](../out.md)\n";
        let found = dead_links(&source("docs/page.md", page), Path::new("/nowhere"));
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(normal(Path::new("a/../b/./c")), Some("b/c".into()));
        assert_eq!(normal(Path::new("a/../../b")), None);
    }

    #[test]
    fn a_device_without_a_row_is_found() {
        let list =
            source("emulator/src/devices/mod.rs", "\ndrivers! {\n    A => x::a, AProps;\n}\n");
        let a = source("emulator/src/devices/x/a.rs", "\nimpl Driver for AProps {\n");
        let b = source("emulator/src/devices/x/b.rs", "\nimpl Driver for BProps {\n");
        let found = devices(&[list, a, b]).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("BProps"), "{found:?}");
    }
}
