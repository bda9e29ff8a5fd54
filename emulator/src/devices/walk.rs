//! Every driver of the list, tried alike: built, accessed everywhere in every way, driven, reset.

use boardwright_riscv::{Bus, Requester};
use serde_json::{Value, json};

use super::PortDirection;
use crate::backends::host::Host;
use crate::door::{Command, Door, Startup};
use crate::qapi::DeviceDriver;

const BASE: u64 = 0x1_0000_0000;
const NOBODY: Requester = Requester { hartid: 0, pc: 0 };

/// What a driver cannot do without; `None` for one that makes no device without a file, or none at
/// all.
fn properties(driver: DeviceDriver) -> Option<Value> {
    Some(match driver {
        DeviceDriver::Loader => json!({ "data": 1, "data-len": 1, "addr": BASE }),
        DeviceDriver::GpioConnection | DeviceDriver::Regfile | DeviceDriver::SysbusMmioMapping => {
            return None;
        }
        // On a bus; its own tests try it.
        DeviceDriver::PcieRootPort
        | DeviceDriver::VirtioBlkDevice
        | DeviceDriver::VirtioBlk
        | DeviceDriver::VirtioBlkPci
        | DeviceDriver::VirtioNet
        | DeviceDriver::VirtioNetPci
        | DeviceDriver::VirtioRng
        | DeviceDriver::VirtioRngPci
        | DeviceDriver::VirtioNetDevice
        | DeviceDriver::VirtioRngDevice
        | DeviceDriver::VirtioBalloonDevice
        | DeviceDriver::VirtioBalloonPci
        | DeviceDriver::Virtio9pDevice
        | DeviceDriver::Virtio9pPci
        | DeviceDriver::Virtio9p
        | DeviceDriver::VirtioBalloon
        | DeviceDriver::VirtioSerial
        | DeviceDriver::VirtioSerialDevice
        | DeviceDriver::VirtioSerialPci
        | DeviceDriver::Virtconsole
        | DeviceDriver::Virtserialport => return None,
        DeviceDriver::SysbusMemory => json!({ "size": 0x1000 }),
        DeviceDriver::UnimplementedDevice => json!({ "name": "x", "size": 0x1000 }),
        _ => json!({}),
    })
}

/// A machine with memory and one device, stopped; what a guest wishes for is not granted.
fn machine(driver: DeviceDriver) -> Option<Door> {
    let mut device = properties(driver)?;
    let startup = Startup { stopped: true, ..Startup::default() };
    let mut door = Door::new(Host::closed().unwrap(), startup);
    let mut run = |name: &str, arguments: Value| {
        let command = Command::new(name, arguments).unwrap();
        door.execute(&command).unwrap_or_else(|error| panic!("{driver}: {name}: {error:?}"));
    };
    // The host's time would go on between what is compared.
    run("x-rtc-set", json!({ "clock": "vm" }));
    run("machine-set", json!({ "type": "none" }));
    run("set-machine-phase", json!({ "phase": "initialized" }));
    run("device_add", json!({ "driver": "sysbus-memory", "id": "ram", "size": 0x1000 }));
    run("sysbus-mmio-map", json!({ "device": "ram", "addr": BASE }));
    device["driver"] = driver.to_string().into();
    device["id"] = "it".into();
    run("device_add", device);
    let regions = door.board().unwrap().device("it").unwrap().driver().regions();
    for index in 0..regions.len() {
        let addr = address(index);
        let mapping = json!({ "device": "it", "mmio": index, "addr": addr });
        door.execute(&Command::new("sysbus-mmio-map", mapping).unwrap()).unwrap();
    }
    door.execute(&Command::new("finish-machine-init", json!({})).unwrap())
        .unwrap_or_else(|error| panic!("{driver}: {error:?}"));
    Some(door)
}

fn address(region: usize) -> u64 {
    BASE * (2 + region as u64)
}

