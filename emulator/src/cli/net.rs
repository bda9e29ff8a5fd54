//! Networks: `-netdev`, and the short forms `-nic` and `-net`.
//!
//! `-netdev` is the command `netdev_add`. `-nic` is that and a `device_add` of a network device on
//! it; `-net nic` and `-net user`, the oldest form, are the two halves of a `-nic`, paired in the
//! order in which they come.

use qapi_runtime::{Map, Value};
use serde_json::json;

use crate::door::Step;

use super::error::CliError;
use super::invocation::Given;
use super::keyval;

/// Members that are given several times and make a list.
const LISTS: &[&str] = &["hostfwd", "dnssearch"];
/// What `-nic` and `-net nic` can say of the network device, and its property.
const CARD: &[(&str, &str)] = &[("mac", "mac"), ("macaddr", "mac"), ("model", "driver")];
/// The device where no model is named, and what others call it.
const USUAL: &str = "virtio-net";
const NAMES: &[&str] = &["virtio"];

/// What has been said so far.
#[derive(Debug, Default)]
pub(super) struct Nets {
    netdevs: Vec<Step>,
    devices: Vec<Step>,
    /// `-net nic`: devices whose back ends are still to come.
    cards: Vec<Step>,
    /// The back ends of `-net`.
    backends: Vec<String>,
    /// How many back ends have no name of their own.
    unnamed: usize,
}

impl Nets {
    /// `-netdev KIND,id=ID,...`, or JSON
    pub(super) fn netdev(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let arguments = match given.json()? {
            Some(arguments) => arguments,
            None => settings(given)?,
        };
        if !arguments.contains_key("id") {
            return Err(given.error("has no id: add id=NAME"));
        }
        self.netdevs.push(given.step("netdev_add", arguments));
        Ok(())
    }

    /// `-nic KIND[,model=DRIVER][,mac=ADDRESS][,...]`, `-nic none`
    pub(super) fn nic(&mut self, given: Given<'_>) -> Result<(), CliError> {
        if given.value == "none" {
            return Ok(());
        }
        let mut arguments = settings(given)?;
        let mut card = card(&mut arguments);
        let id = self.name(&mut arguments);
        card.insert("netdev".into(), id.into());
        self.netdevs.push(given.step("netdev_add", arguments));
        self.devices.push(given.step("device_add", card));
        Ok(())
    }

    /// `-net nic[,model=DRIVER][,macaddr=ADDRESS]`, `-net KIND[,...]`, `-net none`
    pub(super) fn net(&mut self, given: Given<'_>) -> Result<(), CliError> {
        let mut arguments = settings(given)?;
        match arguments.get("type").and_then(Value::as_str) {
            Some("none") => {}
            Some("nic") => {
                arguments.shift_remove("type");
                let mut card = card(&mut arguments);
                card.extend(arguments);
                let named = card.contains_key("netdev");
                let place = if named { &mut self.devices } else { &mut self.cards };
                place.push(given.step("device_add", card));
            }
            _ => {
                let id = self.name(&mut arguments);
                self.backends.push(id);
                self.netdevs.push(given.step("netdev_add", arguments));
            }
        }
        Ok(())
    }

    /// The back ends, and the network devices for when there is a board.
    pub(super) fn finish(mut self) -> (Vec<Step>, Vec<Step>) {
        let mut backends = self.backends.into_iter();
        for mut card in self.cards {
            // A device without a back end has no link.
            if let Some(backend) = backends.next() {
                card.command.arguments.insert("netdev".into(), backend.into());
            }
            self.devices.push(card);
        }
        (self.netdevs, self.devices)
    }

    /// The id of a back end that may have none, or the older name of it.
    fn name(&mut self, arguments: &mut Map) -> String {
        let name = arguments.shift_remove("name");
        let given = arguments.shift_remove("id").or(name);
        let id = match given.as_ref().and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => {
                self.unnamed += 1;
                format!("net{}", self.unnamed - 1)
            }
        };
        arguments.insert("id".into(), id.as_str().into());
        id
    }
}

/// What a list says of the network device, taken from it.
fn card(arguments: &mut Map) -> Map {
    let mut card = Map::from_iter([("driver".into(), USUAL.into())]);
    for (key, property) in CARD {
        if let Some(value) = arguments.shift_remove(*key) {
            card.insert((*property).into(), value);
        }
    }
    if card.get("driver").and_then(Value::as_str).is_some_and(|name| NAMES.contains(&name)) {
        card.insert("driver".into(), USUAL.into());
    }
    card
}

/// The members that the list gives.
fn settings(given: Given<'_>) -> Result<Map, CliError> {
    let mut settings = Map::new();
    for item in keyval::items_with("type", given.value) {
        let (key, value) = item.setting();
        if LISTS.contains(&key.as_str()) {
            let list = settings.entry(key).or_insert_with(|| Value::Array(vec![]));
            if let Value::Array(list) = list {
                list.push(json!({ "str": value }));
            }
        } else {
            given.put(&mut settings, &key, value.into())?;
        }
    }
    Ok(settings)
}
