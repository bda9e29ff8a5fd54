//! How two boards differ, by meaning: their normal forms side by side.

mod patch;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use qapi_runtime::{Encode, Map, QmpError, Value};

use super::dump::{Item, Normal, Paths};
use super::{Board, Change, Mapping, Name};
use crate::door::Command;
use crate::qapi::{
    BoardCommand, BoardDeviceChange, BoardDiff, BoardMappingChange, BoardObjectChange,
    BoardPropertyChange, BoardWaiverChange, BoardWireChange, DeviceOptions, LintRule,
};

impl Board {
    /// What makes this board into another.
    ///
    /// # Errors
    /// It cannot be made into it by commands.
    pub fn diff(&self, other: &Self) -> Result<BoardDiff, QmpError> {
        let (before, after) = (Normal::of(self), Normal::of(other));
        let mut diff = compare(&before, &after);
        if !diff.is_empty() {
            let changes = patch::patch(self, other)?;
            let told = |change: &Change| {
                let Command { name, arguments } = change.command();
                BoardCommand { command: name, arguments: Some(Value::Object(arguments)) }
            };
            diff.patch = changes.iter().map(told).collect();
        }
        Ok(diff)
    }
}

impl BoardDiff {
    /// Whether the boards are the same.
    pub fn is_empty(&self) -> bool {
        let Self { machine, objects, devices, mappings, wires, reordered, waivers, patch: _ } =
            self;
        machine.is_empty()
            && objects.is_empty()
            && devices.is_empty()
            && mappings.is_empty()
            && wires.is_empty()
            && reordered.is_empty()
            && waivers.is_empty()
    }
}

fn compare(before: &Normal, after: &Normal) -> BoardDiff {
    BoardDiff {
        machine: properties(&members(&before.machine), &members(&after.machine)),
        objects: objects(before, after),
        devices: devices(before, after),
        mappings: mappings(before, after),
        wires: wires(before, after),
        reordered: reordered(before, after),
        waivers: waivers(before, after),
        patch: Vec::new(),
    }
}

fn members(value: &impl Encode) -> Map {
    match value.encode() {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn properties(before: &Map, after: &Map) -> Vec<BoardPropertyChange> {
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).map(|name| &**name).collect();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| BoardPropertyChange {
            property: name.into(),
            before: before.get(name).cloned(),
            after: after.get(name).cloned(),
        })
        .collect()
}

/// What a device was given, its driver apart.
fn given(item: &Item) -> Map {
    let mut members = members(&DeviceOptions { id: None, driver: item.options.clone() });
    members.remove("driver");
    members
}

fn objects(before: &Normal, after: &Normal) -> Vec<BoardObjectChange> {
    let (old, new) = (&before.objects, &after.objects);
    let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    ids.into_iter()
        .filter(|id| old.get(*id) != new.get(*id))
        .map(|id| BoardObjectChange { before: old.get(id).cloned(), after: new.get(id).cloned() })
        .collect()
}

/// Devices of the second board in its order, then those that are gone.
fn devices(before: &Normal, after: &Normal) -> Vec<BoardDeviceChange> {
    let (old, new) = (before.by_label(), after.by_label());
    let change = |label: &Name, before: Option<&Item>, after: Option<&Item>| {
        let same_driver =
            before.is_none_or(|b| after.is_none_or(|a| b.options.tag() == a.options.tag()));
        let given = |item: Option<&Item>| item.map(given).unwrap_or_default();
        // The properties of another driver are other properties.
        let properties =
            if same_driver { properties(&given(before), &given(after)) } else { vec![] };
        let differs = before.is_none() || after.is_none() || !same_driver || !properties.is_empty();
        differs.then(|| BoardDeviceChange {
            device: label.to_string(),
            before: before.map(|item| item.options.tag()),
            after: after.map(|item| item.options.tag()),
            properties,
        })
    };
    let present =
        after.items.iter().map(|item| (&item.label, old.get(&item.label).copied(), Some(item)));
    let gone = before.items.iter().filter(|item| !new.contains_key(&item.label));
    present
        .chain(gone.map(|item| (&item.label, Some(item), None)))
        .filter_map(|(label, before, after)| change(label, before, after))
        .collect()
}

