//! Waivers: findings that may stay, as part of the board.

use std::collections::HashMap;

use qapi_runtime::QmpError;
use rpds::VectorSync;

use super::{Finding, Problem, Rule};
use crate::board::Board;
use crate::qapi::{LintRule, LintSeverity, LintWaiver};

pub(super) const WAIVER_UNUSED: Rule = Rule {
    id: LintRule::WaiverUnused,
    severity: LintSeverity::Note,
    summary: "a waiver is about nothing",
    explanation: "What was waived is no longer there, or never was. A waiver that stays would hide \
                  the next finding of that rule: take it out of the script.",
    example: include_str!("examples/waiver-unused.qmp"),
    // Only known when all findings are.
    check: |_| Vec::new(),
};

/// A finding that may stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The rule that finds it.
    pub rule: LintRule,
    /// The whole path of what it is about; all findings of the rule where there is none.
    pub object: Option<String>,
    /// Why it may stay.
    pub reason: String,
    /// The number in the board's journal of the command that made the waiver.
    pub entry: u64,
}

impl Waiver {
    /// As a command has it.
    pub fn told(&self) -> LintWaiver {
        LintWaiver { rule: self.rule, object: self.object.clone(), reason: self.reason.clone() }
    }
}

/// The waivers of a board, in order. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Waivers(VectorSync<Waiver>);

impl Waivers {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Waiver> {
        self.0.iter()
    }
}

impl Board {
    /// Lets findings stay.
    ///
    /// # Errors
    /// There is no such object, no reason, or such a waiver already.
    pub fn waive(&mut self, waiver: &LintWaiver) -> Result<(), QmpError> {
        if waiver.reason.trim().is_empty() {
            return Err(QmpError::generic(
                "Parameter 'reason' expects a text: why may the finding stay?",
            ));
        }
        let object = match &waiver.object {
            // A line of a port is no object, but most findings are about one.
            Some(path) => Some(match self.find(path) {
                Ok(object) => object.path(),
                Err(error) => match self.find_port(path) {
                    Ok(port) => self.port_path(&port),
                    Err(_) => return Err(error),
                },
            }),
            None => None,
        };
        if self.waivers.iter().any(|old| old.rule == waiver.rule && old.object == object) {
            let about = object.map_or_else(String::new, |path| format!(" about '{path}'"));
            return Err(QmpError::generic(format!(
                "There is a waiver of '{}'{about} already",
                waiver.rule
            )));
        }
        let entry = self.journal().len();
        let Waivers(waivers) = &mut self.waivers;
        let reason = waiver.reason.clone();
        waivers.push_back_mut(Waiver { rule: waiver.rule, object, reason, entry });
        Ok(())
    }

    /// What may stay.
    pub fn waivers(&self) -> &Waivers {
        &self.waivers
    }
}

/// Marks what is waived, and finds waivers that are about nothing.
pub(super) fn apply(board: &Board, findings: &mut Vec<Finding>) {
    let mut by_place: HashMap<(LintRule, Option<&str>), usize> = HashMap::new();
    let waivers: Vec<&Waiver> = board.waivers().iter().collect();
    for (number, waiver) in (0..).zip(&waivers) {
        by_place.insert((waiver.rule, waiver.object.as_deref()), number);
    }
    let mut used = vec![false; waivers.len()];
    for finding in findings.iter_mut() {
        let rule = finding.rule.id;
        let number = finding
            .problem
            .objects
            .iter()
            .flat_map(|path| with_parents(path))
            .map(Some)
            .chain([None])
            .find_map(|place| by_place.get(&(rule, place)));
        if let Some(&number) = number {
            used[number] = true;
            finding.waived = Some(waivers[number].reason.clone());
        }
    }
    let unused = waivers.iter().zip(used).filter(|(_, used)| !used);
    findings.extend(unused.map(|(waiver, _)| {
        let about = waiver.object.as_deref().map(|path| format!(" about '{path}'"));
        let message = format!(
            "no finding of '{}'{} is there to be waived",
            waiver.rule,
            about.unwrap_or_default()
        );
        let mut problem = Problem::new(message).made_by(waiver.entry);
        problem.objects.extend(waiver.object.clone());
        Finding { rule: &WAIVER_UNUSED, problem, waived: None }
    }));
}

/// A path and those of all that it is part of.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(parent, _)| parent))
}
