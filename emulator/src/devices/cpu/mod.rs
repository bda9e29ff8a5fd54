//! Harts and the arrays they come in.

mod hart_array;
pub mod model;
mod node;

use boardwright_riscv::{CpuModel, Modes};

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

/// The interrupts that every hart has, with their usual names: the standard causes of the
/// privileged architecture, section 3.1.9.
const INPUTS: [(u32, &str); 6] =
    [(1, "SSI"), (3, "MSI"), (5, "STI"), (7, "MTI"), (9, "SEI"), (11, "MEI")];

/// What an interrupt input of a hart is called.
pub fn input_name(line: u32) -> Option<&'static str> {
    INPUTS.iter().find(|(number, _)| *number == line).map(|(_, name)| *name)
}

/// The inputs that a board is expected to drive: those of machine mode, and external interrupts of
/// supervisor mode. Software sets the others.
pub fn usual_inputs(model: &CpuModel) -> &'static [u32] {
    match model.modes {
        Modes::Msu => &[3, 7, 9, 11],
        Modes::M | Modes::Mu => &[3, 7, 11],
    }
}
