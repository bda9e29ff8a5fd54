//! `qapi/qdev.json`.

use qapi_runtime::QmpError;

use super::qom::{info_of, unknown_type};
use crate::board::{Device, driver_properties};
use crate::devices::{Driver, cpu, driver, mem};
use crate::door::Door;
use crate::machines;
use crate::phase::Stage;
use crate::qapi::{
    DeviceDel, DeviceDeleted, DeviceDriver, DeviceListProperties, DeviceOptions,
    ObjectPropertyInfo, QdevCommands,
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

/// None of the devices so far sits on a bus that can take or lose one while the guest runs.
fn no_hotplug(driver: &dyn Driver, name: &str) -> QmpError {
    QmpError::generic(if driver.on_bus() {
        format!("Bus '{SYSTEM_BUS}' does not support hotplugging")
    } else {
        format!("Device '{name}' does not support hotplugging")
    })
}

impl QdevCommands for Door {
    fn device_add(&mut self, mut arguments: DeviceOptions) -> Result<(), QmpError> {
        match &self.stage {
            Stage::Initialized(_) => {
                mem::complete(&mut arguments.driver, &self.host.objects)?;
                let device = self.edit(|board| {
                    cpu::complete(&mut arguments.driver, &board.machine);
                    machines::template(board.machine.type_.tag()).make_room(board, &arguments)?;
                    board.add(arguments)
                })?;
                self.tell_remarks(&device);
                Ok(())
            }
            _ => Err(no_hotplug(driver(&arguments.driver), arguments.driver.tag().as_str())),
        }
    }

    fn device_del(&mut self, arguments: DeviceDel) -> Result<(), QmpError> {
        if let Stage::Ready(board, _) = &self.stage {
            let device = board.find_device(&arguments.id)?;
            return Err(no_hotplug(device.driver(), &device.name));
        }
        let device = self.edit(|board| board.remove(&arguments.id))?;
        let id = device.named.then(|| device.name.to_string());
        self.emit(&DeviceDeleted { device: id, path: device.path() });
        Ok(())
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
