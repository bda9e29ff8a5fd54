//! Runs the case files in `tests/cases`: small schemas with what has to come of them.
//!
//! A file holds many cases. `=== title` begins one; the lines up to the next mark are its root
//! file, `schema.json`. `--- file NAME` adds a file to include. The other marks are expectations:
//!
//! - `--- error`: the reference generator's text of the first error
//! - `--- all`: line, column and text of all errors
//! - `--- human`: the rendered errors
//! - `--- dump`: the checked schema, without what is predefined
//!
//! `BLESS=1 cargo test` writes what came out into the files; review the difference.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests may fail as tests may")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use qapi_schema::{Diagnostics, Problem, Schema};

/// Problems that take more than a few lines to bring about; `robust.rs` does.
const ELSEWHERE: [&str; 5] =
    ["unreadable-schema", "not-utf8", "includes-too-deep", "nesting-too-deep", "contains-too-deep"];

/// A part of a case: the words after the mark, and the lines below it.
struct Part {
    mark: String,
    text: String,
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in text.lines() {
        if line.starts_with("=== ") || line.starts_with("--- ") {
            parts.push(Part { mark: line.to_owned(), text: String::new() });
        } else {
            let part = parts.last_mut().expect("a case file begins with a case");
            part.text.push_str(line);
            part.text.push('\n');
        }
    }
    parts
}

/// Loads the case whose files are in a directory.
fn load(directory: &Path) -> Result<Schema, Diagnostics> {
    qapi_schema::load(&directory.join("schema.json"))
}

/// What came of a case, in the form that a mark asks for.
fn outcome(mark: &str, loaded: &Result<Schema, Diagnostics>, directory: &Path) -> String {
    let text = match (mark, loaded) {
        ("--- dump", Ok(schema)) => {
            let dump = qapi_schema::dump(schema);
            let (_, own) = dump.split_once("member qbool\n").expect("the predefined types");
            own.to_owned()
        }
        ("--- error" | "--- all" | "--- human", Ok(_)) => "accepted".to_owned(),
        ("--- all", Err(errors)) => all(errors),
        ("--- human", Err(errors)) => errors.to_string(),
        ("--- error" | "--- dump", Err(errors)) => errors.qemu(),
        (mark, _) => panic!("unknown mark {mark}"),
    };
    let prefix = format!("{}/", directory.display());
    let text = text.replace(&prefix, "");
    format!("{}\n", text.trim_end())
}

fn all(errors: &Diagnostics) -> String {
    let json = errors.json();
    let mut text = String::new();
    for error in json["errors"].as_array().expect("a list of errors") {
        let place = &error["place"];
        let message = error["message"].as_str().expect("a message").replace('\n', " / ");
        writeln!(text, "{}:{}: {message}", place["line"], place["column"]).expect("a string");
    }
    text
}

/// What the cases of a file came to.
#[derive(Default)]
struct Report {
    failures: Vec<String>,
    /// The codes of all problems that were found.
    codes: BTreeSet<&'static str>,
}

fn run(file: &Path, report: &mut Report) {
    let text = fs::read_to_string(file).expect("a case file");
    let bless = std::env::var_os("BLESS").is_some();
    let stem = file.file_stem().expect("a file name").to_string_lossy().into_owned();
    let mut directory = PathBuf::new();
    let (mut blessed, mut title) = (String::new(), String::new());
    for (number, part) in parts(&text).into_iter().enumerate() {
        let mut kept = part.text.clone();
        if let Some(name) = part.mark.strip_prefix("=== ") {
            title = name.to_owned();
            directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&stem).join(number.to_string());
            fs::create_dir_all(&directory).expect("a directory for the case");
            fs::write(directory.join("schema.json"), &part.text).expect("a file of the case");
        } else if let Some(name) = part.mark.strip_prefix("--- file ") {
            let path = directory.join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, &part.text).expect("a file of the case");
        } else {
            let loaded = load(&directory);
            if let Err(errors) = &loaded {
                report.codes.extend(errors.iter().map(|error| error.problem.code()));
            }
            let found = outcome(&part.mark, &loaded, &directory);
            let trimmed = format!("{}\n", part.text.trim_end());
            if found != trimmed {
                report.failures.push(format!(
                    "{stem}: {title}: {}\nexpected\n{trimmed}found\n{found}",
                    part.mark
                ));
            }
            kept = format!("{found}\n");
        }
        writeln!(blessed, "{}", part.mark).expect("a string");
        blessed.push_str(&kept);
    }
    if bless {
        fs::write(file, format!("{}\n", blessed.trim_end())).expect("a case file");
    }
}

#[test]
fn cases() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the case directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() > 5, "the case files are missing");
    let mut report = Report::default();
    for file in &files {
        run(file, &mut report);
    }
    let Report { failures, codes } = report;
    let blessed = std::env::var_os("BLESS").is_some();
    assert!(
        failures.is_empty() || blessed,
        "{} cases differ\n\n{}",
        failures.len(),
        failures.join("\n")
    );
    let known = Problem::CODES.iter().copied();
    let untried: Vec<_> = known.filter(|code| !codes.contains(code)).collect();
    assert_eq!(untried, ELSEWHERE, "problems without a case");
}
