//! Compares with a corpus of schemas and what the reference generator says of each, where there
//! is one: in the folder that `QAPI_CORPUS` names, or in `shared/corpora/qapi` beside the
//! workspace. The cases are not the project's own and stay outside; `cases.rs` has its own.
//!
//! `cargo test -p qapi-schema --test corpus -- --nocapture` prints the figures.
#![expect(clippy::expect_used, reason = "helpers of tests may fail as tests may")]

use std::fs;
use std::path::{Path, PathBuf};

/// A row of a table of cases.
struct Row<'t> {
    name: &'t str,
    accept: bool,
    line: &'t str,
    column: &'t str,
    /// The whole error text.
    message: String,
    dump: bool,
}

fn row(text: &str) -> Option<Row<'_>> {
    let fields: Vec<&str> = text.split('\t').collect();
    let [name, _set, verdict, _file, line, column, message, dump] = fields.as_slice() else {
        return None;
    };
    let message = message.replace("\\n", "\n").replace("\\\\", "\\");
    let (accept, dump) = (*verdict == "accept", *dump == "out");
    Some(Row { name, accept, line, column, message, dump })
}

/// How many cases agree, column by column.
#[derive(Default)]
struct Score {
    columns: Vec<(&'static str, usize, usize)>,
    differences: Vec<String>,
}

impl Score {
    fn count(&mut self, column: &'static str, case: &str, expected: &str, found: &str) {
        let at = self.columns.iter().position(|(name, ..)| *name == column);
        let at = at.unwrap_or_else(|| {
            self.columns.push((column, 0, 0));
            self.columns.len() - 1
        });
        let (_, right, all) = &mut self.columns[at];
        *all += 1;
        if expected == found {
            *right += 1;
        } else {
            let text = format!("{case}: {column}: expected\n{expected}\nfound\n{found}\n");
            self.differences.push(text);
        }
    }
}

/// Line and column in the first line that has a place, and the text from there on.
fn place(text: &str) -> (&str, &str, &str) {
    let lines = text.lines().filter(|line| !line.starts_with("In file included from "));
    for line in lines {
        let mut parts = line.splitn(4, ':');
        let number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
        let (_, at, column) = (parts.next(), parts.next(), parts.next());
        match (at, column, parts.next()) {
            (Some(at), Some(column), Some(rest)) if number(at) && number(column) => {
                return (at, column, rest);
            }
            (Some(at), Some(_), _) if number(at) => {
                let start = line.find(": ").map_or(0, |it| it + 2);
                return (at, "", line.get(start..).unwrap_or(""));
            }
            _ => {}
        }
    }
    ("", "", text)
}

/// Compares one case; its files are in the current directory.
fn compare(row: &Row<'_>, score: &mut Score) {
    let loaded = qapi_schema::load(Path::new(&format!("{}.json", row.name)));
    let verdict = |accept| if accept { "accept" } else { "reject" };
    score.count("verdict", row.name, verdict(row.accept), verdict(loaded.is_ok()));
    match loaded {
        Err(errors) => {
            let text = errors.qemu();
            let (line, column, message) = place(&text);
            score.count("line", row.name, row.line, line);
            score.count("column", row.name, row.column, column);
            score.count("message", row.name, place(&row.message).2, message);
            score.count("text", row.name, &row.message, &text);
        }
        Ok(schema) if row.dump => {
            let expected = fs::read_to_string(format!("{}.out", row.name)).expect("a dump");
            score.count("dump", row.name, &expected, &qapi_schema::dump(&schema));
        }
        Ok(_) => {}
    }
}

#[test]
fn corpus() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora/qapi");
    let corpus = std::env::var_os("QAPI_CORPUS").map_or(beside, PathBuf::from).join("cases");
    let Ok(corpus) = corpus.canonicalize() else {
        println!("no corpus in {}", corpus.display());
        return;
    };
    let mut score = Score::default();
    for entry in fs::read_dir(corpus).expect("the corpus") {
        let table = entry.expect("an entry").path();
        if table.extension().is_none_or(|extension| extension != "tsv") {
            continue;
        }
        let rows = fs::read_to_string(&table).expect("a table");
        // Messages have the paths as given: bare names, in the corpus.
        std::env::set_current_dir(table.with_extension("")).expect("the folder of the cases");
        for line in rows.lines().skip(1) {
            compare(&row(line).expect("a row of eight fields"), &mut score);
        }
    }
    for (column, right, all) in &score.columns {
        println!("{column:8} {right}/{all}");
    }
    assert!(!score.columns.is_empty(), "the corpus has no tables");
    let differences = score.differences;
    assert!(differences.is_empty(), "{} differ\n\n{}", differences.len(), differences.join("\n"));
}
