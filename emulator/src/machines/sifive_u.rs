//! `sifive_u`: SiFive's HiFive Unleashed with its FU540 (FU540-C000 manual, memory map and table of
//! interrupts), in QEMU's layout: hart 0 is an E51, up to four U54 follow.
//!
//! Where harts start follows the mode-select switches (FU540-C000 manual, chapter 6): in the flash,
//! in the level-2 cache used as memory, or in DRAM, where the first two are what QEMU makes of the
//! switches.

use std::ops::RangeInclusive;

use qapi_runtime::QmpError;
use serde_json::json;

use super::steps::{self, Steps};
use super::{Identity, Plan, Template};
use crate::board::Board;
use crate::boot::Firmware;
use crate::devices::cpu::model;
use crate::qapi::{MachineOptions, MachineOptionsSifiveU, MachineOptionsType, MachineType};

/// The E51 and one to four U54.
const HARTS: RangeInclusive<u32> = 2..=5;
const DRAM: u64 = 0x8000_0000;
const DRAM_SIZE: u64 = 128 << 20;
const L2LIM: u64 = 0x0800_0000;
const FLASH: u64 = 0x2000_0000;
const TIMEBASE: u32 = 1_000_000;
/// What the peripherals run on.
const TLCLK: u64 = 500_000_000;
/// The switches for the flash, and those for software that the mask ROM would load.
const MSEL_FLASH: u32 = 1;
const MSEL_LOADED: [u32; 2] = [6, 11];

pub(super) struct SifiveU;
pub(super) const TEMPLATE: SifiveU = SifiveU;

impl MachineOptionsSifiveU {
    /// The first instruction where the switches say something of it.
    fn start(&self) -> Option<u64> {
        let msel = match self.start_in_flash {
            Some(true) => MSEL_FLASH,
            _ => self.msel.unwrap_or(0),
        };
        match msel {
            MSEL_FLASH => Some(FLASH),
            loaded if MSEL_LOADED.contains(&loaded) => Some(L2LIM),
            _ => None,
        }
    }
}

impl Template for SifiveU {
    fn description(&self) -> &'static str {
        "SiFive HiFive Unleashed: FU540 with an E51 and U54s"
    }

    fn harts(&self) -> RangeInclusive<u32> {
        HARTS
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity {
            model: "SiFive HiFive Unleashed A00",
            compatible: "sifive,hifive-unleashed-a00 sifive,hifive-unleashed",
        })
    }

    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError> {
        let harts = steps::harts(options, 2, &HARTS)?;
        let own = match &options.type_ {
            MachineOptionsType::SifiveU(own) => own.clone(),
            _ => MachineOptionsSifiveU { msel: None, serial: None, start_in_flash: None },
        };
        let mut steps = Steps::default();
        cpus(&mut steps, options, &own, harts)?;
        memory(&mut steps, options, &own);
        interrupts(&mut steps, harts);
        system(&mut steps, &own);
        peripherals(&mut steps);
        Ok(steps.plan(MachineType::SifiveU))
    }

    fn has_firmware(&self, options: &MachineOptions) -> bool {
        options.kernel.is_some()
    }

    fn follow(&self, _board: &mut Board, property: &str) -> Result<(), QmpError> {
        steps::follow(property)
    }
}

fn cpus(
    steps: &mut Steps,
    options: &MachineOptions,
    own: &MachineOptionsSifiveU,
    harts: u32,
) -> Result<(), QmpError> {
    let application = options.cpu.as_deref().unwrap_or("sifive-u54");
    let monitor = match model::parse(application)?.xlen.bits() {
        32 => "sifive-e31",
        _ => "sifive-e51",
    };
    // Without software to start, harts start where it would be.
    let software = Firmware::of(options).file().or(options.kernel.as_deref()).is_some();
    let start = own.start().or(if software { None } else { Some(DRAM) });
    for (id, kind, first, count) in
        [("e-cpus", monitor, 0, 1), ("u-cpus", application, 1, harts - 1)]
    {
        let mut array = json!({
            "driver": "riscv.hart_array", "id": id, "cpu-type": kind, "hartid-base": first,
            "num-harts": count,
        });
        if let Some(start) = start {
            array["resetvec"] = start.into();
        }
        steps.add(array);
    }
    Ok(())
}

