//! Answers to the options that only ask.

use std::fmt::Write as _;

use boardwright_riscv::CPU_MODELS;
use qapi_runtime::{QmpError, nearest};

use crate::board::driver_properties;
use crate::cli::{self, Ask};
use crate::devices;
use crate::machines;
use crate::qapi::{DeviceDriver, MachineType};

/// The answer's text.
///
/// # Errors
/// It asks about a driver that there is not.
pub(super) fn answer(ask: &Ask) -> Result<String, QmpError> {
    Ok(match ask {
        Ask::Help => cli::help_text(),
        Ask::Version => version(),
        Ask::MachineHelp => machine_help(),
        Ask::DeviceHelp => device_help(),
        Ask::DeviceProperties(driver) => device_properties(driver)?,
        Ask::CpuHelp => cpu_help(),
        Ask::LogHelp => cli::log_help(),
    })
}

/// Clients look for "QEMU emulator version X.Y.Z" in the first line.
fn version() -> String {
    let (major, minor, micro) = crate::QEMU_VERSION;
    format!("QEMU emulator version {major}.{minor}.{micro} ({})\n", crate::PACKAGE)
}

fn machine_help() -> String {
    MachineType::ALL.iter().fold(String::from("Supported machines are:\n"), |mut text, kind| {
        let _ = writeln!(text, "{:<20} {}", kind.as_str(), machines::template(*kind).description());
        text
    })
}

fn device_help() -> String {
    DeviceDriver::ALL.iter().fold(String::from("Devices:\n"), |mut text, driver| {
        let _ = writeln!(text, "name \"{driver}\"");
        text
    })
}

fn device_properties(name: &str) -> Result<String, QmpError> {
    let driver: DeviceDriver = name.parse().map_err(|_| {
        let close = nearest(name, DeviceDriver::ALL.iter().map(|driver| driver.as_str()));
        let error = QmpError::generic(format!("Device '{name}' not found"));
        if close.is_empty() { error } else { error.with_data(serde_json::json!({ "nearest": close })) }
    })?;
    let mut text = format!("{driver} options:\n");
    for property in driver_properties(driver) {
        let kind = format!("{}=<{}>", property.name, property.ty);
        let about = property.description.unwrap_or_default().replace('\n', " ");
        let _ = writeln!(text, "  {kind:<24} - {about}");
    }
    if devices::properties(driver).is_empty() {
        text += "  (none)\n";
    }
    Ok(text)
}

fn cpu_help() -> String {
    CPU_MODELS.iter().fold(String::from("Available CPUs:\n"), |mut text, cpu| {
        let _ = writeln!(text, "  {:<16} {}", cpu.name, cpu.isa_string());
        text
    })
}
