//! Lint: what is wrong with a board, or looks like it.
//!
//! A rule is a record of [`RULES`]: what it is called, why it matters, an example, and a function
//! over a [`context::Context`], which is computed once a run. No rule looks at pairs of devices, so
//! that a run takes time in proportion to the board. A finding has the commands that mend it where
//! the rule can know them, and a waiver lets one stay.

mod context;
mod harts;
mod interrupts;
mod memory;
mod software;
mod surroundings;
mod tree;
mod waiver;

#[cfg(test)]
mod tests;

use qapi_runtime::{QmpError, Value};
use serde_json::json;

use super::Board;
use crate::backends::host::Host;
use crate::board::PortRef;
use crate::door::Command;
use crate::qapi::{LintFinding, LintFix, LintMode, LintRule, LintSeverity};
use context::Context;
pub use waiver::{Waiver, Waivers};

/// A rule.
pub struct Rule {
    /// What it is called.
    pub id: LintRule,
    /// How bad its findings are.
    pub severity: LintSeverity,
    /// What it finds, in one line.
    pub summary: &'static str,
    /// Why that is a problem, and what can be done.
    pub explanation: &'static str,
    /// The commands of a board with a finding, and after a line `# instead:` those of one without.
    pub example: &'static str,
    check: fn(&Context<'_>) -> Vec<Problem>,
}

impl Rule {
    /// The rule of an id.
    pub fn find(id: LintRule) -> Option<&'static Self> {
        RULES.iter().copied().find(|rule| rule.id == id)
    }

    /// The example's board with a finding and the one without.
    pub fn boards(&self) -> (&'static str, &'static str) {
        self.example.split_once("# instead:\n").unwrap_or((self.example, ""))
    }
}

/// All rules, in the order of their names.
pub const RULES: &[&Rule] = &[
    &surroundings::BACKEND_SHARED,
    &surroundings::BACKEND_UNKNOWN,
    &surroundings::BACKEND_UNUSED,
    &surroundings::CONSOLE_MISSING,
    &interrupts::CONTEXT_PRIVILEGE,
    &interrupts::CONTROLLER_MISSING,
    &interrupts::CONTROLLER_UNHEARD,
    &tree::DTB_DIFFERS,
    &tree::DTB_HARTS,
    &tree::DTB_MEMORY,
    &harts::ENTRY_DIFFERS,
    &interrupts::HART_ABSENT,
    &harts::HART_MISSING,
    &interrupts::HART_NO_EXTERNAL,
    &interrupts::HART_NO_SOFTWARE,
    &interrupts::HART_NO_TIMER,
    &harts::HARTID_GAP,
    &harts::HARTID_ZERO,
    &software::IMAGE_ENTRY,
    &software::IMAGE_ISA,
    &software::IMAGE_OUTSIDE_MEMORY,
    &software::IMAGE_OVERLAP,
    &software::IMAGE_READONLY,
    &software::IMAGE_UNREADABLE,
    &software::IMAGE_WIDTH,
    &interrupts::IRQ_UNCONNECTED,
    &interrupts::LINE_MISROUTED,
    &interrupts::LINE_UNCONNECTED,
    &memory::MAP_BEYOND_BUS,
    &memory::MAP_HIDDEN,
    &memory::MAP_LAYERED,
    &memory::MAP_OVERLAP,
    &surroundings::MEMORY_BEYOND_HOST,
    &memory::MEMORY_HOLE,
    &memory::MEMORY_MISSING,
    &memory::MEMORY_PAGE,
    &memory::PLACEHOLDER_HIDES,
    &memory::REGION_MISALIGNED,
    &memory::REGION_UNMAPPED,
    &software::STACK_OUTSIDE_MEMORY,
    &harts::START_MISALIGNED,
    &harts::START_NO_CODE,
    &harts::START_OUTSIDE_MEMORY,
    &harts::TIMEBASE_DIFFERS,
    &waiver::WAIVER_UNUSED,
    &interrupts::WIRE_DEAD,
];

