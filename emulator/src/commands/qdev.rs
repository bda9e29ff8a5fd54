//! `qapi/qdev.json`.

use qapi_runtime::QmpError;

use super::qom::{info_of, unknown_type};
use crate::board::driver_properties;
use crate::devices::{cpu, driver};
use crate::door::Door;
use crate::phase::Stage;
use crate::qapi::{
    DeviceDriver, DeviceListProperties, DeviceOptions, ObjectPropertyInfo, QdevCommands,
};

/// The bus that devices with regions sit on.
const SYSTEM_BUS: &str = "main-system-bus";

impl QdevCommands for Door {
    fn device_add(&mut self, mut arguments: DeviceOptions) -> Result<(), QmpError> {
        match &self.stage {
            Stage::Initialized(_) => self.edit(|board| {
                cpu::complete(&mut arguments.driver, &board.machine);
                board.add(arguments).map(|_| ())
            }),
            // None of the devices so far sits on a bus that can take one while the guest runs.
            _ if driver(&arguments.driver).on_bus() => {
                Err(QmpError::generic(format!("Bus '{SYSTEM_BUS}' does not support hotplugging")))
            }
            _ => Err(QmpError::generic(format!(
                "Device '{}' does not support hotplugging",
                arguments.driver.tag()
            ))),
        }
    }

    fn device_list_properties(
        &mut self,
        arguments: DeviceListProperties,
    ) -> Result<Vec<ObjectPropertyInfo>, QmpError> {
        let kind: DeviceDriver =
            arguments.typename.parse().map_err(|_| unknown_type("Device", &arguments.typename))?;
        Ok(driver_properties(kind).map(info_of).collect())
    }
}
