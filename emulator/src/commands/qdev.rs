//! `qapi/qdev.json`.

use qapi_runtime::QmpError;

use super::qom::{info_of, unknown_type};
use crate::board::{Board, Device, driver_properties};
use crate::devices::{cpu, mem};
use crate::door::Door;
use crate::machines;
use crate::phase::Stage;
use crate::qapi::{
    DeviceDel, DeviceDeleted, DeviceDriver, DeviceListProperties, DeviceOptions,
    DeviceUnplugGuestError, ObjectPropertyInfo, QdevCommands,
};

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

/// Hot plug: what comes and goes at `ready`.
impl Door {
    /// Adds a device to a machine that is there, and lets its guest know.
    fn plug(&mut self, mut options: DeviceOptions) -> Result<(), QmpError> {
        let step = self.executing()?;
        let around = self.surroundings();
        let Stage::Ready(board, machine) = &mut self.stage else { return Ok(()) };
        options.driver = board.chosen(options.driver);
        board.check_hot(&options.driver, options.driver.tag().as_str())?;
        let add = |board: &mut Board| board.add(options);
        let (changed, device) = board.edited(step.origin, step.command, add)?;
        machine.plug(&changed, &device, &around)?;
        *board = changed;
        self.tell_remarks(&device);
        Ok(())
    }

    /// Asks the guest to let go of a device; [`Door::unplugged`] is when it has.
    fn ask_unplug(&mut self, id: &str) -> Result<(), QmpError> {
        let Stage::Ready(board, machine) = &self.stage else { return Ok(()) };
        let device = board.find_device(id)?;
        board.check_hot(&device.options, &device.name)?;
        let Some((owner, slot)) = board.seat(device) else { return Ok(()) };
        if machine.ask_unplug(&owner.name, &device.name, slot)? {
            let name = device.name.clone();
            self.unplugged(&name);
        }
        Ok(())
    }

    /// A guest has let go of a device: it is gone, with all that hangs on it.
    pub(crate) fn unplugged(&mut self, name: &str) {
        let Stage::Ready(board, machine) = &mut self.stage else { return };
        let Some(owner) = board.device(name).cloned() else { return };
        let mut gone: Vec<_> = board.on_bus_of(&owner).map(|(device, _)| device.clone()).collect();
        gone.push(owner);
        for device in &gone {
            // It is there and nothing is on it any more.
            let _ = board.remove(&device.path());
            machine.unplug(device);
        }
        gone.iter().for_each(|device| self.tell_deleted(device));
    }

    /// A guest keeps a device that it was asked to let go of.
    pub(crate) fn unplug_refused(&self, name: &str) {
        let Stage::Ready(board, _) = &self.stage else { return };
        if let Some(device) = board.device(name) {
            let id = device.named.then(|| device.name.to_string());
            self.emit(&DeviceUnplugGuestError { device: id, path: device.path() });
        }
    }

    /// Tells clients of a device that is gone, its parts first.
    fn tell_deleted(&self, device: &Device) {
        for part in device.driver().parts() {
            let path = format!("{}/{part}", device.path());
            self.emit(&DeviceDeleted { device: None, path });
        }
        let id = device.named.then(|| device.name.to_string());
        self.emit(&DeviceDeleted { device: id, path: device.path() });
    }
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
            _ => self.plug(arguments),
        }
    }

    fn device_del(&mut self, arguments: DeviceDel) -> Result<(), QmpError> {
        if let Stage::Ready(..) = self.stage {
            return self.ask_unplug(&arguments.id);
        }
        let device = self.edit(|board| board.remove(&arguments.id))?;
        self.tell_deleted(&device);
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
