//! Rules about the memory map.

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use super::context::{Context, Free, short};
use super::{Problem, Rule};
use crate::board::{Mapping, View};
use crate::devices::RegionKind;
use crate::qapi::{LintRule, LintSeverity};

/// Where registers usually begin, for regions that have no address yet.
const REGISTERS: u64 = 0x1000_0000;
/// Where memory usually begins.
const MEMORY: u64 = 0x8000_0000;
const PAGE: u64 = 0x1000;

pub(super) const MAP_BEYOND_BUS: Rule = Rule {
    id: LintRule::MapBeyondBus,
    severity: LintSeverity::Error,
    summary: "a region lies beyond the addresses that harts have",
    explanation: "A hart of RV32 has 32 bits of physical address, or 34 with Sv32; one of RV64 has \
                  56. What stands above cannot be reached by any hart of this board.",
    example: include_str!("examples/map-beyond-bus.qmp"),
    check: |context| {
        let bits = context.harts.iter().filter_map(|hart| hart.cpu.as_ref()).map(|cpu| {
            match (cpu.xlen.bits(), cpu.mmu.device_tree_name()) {
                (32, None) => 32,
                (32, Some(_)) => 34,
                _ => 56,
            }
        });
        let Some(bits) = bits.max() else { return Vec::new() };
        let beyond = context.view.mappings.iter().filter(|mapping| mapping.last() >> bits != 0);
        beyond
            .map(|mapping| {
                let message = format!(
                    "{} ends at {:#x}, beyond the {bits} bits of address that the harts have",
                    named(context, mapping),
                    mapping.last()
                );
                about(context, message, mapping)
            })
            .collect()
    },
};

pub(super) const MAP_HIDDEN: Rule = Rule {
    id: LintRule::MapHidden,
    severity: LintSeverity::Error,
    summary: "a region cannot be seen anywhere",
    explanation: "Others stand in front of all of it, so no hart can reach it. Where regions \
                  overlap, the one of higher priority is seen; among equals, the one mapped last.",
    example: include_str!("examples/map-hidden.qmp"),
    check: |context| {
        let mut registers = Free::from(context, REGISTERS);
        let mut memory = Free::from(context, MEMORY);
        let hidden = context.view.mappings.iter().zip(&context.visible);
        let hidden = hidden.filter(|(_, visible)| **visible == 0).map(|(mapping, _)| mapping);
        hidden
            .filter_map(|mapping| {
                let span = context.span_at(mapping.addr)?;
                let winner = &context.view.mappings[span.mapping];
                // Placeholders are findings of their own; what stands in a region is meant to.
                if context.is_placeholder(winner) || winner.parent.is_some() {
                    return None;
                }
                let message = format!(
                    "{} at {} cannot be seen: {} is in front of it, {}",
                    named(context, mapping),
                    range(mapping.addr, mapping.last()),
                    named(context, winner),
                    why(winner, mapping)
                );
                let problem = both(context, message, mapping, winner);
                let free = if context.kind(mapping)? == RegionKind::Io {
                    &mut registers
                } else {
                    &mut memory
                };
                Some(match free.take(mapping.size) {
                    Some(addr) => moved(context, problem, &Mapping { addr, ..mapping.clone() }),
                    None => problem,
                })
            })
            .collect()
    },
};

pub(super) const MAP_LAYERED: Rule = Rule {
    id: LintRule::MapLayered,
    severity: LintSeverity::Note,
    summary: "a region is hidden in part by one of higher priority",
    explanation: "That may well be meant: it is what priorities are for. The hidden part cannot be \
                  reached.",
    example: include_str!("examples/map-layered.qmp"),
    check: |context| layered(context, |kind, _| kind != RegionKind::Ram, "is in front of"),
};

pub(super) const MEMORY_HOLE: Rule = Rule {
    id: LintRule::MemoryHole,
    severity: LintSeverity::Warning,
    summary: "registers stand within memory",
    explanation: "The device tree for the guest has the memory as a whole, so an operating system \
                  would keep data where the registers are. Give the memory the size that is left, \
                  or map the parts of it on both sides as aliases.",
    example: include_str!("examples/memory-hole.qmp"),
    check: |context| {
        let io = |kind, above| kind == RegionKind::Ram && above == RegionKind::Io;
        layered(context, io, "has registers within")
    },
};

