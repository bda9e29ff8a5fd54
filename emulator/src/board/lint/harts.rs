//! Rules about harts: their ids, where they start, what time it is for them.

use std::collections::HashSet;

use serde_json::json;

use super::context::{Context, Hart, Seen, StartSource, has_property, short};
use super::{Problem, Rule};
use crate::qapi::{LintRule, LintSeverity};

pub(super) const HART_MISSING: Rule = Rule {
    id: LintRule::HartMissing,
    severity: LintSeverity::Warning,
    summary: "there is no hart",
    explanation: "There are devices and nothing that executes instructions.",
    example: include_str!("examples/hart-missing.qmp"),
    check: |context| {
        if context.devices.is_empty() || !context.harts.is_empty() {
            return Vec::new();
        }
        let id = context.free_id("cpus");
        let array = json!({ "driver": "riscv.hart_array", "id": id });
        let message = "there are devices and no hart";
        vec![Problem::new(message).fixed_by("device_add", array)]
    },
};

pub(super) const HARTID_ZERO: Rule = Rule {
    id: LintRule::HartidZero,
    severity: LintSeverity::Warning,
    summary: "no hart has id 0",
    explanation: "The privileged architecture (section 3.1.5, mhartid) asks for a hart with id 0; \
                  most software starts there.",
    example: include_str!("examples/hartid-zero.qmp"),
    check: |context| {
        let first = context.harts.iter().min_by_key(|hart| hart.id);
        let Some(first) = first.filter(|hart| hart.id != 0) else { return Vec::new() };
        let path = first.array.path();
        let message = format!("the lowest hart id is {}, not 0", first.id);
        let problem = Problem::new(message).about(path.as_str()).made_by(first.array.entry);
        vec![problem.fixed_by_setting(&path, "hartid-base", 0)]
    },
};

pub(super) const HARTID_GAP: Rule = Rule {
    id: LintRule::HartidGap,
    severity: LintSeverity::Note,
    summary: "the ids of the harts have gaps",
    explanation: "That is allowed, and timers and interrupt controllers then have registers for \
                  harts that do not exist. Some software takes the highest id for the number of \
                  harts.",
    example: include_str!("examples/hartid-gap.qmp"),
    check: |context| {
        let mut harts: Vec<&Hart<'_>> = context.harts.iter().collect();
        harts.sort_by_key(|hart| hart.id);
        let gaps = harts.windows(2).filter(|pair| pair[1].id != pair[0].id + 1);
        gaps.map(|pair| {
            let (before, after) = (pair[0], pair[1]);
            let path = after.array.path();
            let message = format!("after hart {} comes hart {}", before.id, after.id);
            let problem = Problem::new(message).about(path.as_str()).made_by(after.array.entry);
            match after.unit {
                0 => problem.fixed_by_setting(&path, "hartid-base", before.id + 1),
                _ => problem,
            }
        })
        .collect()
    },
};

pub(super) const TIMEBASE_DIFFERS: Rule = Rule {
    id: LintRule::TimebaseDiffers,
    severity: LintSeverity::Error,
    summary: "two timers count the same time at different rates",
    explanation: "All harts have one time, and one timebase-frequency in the device tree for the \
                  guest. Timers at another rate ring too early or too late.",
    example: include_str!("examples/timebase-differs.qmp"),
    check: |context| {
        let rate = |device: &&std::sync::Arc<crate::board::Device>| device.driver().timebase();
        let mut timers =
            context.devices.iter().map(|known| known.device).filter_map(|d| Some((d, rate(&d)?)));
        let Some((first, right)) = timers.next() else { return Vec::new() };
        timers
            .filter(|(_, other)| *other != right)
            .map(|(device, other)| {
                let path = device.path();
                let message = format!(
                    "'{}' counts {other} times a second, and '{}' {right} times",
                    short(&path),
                    short(&first.path())
                );
                let problem = Problem::new(message)
                    .about(path.as_str())
                    .about(first.path())
                    .made_by(device.entry);
                if has_property(device, "timebase-freq") {
                    problem.fixed_by_setting(&path, "timebase-freq", right)
                } else {
                    problem
                }
            })
            .collect()
    },
};

