//! The normal form as options of the command line. Mappings and wires have device forms there:
//! `sysbus-mmio-mapping` and `gpio-connection`.

use qapi_runtime::{Encode, Map, QmpError, Value};

use super::Normal;
use super::image::Paths;
use crate::cli::script;
use crate::qapi::BoardCommand;

/// The words of the command line.
///
/// # Errors
/// There is a mapping that has no device form.
pub(super) fn write(normal: &Normal) -> Result<Vec<String>, QmpError> {
    let paths = Paths::of(normal);
    let mut words = vec!["-M".to_string(), list("type", normal.machine.encode())];
    for object in normal.objects.values() {
        words.extend(["-object".into(), list("qom-type", object.encode())]);
    }
    for one in &normal.backends {
        words.extend(backend(one));
    }
    let mut device = |value: Value| words.extend(["-device".into(), list("driver", value)]);
    normal.items.iter().for_each(|item| device(item.request().encode()));
    for mapping in &normal.mappings {
        let name = paths.device(&mapping.device);
        if mapping.alias.is_some() || mapping.parent.is_some() {
            return Err(no_option(&format!("A mapping of '{name}' by alias or within a region")));
        }
        let mut form = Map::new();
        form.insert("driver".into(), "sysbus-mmio-mapping".into());
        form.insert("sysdev".into(), name.into());
        if mapping.region != 0 {
            form.insert("index".into(), mapping.region.into());
        }
        form.insert("addr".into(), mapping.addr.into());
        if mapping.priority != 0 {
            form.insert("priority".into(), mapping.priority.into());
        }
        device(Value::Object(form));
    }
    if let Some(waiver) = normal.waivers.first() {
        return Err(no_option(&format!("A waiver of '{}'", waiver.rule)));
    }
    if let Some(from) = normal.unwanted.first() {
        return Err(no_option(&format!("That '{}' is not wired", paths.port(from))));
    }
    for (from, to) in &normal.wires {
        let mut form = Map::new();
        form.insert("driver".into(), "gpio-connection".into());
        for (way, end) in [("output", from), ("input", to)] {
            form.insert(format!("{way}-device"), paths.owner(end).into());
            form.insert(format!("{way}-name"), paths.port_name(end).into());
            form.insert(format!("{way}-number"), end.line.into());
        }
        device(Value::Object(form));
    }
    Ok(words)
}

/// The option for a command that makes a back end of the host.
fn backend(one: &BoardCommand) -> [String; 2] {
    let mut arguments = one.arguments.clone().unwrap_or_default();
    let option = match one.command.as_str() {
        "blockdev-add" => "-blockdev",
        "chardev-add" => "-chardev",
        "netdev_add" => "-netdev",
        "x-drive-add" => {
            arguments["if"] = "none".into();
            return ["-drive".into(), list("file", arguments)];
        }
        _ => {
            // The option's servers wait unless they are told not to.
            if arguments.get("server") == Some(&true.into()) && arguments.get("wait").is_none() {
                arguments["wait"] = false.into();
            }
            return ["-chardev".into(), list("backend", arguments)];
        }
    };
    [option.into(), arguments.to_string()]
}

fn no_option(what: &str) -> QmpError {
    QmpError::generic(format!("{what} cannot be written as an option: choose another format"))
}

/// `VALUE,key=value,...`, the value of `first` in front, commas within values doubled.
fn list(first: &str, value: Value) -> String {
    let Value::Object(members) = value else { return String::new() };
    if members.values().any(|value| value.is_array() || value.is_object()) {
        // Lists have no other form.
        return Value::Object(members).to_string();
    }
    let front = members.get(first).map(|value| word(first, value)).unwrap_or_default();
    members
        .iter()
        .filter(|(key, _)| *key != first)
        .fold(front, |text, (key, value)| format!("{text},{key}={}", word(key, value)))
}

fn word(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.replace(',', ",,"),
        Value::Bool(on) => if *on { "on" } else { "off" }.into(),
        Value::Number(number) => script::number_text(key, number),
        other => other.to_string(),
    }
}
