//! Rules about a device tree that the guest is given instead of one that is made from the board: what
//! [`crate::board::compare`] finds.

use super::context::Context;
use super::{Problem, Rule};
use crate::qapi::{DeviceTreeDisagreement, LintRule, LintSeverity};

pub(super) const DTB_DIFFERS: Rule = Rule {
    id: LintRule::DtbDiffers,
    severity: LintSeverity::Warning,
    summary: "the device tree for the guest says what is not so",
    explanation: "The guest is given a tree by the machine's property dtb instead of one that is \
                  made from the board. It looks for devices where there are none, or waits for \
                  interrupts that lead elsewhere. dt-compare tells all differences.",
    example: include_str!("examples/dtb-differs.qmp"),
    check: |context| {
        let elsewhere = [DeviceTreeDisagreement::Hart, DeviceTreeDisagreement::Memory];
        problems(context, |kind| !elsewhere.contains(&kind))
    },
};

pub(super) const DTB_HARTS: Rule = Rule {
    id: LintRule::DtbHarts,
    severity: LintSeverity::Warning,
    summary: "the device tree for the guest has other harts than the board",
    explanation: "The guest is given a tree by the machine's property dtb instead of one that is \
                  made from the board. It waits for harts that do not exist, or leaves some out.",
    example: include_str!("examples/dtb-harts.qmp"),
    check: |context| problems(context, |kind| kind == DeviceTreeDisagreement::Hart),
};

pub(super) const DTB_MEMORY: Rule = Rule {
    id: LintRule::DtbMemory,
    severity: LintSeverity::Warning,
    summary: "the device tree for the guest has other memory than the board",
    explanation: "The guest is given a tree by the machine's property dtb instead of one that is \
                  made from the board. An operating system that uses memory which is not there \
                  faults; what the tree leaves out of a memory is lost to it.",
    example: include_str!("examples/dtb-memory.qmp"),
    check: |context| problems(context, |kind| kind == DeviceTreeDisagreement::Memory),
};

fn problems(
    context: &Context<'_>,
    wanted: impl Fn(DeviceTreeDisagreement) -> bool,
) -> Vec<Problem> {
    let Some((path, all)) = context.tree() else { return Vec::new() };
    let found = all.iter().filter(|one| wanted(one.kind));
    found
        .map(|one| {
            let node = one.node.as_ref().map(|node| format!("{node}: ")).unwrap_or_default();
            let problem = Problem::new(format!("'{path}': {node}{}", one.text));
            let problem = problem.about("/machine").made_by(1);
            one.device.iter().fold(problem, |problem, device| problem.about(device.as_str()))
        })
        .collect()
}
