//! Rules about images: where they go, and what they are made for.

use boardwright_riscv::Extension;

use super::context::{Context, Hart, Image, Seen, short};
use super::{Problem, Rule};
use crate::qapi::{LintRule, LintSeverity};

pub(super) const IMAGE_UNREADABLE: Rule = Rule {
    id: LintRule::ImageUnreadable,
    severity: LintSeverity::Error,
    summary: "a file cannot be read",
    explanation: "The board names a file that is not there, or is not what it should be.",
    example: include_str!("examples/image-unreadable.qmp"),
    check: |context| {
        let problem =
            |(message, device): &(String, Option<std::sync::Arc<crate::board::Device>>)| {
                let problem = Problem::new(message.as_str());
                match device {
                    Some(device) => problem.about(device.path()).made_by(device.entry),
                    None => problem.about("/machine"),
                }
            };
        context.unreadable.iter().map(problem).collect()
    },
};

pub(super) const IMAGE_OUTSIDE_MEMORY: Rule = Rule {
    id: LintRule::ImageOutsideMemory,
    severity: LintSeverity::Error,
    summary: "an image goes where no memory is",
    explanation: "A board with such an image cannot become ready. Either memory is missing, or too \
                  small, or the image is linked to other addresses than those of this board.",
    example: include_str!("examples/image-outside-memory.qmp"),
    check: |context| {
        of_parts(context, |_, part| {
            let at = context.hole(part.first, part.last)?;
            let what = match context.seen(at) {
                Seen::Registers(device) => {
                    format!("are the registers of '{}'", short(&device.path()))
                }
                _ => "is no memory".into(),
            };
            Some(format!("goes to {:#x}-{:#x}, and at {at:#x} {what}", part.first, part.last))
        })
    },
};

pub(super) const IMAGE_READONLY: Rule = Rule {
    id: LintRule::ImageReadonly,
    severity: LintSeverity::Warning,
    summary: "an image has variables in memory that cannot be written to",
    explanation: "A segment that the software writes to, and that it does not copy elsewhere first, \
                  goes into memory with readonly=true: the first store to a variable is an access \
                  fault. Link the variables to RAM, or the load address to ROM and the address to \
                  RAM.",
    example: include_str!("examples/image-readonly.qmp"),
    check: |context| {
        of_parts(context, |_, part| {
            let readonly = matches!(context.seen(part.first), Seen::Memory { writable: false });
            (part.written && readonly).then(|| {
                format!("writes to {:#x}-{:#x}, which is read-only", part.first, part.last)
            })
        })
    },
};

pub(super) const IMAGE_OVERLAP: Rule = Rule {
    id: LintRule::ImageOverlap,
    severity: LintSeverity::Warning,
    summary: "two images overlap",
    explanation: "The one that is loaded later overwrites a part of the other. A number that a \
                  loader writes into an image (data=...) is not meant here.",
    example: include_str!("examples/image-overlap.qmp"),
    check: |context| {
        let mut parts: Vec<_> = context
            .images
            .iter()
            .filter(|image| !image.facts.patch)
            .flat_map(|image| image.facts.parts.iter().map(move |part| (part, image)))
            .collect();
        parts.sort_by_key(|(part, _)| part.first);
        let mut problems = Vec::new();
        let mut reach = parts.first().copied();
        for &(part, image) in parts.iter().skip(1) {
            let Some((before, other)) = reach else { continue };
            if part.first <= before.last {
                let last = part.last.min(before.last);
                let problem = problem(
                    image,
                    format!("and '{}' overlap at {:#x}-{last:#x}", other.facts.source, part.first),
                );
                let device = other.device.as_ref().map(|device| device.path());
                problems.push(device.into_iter().fold(problem, Problem::about));
            }
            if part.last > before.last {
                reach = Some((part, image));
            }
        }
        problems
    },
};

pub(super) const IMAGE_ENTRY: Rule = Rule {
    id: LintRule::ImageEntry,
    severity: LintSeverity::Error,
    summary: "the entry of an image is not in its code",
    explanation: "The ELF header has an entry that is in no executable segment. Linkers do that when \
                  the symbol of the entry does not exist.",
    example: include_str!("examples/image-entry.qmp"),
    check: |context| {
        let wrong = context.images.iter().filter_map(|image| {
            let entry = image.facts.entry?;
            let code = image.facts.part_at(entry).is_some_and(|part| part.code);
            (!code)
                .then(|| problem(image, format!("has entry {entry:#x}, which is not in its code")))
        });
        wrong.collect()
    },
};

