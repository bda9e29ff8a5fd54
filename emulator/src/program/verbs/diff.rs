//! Verb `diff`: how two boards differ, by meaning.

use std::fmt::Write as _;

use qapi_runtime::{Encode, Value};

use super::{Arguments, Flag, Run, Verb, print};
use crate::cli::script;
use crate::door::Command;
use crate::program::Failure;
use crate::qapi::{BoardCommand, BoardDiff, BoardMapping, BoardPropertyChange, ObjectOptions};

pub(super) const VERB: Verb = Verb {
    name: "diff",
    arguments: "[OPTION...] BOARD BOARD",
    help: "compares two boards by meaning; status 1 when they differ",
    options: &[
        Flag { name: "json", value: None, help: "print what board-diff returns" },
        Flag {
            name: "patch",
            value: None,
            help: "print the commands that make the first board into the second, as script lines",
        },
    ],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let boards = given.boards(2..=2)?;
    let [first, second] = boards.as_slice() else { return Ok(2) };
    let diff = first.board()?.diff(&second.board()?)?;
    let text = if given.has("json") {
        format!("{:#}\n", diff.encode())
    } else if given.has("patch") {
        diff.patch.iter().filter_map(line).collect()
    } else {
        describe(&diff)
    };
    print(&text);
    Ok(u8::from(!diff.is_empty()))
}

fn line(action: &BoardCommand) -> Option<String> {
    let command = Command::new(&action.command, action.arguments.clone()?).ok()?;
    Some(format!("{}\n", script::line(&command)))
}

/// A line a difference: `+` for what is new, `-` for what is gone, `~` for what is another.
fn describe(diff: &BoardDiff) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    for change in &diff.machine {
        say(format!("~ machine: {}", property(change)));
    }
    for change in &diff.objects {
        match (&change.before, &change.after) {
            (Some(before), Some(after)) => {
                say(format!("~ object {}: {} -> {}", after.id, object(before), object(after)));
            }
            (None, Some(after)) => say(format!("+ object {}: {}", after.id, object(after))),
            (Some(before), None) => say(format!("- object {}: {}", before.id, object(before))),
            (None, None) => {}
        }
    }
    for change in &diff.devices {
        let device = &change.device;
        match (&change.before, &change.after) {
            (Some(before), Some(after)) if before != after => {
                say(format!("~ device {device}: {before} -> {after}"));
            }
            (None, Some(driver)) => {
                say(format!("+ device {device}: {driver}{}", given(&change.properties)))
            }
            (Some(driver), None) => say(format!("- device {device}: {driver}")),
            _ => change
                .properties
                .iter()
                .for_each(|one| say(format!("~ device {device}: {}", property(one)))),
        }
    }
    for change in &diff.mappings {
        match (&change.before, &change.after) {
            (Some(before), Some(after)) => {
                say(format!("~ map {}: {} -> {}", region(after), place(before), place(after)));
            }
            (None, Some(after)) => say(format!("+ map {}: {}", region(after), place(after))),
            (Some(before), None) => say(format!("- map {}: {}", region(before), place(before))),
            (None, None) => {}
        }
    }
    for change in &diff.wires {
        let from = &change.from;
        match (&change.before, &change.after) {
            (Some(before), Some(after)) => say(format!("~ wire {from}: {before} -> {after}")),
            (None, Some(after)) => say(format!("+ wire {from}: {after}")),
            (Some(before), None) => say(format!("- wire {from}: {before}")),
            (None, None) => {}
        }
    }
    for name in &diff.reordered {
        say(format!("~ order: {name}"));
    }
    for change in &diff.waivers {
        let object = change.object.as_ref().map(|path| format!(" about {path}"));
        let what = format!("waiver of {}{}", change.rule, object.unwrap_or_default());
        match (&change.before, &change.after) {
            (Some(before), Some(after)) => say(format!("~ {what}: {before} -> {after}")),
            (None, Some(after)) => say(format!("+ {what}: {after}")),
            (Some(before), None) => say(format!("- {what}: {before}")),
            (None, None) => {}
        }
    }
    text
}

fn property(change: &BoardPropertyChange) -> String {
    let shown = |value: &Option<Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "(default)".into(),
    };
    format!("{} {} -> {}", change.property, shown(&change.before), shown(&change.after))
}

/// The kind of an object and its properties.
fn object(options: &ObjectOptions) -> String {
    let Value::Object(members) = options.encode() else { return String::new() };
    members
        .iter()
        .filter(|(name, _)| *name != "qom-type" && *name != "id")
        .fold(options.qom_type.tag().to_string(), |text, (name, value)| {
            format!("{text} {name}={}", value.to_string().trim_matches('"'))
        })
}

fn given(properties: &[BoardPropertyChange]) -> String {
    properties.iter().fold(String::new(), |mut text, one| {
        let value = one.after.as_ref().map(Value::to_string).unwrap_or_default();
        let _ = write!(text, " {}={}", one.property, value.trim_matches('"'));
        text
    })
}

fn region(mapping: &BoardMapping) -> String {
    let index = mapping.mmio.map(|index| format!("[{index}]")).unwrap_or_default();
    let alias = mapping.alias.as_ref().map(|alias| format!(" alias {alias}")).unwrap_or_default();
    format!("{}{index}{alias}", mapping.device)
}

fn place(mapping: &BoardMapping) -> String {
    let mut text = format!("{:#x}", mapping.addr);
    for (name, value) in [("offset", mapping.offset), ("size", mapping.size)] {
        if let Some(value) = value {
            let _ = write!(text, " {name} {value:#x}");
        }
    }
    if let Some(priority) = mapping.priority {
        let _ = write!(text, " priority {priority}");
    }
    text
}
