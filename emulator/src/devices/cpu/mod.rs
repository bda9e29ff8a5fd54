//! Harts and the arrays they come in.

mod hart_array;
pub mod model;
mod node;

use boardwright_riscv::{CpuModel, CpuProperty, Modes};
use qapi_runtime::{QmpError, Value};

use crate::devices::LineName;
use crate::qapi::{DeviceOptionsDriver, MachineOptions};

/// Fills in what a device takes from its machine when it is not told: the CPU type.
pub fn complete(options: &mut DeviceOptionsDriver, machine: &MachineOptions) {
    if let DeviceOptionsDriver::RiscvHartArray(array) = options
        && array.cpu_type.is_none()
    {
        array.cpu_type = Some(machine.cpu.clone().unwrap_or_else(|| model::DEFAULT.into()));
    }
}

/// What the first unit of a device is made of, if it is a hart; the others are of the same type.
pub fn of_units(options: &DeviceOptionsDriver) -> Option<CpuModel> {
    of_unit(options, 0)
}

/// What a unit of a device is made of, if it is a hart.
pub fn of_unit(options: &DeviceOptionsDriver, unit: u32) -> Option<CpuModel> {
    match options {
        DeviceOptionsDriver::RiscvHartArray(array) => array.cpu(unit).ok(),
        _ => None,
    }
}

/// The interrupts that every hart has: the standard causes of the privileged architecture, section
/// 3.1.9, with the names of their bits in `mip`.
const INPUTS: &[LineName] = &[
    input("ssip", SUPERVISOR_SOFTWARE),
    input("msip", 3),
    input("stip", 5),
    input("mtip", 7),
    input("seip", 9),
    input("meip", 11),
];
/// The input that is remembered rather than followed.
const SUPERVISOR_SOFTWARE: u32 = 1;

const fn input(name: &'static str, line: u32) -> LineName {
    LineName { name, port: 0, line }
}

/// The name of an interrupt input of a hart, `msip`; none for one without.
pub fn input_name(line: u32) -> Option<&'static str> {
    INPUTS.iter().find(|input| input.line == line).map(|input| input.name)
}

/// The inputs that a board is expected to drive: those of machine mode, and external interrupts of
/// supervisor mode. Software sets the others.
pub fn usual_inputs(model: &CpuModel) -> &'static [u32] {
    match model.modes {
        Modes::Msu => &[3, 7, 9, 11],
        Modes::M | Modes::Mu => &[3, 7, 11],
    }
}

/// A device with a property of one of its harts changed; none where the hart has no such property.
///
/// # Errors
/// The value is of no kind that CPU properties have.
pub fn with_property(
    options: &DeviceOptionsDriver,
    unit: u32,
    property: &str,
    value: &Value,
) -> Result<Option<DeviceOptionsDriver>, QmpError> {
    let (DeviceOptionsDriver::RiscvHartArray(array), Some(known)) =
        (options, CpuProperty::find(property))
    else {
        return Ok(None);
    };
    let text = match value {
        Value::Bool(on) => String::from(if *on { "on" } else { "off" }),
        Value::Number(number) => number.to_string(),
        // A comma would begin another property.
        Value::String(text) if !text.contains(',') => text.clone(),
        _ => {
            return Err(QmpError::generic(format!(
                "Invalid parameter type for '{property}', expected: {}",
                known.type_name()
            )));
        }
    };
    let mut array = array.clone();
    array.set_cpu(unit, property, &text);
    Ok(Some(DeviceOptionsDriver::RiscvHartArray(array)))
}
