//! `key=value,key=value`: the text form that most options share.
//!
//! A comma in a value is written twice. The first item may leave out its key, which the option then
//! implies, and further items may leave out their value, which makes them flags. Keys with dots
//! nest: `a.b=1` is `{"a": {"b": "1"}}`.

use qapi_runtime::{Map, Value};

/// The flags of sockets that clients write in the old form: `server`, `nowait`.
const NEGATABLE: &[&str] = &["server", "wait", "delay"];

/// One item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What is left of `=`, or all of it.
    pub key: String,
    /// What is right of `=`.
    pub value: Option<String>,
}

impl Item {
    fn new(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self { key: key.into(), value: Some(value.into()) },
            None => Self { key: text.into(), value: None },
        }
    }

    /// Key and value, a flag being on unless it is negated: `nowait` is `wait=off`.
    pub(super) fn setting(self) -> (String, String) {
        match (self.value, self.key.strip_prefix("no")) {
            (Some(value), _) => (self.key, value),
            (None, Some(flag)) if NEGATABLE.contains(&flag) => (flag.into(), "off".into()),
            (None, _) => (self.key, "on".into()),
        }
    }
}

/// Makes lists of what has numbers for its members, at any depth, as QEMU has it: `a.0=x,a.1=y`.
///
/// # Errors
/// A number is missing; the text names it.
pub(super) fn lists(map: Map) -> Result<Map, String> {
    let item = |(key, value): (String, Value)| {
        let value = list(&key, value)?;
        Ok((key, value))
    };
    map.into_iter().map(item).collect()
}

fn list(key: &str, value: Value) -> Result<Value, String> {
    let Value::Object(members) = value else { return Ok(value) };
    let mut members: Vec<(String, Value)> = members.into_iter().collect();
    for (name, value) in &mut members {
        *value = list(&format!("{key}.{name}"), value.take())?;
    }
    let number = |(name, _): &(String, Value)| name.parse::<usize>().ok();
    let Some(numbers) = members.iter().map(number).collect::<Option<Vec<usize>>>() else {
        return Ok(Value::Object(members.into_iter().collect()));
    };
    if let Some(missing) = (0..numbers.len()).find(|wanted| !numbers.contains(wanted)) {
        return Err(format!(
            "'{key}.{missing}' is missing: the items of a list are numbered from 0"
        ));
    }
    members.sort_by_key(number);
    Ok(members.into_iter().map(|(_, value)| value).collect())
}

/// The parts between single commas, doubled commas made single.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut parts = vec![];
    let mut part = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char != ',' {
            part.push(char);
        } else if chars.next_if_eq(&',').is_some() {
            part.push(',');
        } else {
            parts.push(std::mem::take(&mut part));
        }
    }
    // A comma at the end ends the last item; it does not begin an empty one.
    if !part.is_empty() || parts.is_empty() {
        parts.push(part);
    }
    parts
}

/// The items of a list.
pub(super) fn items(text: &str) -> Vec<Item> {
    split(text).iter().map(|part| Item::new(part)).collect()
}

/// The items of a list whose first may leave out the key `implied`.
pub(super) fn items_with(implied: &str, text: &str) -> Vec<Item> {
    let mut items = items(text);
    if let Some(first) = items.first_mut()
        && first.value.is_none()
    {
        let value = std::mem::replace(&mut first.key, implied.into());
        first.value = Some(value);
    }
    items
}

/// Puts a value where a key with dots leads, and returns what was there.
///
/// # Errors
/// The key has an empty part, or leads through a value that is no object; the text says so.
pub(super) fn insert(map: &mut Map, key: &str, value: Value) -> Result<Option<Value>, String> {
    let (parents, last) = match key.rsplit_once('.') {
        Some((parents, last)) => (parents.split('.').collect(), last),
        None => (vec![], key),
    };
    if last.is_empty() || parents.contains(&"") {
        return Err(format!("'{key}' is no parameter name: expected NAME=VALUE"));
    }
    let mut here = map;
    for part in parents {
        let below = here.entry(part).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(below) = below else {
            return Err(format!("'{part}' has a value of its own, so '{key}' cannot be below it"));
        };
        here = below;
    }
    if here.get(last).is_some_and(Value::is_object) && !value.is_object() {
        return Err(format!("'{key}' has members, so it cannot have a value of its own"));
    }
    Ok(here.insert(last.into(), value))
}
