//! The page of all rules in the guide, out of their table.

use std::fmt::Write as _;

use super::text::wrapped;
use crate::board::lint::{RULES, Rule};

const HEAD: &str = "\
# Rules of lint

What `boardwright lint` looks for. This page is made from the table of the rules:
`boardwright lint --manual` prints it, `boardwright lint --explain RULE` one rule. Boards of
examples begin with `machine-set type=none`, `accel-set` and `next-machine-phase` where they
do not say otherwise; comments describe the files they load.

| rule | severity | finds |
|---|---|---|
";

pub(super) fn page() -> String {
    let mut text = String::from(HEAD);
    for Rule { id, severity, summary, .. } in RULES {
        let _ = writeln!(text, "| [{id}](#{id}) | {severity} | {summary} |");
    }
    for rule in RULES {
        let Rule { id, severity, summary, explanation, .. } = rule;
        let (bad, good) = rule.boards();
        let _ = write!(
            text,
            "\n## {id}\n\n{severity}: {summary}.\n\n{}\n\n```qmp\n{bad}```\n\nInstead:\n\n```qmp\n{good}```\n",
            wrapped(explanation)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_of_the_guide_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guide/lint-rules.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        let current = page == super::page();
        assert!(current, "run: boardwright lint --manual > emulator/docs/guide/lint-rules.md");
    }
}
