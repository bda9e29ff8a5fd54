//! `-device`: a list of properties or a JSON object becomes a `device_add`.

use qapi_runtime::{Map, Value};

use crate::door::Step;

use super::error::CliError;
use super::invocation::{Ask, Given, is_help};
use super::keyval;

/// What `-device` asks for.
pub(super) enum Device {
    /// A device.
    Add(Step),
    /// A list.
    Ask(Ask),
}

/// Reads the option's value.
pub(super) fn device(given: Given<'_>) -> Result<Device, CliError> {
    if let Some(arguments) = given.json()? {
        if !arguments.contains_key("driver") {
            return Err(given.error(r#"names no driver: expected {"driver": "DRIVER", ...}"#));
        }
        return Ok(Device::Add(given.step("device_add", arguments)));
    }
    if is_help(given.value) {
        return Ok(Device::Ask(Ask::DeviceHelp));
    }
    let mut arguments = Map::new();
    let mut asked = false;
    for item in keyval::items_with("driver", given.value) {
        if item.value.is_none() && is_help(&item.key) {
            asked = true;
            continue;
        }
        let (key, value) = item.setting();
        given.put(&mut arguments, &key, value.into())?;
    }
    let arguments = keyval::lists(arguments).map_err(|problem| given.error(problem))?;
    match arguments.get("driver") {
        Some(Value::String(driver)) if asked => {
            Ok(Device::Ask(Ask::DeviceProperties(driver.clone())))
        }
        Some(Value::String(driver)) if !driver.is_empty() => {
            Ok(Device::Add(given.step("device_add", arguments)))
        }
        _ => Err(given.error("names no driver: expected DRIVER[,PROP=VALUE...]")),
    }
}
