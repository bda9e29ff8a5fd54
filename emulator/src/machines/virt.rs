//! `virt`: QEMU's machine of that name (QEMU, docs/system/riscv/virt.rst), which exists nowhere else:
//! its memory map, devices and interrupt numbers, so that software made for it runs unchanged.
//!
//! There is no boot ROM: a reset does directly what QEMU's does, as on every machine here.

use std::ops::RangeInclusive;

use qapi_runtime::{Encode, QmpError};
use serde_json::json;

use super::steps::{self, Steps};
use super::{Identity, Plan, Template};
use crate::board::{Board, MOST_HARTS};
use crate::boot::Firmware;
use crate::qapi::{
    MachineOptions, MachineOptionsType, MachineOptionsVirt, MachineType, OnOffAuto, VirtAia,
};

const HARTS: RangeInclusive<u32> = 1..=MOST_HARTS;
const TEST: u64 = 0x10_0000;
const RTC: u64 = 0x10_1000;
const CLINT: u64 = 0x200_0000;
/// The timer in a CLINT, and as a device of its own.
const MTIMER: u64 = CLINT + 0x4000;
const SSWI: u64 = 0x2f0_0000;
const PLIC: u64 = 0xc00_0000;
const UART: u64 = 0x1000_0000;
/// The first virtio transport, and what the next is away from it.
const VIRTIO: u64 = 0x1000_1000;
const VIRTIO_SIZE: u64 = 0x1000;
const VIRTIO_COUNT: u64 = 8;
const FW_CFG: u64 = 0x1010_0000;
/// Two banks of flash memory.
const FLASH: [u64; 2] = [0x2000_0000, 0x2200_0000];
const DRAM: u64 = 0x8000_0000;
const DRAM_SIZE: u64 = 128 << 20;
/// Sources of the PLIC: the transports', the UART's, and those of PCI (32 to 35) and of the platform
/// bus.
const SOURCES: u32 = 96;
const VIRTIO_SOURCE: u32 = 1;
const UART_SOURCE: u32 = 10;
const RTC_SOURCE: u32 = 11;
const PCI_SOURCE: u32 = 32;
const PCI_PINS: u32 = 4;
/// The host bridge: configuration space, ports and memory; memory above 4 GiB is after RAM.
const PCI_ECAM: u64 = 0x3000_0000;
const PCI_PORTS: u64 = 0x300_0000;
const PCI_MEMORY: u64 = 0x4000_0000;
/// What the UART's divisor is counted from.
const UART_BASE: u32 = 3_686_400 / 16;
const TIMEBASE: u32 = 10_000_000;

pub(super) struct Virt;
pub(super) const TEMPLATE: Virt = Virt;

impl Template for Virt {
    fn description(&self) -> &'static str {
        "RISC-V VirtIO board"
    }

    fn harts(&self) -> RangeInclusive<u32> {
        HARTS
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity { model: "riscv-virtio,qemu", compatible: "riscv-virtio" })
    }

    fn commands(&self, options: &MachineOptions) -> Result<Plan, QmpError> {
        let harts = steps::harts(options, 1, &HARTS)?;
        let MachineOptionsType::Virt(own) = &options.type_ else { return Ok(Plan::default()) };
        check(own)?;
        let mut steps = Steps::default();
        cpus(&mut steps, options, own, harts);
        memory(&mut steps, options, own);
        timers(&mut steps, harts, own.aclint == Some(true));
        interrupts(&mut steps, harts);
        peripherals(&mut steps, own);
        pci(&mut steps, options);
        Ok(steps.plan(MachineType::Virt))
    }

    fn has_firmware(&self, options: &MachineOptions) -> bool {
        let MachineOptionsType::Virt(own) = &options.type_ else { return false };
        options.kernel.is_some() || flash(own).is_some()
    }

    fn follow(&self, _board: &mut Board, property: &str) -> Result<(), QmpError> {
        steps::follow(property)
    }
}

/// Refuses what QEMU's machine can have and this one has not.
fn check(own: &MachineOptionsVirt) -> Result<(), QmpError> {
    // The only one there is, and not a property that can say anything else.
    let (Some(VirtAia::None) | None) = own.aia;
    for (name, asked, what) in [
        ("acpi", own.acpi == Some(OnOffAuto::On), "ACPI tables"),
        ("iommu-sys", own.iommu_sys == Some(OnOffAuto::On), "IOMMU"),
        ("usb", own.usb == Some(true), "USB controller"),
    ] {
        if asked {
            return Err(QmpError::generic(format!(
                "Machine 'virt' has no {what}: leave '{name}' out, or say {name}=off"
            )));
        }
    }
    Ok(())
}

fn cpus(steps: &mut Steps, options: &MachineOptions, own: &MachineOptionsVirt, harts: u32) {
    let cpu = options.cpu.as_deref().unwrap_or("rv64");
    let mut array = json!({
        "driver": "riscv.hart_array", "id": "cpus", "cpu-type": cpu, "num-harts": harts,
    });
    // Without software to start, harts start where it would be.
    let software = Firmware::of(options).file().or(options.kernel.as_deref()).is_some();
    if !software {
        array["resetvec"] = flash(own).unwrap_or(DRAM).into();
    }
    steps.add(array);
}