/// What a rule has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// The paths of what it is about, the most important first.
    pub objects: Vec<String>,
    /// The commands that mend it.
    pub fix: Vec<Command>,
    /// The number of the command that made what it is about; 0 where there is none.
    pub entry: u64,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), objects: Vec::new(), fix: Vec::new(), entry: 0 }
    }

    fn about(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        if !self.objects.contains(&path) {
            self.objects.push(path);
        }
        self
    }

    fn made_by(self, entry: u64) -> Self {
        Self { entry, ..self }
    }

    fn fixed_by(mut self, command: &str, arguments: Value) -> Self {
        self.fix.extend(Command::new(command, arguments));
        self
    }

    /// Mended by `qom-set`.
    fn fixed_by_setting(self, path: &str, property: &str, value: impl Into<Value>) -> Self {
        let path = context::short(path);
        let value: Value = value.into();
        self.fixed_by("qom-set", json!({ "path": path, "property": property, "value": value }))
    }

    /// Mended by wiring an output to an input, or to nothing. An output that has the input has to
    /// let go of it first.
    fn fixed_by_wire(
        self,
        context: &Context<'_>,
        output: &PortRef,
        input: Option<&PortRef>,
    ) -> Self {
        let other = input.and_then(|input| context.drivers.get(input)).filter(|o| **o != output);
        let mut problem = self;
        let wires = other.map(|other| (*other, None)).into_iter().chain([(output, input)]);
        for (output, input) in wires {
            let (path, property, value) = context.wire(output, input);
            problem = problem.fixed_by_setting(&path, &property, value);
        }
        problem
    }
}

/// Something that is wrong with a board.
#[derive(Clone)]
pub struct Finding {
    /// What has found it.
    pub rule: &'static Rule,
    /// What it is.
    pub problem: Problem,
    /// The reason why it may stay, if a waiver gives one.
    pub waived: Option<String>,
}

impl Finding {
    /// Whether the board should not be used before something is done about it.
    pub fn counts(&self) -> bool {
        self.waived.is_none() && self.rule.severity != LintSeverity::Note
    }

    /// As `query-board-lint` tells it.
    pub fn told(&self, board: &Board) -> LintFinding {
        let entry = board.journal().entry(self.problem.entry);
        let fix = |command: &Command| LintFix {
            command: command.name.clone(),
            arguments: Value::Object(command.arguments.clone()),
        };
        LintFinding {
            rule: self.rule.id,
            severity: self.rule.severity,
            objects: self.problem.objects.clone(),
            message: self.problem.message.clone(),
            explanation: self.rule.explanation.into(),
            fix: self.problem.fix.iter().map(fix).collect(),
            place: entry.map(|entry| entry.origin.to_string()),
            entry: entry.map(|entry| entry.number),
            waived: self.waived.clone(),
        }
    }
}

/// All findings, waived ones included, the worst first and then in the order of the commands that
/// made what they are about. The host has the back ends, where they are known.
pub fn run(board: &Board, host: Option<&Host>) -> Vec<Finding> {
    let context = Context::new(board, host);
    let mut findings: Vec<Finding> = RULES
        .iter()
        .flat_map(|rule| (rule.check)(&context).into_iter().map(|problem| (*rule, problem)))
        .map(|(rule, problem)| Finding { rule, problem, waived: None })
        .collect();
    waiver::apply(board, &mut findings);
    findings.sort_by_key(|f| (f.rule.severity as u32, f.problem.entry, f.rule.id as u32));
    findings
}

/// Looks at a board that is to become a machine, as its property `lint` asks for; returns what there
/// is to say about it.
///
/// # Errors
/// `strict`, and there are findings that count; the message tells them all.
pub fn admit(board: &Board, host: &Host) -> Result<Vec<String>, QmpError> {
    let mode = board.machine.lint.unwrap_or(LintMode::Off);
    if mode == LintMode::Off {
        return Ok(Vec::new());
    }
    let findings = run(board, Some(host));
    let line = |finding: &Finding| {
        let Rule { id, severity, .. } = finding.rule;
        format!("{severity}[{id}]: {}", finding.problem.message)
    };
    let worth: Vec<String> = findings.iter().filter(|f| f.counts()).map(line).collect();
    if mode == LintMode::Warn || worth.is_empty() {
        return Ok(worth);
    }
    Err(QmpError::generic(format!(
        "The board has {} (lint=strict); mend or waive them:\n{}",
        match worth.len() {
            1 => "a finding".into(),
            count => format!("{count} findings"),
        },
        worth.join("\n")
    )))
}
