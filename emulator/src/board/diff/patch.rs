//! The commands that make one board into another.
//!
//! They are tried on a copy while they are found: what is still to be done is seen from there, so
//! that what a command does besides (a device that goes takes its wires along) is accounted for. A
//! device whose properties cannot be changed where it stands, or whose place in an order that means
//! something is another, is taken away and added anew.

use std::collections::{BTreeMap, HashMap, HashSet};

use qapi_runtime::{QmpError, Value};

use super::{compare, given, key, members, properties};
use crate::board::dump::{Item, Normal, Paths, map, renamed, waivers};
use crate::board::{Board, Change, Mapping, Name, PortRef};
use crate::devices;
use crate::qapi::{BoardLintUnwaive, DeviceUnmap, LintWaiver, ObjectOptions};

/// The commands that make `before` into `after`.
///
/// # Errors
/// A property of the machine cannot be changed any more.
pub(super) fn patch(before: &Board, after: &Board) -> Result<Vec<Change>, QmpError> {
    let wanted = Normal::of(after);
    let mut anew = HashSet::new();
    loop {
        let mut plan = Plan::new(before, &wanted);
        let stubborn = plan.make(&anew)?;
        let done = stubborn.is_empty() && compare(&Normal::of(&plan.board), &wanted).is_empty();
        if done || anew.len() == wanted.items.len() {
            return Ok(plan.changes);
        }
        // All of the devices anew is always a way.
        let all = || wanted.items.iter().map(|item| item.label.clone()).collect();
        anew.extend(if stubborn.is_empty() { all() } else { stubborn });
    }
}

struct Plan<'n> {
    wanted: &'n Normal,
    paths: Paths<'n>,
    board: Board,
    /// Names on the board by label.
    names: HashMap<Name, Name>,
    changes: Vec<Change>,
}

impl<'n> Plan<'n> {
    fn new(before: &Board, wanted: &'n Normal) -> Self {
        let (paths, names) = (Paths::of(wanted), HashMap::new());
        Self { wanted, paths, board: before.clone(), names, changes: Vec::new() }
    }

    fn change(&mut self, change: Change) -> Result<(), QmpError> {
        change.apply(&mut self.board)?;
        self.changes.push(change);
        Ok(())
    }

    /// Finds all changes; returns the devices that have to be made anew for it.
    fn make(&mut self, anew: &HashSet<Name>) -> Result<Vec<Name>, QmpError> {
        let (old, labels) = Normal::with_names(&self.board);
        self.names = labels.into_iter().map(|(name, label)| (label, name)).collect();
        for one in properties(&members(&old.machine), &members(&self.wanted.machine)) {
            // Named by nothing is not there.
            let value = one.after.unwrap_or_else(|| "".into());
            self.change(Change::of_machine(&one.property, value))?;
        }
        let kept = self.kept(&old, anew);
        for item in old.items.iter().filter(|item| !kept.contains(&item.label)) {
            self.names.remove(&item.label);
            self.change(Change::Remove(path(&item.device.path())))?;
        }
        self.objects(&old)?;
        self.disconnect()?;
        self.unmap()?;
        let stubborn = self.set(&old, &kept);
        if !stubborn.is_empty() {
            return Ok(stubborn);
        }
        for item in self.wanted.items.iter().filter(|item| !kept.contains(&item.label)) {
            self.change(Change::Add(item.request()))?;
            if let Some(device) = self.board.newest() {
                self.names.insert(item.label.clone(), device.name.clone());
            }
        }
        self.map()?;
        // Some devices wire themselves when they are added.
        self.disconnect()?;
        self.connect()?;
        self.waive()?;
        Ok(Vec::new())
    }

    /// The devices that can stay: what comes anew stands last, so of those whose order means
    /// something only the first can stay.
    fn kept(&self, old: &Normal, anew: &HashSet<Name>) -> HashSet<Name> {
        let (objects, old) = (&old.objects, old.by_label());
        let mut kept = HashSet::new();
        for group in self.wanted.items.chunk_by(|a, b| a.group == b.group) {
            let mut last = None;
            for item in group {
                let stays = old.get(&item.label).filter(|old| {
                    self.has_same_object(objects, old, item)
                        && old.options.tag() == item.options.tag()
                        && old.device.named == item.device.named
                        && !anew.contains(&item.label)
                        && last < Some(old.device.order)
                });
                let Some(old) = stays else { break };
                last = Some(old.device.order);
                kept.insert(item.label.clone());
            }
        }
        kept
    }

