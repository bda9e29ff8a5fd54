//! Answers to the options that only ask.

use std::fmt::Write as _;

use boardwright_riscv::CPU_MODELS;
use qapi_runtime::QmpError;

use crate::board::{Property, driver_properties};
use crate::cli::{self, Ask};
use crate::machines;
use crate::program::verbs;
use crate::qapi::{Accelerator, ChardevBackendKind, DeviceDriver, LogItem, MachineType};

/// The answer's text.
///
/// # Errors
/// It asks about a driver that there is not.
pub(crate) fn answer(ask: &Ask) -> Result<String, QmpError> {
    Ok(match ask {
        Ask::Help => all(),
        // What a script has to say, who reads scripts answers.
        Ask::ScriptHelp(_) => String::new(),
        Ask::Version => version(),
        Ask::MachineHelp => machine_help(),
        Ask::DeviceHelp => device_help(),
        Ask::DeviceProperties(driver) => device_properties(driver)?,
        Ask::CpuHelp => cpu_help(),
        Ask::LogHelp => {
            list("Log items (comma separated):", LogItem::ALL.iter().map(|item| item.as_str()))
        }
        Ask::AccelHelp => {
            list("Accelerators supported:", Accelerator::ALL.iter().map(|accel| accel.as_str()))
        }
        Ask::ChardevHelp => list(
            "Available chardev backend types:",
            ChardevBackendKind::ALL.iter().map(|kind| kind.as_str()),
        ),
        Ask::MachineProperties(kind) => machine_properties(kind)?,
    })
}

/// Verbs and options.
pub(super) fn all() -> String {
    format!(
        "usage: boardwright [OPTION...]\n       boardwright VERB [ARGUMENT...]\n\n\
         An option may begin with one dash or two.\n\n\
         Verbs (help VERB tells more):\n{}{}",
        verbs::list(),
        cli::options_text()
    )
}

fn list<'a>(title: &str, names: impl Iterator<Item = &'a str>) -> String {
    names.fold(format!("{title}\n"), |mut text, name| {
        let _ = writeln!(text, "  {name}");
        text
    })
}

fn not_found(what: &str, name: &str, known: impl Iterator<Item = &'static str>) -> QmpError {
    QmpError::generic(format!("{what} '{name}' not found")).with_nearest(name, known)
}

fn print(title: &str, properties: impl Iterator<Item = Property>) -> String {
    let mut text = format!("{title} options:\n");
    for property in properties {
        let kind = format!("{}=<{}>", property.name, property.ty);
        let about = property.description.unwrap_or_default().replace('\n', " ");
        let _ = writeln!(text, "  {kind:<24} - {about}");
    }
    text
}

fn machine_properties(name: &str) -> Result<String, QmpError> {
    let kind: MachineType = name.parse().map_err(|_| {
        not_found("Machine type", name, MachineType::ALL.iter().map(|kind| kind.as_str()))
    })?;
    Ok(print(name, machines::properties(kind)))
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
        not_found("Device", name, DeviceDriver::ALL.iter().map(|driver| driver.as_str()))
    })?;
    Ok(print(name, driver_properties(driver)))
}

fn cpu_help() -> String {
    CPU_MODELS.iter().fold(String::from("Available CPUs:\n"), |mut text, cpu| {
        let _ = writeln!(text, "  {:<16} {}", cpu.name, cpu.isa_string());
        text
    })
}
