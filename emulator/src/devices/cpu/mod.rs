//! Harts and the arrays they come in.

mod hart_array;
pub mod model;
mod node;

use boardwright_riscv::CpuModel;

use crate::qapi::{DeviceOptionsDriver, MachineOptions};

/// Fills in what a device takes from its machine when it is not told: the CPU type.
pub fn complete(options: &mut DeviceOptionsDriver, machine: &MachineOptions) {
    if let DeviceOptionsDriver::RiscvHartArray(array) = options
        && array.cpu_type.is_none()
    {
        array.cpu_type = Some(machine.cpu.clone().unwrap_or_else(|| model::DEFAULT.into()));
    }
}

/// What the units of a device are made of, if they are harts.
pub fn of_units(options: &DeviceOptionsDriver) -> Option<CpuModel> {
    match options {
        DeviceOptionsDriver::RiscvHartArray(array) => array.cpu().ok(),
        _ => None,
    }
}
