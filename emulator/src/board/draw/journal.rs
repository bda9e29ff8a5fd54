//! Which command made what: the journal as the page shows it.

use std::collections::HashMap;

use qapi_runtime::Value;
use serde_json::json;

use crate::board::{Board, Device};
use crate::door::Command;

/// From here on, numbers are likely to be addresses or sizes.
const HEXADECIMAL: u64 = 4096;

/// The commands in order: where each came from, as a place and a line in it, and how it reads; and
/// the places.
pub(super) fn told(board: &Board) -> (Value, Value) {
    let mut places: Vec<String> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut entries: Vec<Value> = Vec::new();
    for entry in board.journal().entries() {
        let (place, line) = split(&entry.origin.text);
        let number = *known.entry(place.into()).or_insert_with(|| {
            places.push(place.into());
            places.len() - 1
        });
        entries.push(json!([[number, line], text(&entry.command)]));
    }
    (entries.into(), places.into())
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

/// A place and the line in it: `boards/first.qmp:12`.
fn split(origin: &str) -> (&str, Option<u32>) {
    match origin.rsplit_once(':').map(|(place, line)| (place, line.parse())) {
        Some((place, Ok(line))) => (place, Some(line)),
        _ => (origin, None),
    }
}

/// A command as a script has it.
fn text(command: &Command) -> String {
    command.arguments.iter().fold(command.name.clone(), |text, (name, value)| {
        let value = match value {
            Value::String(plain) if is_plain(plain) => plain.clone(),
            Value::Number(number) if number.as_u64().is_some_and(|n| n >= HEXADECIMAL) => {
                format!("{:#x}", number.as_u64().unwrap_or(0))
            }
            other => other.to_string(),
        };
        text + " " + name + "=" + &value
    })
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"\"'#{}".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_a_line_or_none() {
        for (origin, expected) in [
            ("boards/first.qmp:12", ("boards/first.qmp", Some(12))),
            ("option -M none", ("option -M none", None)),
            ("core.dts: /soc", ("core.dts: /soc", None)),
            ("", ("", None)),
        ] {
            assert_eq!(split(origin), expected);
        }
    }

    #[test]
    fn commands_read_as_in_a_script() {
        let arguments =
            json!({ "path": "a/b[1]", "addr": 0x8000_0000_u64, "n": 7, "t": "two words" });
        let command = Command::new("qom-set", arguments).unwrap();
        assert_eq!(text(&command), "qom-set path=a/b[1] addr=0x80000000 n=7 t=\"two words\"");
    }
}