    /// Whether the device has an object that is what it is to be, or has none.
    fn has_same_object(
        &self,
        there: &BTreeMap<String, ObjectOptions>,
        old: &Item,
        new: &Item,
    ) -> bool {
        let (old, new) = (old.device.driver().object(), new.device.driver().object());
        old == new && new.is_none_or(|id| there.get(id) == self.wanted.objects.get(id))
    }

    /// Takes objects away that are not wanted, and makes those that are.
    fn objects(&mut self, old: &Normal) -> Result<(), QmpError> {
        for (id, object) in &old.objects {
            if self.wanted.objects.get(id) != Some(object) {
                self.change(Change::Discard(id.clone()))?;
            }
        }
        for (id, object) in &self.wanted.objects {
            if old.objects.get(id) != Some(object) {
                self.change(Change::Provide(object.clone()))?;
            }
        }
        Ok(())
    }

    fn on_board(&self, port: &PortRef) -> Option<PortRef> {
        Some(PortRef { device: self.names.get(&port.device)?.clone(), ..port.clone() })
    }

    /// The wires that are wanted and of which both ends are there.
    fn wires(&self) -> Vec<(PortRef, PortRef)> {
        let ends =
            |(from, to): &(PortRef, PortRef)| Some((self.on_board(from)?, self.on_board(to)?));
        self.wanted.wires.iter().filter_map(ends).collect()
    }

    fn lead(&mut self, from: &PortRef, to: &str) -> Result<(), QmpError> {
        let from = path(&self.board.port_path(from));
        let (owner, line) = from.rsplit_once('/').unwrap_or((&from, ""));
        self.change(Change::Set(owner.into(), line.into(), to.into()))
    }

    fn disconnect(&mut self) -> Result<(), QmpError> {
        let wanted: HashSet<_> = self.wires().into_iter().collect();
        let there = self.board.wires().map(|(from, to)| (from.clone(), to.clone()));
        let gone: Vec<_> = there.filter(|wire| !wanted.contains(wire)).collect();
        gone.iter().try_for_each(|(from, _)| self.lead(from, ""))
    }

    fn connect(&mut self) -> Result<(), QmpError> {
        let mut missing = self.wires();
        missing.retain(|(from, to)| self.board.wired_to(from) != Some(to));
        missing.iter().try_for_each(|(from, to)| self.lead(from, &path(&self.board.port_path(to))))
    }

    /// Takes waivers back that are not wanted, and makes those that are.
    fn waive(&mut self) -> Result<(), QmpError> {
        // By names of the board.
        let there = waivers(&self.board, |name| Some(name.into()));
        let wanted = self.wanted.waivers.iter().filter_map(|waiver| {
            let object = match &waiver.object {
                Some(path) => Some(renamed(path, |label| self.names.get(label).cloned())?),
                None => None,
            };
            Some(LintWaiver { object, ..waiver.clone() })
        });
        let wanted: Vec<LintWaiver> = wanted.collect();
        let parts =
            |waiver: &LintWaiver| (waiver.rule, waiver.object.clone(), waiver.reason.clone());
        let (old, new): (HashSet<_>, HashSet<_>) =
            (there.iter().map(parts).collect(), wanted.iter().map(parts).collect());
        for one in there.into_iter().filter(|waiver| !new.contains(&parts(waiver))) {
            let waiver = BoardLintUnwaive { rule: one.rule, object: one.object };
            self.change(Change::Unwaive(waiver))?;
        }
        let missing = wanted.iter().filter(|waiver| !old.contains(&parts(waiver)));
        missing.cloned().try_for_each(|waiver| self.change(Change::Waive(waiver)))
    }