pub(super) const MAP_OVERLAP: Rule = Rule {
    id: LintRule::MapOverlap,
    severity: LintSeverity::Warning,
    summary: "two regions of the same priority overlap",
    explanation: "Which of them is seen depends on the order in which they were mapped. If one is \
                  to be in front of the other, say so with its priority; if not, one of the \
                  addresses is wrong.",
    example: include_str!("examples/map-overlap.qmp"),
    check: |context| {
        let mut levels: BTreeMap<_, Vec<Mapping>> = BTreeMap::new();
        for (mapping, visible) in context.view.mappings.iter().zip(&context.visible) {
            // What cannot be seen at all is a finding of its own.
            if *visible > 0 {
                let level = (mapping.parent.clone(), mapping.priority);
                levels.entry(level).or_default().push(mapping.clone());
            }
        }
        let levels = levels.into_values().map(View::of_neighbours);
        levels.flat_map(|level| overlaps(context, &level)).collect()
    },
};

pub(super) const MEMORY_MISSING: Rule = Rule {
    id: LintRule::MemoryMissing,
    severity: LintSeverity::Warning,
    summary: "there is no memory that can be written to",
    explanation: "Software needs a place for its variables and its stack.",
    example: include_str!("examples/memory-missing.qmp"),
    check: |context| {
        let mut mappings = context.view.mappings.iter().zip(&context.visible);
        let some = mappings.any(|(mapping, visible)| {
            *visible > 0 && context.kind(mapping) == Some(RegionKind::Ram)
        });
        if some || context.harts.is_empty() {
            return Vec::new();
        }
        let size = 16_u64 << 20;
        let id = context.free_id("ram");
        let mut problem = Problem::new("the harts see no memory that can be written to");
        let unmapped = context
            .devices
            .iter()
            .any(|known| known.regions.iter().any(|region| region.kind == RegionKind::Ram));
        // One that only lacks an address is a finding of its own.
        if let (false, Some(addr)) = (unmapped, Free::from(context, MEMORY).take(size)) {
            problem = problem
                .fixed_by(
                    "device_add",
                    json!({ "driver": "sysbus-memory", "id": id, "size": size }),
                )
                .fixed_by("sysbus-mmio-map", json!({ "device": id, "addr": addr }));
        }
        vec![problem]
    },
};

pub(super) const MEMORY_PAGE: Rule = Rule {
    id: LintRule::MemoryPage,
    severity: LintSeverity::Warning,
    summary: "memory does not consist of whole pages",
    explanation: "Address translation, and most memory protection, work in pages of 4 KiB. What is \
                  left at either end cannot be used by an operating system.",
    example: include_str!("examples/memory-page.qmp"),
    check: |context| {
        let odd = context.view.mappings.iter().filter(|mapping| {
            let whole = mapping.addr % PAGE == 0 && mapping.size % PAGE == 0;
            !whole && context.kind(mapping) == Some(RegionKind::Ram)
        });
        odd.map(|mapping| {
            let message = format!(
                "{} of {:#x} bytes at {:#x} does not consist of pages of 4 KiB",
                named(context, mapping),
                mapping.size,
                mapping.addr
            );
            about(context, message, mapping)
        })
        .collect()
    },
};

pub(super) const PLACEHOLDER_HIDES: Rule = Rule {
    id: LintRule::PlaceholderHides,
    severity: LintSeverity::Error,
    summary: "a placeholder hides a device",
    explanation: "A placeholder stands for what is not modelled; here it stands in front of \
                  something that is. Map it with a lower priority, or before the device.",
    example: include_str!("examples/placeholder-hides.qmp"),
    check: |context| {
        context.layers.iter().flat_map(|layer| placeholders(context, &layer.view)).collect()
    },
};
pub(super) const REGION_MISALIGNED: Rule = Rule {
    id: LintRule::RegionMisaligned,
    severity: LintSeverity::Warning,
    summary: "registers stand at an odd address",
    explanation: "Registers have 4 bytes and are accessed as such. Where the region does not begin \
                  at a multiple of 4, every access is misaligned.",
    example: include_str!("examples/region-misaligned.qmp"),
    check: |context| {
        let odd = context.view.mappings.iter().filter(|mapping| {
            (mapping.addr.wrapping_sub(mapping.offset)) % 4 != 0
                && mapping.size >= 4
                && context.kind(mapping) == Some(RegionKind::Io)
        });
        odd.map(|mapping| {
            let what = named(context, mapping);
            let message = format!("the registers of {what} begin at {:#x}", mapping.addr);
            let addr = mapping.addr & !3;
            let problem = about(context, message, mapping);
            moved(context, problem, &Mapping { addr, ..mapping.clone() })
        })
        .collect()
    },
};

