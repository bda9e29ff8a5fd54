//! Rules about what is around the board: character back ends, and what the guest is told of it.

use std::collections::{BTreeMap, BTreeSet};

use boardwright_devicetree::{NodeRef, Tree};

use super::context::{Context, Known, has_property, short};
use super::{Problem, Rule};
use crate::board::backends::is_serial;
use crate::qapi::{LintRule, LintSeverity};

pub(super) const BACKEND_SHARED: Rule = Rule {
    id: LintRule::BackendShared,
    severity: LintSeverity::Error,
    summary: "two devices have one character back end",
    explanation: "A back end serves one device, so a board with such a pair cannot become ready. \
                  Several devices can share one of kind mux.",
    example: include_str!("examples/backend-shared.qmp"),
    check: |context| {
        let mut users: BTreeMap<&str, &Known<'_>> = BTreeMap::new();
        let mut problems = Vec::new();
        for (known, name) in consoles(context) {
            let backend = context.backends.and_then(|backends| backends.get(name));
            let Some(first) = users.get(name) else {
                users.insert(name, known);
                continue;
            };
            if backend.is_some_and(|backend| backend.is_mux()) {
                continue;
            }
            let (path, other) = (known.device.path(), first.device.path());
            let message =
                format!("'{}' and '{}' both have back end '{name}'", short(&other), short(&path));
            let problem = Problem::new(message).about(path.as_str()).about(other);
            problems.push(without_backend(problem.made_by(known.device.entry), known));
        }
        problems
    },
};

pub(super) const BACKEND_UNKNOWN: Rule = Rule {
    id: LintRule::BackendUnknown,
    severity: LintSeverity::Error,
    summary: "a device names a character back end that does not exist",
    explanation: "A board with such a device cannot become ready. serial0, serial1 and so on are the \
                  options -serial, and always allowed.",
    example: include_str!("examples/backend-unknown.qmp"),
    check: |context| {
        let Some(backends) = context.backends else { return Vec::new() };
        consoles(context)
            .filter(|(_, name)| backends.get(name).is_none() && !is_serial(name))
            .map(|(known, name)| {
                let path = known.device.path();
                let message =
                    format!("'{}' has back end '{name}', which does not exist", short(&path));
                let problem = Problem::new(message).about(path).made_by(known.device.entry);
                without_backend(problem, known)
            })
            .collect()
    },
};

pub(super) const CONSOLE_MISSING: Rule = Rule {
    id: LintRule::ConsoleMissing,
    severity: LintSeverity::Note,
    summary: "there is no console",
    explanation: "No device has a character back end, so nobody sees what software prints.",
    example: include_str!("examples/console-missing.qmp"),
    check: |context| {
        if context.harts.is_empty() || consoles(context).next().is_some() {
            return Vec::new();
        }
        let message = "no device has a character back end for a console";
        let uart = context.devices.iter().find(|known| known.device.driver().console().is_some());
        let problem = Problem::new(message);
        vec![match uart {
            Some(known) if has_property(known.device, "chardev") => {
                let path = known.device.path();
                let problem = problem.about(path.as_str()).made_by(known.device.entry);
                problem.fixed_by_setting(&path, "chardev", "serial0")
            }
            _ => problem,
        }]
    },
};

pub(super) const DTB_HARTS: Rule = Rule {
    id: LintRule::DtbHarts,
    severity: LintSeverity::Warning,
    summary: "the device tree for the guest has other harts than the board",
    explanation: "The guest is given a tree by the machine's property dtb instead of one that is \
                  made from the board. It waits for harts that do not exist, or leaves some out.",
    example: include_str!("examples/dtb-harts.qmp"),
    check: |context| {
        let Some((path, tree)) = guest_tree(context) else { return Vec::new() };
        let told: BTreeSet<u64> = of_type(&tree, "cpu")
            .filter(NodeRef::is_enabled)
            .filter_map(|node| Some(node.local_reg().ok()?.first()?.address))
            .collect();
        let real: BTreeSet<u64> = context.harts.iter().map(|hart| hart.id).collect();
        let list =
            |ids: Vec<&u64>| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
        let absent: Vec<&u64> = told.difference(&real).collect();
        let untold: Vec<&u64> = real.difference(&told).collect();
        let mut messages = Vec::new();
        if !absent.is_empty() {
            messages.push(format!("has hart {}, which does not exist", list(absent)));
        }
        if !untold.is_empty() {
            messages.push(format!("does not have hart {}", list(untold)));
        }
        messages.iter().map(|what| of_machine(format!("'{path}' {what}"))).collect()
    },
};

pub(super) const DTB_MEMORY: Rule = Rule {
    id: LintRule::DtbMemory,
    severity: LintSeverity::Warning,
    summary: "the device tree for the guest has memory that the board does not have",
    explanation: "The guest is given a tree by the machine's property dtb instead of one that is \
                  made from the board. An operating system that uses the memory in it faults.",
    example: include_str!("examples/dtb-memory.qmp"),
    check: |context| {
        let Some((path, tree)) = guest_tree(context) else { return Vec::new() };
        of_type(&tree, "memory")
            .filter_map(|node| node.reg().ok())
            .flatten()
            .filter(|region| region.size > 0)
            .filter_map(|region| {
                let last = region.address.saturating_add(region.size - 1);
                let at = context.hole(region.address, last)?;
                Some(of_machine(format!(
                    "'{path}' has memory at {:#x}-{last:#x}, and at {at:#x} there is none",
                    region.address
                )))
            })
            .collect()
    },
};

/// Devices with the names of their back ends.
fn consoles<'c>(context: &'c Context<'_>) -> impl Iterator<Item = (&'c Known<'c>, &'c str)> {
    context.devices.iter().filter_map(|known| {
        let name = known.device.driver().console().filter(|name| !name.is_empty())?;
        Some((known, name))
    })
}

fn without_backend(problem: Problem, known: &Known<'_>) -> Problem {
    if has_property(known.device, "chardev") {
        problem.fixed_by_setting(&known.device.path(), "chardev", "")
    } else {
        problem
    }
}

fn of_machine(message: String) -> Problem {
    Problem::new(message).about("/machine").made_by(1)
}

/// The tree that the guest is given instead of one that is made from the board.
fn guest_tree<'c>(context: &'c Context<'_>) -> Option<(&'c str, Tree)> {
    let machine = &context.board.machine;
    let template = crate::machines::template(machine.type_.tag());
    let path = machine.dtb.as_deref().filter(|_| !template.built_from_tree())?;
    Some((path, crate::boot::tree::read(path).ok()?))
}

fn of_type<'t>(tree: &'t Tree, kind: &'static str) -> impl Iterator<Item = NodeRef<'t>> {
    tree.walk().filter(move |node| {
        node.property("device_type").and_then(|property| property.str().ok()) == Some(kind)
    })
}
