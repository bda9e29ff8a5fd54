//! Findings as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a script.

use serde_json::{Value, json};

use super::Report;
use crate::board::lint::{Finding, RULES, Rule};
use crate::qapi::{CommandOrigin, LintSeverity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn log(reports: &[Report]) -> String {
    let results: Vec<Value> = reports
        .iter()
        .flat_map(|report| report.findings.iter().map(move |finding| result(report, finding)))
        .collect();
    let rules: Vec<Value> = RULES.iter().map(|rule| described(rule)).collect();
    let driver = json!({
        "name": "boardwright lint",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let run = json!({ "tool": { "driver": driver }, "results": results });
    let log = json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] });
    format!("{log}\n")
}

fn described(rule: &Rule) -> Value {
    json!({
        "id": rule.id.as_str(),
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.explanation },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn level(severity: LintSeverity) -> &'static str {
    // The same three words; SARIF has `none` besides.
    severity.as_str()
}

fn result(report: &Report, finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": finding.rule.id.as_str(),
        "level": level(finding.rule.severity),
        "message": { "text": finding.problem.message },
        "locations": [location(report, finding)],
    });
    if let Some(reason) = &finding.waived {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": reason }]);
    }
    result
}

/// The line of the script, where there is one; the board otherwise.
fn location(report: &Report, finding: &Finding) -> Value {
    let entry = report.board.journal().entry(finding.problem.entry);
    let script = entry.filter(|entry| entry.origin.kind == CommandOrigin::Script);
    let place = script.and_then(|entry| {
        // Behind the line may stand the variables of loops.
        let place = entry.origin.text.split(" (").next()?;
        let (file, line) = place.rsplit_once(':')?;
        Some((file.to_string(), line.parse::<u64>().ok()?))
    });
    let logical: Vec<Value> =
        finding.problem.objects.iter().map(|path| json!({ "fullyQualifiedName": path })).collect();
    let (file, line) = match place {
        Some((file, line)) => (file, Some(line)),
        None => (report.source.to_string(), None),
    };
    let mut physical = json!({ "artifactLocation": { "uri": file } });
    if let Some(line) = line {
        physical["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": physical, "logicalLocations": logical })
}