pub(super) const REGION_UNMAPPED: Rule = Rule {
    id: LintRule::RegionUnmapped,
    severity: LintSeverity::Warning,
    summary: "a region has no address",
    explanation: "No hart can reach it. The address of the fix is one that is free; which one is \
                  right, the manual of the chip says.",
    example: include_str!("examples/region-unmapped.qmp"),
    check: |context| {
        let mut registers = Free::from(context, REGISTERS);
        let mut memory = Free::from(context, MEMORY);
        let mut problems = Vec::new();
        for known in &context.devices {
            let device = known.device;
            let mapped: HashSet<u32> =
                context.board.mappings_of(&device.name).map(|mapping| mapping.region).collect();
            for (index, region) in (0..).zip(&known.regions) {
                // What stands in a region without an address is not at fault.
                if mapped.contains(&index) {
                    continue;
                }
                let path = device.path();
                let what = match known.regions.len() {
                    1 => format!("'{}'", short(&path)),
                    _ => format!("region {index} ({}) of '{}'", region.name, short(&path)),
                };
                let mut problem = Problem::new(format!("{what} has no address"))
                    .about(path.as_str())
                    .made_by(device.entry);
                let free = if region.kind == RegionKind::Io { &mut registers } else { &mut memory };
                if let Some(addr) = free.take(region.size) {
                    let mut map = json!({ "device": short(&path), "addr": addr });
                    if index != 0 {
                        map["mmio"] = index.into();
                    }
                    problem = problem.fixed_by("sysbus-mmio-map", map);
                }
                problems.push(problem);
            }
        }
        problems
    },
};

/// What is in part behind something of higher priority, for kinds of regions: its own, and that of
/// what is above.
fn layered(
    context: &Context<'_>,
    wanted: impl Fn(RegionKind, RegionKind) -> bool,
    how: &str,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for layer in &context.layers {
        for mapping in &layer.view.mappings {
            let Some((span, above)) = layer.first_above(mapping) else { continue };
            let kinds = context.kind(mapping).zip(context.kind(above));
            // Placeholders that hide something, and what is hidden altogether, are findings of
            // their own.
            let whole = span.first <= mapping.addr && mapping.last() <= span.last;
            if whole || context.is_placeholder(above) || !kinds.is_some_and(|(a, b)| wanted(a, b)) {
                continue;
            }
            let message = format!(
                "{} {how} {} at {}",
                named(context, above),
                named(context, mapping),
                range(span.first.max(mapping.addr), span.last.min(mapping.last()))
            );
            problems.push(both(context, message, mapping, above));
        }
    }
    problems
}

/// What is hidden in part by equals.
fn overlaps(context: &Context<'_>, level: &View) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut own = vec![0; level.mappings.len()];
    level.spans.iter().for_each(|span| own[span.mapping] += 1);
    for (index, mapping) in (0..).zip(&level.mappings) {
        let first = level.spans.partition_point(|span| span.last < mapping.addr);
        // Every address of it belongs to some span, and neighbours are of different mappings: one
        // of the first two spans is another's, if any is.
        let mut here = level.spans[first..].iter().take(2).filter(|s| s.first <= mapping.last());
        let Some(span) = here.find(|span| span.mapping != index) else { continue };
        let winner = &level.mappings[span.mapping];
        if context.is_placeholder(winner) {
            continue;
        }
        let message = format!(
            "{} and {} overlap at {}: {} is seen, {}",
            named(context, mapping),
            named(context, winner),
            range(span.first.max(mapping.addr), span.last.min(mapping.last())),
            named(context, winner),
            why(winner, mapping)
        );
        let end = level.spans.partition_point(|span| span.first <= mapping.last());
        let message = match end - first - own[index] {
            0 | 1 => message,
            places => format!("{message}; it is not seen at {} more places", places - 1),
        };
        let problem = both(context, message, mapping, winner);
        // The order of mapping stays as it is, and is said.
        let front = mapping.priority.checked_add(1);
        problems.push(match front {
            Some(priority) => moved(context, problem, &Mapping { priority, ..winner.clone() }),
            None => problem,
        });
    }
    problems
}

