//! The normal form as a board script.

use std::fmt::Write as _;

use qapi_runtime::{Encode, QmpError};
use serde_json::json;

use super::image::{self, Paths};
use super::{Change, Item, Normal};
use crate::cli::script;
use crate::door::Command;
use crate::qapi::Phase;

/// Writes the script; it ends at `initialized`.
pub(super) fn write(normal: &Normal) -> Result<String, QmpError> {
    let paths = Paths::of(normal);
    let phase = json!({ "phase": Phase::Initialized.as_str() });
    let mut text = String::new();
    let mut section = |title: &str, commands: &[Command]| {
        let before = if text.is_empty() { "" } else { "\n" };
        if !commands.is_empty() {
            let _ = writeln!(text, "{before}# {title}");
        }
        for command in commands {
            let _ = writeln!(text, "{}", script::line(command));
        }
    };
    section(
        "Machine",
        &[
            Command::new("machine-set", normal.machine.encode())?,
            Command::new("set-machine-phase", phase)?,
        ],
    );
    let devices =
        normal.items.iter().map(Item::request).map(|request| Change::Add(request).command());
    let objects = normal.objects.values().cloned().map(Change::Provide);
    section("Objects", &objects.map(|change| change.command()).collect::<Vec<_>>());
    let backends: Result<Vec<_>, QmpError> = normal
        .backends
        .iter()
        .map(|one| Command::new(&one.command, one.arguments.clone().unwrap_or_default()))
        .collect();
    section("Back ends of the host", &backends?);
    section("Devices", &devices.collect::<Vec<_>>());
    let mappings: Result<Vec<_>, QmpError> = normal
        .mappings
        .iter()
        .map(|mapping| Ok(image::map(&paths.mapping(mapping))?.command()))
        .collect();
    section("Memory map", &mappings?);
    let unwanted = normal.unwanted.iter().map(|from| image::wire(&paths, from, ""));
    let wires = normal.wires.iter().map(|(from, to)| image::wire(&paths, from, &paths.port(to)));
    section(
        "Interrupts",
        &unwanted.chain(wires).map(|change| change.command()).collect::<Vec<_>>(),
    );
    let waivers = normal.waivers.iter().cloned().map(Change::Waive);
    section("Findings that may stay", &waivers.map(|change| change.command()).collect::<Vec<_>>());
    Ok(text)
}