pub(super) const START_OUTSIDE_MEMORY: Rule = Rule {
    id: LintRule::StartOutsideMemory,
    severity: LintSeverity::Error,
    summary: "a hart starts where no memory is",
    explanation: "Its first fetch is an access fault. Memory has to be mapped there, or the reset \
                  vector is wrong.",
    example: include_str!("examples/start-outside-memory.qmp"),
    check: |context| {
        starts(context, |_, pc| match context.seen(pc) {
            Seen::Nothing => Some("where nothing is".into()),
            Seen::Registers(device) => {
                Some(format!("in the registers of '{}'", short(&device.path())))
            }
            Seen::Memory { .. } => None,
        })
    },
};

pub(super) const START_MISALIGNED: Rule = Rule {
    id: LintRule::StartMisaligned,
    severity: LintSeverity::Error,
    summary: "a hart starts where no instruction can begin",
    explanation: "Instructions begin at multiples of 4, or of 2 with compressed instructions.",
    example: include_str!("examples/start-misaligned.qmp"),
    check: |context| {
        starts(context, |hart, pc| {
            let compressed = hart
                .cpu
                .as_ref()
                .is_none_or(|cpu| cpu.extensions.has(boardwright_riscv::Extension::Zca));
            let step = if compressed { 2 } else { 4 };
            (pc % step != 0).then(|| format!("which is no multiple of {step}"))
        })
    },
};

pub(super) const START_NO_CODE: Rule = Rule {
    id: LintRule::StartNoCode,
    severity: LintSeverity::Warning,
    summary: "a hart starts where no code is",
    explanation: "Images are loaded, and none of them has instructions where the hart starts: it \
                  would execute zeros, which are an illegal instruction.",
    example: include_str!("examples/start-no-code.qmp"),
    check: |context| {
        if context.images.is_empty() {
            return Vec::new();
        }
        starts(context, |_, pc| {
            let memory = matches!(context.seen(pc), Seen::Memory { .. });
            let mut parts = context.images.iter().filter_map(|image| image.facts.part_at(pc));
            (memory && !parts.any(|part| part.code)).then(|| "where no code is loaded".into())
        })
    },
};

pub(super) const ENTRY_DIFFERS: Rule = Rule {
    id: LintRule::EntryDiffers,
    severity: LintSeverity::Warning,
    summary: "a hart starts within an image, and not at its entry",
    explanation: "The image says where it is to be started. Either the reset vector is out of date, \
                  or the loader should have cpu-num, which takes the entry.",
    example: include_str!("examples/entry-differs.qmp"),
    check: |context| {
        starts(context, |_, pc| {
            let image = context.images.iter().find(|image| image.facts.part_at(pc).is_some())?;
            let entry = image.facts.entry.filter(|entry| *entry != pc)?;
            Some(format!("within '{}', whose entry is {entry:#x}", image.facts.source))
        })
    },
};

/// Findings about where harts start; those of one array that start together are one finding.
fn starts(
    context: &Context<'_>,
    mut wrong: impl FnMut(&Hart<'_>, u64) -> Option<String>,
) -> Vec<Problem> {
    let mut told = HashSet::new();
    let mut problems = Vec::new();
    for hart in &context.harts {
        let Some((pc, source)) = hart.start else { continue };
        if !told.insert((&hart.array.name, pc, source)) {
            continue;
        }
        let Some(what) = wrong(hart, pc) else { continue };
        let whole = source != StartSource::Device;
        let path = if whole { hart.array.path() } else { hart.path() };
        let mut problem = Problem::new(format!("'{}' starts at {pc:#x}, {what}", short(&path)))
            .about(path.as_str())
            .made_by(hart.array.entry);
        // The entry of the only program is where a hart can start.
        let mut entries = context.images.iter().filter_map(|image| image.facts.entry);
        let better = entries.next().filter(|entry| *entry != pc && entries.next().is_none());
        if let (StartSource::ResetVector, Some(entry)) = (source, better) {
            problem = problem.fixed_by_setting(&path, "resetvec", entry);
        }
        problems.push(problem);
    }
    problems
}