/// Real devices behind placeholders, each region once.
fn placeholders(context: &Context<'_>, all: &View) -> Vec<Problem> {
    let real = all.mappings.iter().filter(|mapping| !context.is_placeholder(mapping));
    let below = View::of_neighbours(real.cloned().collect());
    let mut told = HashSet::new();
    let mut problems = Vec::new();
    let mut place = 0;
    for span in &below.spans {
        let mapping = &below.mappings[span.mapping];
        while all.spans.get(place).is_some_and(|above| above.last < span.first) {
            place += 1;
        }
        let above = all.spans[place..].iter().take_while(|above| above.first <= span.last);
        let mut winners = above.map(|above| (above, &all.mappings[above.mapping]));
        let hiding = winners.find(|(_, winner)| context.is_placeholder(winner));
        let Some((above, winner)) = hiding else { continue };
        if !told.insert((&mapping.device, mapping.region)) {
            continue;
        }
        let message = format!(
            "{} at {} is hidden by the placeholder {}, {}",
            named(context, mapping),
            range(above.first.max(span.first), above.last.min(span.last)),
            named(context, winner),
            why(winner, mapping)
        );
        let problem = both(context, message, mapping, winner);
        let behind = mapping.priority.checked_sub(1);
        problems.push(match behind {
            Some(priority) => moved(context, problem, &Mapping { priority, ..winner.clone() }),
            None => problem,
        });
    }
    problems
}

/// Why one mapping is in front of another.
fn why(winner: &Mapping, loser: &Mapping) -> String {
    if winner.parent != loser.parent {
        "in which it does not stand".into()
    } else if winner.priority == loser.priority {
        "which was mapped later".into()
    } else {
        format!("with priority {} over {}", winner.priority, loser.priority)
    }
}

/// With the commands that give a mapping another address or priority, where they leave all else as
/// it is.
fn moved(context: &Context<'_>, problem: Problem, to: &Mapping) -> Problem {
    let Some(known) = context.known(&to.device) else { return problem };
    // Without a name, a region is taken away with all its aliases.
    let several = to.alias.is_none() && context.board.has_several_mappings(&to.region_ref());
    if to.parent.is_some() || several {
        return problem;
    }
    let device = short(&known.device.path());
    let mut unmap = json!({ "device": device, "region": to.region });
    let mut map = json!({ "device": device, "addr": to.addr });
    if to.region != 0 {
        map["mmio"] = to.region.into();
    }
    if to.priority != 0 {
        map["priority"] = to.priority.into();
    }
    if let Some(alias) = &to.alias {
        unmap["alias"] = alias.as_str().into();
        map["alias"] = alias.as_str().into();
        map["offset"] = to.offset.into();
        map["size"] = to.size.into();
    }
    problem.fixed_by("device-unmap", unmap).fixed_by("sysbus-mmio-map", map)
}

/// The device of a mapping, with what sets it apart from the device's others.
fn named(context: &Context<'_>, mapping: &Mapping) -> String {
    let Some(known) = context.known(&mapping.device) else { return mapping.device.to_string() };
    let name = short(&known.device.path());
    match &mapping.alias {
        Some(alias) => format!("alias '{alias}' of '{name}'"),
        None if known.regions.len() > 1 => format!("region {} of '{name}'", mapping.region),
        None => format!("'{name}'"),
    }
}

fn range(first: u64, last: u64) -> String {
    format!("{first:#x}-{last:#x}")
}

fn about(context: &Context<'_>, message: String, mapping: &Mapping) -> Problem {
    let path = context.known(&mapping.device).map(|known| known.device.path());
    Problem::new(message).about(path.unwrap_or_default()).made_by(mapping.entry)
}

fn both(context: &Context<'_>, message: String, mapping: &Mapping, other: &Mapping) -> Problem {
    let path = context.known(&other.device).map(|known| known.device.path());
    about(context, message, mapping).about(path.unwrap_or_default())
}
