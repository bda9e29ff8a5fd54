//! Waivers: findings that may stay, as part of the board.

use std::collections::HashMap;

use qapi_runtime::{Encode, QmpError};
use rpds::RedBlackTreeMapSync;

use super::{Finding, Problem, Rule};
use crate::board::Board;
use crate::qapi::{BoardLintUnwaive, LintRule, LintSeverity, LintWaiver};

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

/// The waivers of a board, by rule and object. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Waivers(RedBlackTreeMapSync<(LintRule, Option<String>), Waiver>);

impl Waivers {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Waiver> {
        self.0.values()
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
            Some(path) => Some(self.waivable(path)?.ok_or_else(|| self.not_found(path))?),
            None => None,
        };
        let Waivers(waivers) = &mut self.waivers;
        let place = (waiver.rule, object.clone());
        if waivers.contains_key(&place) {
            return Err(QmpError::generic(format!(
                "There is a waiver of '{}'{} already",
                waiver.rule,
                about(object.as_ref())
            )));
        }
        let (rule, reason, entry) = (waiver.rule, waiver.reason.clone(), self.journal.len());
        waivers.insert_mut(place, Waiver { rule, object, reason, entry });
        Ok(())
    }

    /// Lets findings count again.
    ///
    /// # Errors
    /// There is no such waiver.
    pub fn unwaive(&mut self, waiver: &BoardLintUnwaive) -> Result<(), QmpError> {
        // What it is about may be gone: then the waiver is found by the path that it had.
        let object = match &waiver.object {
            Some(path) => self.waivable(path)?.or_else(|| waiver.object.clone()),
            None => None,
        };
        let Waivers(waivers) = &mut self.waivers;
        if waivers.remove_mut(&(waiver.rule, object.clone())) {
            return Ok(());
        }
        Err(QmpError::generic(format!(
            "There is no waiver of '{}'{}",
            waiver.rule,
            about(object.as_ref())
        )))
    }

    /// The whole path of something that findings can be about: an object, or a line of a port.
    ///
    /// # Errors
    /// A partial path fits several.
    pub(in crate::board) fn waivable(&self, path: &str) -> Result<Option<String>, QmpError> {
        Ok(match self.lookup(path)? {
            Some(object) => Some(object.path()),
            None => self.find_port(path).ok().map(|port| self.port_path(&port)),
        })
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
        let what = about(waiver.object.as_ref());
        let message = format!("no finding of '{}'{what} is there to be waived", waiver.rule);
        let unwaive = BoardLintUnwaive { rule: waiver.rule, object: waiver.object.clone() };
        let mut problem = Problem::new(message)
            .made_by(waiver.entry)
            .fixed_by("board-lint-unwaive", unwaive.encode());
        problem.objects.extend(waiver.object.clone());
        Finding { rule: &WAIVER_UNUSED, problem, waived: None }
    }));
}

fn about(object: Option<&String>) -> String {
    object.map_or_else(String::new, |path| format!(" about '{path}'"))
}

/// A path and those of all that it is part of.
fn with_parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(parent, _)| parent))
}
