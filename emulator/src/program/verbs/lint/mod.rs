//! Verb `lint`: what is wrong with boards, for people and for machines.

mod manual;
mod sarif;
mod text;

use std::str::FromStr;

use qapi_runtime::Encode;
use serde_json::json;

use super::{Arguments, Flag, Run, Verb, print};
use crate::board::Board;
use crate::board::lint::{self, Finding, RULES, Rule};
use crate::program::Failure;
use crate::program::source::Source;
use crate::qapi::{LintRule, LintSeverity};

pub(super) const VERB: Verb = Verb {
    name: "lint",
    arguments: "[OPTION...] BOARD...",
    help: "tells what is wrong with boards, where it comes from and what mends it",
    options: &[
        Flag { name: "explain", value: Some("RULE"), help: "tell about a rule instead" },
        Flag { name: "format", value: Some("FORMAT"), help: "text (default), json, sarif" },
        Flag { name: "json", value: None, help: "the same as --format json: an object a board" },
        Flag { name: "list", value: None, help: "list the rules instead" },
        Flag { name: "manual", value: None, help: "print the page of all rules instead" },
        Flag { name: "rule", value: Some("RULE"), help: "only this rule, or several of them" },
        Flag { name: "severity", value: Some("LEAST"), help: "only error, or error and warning" },
        Flag { name: "strict", value: None, help: "notes fail, too" },
    ],
    run: Run::Plain(run),
};

/// How findings are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Sarif,
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "sarif" => Ok(Self::Sarif),
            _ => Err(()),
        }
    }
}

/// A text about all rules.
type Page = fn() -> String;

/// A board that was looked at.
struct Report {
    source: Source,
    board: Board,
    findings: Vec<Finding>,
}

impl Report {
    /// How many findings of a severity are not waived.
    fn count(&self, severity: LintSeverity) -> usize {
        let of = |f: &&Finding| f.waived.is_none() && f.rule.severity == severity;
        self.findings.iter().filter(of).count()
    }

    fn waived(&self) -> usize {
        self.findings.iter().filter(|finding| finding.waived.is_some()).count()
    }

    fn json(&self) -> String {
        let findings: Vec<_> = self.findings.iter().map(|f| f.told(&self.board).encode()).collect();
        let report = json!({
            "board": self.source.to_string(),
            "errors": self.count(LintSeverity::Error),
            "warnings": self.count(LintSeverity::Warning),
            "notes": self.count(LintSeverity::Note),
            "waived": self.waived(),
            "findings": findings,
        });
        format!("{report}\n")
    }
}

fn run(given: &Arguments) -> Result<u8, Failure> {
    let pages: [(&str, Page); 2] = [("list", text::list), ("manual", manual::page)];
    for (option, page) in pages {
        if given.has(option) {
            return match given.operands.first() {
                Some(extra) => Err(given.misuse(&format!("unexpected argument: {extra}"))),
                None => Ok(print(&page())),
            };
        }
    }
    if let Some(name) = given.value("explain") {
        return match given.operands.first() {
            Some(extra) => Err(given.misuse(&format!("unexpected argument: {extra}"))),
            None => Ok(print(&text::explain(rule(given, name)?))),
        };
    }
    let format = match given.parsed("format")? {
        Some(format) if given.has("json") && format != Format::Json => {
            return Err(given.misuse("options --json and --format contradict each other"));
        }
        Some(format) => format,
        None if given.has("json") => Format::Json,
        None => Format::Text,
    };
    let least: LintSeverity = match given.value("severity") {
        Some(text) => text.parse().map_err(|_| given.wrong("severity", text))?,
        None => LintSeverity::Note,
    };
    let rules: Vec<LintRule> = given
        .values("rule")
        .map(|name| Ok(rule(given, name)?.id))
        .collect::<Result<_, Failure>>()?;
    let wanted = |finding: &Finding| {
        finding.rule.severity as u32 <= least as u32
            && (rules.is_empty() || rules.contains(&finding.rule.id))
    };
    let mut reports = Vec::new();
    for source in given.boards(1..=usize::MAX)? {
        let mut report = look(source)?;
        report.findings.retain(wanted);
        reports.push(report);
    }
    print(&match format {
        Format::Text => reports.iter().map(text::report).collect(),
        Format::Json => reports.iter().map(Report::json).collect(),
        Format::Sarif => sarif::log(&reports),
    });
    let fails =
        |finding: &Finding| finding.counts() || given.has("strict") && finding.waived.is_none();
    Ok(u8::from(reports.iter().flat_map(|report| &report.findings).any(fails)))
}

fn look(source: Source) -> Result<Report, Failure> {
    let (board, findings) = if source.has_backends() {
        let door = source.door()?;
        let board = door.board()?;
        let findings = lint::run(&board, Some(&door.host));
        (board, findings)
    } else {
        let board = source.board()?;
        let findings = lint::run(&board, None);
        (board, findings)
    };
    Ok(Report { source, board, findings })
}

fn rule(given: &Arguments, name: &str) -> Result<&'static Rule, Failure> {
    name.parse().ok().and_then(Rule::find).ok_or_else(|| {
        let near = qapi_runtime::nearest(name, RULES.iter().map(|rule| rule.id.as_str()));
        given.misuse(&match near.as_slice() {
            [] => format!("there is no rule '{name}'; lint --list has them all"),
            near => format!("there is no rule '{name}'; did you mean {}?", near.join(" or ")),
        })
    })
}
