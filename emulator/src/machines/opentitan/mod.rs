//! `opentitan`: lowRISC's OpenTitan Earl Grey, as QEMU 6.0 to 10 have it: a 32-bit Ibex hart, ROM,
//! RAM and flash, a UART, a timer and an interrupt controller. What QEMU leaves out is a
//! placeholder here as well, and so is the SPI host.
//!
//! QEMU followed the hardware while it was designed, so that addresses and interrupt numbers differ
//! from version to version: see [`layout`].

mod layout;

use std::ops::RangeInclusive;

use qapi_runtime::QmpError;
use serde_json::json;

use self::layout::{Controller, Layout};
use super::steps::{self, Steps};
use super::{Identity, Plan, Template};
use crate::board::Board;
use crate::qapi::{MachineOptions, MachineOptionsType, MachineType};

const HARTS: RangeInclusive<u32> = 1..=1;
/// Sources of the controller, source 0 included.
const SOURCES: u32 = 180;
/// The hart's inputs for its timer and for the controller.
const TIMER: &str = "cpus/harts[0]/unnamed-gpio-in[7]";
const EXTERNAL: &str = "cpus/harts[0]/unnamed-gpio-in[11]";

pub(super) struct Opentitan;
pub(super) const TEMPLATE: Opentitan = Opentitan;

/// The properties that are the machine's own.
fn own(options: &MachineOptions) -> (Option<&str>, Option<u64>) {
    match &options.type_ {
        MachineOptionsType::Opentitan(own) => (own.version.as_deref(), own.resetvec),
        _ => (None, None),
    }
}

impl Template for Opentitan {
    fn description(&self) -> &'static str {
        "RISC-V Board compatible with OpenTitan"
    }

    fn harts(&self) -> RangeInclusive<u32> {
        HARTS
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity { model: "OpenTitan Earl Grey", compatible: "lowrisc,opentitan-earlgrey" })
    }

    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError> {
        let (version, resetvec) = own(options);
        let layout = layout::of(version)?;
        steps::harts(options, 1, &HARTS)?;
        if options.memory.is_some_and(|size| size != layout.ram.1) {
            let text = format!("Invalid RAM size, should be {} KiB", layout.ram.1 >> 10);
            return Err(QmpError::generic(text));
        }
        let mut steps = Steps::default();
        steps.add(json!({
            "driver": "riscv.hart_array", "id": "cpus",
            "cpu-type": options.cpu.as_deref().unwrap_or("lowrisc-ibex"),
            "resetvec": resetvec.unwrap_or(layout.resetvec),
        }));
        memory(&mut steps, layout);
        interrupts(&mut steps, layout);
        for (name, addr, size) in layout.blocks {
            steps.placeholder(*addr, *size, name);
        }
        Ok(steps.plan(MachineType::Opentitan))
    }

    fn follow(&self, _board: &mut Board, property: &str) -> Result<(), QmpError> {
        steps::follow(property)
    }
}

fn memory(steps: &mut Steps, layout: &Layout) {
    for (id, (addr, size), readonly) in
        [("rom", layout.rom, true), ("ram", layout.ram, false), ("flash", layout.flash, true)]
    {
        let device = json!({ "driver": "sysbus-memory", "size": size, "readonly": readonly });
        steps.place(addr, device, id);
    }
    if let Some((addr, size)) = layout.flash_view {
        steps.view("flash", "flash_virtual", addr, size);
    }
}

/// The controller, and what drives its sources.
fn interrupts(steps: &mut Steps, layout: &Layout) {
    let (plic, addr, output) = match layout.controller {
        Controller::Ibex { addr, packed } => (packed(), addr, 0),
        Controller::Sifive { addr, priority, size } => {
            let plic = json!({
                "driver": "riscv.sifive.plic", "hart-config": "M", "num-sources": SOURCES,
                "num-priorities": 3, "priority-base": priority, "pending-base": 0x1000,
                "enable-base": 0x2000, "enable-stride": 32, "context-base": 0x20_0000,
                "context-stride": 8, "aperture-size": size,
            });
            // Its first output is that of a supervisor context, which Ibex has not.
            (plic, addr, 1)
        }
    };
    steps.place(addr, plic, "plic");
    steps.wire("plic", &format!("unnamed-gpio-out[{output}]"), EXTERNAL);

    let uart = json!({ "driver": "ibex-uart", "chardev": "serial0" });
    steps.place(layout.uart.addr, uart, "uart");
    let first = layout.uart.first_source;
    steps.interrupts("uart", "plic", first..=first + 3);
    if let Some(timer) = &layout.timer {
        let device = json!({ "driver": "ibex-timer", "ctrl-offset": timer.ctrl });
        steps.place(timer.addr, device, "timer");
        steps.interrupts("timer", "plic", timer.source..=timer.source);
        steps.wire("timer", "unnamed-gpio-out[0]", TIMER);
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
