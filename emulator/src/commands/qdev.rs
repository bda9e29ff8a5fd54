//! `qapi/qdev.json`.

use qapi_runtime::QmpError;

use super::qom::{info_of, unknown_type};
use crate::board::{Device, driver_properties};
use crate::devices::{cpu, driver};
use crate::door::Door;
use crate::phase::Stage;
use crate::qapi::{
    DeviceDriver, DeviceListProperties, DeviceOptions, ObjectPropertyInfo, QdevCommands,
};

/// The bus that devices with regions sit on.
const SYSTEM_BUS: &str = "main-system-bus";

impl Door {
    /// Says what the files of a device have that is not modelled.
    fn tell_remarks(&self, device: &Device) {
        const MOST: usize = 10;
        let remarks = device.driver().remarks();
        for remark in remarks.iter().take(MOST) {
            self.host.warn(&format!("device '{}': {remark}", device.name));
        }
        if let Some(more) = remarks.len().checked_sub(MOST).filter(|more| *more > 0) {
            self.host.warn(&format!("device '{}': and {more} more that are left out", device.name));
        }
    }
}

impl QdevCommands for Door {
    fn device_add(&mut self, mut arguments: DeviceOptions) -> Result<(), QmpError> {
        match &self.stage {
            Stage::Initialized(_) => {
                let device = self.edit(|board| {
                    cpu::complete(&mut arguments.driver, &board.machine);
                    board.add(arguments)
                })?;
                self.tell_remarks(&device);
                Ok(())
            }
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