/// By what a mapping is found: a region has one of its own, and aliases by name.
fn key(mapping: &Mapping) -> (&Name, u32, &Option<String>) {
    (&mapping.device, mapping.region, &mapping.alias)
}

fn mappings(before: &Normal, after: &Normal) -> Vec<BoardMappingChange> {
    let (paths, new_paths) = (Paths::of(before), Paths::of(after));
    let old: HashMap<_, _> =
        before.mappings.iter().map(|mapping| (key(mapping), mapping)).collect();
    let new: HashSet<_> = after.mappings.iter().map(key).collect();
    let present =
        after.mappings.iter().map(|mapping| (old.get(&key(mapping)).copied(), Some(mapping)));
    let gone = before.mappings.iter().filter(|mapping| !new.contains(&key(mapping)));
    present
        .chain(gone.map(|mapping| (Some(mapping), None)))
        .map(|(before, after)| BoardMappingChange {
            before: before.map(|mapping| paths.mapping(mapping)),
            after: after.map(|mapping| new_paths.mapping(mapping)),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

fn wires(before: &Normal, after: &Normal) -> Vec<BoardWireChange> {
    let paths = |normal: &Normal| -> BTreeMap<String, String> {
        let paths = Paths::of(normal);
        normal.wires.iter().map(|(from, to)| (paths.port(from), paths.port(to))).collect()
    };
    let (old, new) = (paths(before), paths(after));
    let outputs: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    outputs
        .into_iter()
        .filter(|from| old.get(*from) != new.get(*from))
        .map(|from| BoardWireChange {
            from: from.clone(),
            before: old.get(from).cloned(),
            after: new.get(from).cloned(),
        })
        .collect()
}

fn waivers(before: &Normal, after: &Normal) -> Vec<BoardWaiverChange> {
    type Place<'n> = (LintRule, Option<&'n str>);
    fn reasons(normal: &Normal) -> BTreeMap<Place<'_>, &str> {
        let all = normal.waivers.iter();
        all.map(|one| ((one.rule, one.object.as_deref()), one.reason.as_str())).collect()
    }
    let (old, new) = (reasons(before), reasons(after));
    let places: BTreeSet<&Place<'_>> = old.keys().chain(new.keys()).collect();
    places
        .into_iter()
        .filter(|place| old.get(*place) != new.get(*place))
        .map(|place| BoardWaiverChange {
            rule: place.0,
            object: place.1.map(String::from),
            before: old.get(place).map(|reason| (*reason).into()),
            after: new.get(place).map(|reason| (*reason).into()),
        })
        .collect()
}

/// The devices that both boards have and that stand in another order, and those with mappings that
/// overlap in another order.
fn reordered(before: &Normal, after: &Normal) -> Vec<String> {
    let items = |normal: &Normal, other: &Normal| -> Vec<Name> {
        let other = other.by_label();
        let both = normal
            .items
            .iter()
            .filter(|item| other.get(&item.label).is_some_and(|other| other.group == item.group));
        both.map(|item| item.label.clone()).collect()
    };
    let mappings = |normal: &Normal, other: &Normal| -> Vec<Name> {
        let other: HashMap<_, _> = other.mappings.iter().map(|other| (key(other), other)).collect();
        let both = normal.mappings.iter().filter(|m| other.get(&key(m)).copied() == Some(*m));
        both.map(|mapping| mapping.device.clone()).collect()
    };
    let (old, new) = (items(before, after), items(after, before));
    let moved = new.iter().zip(&old).filter(|(new, old)| new != old).map(|(new, _)| new);
    let (old, new) = (mappings(before, after), mappings(after, before));
    let hidden = new.iter().zip(&old).filter(|(new, old)| new != old).map(|(new, _)| new);
    let all: BTreeSet<&Name> = moved.chain(hidden).collect();
    all.into_iter().map(|name| name.to_string()).collect()
}