/// Offsets to try: all at the beginning, then ever fewer, and the end.
fn offsets(size: u64) -> Vec<u64> {
    let dense = 0..size.min(0x400);
    let sparse = (0x400..size).step_by(usize::try_from(size / 256).unwrap().max(4));
    dense.chain(sparse).chain(size.saturating_sub(8)..size).collect()
}

#[test]
fn accesses_of_every_kind_do_no_harm_and_a_reset_undoes_them() {
    for &driver in DeviceDriver::ALL {
        let Some(door) = machine(driver) else { continue };
        let machine = door.stage.machine().unwrap();
        let space = machine.space();
        let declared = door.board().unwrap().device("it").unwrap().driver().regions();
        let regions: Vec<(u64, u64)> = declared
            .iter()
            .enumerate()
            .filter(|(_, region)| region.kind.is_registers())
            .map(|(index, region)| (address(index), region.size))
            .collect();
        let state = || -> Vec<u64> {
            let words = |(base, size): &(u64, u64)| {
                let base = *base;
                let aligned =
                    offsets(*size).into_iter().filter(|at| at % 4 == 0 && at + 4 <= *size);
                aligned
                    .map(move |at| space.read(base + at, 4, NOBODY).unwrap_or(0))
                    .collect::<Vec<_>>()
            };
            regions.iter().flat_map(words).collect()
        };
        machine.reset();
        let fresh = state();
        for (base, size) in &regions {
            for at in offsets(*size) {
                for width in [1, 2, 4, 8] {
                    let _ = space.read(base + at, width, NOBODY);
                    for value in [u64::MAX, 0x5aa5_0ff0_1234_5678, 0] {
                        let _ = space.write(base + at, width, value, NOBODY);
                    }
                }
            }
        }
        machine.reset();
        if !OUTLASTS.contains(&driver) {
            assert_eq!(state(), fresh, "{driver}: a reset does not undo all");
        }
    }
}

/// Devices with registers that a reset leaves alone, or that go by time.
const OUTLASTS: &[DeviceDriver] = &[
    // Contents.
    DeviceDriver::CfiPflash01,
    // The time goes on.
    DeviceDriver::GoldfishRtc,
    // Backup registers.
    DeviceDriver::RiscvSifiveEAon,
];

#[test]
fn inputs_may_change_at_any_time() {
    for &driver in DeviceDriver::ALL {
        let Some(door) = machine(driver) else { continue };
        let machine = door.stage.machine().unwrap();
        let ports = door.board().unwrap().device("it").unwrap().driver().ports();
        let lines: u32 = ports
            .iter()
            .filter(|port| port.direction == PortDirection::Input)
            .map(|port| port.count)
            .sum();
        let device = machine.device(1).unwrap();
        for line in 0..=lines {
            for level in [true, true, false] {
                device.input(0, line, level);
            }
        }
        machine.reset();
    }
}

#[test]
fn what_was_saved_comes_back() {
    for &driver in DeviceDriver::ALL {
        let Some(door) = machine(driver) else { continue };
        let machine = door.stage.machine().unwrap();
        let device = machine.device(1).unwrap();
        let Some(part) = device.saved() else { continue };
        let declared = door.board().unwrap().device("it").unwrap().driver().regions();
        let write = |value: u64| {
            for (index, region) in declared.iter().enumerate() {
                for at in offsets(region.size).into_iter().filter(|at| at % 4 == 0) {
                    let _ = machine.space().write(address(index) + at, 4, value, NOBODY);
                }
            }
        };
        machine.reset();
        write(0x0101_0101);
        let saved = part.save().unwrap();
        write(0xffff_fff0);
        machine.reset();
        part.load(&saved).unwrap_or_else(|error| panic!("{driver}: {error}"));
        device.settle();
        assert_eq!(part.save().unwrap(), saved, "{driver}");
        // What is no state of it is refused, and leaves it alone.
        for wrong in [json!(null), json!({}), json!([1]), json!({ "chip": {}, "timer": {} })] {
            assert!(part.load(&wrong).is_err(), "{driver} takes {wrong}");
        }
        assert_eq!(part.save().unwrap(), saved, "{driver}");
    }
}
