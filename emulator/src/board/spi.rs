//! Devices on serial buses: which controller, which chip select.

use std::sync::Arc;

use qapi_runtime::QmpError;

use super::{Board, Device};

impl Board {
    /// The controller and the chip select of a device that hangs on a bus.
    pub fn spi_place(&self, device: &Device) -> Option<(&Arc<Device>, u32)> {
        let place = device.driver().spi_place()?;
        Some((self.find_device(place.bus).ok()?, place.select))
    }

    /// The devices on the bus of a controller, with their chip selects.
    pub fn on_spi_bus(&self, controller: &Device) -> impl Iterator<Item = (&Arc<Device>, u32)> {
        self.devices().filter_map(|device| {
            let (bus, select) = self.spi_place(device)?;
            (bus.name == controller.name).then_some((device, select))
        })
    }

    /// A controller that is to be taken away has nothing on its bus.
    pub(super) fn check_spi_empty(&self, controller: &Device) -> Result<(), QmpError> {
        if controller.driver().spi_selects() == 0 {
            return Ok(());
        }
        match self.on_spi_bus(controller).next() {
            None => Ok(()),
            Some((other, _)) => Err(QmpError::generic(format!(
                "Device '{}' has '{}' on its bus: take that away first",
                controller.name, other.name
            ))),
        }
    }

    /// A device names a controller and a chip select that is there and free; a controller has those
    /// that are in use.
    pub(super) fn check_spi(&self, new: &Device) -> Result<(), QmpError> {
        let error = |text: String| Err(QmpError::generic(text));
        if let Some(place) = new.driver().spi_place() {
            let Ok(bus) = self.find_device(place.bus) else {
                return error(format!(
                    "Bus '{}' not found: 'bus' names an SPI controller",
                    place.bus
                ));
            };
            let (selects, select) = (bus.driver().spi_selects(), place.select);
            if selects == 0 {
                return error(format!("Device '{}' is no SPI controller", bus.name));
            }
            if select >= selects {
                return error(format!(
                    "Parameter 'cs' expects a chip select of '{}', 0 to {}, not {select}",
                    bus.name,
                    selects - 1
                ));
            }
            let taken =
                self.on_spi_bus(bus).find(|(other, at)| *at == select && other.name != new.name);
            if let Some((other, _)) = taken {
                return error(format!(
                    "Chip select {select} of '{}' is taken by '{}'",
                    bus.name, other.name
                ));
            }
        }
        let selects = new.driver().spi_selects();
        if selects > 0
            && self.device(&new.name).is_some()
            && let Some((other, at)) = self.on_spi_bus(new).find(|(_, at)| *at >= selects)
        {
            return error(format!(
                "Chip select {at} of '{}' is taken by '{}'",
                new.name, other.name
            ));
        }
        Ok(())
    }
}
