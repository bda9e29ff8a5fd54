//! What a sweep has found: a table for people, JUnit's XML for continuous integration, JSON.

use std::fmt::Write as _;

use qapi_runtime::Value;
use serde_json::json;

use super::Tried;
use super::variant::Verdict;

/// Makes a text of the name of the script and the runs.
type Printer = fn(&str, &[Tried]) -> String;

/// The printer of a format.
pub(super) fn format(name: &str) -> Option<Printer> {
    match name {
        "text" => Some(text),
        "junit" => Some(junit),
        "json" => Some(json),
        _ => None,
    }
}

impl Tried {
    /// `harts=2 xlen=32`
    fn name(&self) -> String {
        if self.values.is_empty() {
            return "(no parameters)".into();
        }
        let values: Vec<String> =
            self.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        values.join(" ")
    }
}

fn text(_: &str, all: &[Tried]) -> String {
    let head = ["VARIANT", "STATUS", "INSTRUCTIONS", "LAST LINE"].map(String::from);
    let rows = all.iter().map(|tried| {
        let outcome = &tried.outcome;
        [
            tried.name(),
            outcome.status(),
            outcome.instructions.to_string(),
            outcome.last_line().to_string(),
        ]
    });
    let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [name, status, count] = [width(0), width(1), width(2)];
    let mut text = String::new();
    for row in &rows {
        let line = format!("{:name$}  {:status$}  {:>count$}  {}", row[0], row[1], row[2], row[3]);
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let passed = all.iter().filter(|tried| tried.outcome.passed()).count();
    let _ = writeln!(text, "\n{passed} of {} variants passed", all.len());
    text
}

fn json(script: &str, all: &[Tried]) -> String {
    let variants: Vec<Value> = all
        .iter()
        .map(|Tried { values, outcome }| {
            let parameters: qapi_runtime::Map = values
                .iter()
                .map(|(name, value)| (name.clone(), value.json().unwrap_or_default()))
                .collect();
            let (status, code) = match outcome.verdict {
                Verdict::Ended(0) => ("pass", Some(0)),
                Verdict::Ended(code) => ("fail", Some(code)),
                Verdict::Timeout => ("timeout", None),
                Verdict::Error => ("error", None),
            };
            json!({
                "parameters": parameters,
                "status": status,
                "code": code,
                "instructions": outcome.instructions,
                "seconds": outcome.time.as_secs_f64(),
                "console": outcome.console,
                "error": outcome.error,
            })
        })
        .collect();
    let passed = all.iter().filter(|tried| tried.outcome.passed()).count();
    let whole = json!({ "script": script, "variants": variants, "passed": passed,
                        "failed": all.len() - passed });
    format!("{whole:#}\n")
}

fn junit(script: &str, all: &[Tried]) -> String {
    let count = |wanted: fn(Verdict) -> bool| {
        all.iter().filter(|tried| wanted(tried.outcome.verdict)).count()
    };
    let failures = count(|verdict| matches!(verdict, Verdict::Timeout | Verdict::Ended(1..)));
    let errors = count(|verdict| verdict == Verdict::Error);
    let time: f64 = all.iter().map(|tried| tried.outcome.time.as_secs_f64()).sum();
    let suite = escaped(script);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n\
         <testsuite name=\"{suite}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"0\" time=\"{time:.3}\">\n",
        all.len()
    );
    for tried in all {
        let outcome = &tried.outcome;
        let _ = writeln!(
            text,
            "<testcase classname=\"{suite}\" name=\"{}\" time=\"{:.3}\">",
            escaped(&tried.name()),
            outcome.time.as_secs_f64()
        );
        let message = escaped(outcome.last_line());
        let status = outcome.status();
        let _ = match &outcome.error {
            Some(error) => writeln!(
                text,
                "<error type=\"error\" message=\"{message}\">{}</error>",
                escaped(error)
            ),
            None if outcome.passed() => Ok(()),
            None => writeln!(
                text,
                "<failure type=\"{status}\" message=\"{status} after {} instructions\">{message}</failure>",
                outcome.instructions
            ),
        };
        let _ =
            writeln!(text, "<system-out>{}</system-out>\n</testcase>", escaped(&outcome.console));
    }
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}

/// Text within XML; characters that XML 1.0 cannot have become question marks.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(char),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            char if char < ' ' => escaped.push('?'),
            char => escaped.push(char),
        }
    }
    escaped
}
