//! Which command made what: the journal as the page shows it.

use std::collections::HashMap;

use qapi_runtime::Value;
use serde_json::json;

use crate::board::{Board, Device};
use crate::cli::script;

/// The commands in order: where each came from, as a file and a place in it, and how it reads; and
/// the files.
pub(super) fn told(board: &Board) -> (Value, Value) {
    let mut files: Vec<String> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut entries: Vec<Value> = Vec::new();
    for entry in board.journal().entries() {
        let (file, place) = split(&entry.origin.text);
        let number = *known.entry(file.into()).or_insert_with(|| {
            files.push(file.into());
            files.len() - 1
        });
        entries.push(json!([[number, place], script::line(&entry.command)]));
    }
    (entries.into(), files.into())
}

/// What made a device, its mappings and its wires: places in the list of commands.
pub(super) fn makers(board: &Board, device: &Device) -> Vec<u64> {
    let mappings = board.mappings_of(&device.name).map(|mapping| mapping.entry);
    let wires = board.wires_from(device);
    let wires = wires.iter().map(|(output, _)| board.wired_by(output));
    let all = std::iter::once(device.entry).chain(mappings).chain(wires);
    // What no command has made has number 0.
    let mut places: Vec<u64> = all.filter_map(|number| number.checked_sub(1)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// A file, and where in it: `boards/first.qmp` and `:12`.
fn split(origin: &str) -> (&str, &str) {
    let line =
        |(at, _): &(usize, &str)| origin[at + 1..].starts_with(|next: char| next.is_ascii_digit());
    let at = origin.match_indices(':').find(line).map_or(origin.len(), |(at, _)| at);
    origin.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_a_file_and_a_place_in_it() {
        for (origin, expected) in [
            ("boards/first.qmp:12", ("boards/first.qmp", ":12")),
            ("a.qmp:5 (n=3)", ("a.qmp", ":5 (n=3)")),
            ("option -M none", ("option -M none", "")),
            ("core.dts: /soc", ("core.dts: /soc", "")),
            ("client unix:", ("client unix:", "")),
        ] {
            assert_eq!(split(origin), expected);
        }
    }
}