pub(super) const IMAGE_WIDTH: Rule = Rule {
    id: LintRule::ImageWidth,
    severity: LintSeverity::Error,
    summary: "an image is for harts of another width",
    explanation: "No hart of RV64 executes software for RV32 as it is meant, nor the other way \
                  round.",
    example: include_str!("examples/image-width.qmp"),
    check: |context| {
        let wrong = context.images.iter().filter_map(|image| {
            let width = u32::from(image.facts.width?);
            let mut harts =
                executors(context, image).filter_map(|hart| hart.cpu.as_ref()).peekable();
            let other = harts.peek()?.xlen.bits();
            let none = harts.all(|cpu| cpu.xlen.bits() != width);
            none.then(|| problem(image, format!("is for RV{width}, and its harts are RV{other}")))
        });
        wrong.collect()
    },
};

pub(super) const IMAGE_ISA: Rule = Rule {
    id: LintRule::ImageIsa,
    severity: LintSeverity::Warning,
    summary: "an image has instructions that its hart does not have",
    explanation: "The image is compiled for extensions (as its ELF attributes or flags say) that no \
                  hart has which could execute it: an illegal instruction is to be expected. Switch \
                  them on in the hart's cpu-type, or compile for the hart that there is.",
    example: include_str!("examples/image-isa.qmp"),
    check: |context| context.images.iter().filter_map(|image| isa(context, image)).collect(),
};

pub(super) const STACK_OUTSIDE_MEMORY: Rule = Rule {
    id: LintRule::StackOutsideMemory,
    severity: LintSeverity::Error,
    summary: "the stack of an image begins where no memory is",
    explanation: "The image has a symbol for the top of its stack, such as _stack_top or _estack, \
                  and there is no memory below that address that can be written to: the first \
                  function that saves a register faults.",
    example: include_str!("examples/stack-outside-memory.qmp"),
    check: |context| {
        let wrong = context.images.iter().filter_map(|image| {
            let (symbol, top) = image.facts.stack.as_ref()?;
            let what = match context.seen(top.checked_sub(1)?) {
                Seen::Memory { writable: true } => return None,
                Seen::Memory { writable: false } => "below which memory is read-only".into(),
                Seen::Registers(device) => {
                    format!("below which the registers of '{}' are", short(&device.path()))
                }
                Seen::Nothing => String::from("below which no memory is"),
            };
            Some(problem(image, format!("has its stack at {symbol} = {top:#x}, {what}")))
        });
        wrong.collect()
    },
};

/// The harts that may execute an image: the one that starts in it, or any.
fn executors<'c>(context: &'c Context<'_>, image: &Image) -> impl Iterator<Item = &'c Hart<'c>> {
    let one = image.hart.and_then(|place| context.harts.get(place));
    let any = context.harts.iter().filter(move |_| one.is_none());
    one.into_iter().chain(any)
}

/// What an image needs and the best of its harts does not have.
fn isa(context: &Context<'_>, image: &Image) -> Option<Problem> {
    let lacks = |hart: &Hart<'_>| -> Vec<&str> {
        let Some(cpu) = &hart.cpu else { return Vec::new() };
        let has = |name: &str| Extension::find(name).is_some_and(|e| cpu.extensions.has(e));
        image.facts.extensions.iter().map(String::as_str).filter(|name| !has(name)).collect()
    };
    let width = |hart: &&Hart<'_>| {
        let bits = hart.cpu.as_ref().map(|cpu| cpu.xlen.bits());
        image.facts.width.is_none_or(|width| bits.is_none_or(|bits| bits == u32::from(width)))
    };
    let best = executors(context, image).filter(width).map(|hart| (lacks(hart), hart));
    let (lacking, hart) = best.min_by_key(|(lacking, _)| lacking.len())?;
    if lacking.is_empty() {
        return None;
    }
    let path = hart.path();
    let message = format!("needs {}, which '{}' does not have", lacking.join(", "), short(&path));
    let problem = problem(image, message).about(path.as_str());
    let names: Vec<String> = lacking.iter().map(|name| (*name).to_string()).collect();
    let with = |hart: &Hart<'_>| {
        let cpu = hart.cpu.as_deref()?;
        cpu.with_properties(names.iter().map(|name| (name.as_str(), "on"))).ok()
    };
    // What is not modelled, or excludes what the hart has, is no advice.
    if with(hart).is_none() {
        return Some(problem);
    }
    let path = short(&hart.path());
    Some(names.iter().fold(problem, |problem, name| problem.fixed_by_setting(&path, name, true)))
}

/// Findings about single parts, the first one of each image.
fn of_parts(
    context: &Context<'_>,
    wrong: impl Fn(&Image, &crate::boot::Part) -> Option<String>,
) -> Vec<Problem> {
    let images = context.images.iter();
    images
        .filter_map(|image| {
            let message = image.facts.parts.iter().find_map(|part| wrong(image, part))?;
            Some(problem(image, message))
        })
        .collect()
}

fn problem(image: &Image, what: String) -> Problem {
    let problem = Problem::new(format!("'{}' {what}", image.facts.source));
    match &image.device {
        Some(device) => problem.about(device.path()).made_by(device.entry),
        None => problem.about("/machine"),
    }
}