fn memory(steps: &mut Steps, options: &MachineOptions, own: &MachineOptionsVirt) {
    let mut ram = json!({ "driver": "sysbus-memory" });
    match &own.memory_backend {
        Some(backend) => ram["memdev"] = backend.as_str().into(),
        None => ram["size"] = options.memory.unwrap_or(DRAM_SIZE).into(),
    }
    if let (Some(_), Some(size)) = (&own.memory_backend, options.memory) {
        ram["size"] = size.into();
    }
    steps.place(DRAM, ram, "ram");
}

/// The path of an input of a hart.
fn input(hart: u32, cause: u32) -> String {
    format!("cpus/harts[{hart}]/unnamed-gpio-in[{cause}]")
}

/// A CLINT, or the devices of the ACLINT in the same place, which can interrupt supervisors too.
fn timers(steps: &mut Steps, harts: u32, aclint: bool) {
    if !aclint {
        let clint = json!({
            "driver": "riscv.sifive.clint", "num-harts": harts, "timebase-freq": TIMEBASE,
        });
        // It finds the harts by their ids.
        return steps.place(CLINT, clint, "clint");
    }
    let swi = |sswi: u32| json!({ "driver": "riscv.aclint.swi", "num-harts": harts, "sswi": sswi });
    steps.place(CLINT, swi(0), "mswi");
    let mtimer = json!({
        "driver": "riscv.aclint.mtimer", "num-harts": harts, "timebase-freq": TIMEBASE,
    });
    steps.place(MTIMER, mtimer, "mtimer");
    steps.place(SSWI, swi(1), "sswi");
    for hart in 0..harts {
        for (device, cause) in [("mswi", 3), ("mtimer", 7), ("sswi", 1)] {
            steps.wire(device, &format!("unnamed-gpio-out[{hart}]"), &input(hart, cause));
        }
    }
}

fn interrupts(steps: &mut Steps, harts: u32) {
    let contexts = vec!["MS"; harts as usize].join(",");
    let plic = json!({
        "driver": "riscv.sifive.plic", "hart-config": contexts, "num-sources": SOURCES,
        // Room for two contexts of each hart there can be.
        "aperture-size": 0x20_0000 + 2 * 0x1000 * MOST_HARTS,
    });
    steps.place(PLIC, plic, "plic");
    for hart in 0..harts {
        // Machine contexts come after all supervisor contexts.
        for (output, cause) in [(hart, 9), (harts + hart, 11)] {
            steps.wire("plic", &format!("unnamed-gpio-out[{output}]"), &input(hart, cause));
        }
    }
}

fn peripherals(steps: &mut Steps, own: &MachineOptionsVirt) {
    steps.place(TEST, json!({ "driver": "riscv.sifive.test" }), "test");
    steps.place(RTC, json!({ "driver": "goldfish_rtc" }), "rtc");
    steps.interrupts("rtc", "plic", RTC_SOURCE..=RTC_SOURCE);
    let uart = json!({ "driver": "serial-mm", "chardev": "serial0", "baudbase": UART_BASE });
    steps.place(UART, uart, "uart");
    steps.interrupts("uart", "plic", UART_SOURCE..=UART_SOURCE);
    for (index, source) in (0..VIRTIO_COUNT).zip(VIRTIO_SOURCE..) {
        let id = format!("virtio-mmio{index}");
        steps.place(VIRTIO + VIRTIO_SIZE * index, json!({ "driver": "virtio-mmio" }), &id);
        steps.interrupts(&id, "plic", source..=source);
    }
    let mut fw_cfg = json!({ "driver": "fw_cfg_mem" });
    if let Some(files) = &own.fw_cfg {
        fw_cfg["files"] = files.encode();
    }
    steps.place(FW_CFG, fw_cfg, "fw_cfg");
    for (index, (addr, drive)) in FLASH.into_iter().zip(drives(own)).enumerate() {
        let mut flash = json!({ "driver": "cfi.pflash01" });
        if let Some(drive) = drive {
            flash["drive"] = drive.as_str().into();
        }
        steps.place(addr, flash, &format!("flash{index}"));
    }
}

/// What is in the banks of flash.
fn drives(own: &MachineOptionsVirt) -> [&Option<String>; 2] {
    [&own.pflash0, &own.pflash1]
}

/// The first bank of flash that has something in it.
fn flash(own: &MachineOptionsVirt) -> Option<u64> {
    FLASH.into_iter().zip(drives(own)).find_map(|(addr, drive)| drive.is_some().then_some(addr))
}

/// The PCI host bridge. Its window above 4 GiB is after RAM, or where harts of 32 bits still reach.
fn pci(steps: &mut Steps, options: &MachineOptions) {
    const WINDOW: u64 = 16 << 30;
    const WINDOW_32: (u64, u64) = (0x3_0000_0000, 4 << 30);
    let end = DRAM.saturating_add(options.memory.unwrap_or(DRAM_SIZE));
    let (high, size) = match options.cpu.as_deref() {
        Some(cpu) if cpu.starts_with("rv32") => WINDOW_32,
        _ => (end.checked_next_multiple_of(WINDOW).unwrap_or(WINDOW), WINDOW),
    };
    let host = json!({
        "driver": "gpex-pcihost", "above-4g-mem-base": high, "above-4g-mem-size": size,
    });
    steps.place(PCI_ECAM, host, "pcie");
    for (region, addr) in [(1, PCI_MEMORY), (2, PCI_PORTS), (3, high)] {
        steps.map_region("pcie", region, addr);
    }
    steps.interrupts("pcie", "plic", PCI_SOURCE..=PCI_SOURCE + PCI_PINS - 1);
}
