//! A device tree against a board: what the tree claims that the board has not, and the other way
//! round.
//!
//! Both are brought to the same terms (`facts`): the tree by the drivers that read its nodes, so
//! that it does not matter which of several ways of describing a device it has chosen.

mod facts;
mod harts;

use std::collections::{BTreeMap, HashMap};

use boardwright_devicetree::Tree;
use qapi_runtime::{QmpError, Value};

use super::Board;
use super::import::Reading;
use crate::qapi::{DeviceDriver, DeviceTreeDifference, DeviceTreeDisagreement, DeviceTreeSide};

pub(super) use facts::{DeviceFacts, Facts, Key};

/// Compares a tree with a board. An empty list: they agree.
///
/// # Errors
/// A property of the tree that has to be understood is malformed.
pub fn compare(tree: &Tree, board: &Board) -> Result<Vec<DeviceTreeDifference>, QmpError> {
    let phandles = tree.phandles();
    let reading = Reading::of(tree, &phandles, &crate::machines::empty())?;
    let claimed = Facts::of_tree(&reading);
    let there = Facts::of_board(board);
    let mut all = Differences::default();
    harts::compare(&mut all, &reading, board);
    if let (Some(claimed), Some(there)) = (claimed.timebase, there.timebase)
        && claimed != there
    {
        all.push(DeviceTreeDisagreement::Timebase, DeviceTreeSide::Both, |found| {
            found.node = Some("/cpus".into());
            found.text =
                format!("time counts {claimed} a second in the tree and {there} on the board");
        });
    }
    all.devices(&claimed.devices, &there.devices);
    Ok(all.0)
}

#[derive(Default)]
struct Differences(Vec<DeviceTreeDifference>);

impl Differences {
    fn push(
        &mut self,
        kind: DeviceTreeDisagreement,
        side: DeviceTreeSide,
        tell: impl FnOnce(&mut DeviceTreeDifference),
    ) {
        let mut found =
            DeviceTreeDifference { kind, side, node: None, device: None, text: String::new() };
        tell(&mut found);
        self.0.push(found);
    }

    fn devices(
        &mut self,
        claimed: &BTreeMap<Key, DeviceFacts>,
        there: &BTreeMap<Key, DeviceFacts>,
    ) {
        // What is on one side only and the only one of its kind there has another address.
        let lost = only(claimed, there);
        let extra = only(there, claimed);
        for (key, facts) in claimed {
            if let Some(other) = there.get(key) {
                self.device(key, facts, other);
            } else if let (Some(_), Some(other)) =
                (single(&lost, key.kind), single(&extra, key.kind))
            {
                let Some(others) = there.get(other) else { continue };
                self.push(DeviceTreeDisagreement::Address, DeviceTreeSide::Both, |found| {
                    found.node = Some(facts.place.clone());
                    found.device = Some(others.place.clone());
                    found.text = format!(
                        "{} is at {:#x} in the tree and at {:#x} on the board",
                        key.kind, key.addr, other.addr
                    );
                });
                self.device(key, facts, others);
            } else {
                self.push(kind_of(key), DeviceTreeSide::Tree, |found| {
                    found.node = Some(facts.place.clone());
                    let at = facts.size;
                    found.text = format!(
                        "{} at {:#x}, {at:#x} bytes, is not on the board",
                        key.kind, key.addr
                    );
                });
            }
        }
        for (key, facts) in there.iter().filter(|(key, _)| !claimed.contains_key(key)) {
            if single(&lost, key.kind).is_some() && single(&extra, key.kind).is_some() {
                continue;
            }
            self.push(kind_of(key), DeviceTreeSide::Board, |found| {
                found.device = Some(facts.place.clone());
                let at = facts.size;
                found.text =
                    format!("{} at {:#x}, {at:#x} bytes, is not in the tree", key.kind, key.addr);
            });
        }
    }

    /// A device that both sides have.
    fn device(&mut self, key: &Key, claimed: &DeviceFacts, there: &DeviceFacts) {
        let places = |found: &mut DeviceTreeDifference, text: String| {
            found.node = Some(claimed.place.clone());
            found.device = Some(there.place.clone());
            found.text = text;
        };
        for (name, value) in &claimed.properties {
            let other = there.properties.get(name).unwrap_or(&Value::Null);
            if value == other || FREE.contains(&(key.kind, name.as_str())) {
                continue;
            }
            self.push(kind_of_property(key), DeviceTreeSide::Both, |found| {
                places(found, format!("'{name}' is {value} in the tree and {other} on the board"));
            });
        }
        for (output, target) in &claimed.outputs {
            let text = match there.outputs.get(output) {
                Some(other) if other == target => continue,
                Some(other) => {
                    format!("{output} leads to {target} in the tree and to {other} on the board")
                }
                None => format!("{output} leads to {target} in the tree and nowhere on the board"),
            };
            let side = match there.outputs.contains_key(output) {
                true => DeviceTreeSide::Both,
                false => DeviceTreeSide::Tree,
            };
            self.push(DeviceTreeDisagreement::Interrupt, side, |found| places(found, text));
        }
        for (output, target) in &there.outputs {
            if !claimed.outputs.contains_key(output) {
                let text =
                    format!("{output} leads to {target} on the board and nowhere in the tree");
                self.push(DeviceTreeDisagreement::Interrupt, DeviceTreeSide::Board, |found| {
                    places(found, text);
                });
            }
        }
    }
}

/// Properties that trees differ in without meaning something else by it: the name of a placeholder,
/// and the clock of a UART, which sends at once whatever its clock is.
const FREE: &[(DeviceDriver, &str)] =
    &[(DeviceDriver::UnimplementedDevice, "name"), (DeviceDriver::SerialMm, "baudbase")];

fn kind_of(key: &Key) -> DeviceTreeDisagreement {
    match key.kind {
        DeviceDriver::SysbusMemory => DeviceTreeDisagreement::Memory,
        _ => DeviceTreeDisagreement::Device,
    }
}

fn kind_of_property(key: &Key) -> DeviceTreeDisagreement {
    match key.kind {
        DeviceDriver::SysbusMemory => DeviceTreeDisagreement::Memory,
        _ => DeviceTreeDisagreement::Property,
    }
}

/// What one side has and the other has not, by kind.
fn only<'a>(
    these: &'a BTreeMap<Key, DeviceFacts>,
    others: &BTreeMap<Key, DeviceFacts>,
) -> HashMap<DeviceDriver, Vec<&'a Key>> {
    let mut found: HashMap<DeviceDriver, Vec<&Key>> = HashMap::new();
    for key in these.keys().filter(|key| !others.contains_key(key)) {
        found.entry(key.kind).or_default().push(key);
    }
    found
}

fn single<'a>(
    by_kind: &HashMap<DeviceDriver, Vec<&'a Key>>,
    kind: DeviceDriver,
) -> Option<&'a Key> {
    match by_kind.get(&kind).map(Vec::as_slice) {
        Some([one]) => Some(one),
        _ => None,
    }
}
