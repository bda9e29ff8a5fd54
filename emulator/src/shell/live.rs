//! What the server's objects have to offer for completion.

use qapi_runtime::{Map, Value};
use serde_json::json;

use super::session::Session;

/// Answers questions about the objects of a server.
pub(super) trait Live {
    /// What a path or an id may go on with, the whole of it; with `leaves`, properties too.
    fn paths(&self, begun: &str, leaves: bool) -> Vec<String>;
    /// The properties of an object.
    fn properties(&self, path: &str) -> Vec<String>;
    /// The ids of character back ends.
    fn chardevs(&self) -> Vec<String>;
}

/// Where devices with ids are.
const PERIPHERAL: &str = "/machine/peripheral";

fn arguments(value: Value) -> Map {
    match value {
        Value::Object(arguments) => arguments,
        _ => Map::new(),
    }
}

impl Session {
    /// Names and types of an object's properties.
    fn list(&self, path: &str) -> Vec<(String, String)> {
        let answer = self.ask("qom-list", arguments(json!({ "path": path })));
        let pair = |item: &Value| {
            let text = |name| item.get(name).and_then(Value::as_str).map(String::from);
            Some((text("name")?, text("type")?))
        };
        let items = answer.as_ref().and_then(Value::as_array);
        items.map(|items| items.iter().filter_map(pair).collect()).unwrap_or_default()
    }
}

fn is_object(ty: &str) -> bool {
    ty.starts_with("child<") || ty.starts_with("link<")
}

impl Live for Session {
    fn paths(&self, begun: &str, leaves: bool) -> Vec<String> {
        let (parent, before) = match begun.rsplit_once('/') {
            Some(("", _)) => ("/".to_string(), "/".to_string()),
            Some((parent, _)) => (parent.to_string(), format!("{parent}/")),
            // An id is a path without its parents.
            None => (PERIPHERAL.to_string(), String::new()),
        };
        let mut found: Vec<String> = self
            .list(&parent)
            .into_iter()
            .filter(|(_, ty)| is_object(ty) || (leaves && !before.is_empty()))
            .map(|(name, _)| format!("{before}{name}"))
            .collect();
        if before.is_empty() {
            found.push("/machine".into());
        }
        found
    }

    fn properties(&self, path: &str) -> Vec<String> {
        self.list(path).into_iter().map(|(name, _)| name).collect()
    }

    fn chardevs(&self) -> Vec<String> {
        let answer = self.ask("query-chardev", Map::new());
        let label = |item: &Value| item.get("label").and_then(Value::as_str).map(String::from);
        let items = answer.as_ref().and_then(Value::as_array);
        items.map(|items| items.iter().filter_map(label).collect()).unwrap_or_default()
    }
}
