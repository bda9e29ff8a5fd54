//! The phase gate: which commands may run in which phase.
//!
//! The phases are an enumeration of the schema; here they are only numbers, so that the gate
//! serves any schema.

use crate::{CommandInfo, Map, QmpError, Value};

/// A set of phases: bit N stands for value N of the schema's phase enumeration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PhaseSet(pub u32);

impl PhaseSet {
    /// Every phase: what commands have in a schema without phases.
    pub const ALL: Self = Self(u32::MAX);

    /// The set of the phases with these indices; beyond the 32nd there are none.
    pub const fn of(indices: &[u32]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < indices.len() {
            bits |= match 1u32.checked_shl(indices[at]) {
                Some(bit) => bit,
                None => 0,
            };
            at += 1;
        }
        Self(bits)
    }

    /// Whether the phase with this index is in the set.
    pub const fn contains(self, index: u32) -> bool {
        index < u32::BITS && self.0 & (1 << index) != 0
    }

    /// The members of the set out of the list of all phase names.
    pub fn names<'a>(self, all: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
        (0..).zip(all).filter(move |(index, _)| self.contains(*index)).map(|(_, name)| *name)
    }
}

/// Lets a command through, or tells in which phases it may run.
pub fn gate(info: &CommandInfo, phase: u32, phase_names: &[&str]) -> Result<(), QmpError> {
    if info.phases.contains(phase) {
        return Ok(());
    }
    let now = usize::try_from(phase).ok().and_then(|index| phase_names.get(index));
    let mut data = Map::new();
    data.insert("command".into(), info.name.into());
    data.insert("phase".into(), now.map_or(Value::Null, |name| Value::from(*name)));
    let allowed = info.phases.names(phase_names).map(Value::from).collect();
    data.insert("allowed-phases".into(), Value::Array(allowed));
    let desc = format!("The command '{}' is not permitted at this phase", info.name);
    Err(QmpError::generic(desc).with_data(data))
}