    /// What is mapped, in the normal form, with how many mappings were made before it.
    fn mapped(&self) -> HashMap<(Name, u32, Option<String>), (Mapping, u64)> {
        let labels: HashMap<&Name, &Name> =
            self.names.iter().map(|(label, name)| (name, label)).collect();
        let (label, all) =
            (|name: &Name| labels.get(name).map(|label| (*label).clone()), self.board.view_all());
        all.into_iter()
            .filter_map(|mapping| {
                let order = mapping.order;
                let mapping = mapping.relabelled(label)?;
                Some((
                    (mapping.device.clone(), mapping.region, mapping.alias.clone()),
                    (mapping, order),
                ))
            })
            .collect()
    }

    /// Takes away what is mapped elsewhere, and what is to be seen on top of what comes anew.
    fn unmap(&mut self) -> Result<(), QmpError> {
        let mut there = self.mapped();
        let mut rest = self.wanted.mappings.as_slice();
        for length in &self.wanted.rows {
            let (row, after) = rest.split_at(*length);
            rest = after;
            let mut last = None;
            for mapping in row {
                let (device, region, alias) = key(mapping);
                let place = (device.clone(), region, alias.clone());
                match there.get(&place) {
                    Some((same, order)) if same == mapping && last < Some(*order) => {
                        last = Some(*order);
                        there.remove(&place);
                    }
                    _ => break,
                }
            }
        }
        let mut gone: Vec<_> = there.into_values().collect();
        gone.sort_by_key(|(_, order)| *order);
        for (mapping, _) in gone {
            let (Some(name), region) = (self.names.get(&mapping.device), mapping.region) else {
                continue;
            };
            let device = self.path_of(name);
            let request = DeviceUnmap { device, region: Some(region.into()), alias: mapping.alias };
            // The region's own mapping takes its aliases along.
            if self.board.clone().unmap(&request).is_ok() {
                self.change(Change::Unmap(request))?;
            }
        }
        Ok(())
    }

    fn map(&mut self) -> Result<(), QmpError> {
        let there = self.mapped();
        let (wanted, label) = (self.wanted, |mapping: &Mapping| {
            let (device, region, alias) = key(mapping);
            (device.clone(), region, alias.clone())
        });
        for mapping in wanted.mappings.iter().filter(|m| !there.contains_key(&label(m))) {
            let mut request = self.paths.mapping(mapping);
            let name = |label: &Name| self.names.get(label).unwrap_or(label).clone();
            request.device = self.path_of(&name(&mapping.device));
            if let (Some(parent), Some(text)) = (&mapping.parent, &request.parent) {
                let region = text.rsplit('/').next().unwrap_or_default();
                request.parent = Some(format!("{}/{region}", self.path_of(&name(&parent.device))));
            }
            self.change(map(&request)?)?;
        }
        Ok(())
    }

    fn path_of(&self, name: &Name) -> String {
        self.board.device(name).map_or_else(|| name.to_string(), |device| path(&device.path()))
    }

    /// Gives the devices that stay their properties; returns those that do not take them.
    fn set(&mut self, old: &Normal, kept: &HashSet<Name>) -> Vec<Name> {
        let old = old.by_label();
        let mut stubborn = Vec::new();
        for item in self.wanted.items.iter().filter(|item| kept.contains(&item.label)) {
            let Some(before) = old.get(&item.label) else { continue };
            if !self.set_one(before, item) {
                stubborn.push(item.label.clone());
            }
        }
        stubborn
    }

    fn set_one(&mut self, before: &Item, after: &Item) -> bool {
        let defaults = devices::defaults(after.options.tag());
        let known = devices::properties(after.options.tag());
        for one in properties(&given(before), &given(after)) {
            let text = known.iter().any(|p| p.name == one.property && p.ty == "str");
            let value = one.after.or_else(|| defaults.get(&one.property).cloned());
            let Some(value) = value.or_else(|| text.then(|| Value::from(""))) else { return false };
            let path = path(&before.device.path());
            if self.change(Change::Set(path, one.property, value)).is_err() {
                return false;
            }
        }
        true
    }
}

/// A whole path as short as it can be.
fn path(whole: &str) -> String {
    let homes = ["/machine/peripheral/", "/machine/peripheral-anon/"];
    let short = homes.iter().find_map(|home| whole.strip_prefix(home)).unwrap_or(whole);
    let first = short.split('/').next().unwrap_or_default();
    if ["machine", "peripheral", "peripheral-anon"].contains(&first) { whole } else { short }.into()
}
