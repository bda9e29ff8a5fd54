//! Findings and rules as people read them.

use std::fmt::Write as _;

use super::Report;
use crate::board::lint::{Finding, RULES, Rule};
use crate::cli::script;
use crate::qapi::LintSeverity;

/// How wide a paragraph is.
const WIDTH: usize = 80;

pub(super) fn report(report: &Report) -> String {
    let mut text = String::new();
    for finding in report.findings.iter().filter(|finding| finding.waived.is_none()) {
        one(&mut text, report, finding);
    }
    let counts = [
        (report.count(LintSeverity::Error), "error"),
        (report.count(LintSeverity::Warning), "warning"),
        (report.count(LintSeverity::Note), "note"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let mut summary: Vec<String> = counts
        .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if summary.is_empty() {
        summary.push("no findings".into());
    }
    if report.waived() > 0 {
        summary.push(format!("{} waived", report.waived()));
    }
    let _ = writeln!(text, "{}: {}", report.source, summary.join(", "));
    text
}

fn one(text: &mut String, report: &Report, finding: &Finding) {
    let Rule { id, severity, .. } = finding.rule;
    let _ = writeln!(text, "{severity}[{id}]: {}", finding.problem.message);
    if let Some(entry) = report.board.journal().entry(finding.problem.entry) {
        let _ = writeln!(text, "  --> {}: {}", entry.origin, script::line(&entry.command));
    }
    for (number, command) in finding.problem.fix.iter().enumerate() {
        let head = if number == 0 { " help:" } else { "      " };
        let _ = writeln!(text, " {head} {}", script::line(command));
    }
    text.push('\n');
}

pub(super) fn list() -> String {
    RULES.iter().fold(String::new(), |mut text, Rule { id, severity, summary, .. }| {
        let _ = writeln!(text, "{:<22} {:<9} {summary}", id.as_str(), severity.as_str());
        text
    })
}

pub(super) fn explain(rule: &Rule) -> String {
    let Rule { id, severity, summary, explanation, .. } = rule;
    let (bad, good) = rule.boards();
    format!(
        "{severity}[{id}]: {summary}\n\n{}\n\nA board with such a finding:\n\n{}\nInstead:\n\n{}",
        wrapped(explanation),
        indented(bad),
        indented(good)
    )
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "    {line}");
        out
    })
}

/// A paragraph of short lines.
pub(super) fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines.join("\n")
}
