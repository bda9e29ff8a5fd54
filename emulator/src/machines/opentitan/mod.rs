//! `opentitan`: lowRISC's OpenTitan Earl Grey, as QEMU 6.0 to 10 have it: a 32-bit Ibex hart, ROM,
//! RAM and flash, a UART, a timer and an interrupt controller. What QEMU leaves out is a
//! placeholder here as well, and so is the SPI host.
//!
//! QEMU followed the hardware while it was designed, so that addresses and interrupt numbers differ
//! from version to version: see [`layout`].

mod layout;

use qapi_runtime::{QmpError, Value};
use serde_json::json;

use self::layout::{Controller, Layout};
use super::{Plan, Template};
use crate::board::Board;
use crate::door::Command;
use crate::qapi::{MachineOptions, MachineOptionsType, MachineType};

/// The hart, if the options name no other.
const CPU: &str = "lowrisc-ibex";
/// Sources of the controller, source 0 included.
const SOURCES: u32 = 180;
/// The hart's inputs for its timer and for the controller.
const TIMER: u32 = 7;
const EXTERNAL: u32 = 11;

pub(super) struct Opentitan;
pub(super) const TEMPLATE: Opentitan = Opentitan;

/// Commands, as they are put together.
#[derive(Default)]
struct Commands(Vec<Command>);

impl Commands {
    fn add(&mut self, name: &str, arguments: Value) -> Result<(), QmpError> {
        self.0.push(Command::new(name, arguments)?);
        Ok(())
    }

    fn map(&mut self, device: &str, addr: u64) -> Result<(), QmpError> {
        self.add("sysbus-mmio-map", json!({ "device": device, "addr": addr }))
    }

    fn memory(
        &mut self,
        id: &str,
        (addr, size): (u64, u64),
        readonly: bool,
    ) -> Result<(), QmpError> {
        let device =
            json!({ "driver": "sysbus-memory", "id": id, "size": size, "readonly": readonly });
        self.add("device_add", device)?;
        self.map(id, addr)
    }

    fn wire(&mut self, path: &str, property: String, to: String) -> Result<(), QmpError> {
        self.add("qom-set", json!({ "path": path, "property": property, "value": to }))
    }
}

fn to_hart(input: u32) -> String {
    format!("cpus/harts[0]/unnamed-gpio-in[{input}]")
}

fn to_controller(source: u32) -> String {
    format!("plic/unnamed-gpio-in[{source}]")
}

/// The properties that are the machine's own.
fn own(options: &MachineOptions) -> (Option<&str>, Option<u64>) {
    match &options.type_ {
        MachineOptionsType::Opentitan(own) => (own.version.as_deref(), own.resetvec),
        _ => (None, None),
    }
}

/// What the hardware has is not for the options to choose.
fn check(options: &MachineOptions, layout: &Layout) -> Result<(), QmpError> {
    if let Some(size) = options.memory.filter(|size| *size != layout.ram.1) {
        return Err(QmpError::generic(format!(
            "Invalid RAM size, should be {} KiB (option -m), not {size} bytes",
            layout.ram.1 >> 10
        )));
    }
    let cpus = options.smp.as_ref().and_then(|smp| smp.cpus).unwrap_or(1);
    if cpus != 1 {
        return Err(QmpError::generic(format!(
            "Invalid SMP CPUs {cpus}. The max CPUs supported by machine 'opentitan' is 1"
        )));
    }
    Ok(())
}

impl Template for Opentitan {
    fn description(&self) -> &'static str {
        "RISC-V Board compatible with OpenTitan"
    }

    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError> {
        let (version, resetvec) = own(options);
        let layout = layout::of(version)?;
        check(options, layout)?;
        let mut all = Commands::default();
        let cpu = options.cpu.as_deref().unwrap_or(CPU);
        let resetvec = resetvec.unwrap_or(layout.resetvec);
        let harts = json!({ "driver": "riscv.hart_array", "id": "cpus", "cpu-type": cpu,
                            "num-harts": 1, "resetvec": resetvec });
        all.add("device_add", harts)?;
        all.memory("rom", layout.rom, true)?;
        all.memory("ram", layout.ram, false)?;
        all.memory("flash", layout.flash, true)?;
        if let Some((addr, size)) = layout.flash_view {
            let view =
                json!({ "device": "flash", "addr": addr, "alias": "flash_virtual", "size": size });
            all.add("sysbus-mmio-map", view)?;
        }

        let (controller, addr, output) = match layout.controller {
            Controller::Ibex { addr, packed } => (packed(), addr, 0),
            Controller::Sifive { addr, priority, size } => {
                let plic = json!({
                    "driver": "riscv.sifive.plic", "id": "plic", "hart-config": "M",
                    "num-sources": SOURCES, "num-priorities": 3, "priority-base": priority,
                    "pending-base": 0x1000, "enable-base": 0x2000, "enable-stride": 32,
                    "context-base": 0x20_0000, "context-stride": 8, "aperture-size": size,
                });
                // Its first output is that of a supervisor context, which Ibex has not.
                (plic, addr, 1)
            }
        };
        all.add("device_add", controller)?;
        all.map("plic", addr)?;
        all.wire("plic", format!("unnamed-gpio-out[{output}]"), to_hart(EXTERNAL))?;

        all.add(
            "device_add",
            json!({ "driver": "ibex-uart", "id": "uart", "chardev": "serial0" }),
        )?;
        all.map("uart", layout.uart.addr)?;
        for line in 0..4 {
            let source = to_controller(layout.uart.first_source + line);
            all.wire("uart", format!("sysbus-irq[{line}]"), source)?;
        }
        if let Some(timer) = &layout.timer {
            let device =
                json!({ "driver": "ibex-timer", "id": "timer", "ctrl-offset": timer.ctrl });
            all.add("device_add", device)?;
            all.map("timer", timer.addr)?;
            all.wire("timer", "sysbus-irq[0]".into(), to_controller(timer.source))?;
            all.wire("timer", "unnamed-gpio-out[0]".into(), to_hart(TIMER))?;
        }
        for (name, addr, size) in layout.blocks {
            let name_of = format!("riscv.lowrisc.ibex.{name}");
            let device = json!({ "driver": "unimplemented-device", "id": name, "name": name_of,
                                 "size": size });
            all.add("device_add", device)?;
            all.map(name, *addr)?;
        }
        Ok(Plan::of(MachineType::Opentitan, all.0))
    }

    fn follow(&self, _board: &mut Board, property: &str) -> Result<(), QmpError> {
        match property {
            "append" | "firmware" | "kernel" | "initrd" | "dtb" => Ok(()),
            _ => Err(QmpError::generic(format!(
                "Property '{property}' of the machine is used on entering 'initialized': set it before"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_qemu() {
        let resetvec = |version| layout::of(version).map(|layout| layout.resetvec);
        for (version, expected) in [
            (Some("6.0"), 0x8090),
            (Some("6.1"), 0x8090),
            (Some("6.2"), 0x8080),
            (Some("7.1.0"), 0x8080),
            (Some("7.2"), 0x2000_0400),
            (Some("9.2"), 0x2000_0400),
            (None, 0x2000_0400),
        ] {
            assert_eq!(resetvec(version).ok(), Some(expected), "{version:?}");
        }
        for wrong in ["5.2", "new", "6", "7.", ""] {
            let error = resetvec(Some(wrong)).err().map(|error| error.desc).unwrap_or_default();
            assert!(
                error.starts_with("Parameter 'version' expects a version of QEMU"),
                "{wrong}: {error}"
            );
        }
    }
}
