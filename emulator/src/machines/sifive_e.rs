//! `sifive_e`: SiFive's HiFive1 with its FE310 (FE310-G000 and -G002 manuals, memory maps and tables
//! of interrupts), in QEMU's layout: harts start in the mask ROM, which goes on to the flash.
//!
//! The hart is an E31; the option -cpu can make it another, a 64-bit E51 for example.

use std::ops::RangeInclusive;
use std::path::Path;

use qapi_runtime::QmpError;
use serde_json::json;

use super::steps::{self, Steps};
use super::{Identity, Plan, Template};
use crate::board::Board;
use crate::boot::Loaded;
use crate::qapi::{MachineOptions, MachineOptionsType, MachineType};

const HARTS: RangeInclusive<u32> = 1..=1;
/// The data memory, which has this size and no other.
const DTIM: u64 = 0x8000_0000;
const DTIM_SIZE: u64 = 16 << 10;
/// The mask ROM, and where in it harts start.
const MROM: u64 = 0x1000;
const RESET: u64 = 0x1004;
/// The flash as harts see it.
const XIP: u64 = 0x2000_0000;
/// What the peripherals run on: the internal oscillator as a HiFive1 sets it.
const TLCLK: u64 = 16_000_000;
const TIMEBASE: u32 = 10_000_000;

pub(super) struct SifiveE;
pub(super) const TEMPLATE: SifiveE = SifiveE;

/// What differs between a HiFive1 and its revision B.
struct Revision {
    flash: &'static str,
    /// Where in the flash the software is.
    software: u64,
}

fn revision(options: &MachineOptions) -> Revision {
    match &options.type_ {
        MachineOptionsType::SifiveE(own) if own.revb == Some(true) => {
            Revision { flash: "is25lp032", software: XIP + 0x1_0000 }
        }
        _ => Revision { flash: "is25lp128", software: XIP + 0x40_0000 },
    }
}

impl Template for SifiveE {
    fn description(&self) -> &'static str {
        "SiFive HiFive1: FE310 with an E31"
    }

    fn harts(&self) -> RangeInclusive<u32> {
        HARTS
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity { model: "SiFive HiFive1", compatible: "sifive,hifive1" })
    }

    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError> {
        steps::harts(options, 1, &HARTS)?;
        if options.memory.is_some_and(|size| size != DTIM_SIZE) {
            return Err(QmpError::generic("Invalid RAM size, should be 16 KiB"));
        }
        let revision = revision(options);
        let mut steps = Steps::default();
        let cpu = options.cpu.as_deref().unwrap_or("sifive-e31");
        let mut cpus = json!({ "driver": "riscv.hart_array", "id": "cpus", "cpu-type": cpu });
        if from_flash(options)? {
            cpus["resetvec"] = RESET.into();
        }
        steps.add(cpus);
        memory(&mut steps, &revision);
        interrupts(&mut steps);
        always_on(&mut steps);
        serial(&mut steps, &revision);
        pins(&mut steps);
        Ok(steps.plan(MachineType::SifiveE))
    }

    fn follow(&self, _board: &mut Board, property: &str) -> Result<(), QmpError> {
        steps::follow(property)
    }
}

/// Whether the software is where the mask ROM looks for it. What is for the data memory starts there
/// by itself.
fn from_flash(options: &MachineOptions) -> Result<bool, QmpError> {
    let Some(software) = options.firmware.as_ref().or(options.kernel.as_ref()) else {
        return Ok(true);
    };
    let entry = Loaded::read(Path::new(software), DTIM, false)?.entry;
    Ok(entry.is_some_and(|entry| (XIP..DTIM).contains(&entry)))
}

fn memory(steps: &mut Steps, revision: &Revision) {
    let memory = |size: u64, readonly| json!({ "driver": "sysbus-memory", "size": size, "readonly": readonly });
    steps.place(DTIM, memory(DTIM_SIZE, false), "dtim");
    steps.place(MROM, memory(0x2000, true), "mrom");
    // lui t0, SOFTWARE; jr t0
    let jump = 0x0002_8067 << 32 | revision.software | 0x2b7;
    steps.add(json!({
        "driver": "loader", "id": "mrom-jump", "addr": RESET, "data": jump, "data-len": 8,
    }));
    steps.placeholder(0x0002_0000, 0x2000, "otp");
    steps.placeholder(0x1001_0000, 0x1000, "otp-ctrl");
}

fn interrupts(steps: &mut Steps) {
    steps.place(0x0200_0000, json!({ "driver": "riscv.aclint.swi" }), "swi");
    let mtimer = json!({ "driver": "riscv.aclint.mtimer", "timebase-freq": TIMEBASE });
    steps.place(0x0200_4000, mtimer, "mtimer");
    let plic = json!({ "driver": "riscv.sifive.plic", "hart-config": "M", "num-sources": 53 });
    steps.place(0x0c00_0000, plic, "plic");
    for (device, output, input) in [("swi", 0, 3), ("mtimer", 0, 7), ("plic", 1, 11)] {
        let output = format!("unnamed-gpio-out[{output}]");
        steps.wire(device, &output, &format!("cpus/harts[0]/unnamed-gpio-in[{input}]"));
    }
}

fn always_on(steps: &mut Steps) {
    steps.place(0x1000_0000, json!({ "driver": "riscv.sifive.e.aon" }), "aon");
    steps.interrupts("aon", "plic", 1..=2);
    steps.place(0x1000_8000, json!({ "driver": "riscv.sifive.e.prci" }), "prci");
}

fn serial(steps: &mut Steps, revision: &Revision) {
    for (index, addr) in [0x1001_3000, 0x1002_3000].into_iter().enumerate() {
        let id = format!("uart{index}");
        let uart = json!({ "driver": "riscv.sifive.uart", "chardev": format!("serial{index}") });
        steps.place(addr, uart, &id);
        let source = 3 + index as u32;
        steps.interrupts(&id, "plic", source..=source);
    }
    for (index, (addr, selects)) in
        [(0x1001_4000, 1), (0x1002_4000, 4), (0x1003_4000, 1)].into_iter().enumerate()
    {
        let id = format!("spi{index}");
        steps.place(addr, json!({ "driver": "sifive.spi", "num-cs": selects }), &id);
        let source = 5 + index as u32;
        steps.interrupts(&id, "plic", source..=source);
    }
    let flash = json!({ "driver": "spi-nor", "bus": "spi0", "part": revision.flash });
    steps.place(XIP, flash, "flash");
}

fn pins(steps: &mut Steps) {
    steps.place(0x1001_2000, json!({ "driver": "sifive_soc.gpio" }), "gpio");
    steps.interrupts("gpio", "plic", 8..=39);
    // The pins of each modulator, as function 1 (FE310-G002 manual, table 17.2).
    let modulators = [
        (0x1001_5000, 8, [0, 1, 2, 3]),
        (0x1002_5000, 16, [20, 19, 21, 22]),
        (0x1003_5000, 16, [10, 11, 12, 13]),
    ];
    for (index, (addr, width, pins)) in modulators.into_iter().enumerate() {
        let id = format!("pwm{index}");
        let pwm = json!({ "driver": "sifive-pwm", "clock-frequency": TLCLK, "cmp-width": width });
        steps.place(addr, pwm, &id);
        let source = 40 + 4 * index as u32;
        steps.interrupts(&id, "plic", source..=source + 3);
        for (output, pin) in pins.into_iter().enumerate() {
            steps.wire(&id, &format!("unnamed-gpio-out[{output}]"), &format!("gpio/iof1[{pin}]"));
        }
    }
}