fn memory(steps: &mut Steps, options: &MachineOptions, own: &MachineOptionsSifiveU) {
    let memory = |size: u64, readonly| json!({ "driver": "sysbus-memory", "size": size, "readonly": readonly });
    steps.place(DRAM, memory(options.memory.unwrap_or(DRAM_SIZE), false), "dram");
    steps.place(0x1000, memory(0xf000, true), "mrom");
    steps.place(L2LIM, memory(0x200_0000, false), "l2lim");
    steps.place(0x1004_0000, json!({ "driver": "sifive.spi" }), "spi0");
    let flash = json!({ "driver": "spi-nor", "bus": "spi0", "part": "is25wp256" });
    steps.place(FLASH, flash, "flash");
    // Firmware that is no ELF file goes to where the harts start.
    let firmware = Firmware::of(options).file();
    if let (Some(start), Some(file)) = (own.start(), firmware) {
        steps.add(json!({ "driver": "loader", "id": "firmware", "file": file, "addr": start }));
    }
}

/// The path of a hart.
fn hart(id: u32) -> String {
    match id.checked_sub(1) {
        None => "e-cpus/harts[0]".into(),
        Some(unit) => format!("u-cpus/harts[{unit}]"),
    }
}

fn interrupts(steps: &mut Steps, harts: u32) {
    let swi = json!({ "driver": "riscv.aclint.swi", "num-harts": harts });
    steps.place(0x0200_0000, swi, "swi");
    let mtimer = json!({
        "driver": "riscv.aclint.mtimer", "num-harts": harts, "timebase-freq": TIMEBASE,
    });
    steps.place(0x0200_4000, mtimer, "mtimer");
    let contexts = vec!["M"].into_iter().chain((1..harts).map(|_| "MS")).collect::<Vec<_>>();
    let plic = json!({
        "driver": "riscv.sifive.plic", "hart-config": contexts.join(","), "num-sources": 54,
    });
    steps.place(0x0c00_0000, plic, "plic");
    for id in 0..harts {
        let mut wire = |device: &str, output: u32, input: u32| {
            let output = format!("unnamed-gpio-out[{output}]");
            steps.wire(device, &output, &format!("{}/unnamed-gpio-in[{input}]", hart(id)));
        };
        wire("swi", id, 3);
        wire("mtimer", id, 7);
        // Machine contexts come after all supervisor contexts; the E51 has none of the latter.
        wire("plic", harts + id, 11);
        if id > 0 {
            wire("plic", id, 9);
        }
    }
}

fn system(steps: &mut Steps, own: &MachineOptionsSifiveU) {
    steps.place(0x0201_0000, json!({ "driver": "riscv.sifive.u.l2cc" }), "l2cc");
    steps.interrupts("l2cc", "plic", 1..=3);
    steps.place(0x0300_0000, json!({ "driver": "sifive.pdma" }), "pdma");
    steps.interrupts("pdma", "plic", 23..=30);
    steps.place(0x1000_0000, json!({ "driver": "riscv.sifive.u.prci" }), "prci");
    let serial = own.serial.unwrap_or(1);
    let otp = json!({ "driver": "riscv.sifive.u.otp", "serial": serial });
    steps.place(0x1007_0000, otp, "otp");
    steps.placeholder(0x1009_0000, 0x2000, "gem");
    steps.placeholder(0x100a_0000, 0x1000, "gem-mgmt");
    steps.placeholder(0x100b_0000, 0x1_0000, "dmc");
}

fn peripherals(steps: &mut Steps) {
    for (index, addr) in [0x1001_0000, 0x1001_1000].into_iter().enumerate() {
        let id = format!("uart{index}");
        let uart = json!({ "driver": "riscv.sifive.uart", "chardev": format!("serial{index}") });
        steps.place(addr, uart, &id);
        let source = 4 + index as u32;
        steps.interrupts(&id, "plic", source..=source);
    }
    for (index, addr) in [0x1002_0000, 0x1002_1000].into_iter().enumerate() {
        let id = format!("pwm{index}");
        let pwm = json!({ "driver": "sifive-pwm", "clock-frequency": TLCLK });
        steps.place(addr, pwm, &id);
        let source = 42 + 4 * index as u32;
        steps.interrupts(&id, "plic", source..=source + 3);
    }
    steps.interrupts("spi0", "plic", 51..=51);
    steps.place(0x1005_0000, json!({ "driver": "sifive.spi" }), "spi2");
    steps.interrupts("spi2", "plic", 6..=6);
    steps.place(0x1006_0000, json!({ "driver": "sifive_soc.gpio", "ngpio": 16 }), "gpio");
    steps.interrupts("gpio", "plic", 7..=22);
    // Pin 10 is the board's reset.
    steps.add(json!({ "driver": "gpio-pwr", "id": "power", "active-low": true }));
    steps.wire("gpio", "unnamed-gpio-out[10]", "power/reset[0]");
}
