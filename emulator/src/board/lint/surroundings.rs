//! Rules about what is around the board: back ends, and the host.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::context::{Context, Known, has_property, short};
use super::{Problem, Rule};
use crate::backends::host;
use crate::backends::recipes::BackendKind;
use crate::board::backends::is_serial;
use crate::devices::RegionKind;
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
            let backend = context.host.and_then(|host| host.chardevs.get(name));
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
        let Some(host) = context.host else { return Vec::new() };
        consoles(context)
            .filter(|(_, name)| host.chardevs.get(name).is_none() && !is_serial(name))
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

pub(super) const BACKEND_UNUSED: Rule = Rule {
    id: LintRule::BackendUnused,
    severity: LintSeverity::Note,
    summary: "no device has an object, a drive, a network or a shared folder that there is",
    explanation: "It may be for a device that is plugged later. If not, a device may have been meant \
                  to name it, or it can go.",
    example: include_str!("examples/backend-unused.qmp"),
    check: |context| {
        let Some(host) = context.host else { return Vec::new() };
        let drivers = || context.devices.iter().map(|known| known.device.driver());
        let used: BTreeSet<&str> = drivers().filter_map(|driver| driver.object()).collect();
        let objects = host.objects.all().into_iter().map(|(id, _)| id);
        let objects = objects.filter(|id| !used.contains(id.as_str())).map(|id| {
            let problem = Problem::new(format!("no device has object '{id}'"));
            problem.fixed_by("object-del", json!({ "id": id }))
        });
        let drives: Vec<&str> = drivers().filter_map(|driver| driver.drive()).collect();
        let drives = host.recipes.unused(BackendKind::Drive, drives).into_iter();
        let drives = drives.map(|id| Problem::new(format!("no device has drive '{id}'")));
        let netdevs: Vec<&str> = drivers().filter_map(|driver| driver.netdev()).collect();
        let netdevs = host.recipes.unused(BackendKind::Netdev, netdevs).into_iter();
        let netdevs = netdevs.map(|id| {
            let problem = Problem::new(format!("no device is on network '{id}'"));
            problem.fixed_by("netdev_del", json!({ "id": id }))
        });
        let shares: Vec<&str> = drivers().filter_map(|driver| driver.share()).collect();
        let shares = host.recipes.unused(BackendKind::Share, shares).into_iter();
        let shares = shares.map(|id| Problem::new(format!("no device shares folder '{id}'")));
        objects.chain(drives).chain(netdevs).chain(shares).collect()
    },
};

pub(super) const MEMORY_BEYOND_HOST: Rule = Rule {
    id: LintRule::MemoryBeyondHost,
    severity: LintSeverity::Note,
    summary: "there is more memory than the host has",
    explanation: "Memory takes room on the host as the guest touches it. A guest that touches all \
                  of it, or clears it, has this program killed.",
    example: include_str!("examples/memory-beyond-host.qmp"),
    check: |context| {
        let regions = context.devices.iter().flat_map(|known| &known.regions);
        let sizes = regions.filter(|region| region.kind == RegionKind::Ram);
        let sum: u128 = sizes.map(|region| u128::from(region.size)).sum();
        match host::memory() {
            Some(there) if u128::from(there) < sum => vec![Problem::new(format!(
                "the memories have {} MiB together, and the host {} MiB",
                sum >> 20,
                there >> 20
            ))],
            _ => Vec::new(),
        }
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
