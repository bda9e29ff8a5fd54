//! Enumeration as a guest without an operating system does it, by registers; and a device that comes
//! and goes.

use boardwright_riscv::{Bus, Requester};
use serde_json::{Value, json};

use crate::backends::host::Host;
use crate::devices::LiveBus;
use crate::door::{Command, Door, Startup};

const ECAM: u64 = 0x3000_0000;
const MEMORY: u64 = 0x4000_0000;
const NOBODY: Requester = Requester { hartid: 0, pc: 0 };
/// The port's slot registers.
const SLOT_CONTROL: u64 = 0x54 + 0x18;
const SLOT_STATUS: u64 = 0x54 + 0x1a;
const LINK_STATUS: u64 = 0x54 + 0x10;
/// Slot control: power and its indicator, on and off.
const ON: u64 = 0x1d1;
const OFF: u64 = 0x7d1;
/// Of the command register.
const MEMORY_AND_MASTER: u64 = 6;

struct Guest(Door);

impl Guest {
    /// A host bridge, a port `rp` in slot 1 and what else is given.
    fn new(devices: &[Value]) -> Self {
        let startup = Startup { stopped: true, ..Startup::default() };
        let mut guest = Self(Door::new(Host::closed().unwrap(), startup));
        let mut run = |name: &str, arguments: Value| guest.run(name, arguments).unwrap();
        run("machine-set", json!({ "type": "none" }));
        run("set-machine-phase", json!({ "phase": "initialized" }));
        run("device_add", json!({ "driver": "gpex-pcihost", "id": "pci" }));
        for (region, addr) in [(0, ECAM), (1, MEMORY), (2, 0x300_0000), (3, 0x4_0000_0000_u64)] {
            run("sysbus-mmio-map", json!({ "device": "pci", "mmio": region, "addr": addr }));
        }
        run("device_add", json!({ "driver": "pcie-root-port", "id": "rp" }));
        for device in devices {
            run("device_add", device.clone());
            if device["driver"] == "sysbus-memory" {
                let addr = 0x8000_0000_u64;
                run("sysbus-mmio-map", json!({ "device": "ram", "addr": addr }));
            }
        }
        run("finish-machine-init", json!({}));
        guest
    }

    fn run(&mut self, name: &str, arguments: Value) -> Result<(), String> {
        let command = Command::new(name, arguments).unwrap();
        self.0.execute(&command).map(drop).map_err(|error| error.desc)
    }

    fn read(&self, addr: u64, size: u8) -> u64 {
        self.0.stage.machine().unwrap().space().read(addr, size, NOBODY).unwrap()
    }

    fn write(&self, addr: u64, size: u8, value: u64) {
        self.0.stage.machine().unwrap().space().write(addr, size, value, NOBODY).unwrap();
    }
}

fn config(bus: u64, slot: u64) -> u64 {
    ECAM + (bus << 20) + (slot << 15)
}

fn rng(more: Value) -> Value {
    let mut device = json!({ "driver": "virtio-rng-pci" });
    for (name, value) in more.as_object().unwrap() {
        device[name] = value.clone();
    }
    device
}

/// Gives the bus behind the port the number 1 and opens its windows.
fn number_buses(guest: &Guest) {
    let port = config(0, 1);
    guest.write(port + 0x18, 4, 0x0001_0100);
    guest.write(port + 0x20, 4, 0x4ff0_4000);
    guest.write(port + 0x24, 4, 0x5ff0_5000);
    guest.write(port + 4, 2, 7);
}

#[test]
fn functions_are_what_qemu_has() {
    let guest = Guest::new(&[rng(json!({})), rng(json!({ "bus": "rp" }))]);
    number_buses(&guest);
    for (bus, slot, offset, size, value) in [
        // Vendor and device, class, subsystem, pin.
        (0, 0, 0x00, 4, 0x0008_1b36),
        (0, 0, 0x08, 4, 0x0600_0000),
        (0, 0, 0x2c, 4, 0x1100_1af4),
        (0, 1, 0x00, 4, 0x000c_1b36),
        (0, 1, 0x08, 4, 0x0604_0000),
        (0, 1, 0x0e, 1, 0x01),
        (0, 1, 0x34, 1, 0x54),
        (0, 1, 0x54, 4, 0x0142_4810),
        (0, 1, 0x68, 4, 0x0002_007b),
        (0, 1, 0x6c, 4, 0x0040_01c0),
        (0, 1, 0x100, 4, 0x1482_0001),
        (0, 2, 0x00, 4, 0x1005_1af4),
        (0, 2, 0x2c, 4, 0x0004_1af4),
        (0, 2, 0x34, 1, 0x98),
        (0, 2, 0x98, 4, 0x0001_8411),
        (0, 2, 0x70, 4, 0x0214_6009),
        // Behind the port there is the modern form only.
        (1, 0, 0x00, 4, 0x1044_1af4),
        (1, 0, 0x08, 4, 0x00ff_0001),
        // Nothing.
        (0, 3, 0x00, 4, 0xffff_ffff),
        (2, 0, 0x00, 4, 0xffff_ffff),
    ] {
        let found = guest.read(config(bus, slot) + offset, size);
        assert_eq!(found, value, "bus {bus}, slot {slot}, offset {offset:#x}");
    }
}

#[test]
fn a_register_is_where_its_bar_says_and_only_then() {
    let guest = Guest::new(&[rng(json!({})), rng(json!({ "bus": "rp" }))]);
    number_buses(&guest);
    for (device, bar) in [(config(0, 2), 0x4800_0000), (config(1, 0), 0x5000_0000)] {
        let none = guest.read(bar + 0x12, 2);
        assert_eq!(none, 0xffff);
        // The size is asked for with all ones.
        guest.write(device + 0x20, 4, 0xffff_ffff);
        assert_eq!(guest.read(device + 0x20, 4), 0xffff_c00c);
        guest.write(device + 0x20, 4, bar);
        assert_eq!(guest.read(bar + 0x12, 2), none, "memory is not switched on");
        guest.write(device + 4, 2, 6);
        assert_eq!(guest.read(bar + 0x12, 2), 1, "the number of queues");
        // It moves.
        guest.write(device + 0x20, 4, bar + 0x8000);
        assert_eq!(guest.read(bar + 0x12, 2), none);
        assert_eq!(guest.read(bar + 0x8012, 2), 1);
        // The status of a virtio device keeps what is written to it.
        guest.write(bar + 0x8014, 1, 3);
        assert_eq!(guest.read(bar + 0x8014, 1), 3);
    }
    // What the port does not forward is not there.
    guest.write(config(0, 1) + 0x24, 4, 0x6ff0_6000);
    assert_eq!(guest.read(0x5000_8014, 1), 0xff);
}

#[test]
fn what_cannot_be_is_refused() {
    for (device, text) in [
        (rng(json!({ "addr": "20" })), "doesn't take value '20'"),
        (rng(json!({ "addr": "x.y" })), "doesn't take value 'x.y'"),
        (rng(json!({ "addr": "0" })), "PCI: slot 0 function 0 not available"),
        (rng(json!({ "addr": "1" })), "in use by pcie-root-port,id=rp"),
        (rng(json!({ "bus": "rp", "addr": "1" })), "only allows plugging into slot 0"),
        (rng(json!({ "bus": "nope" })), "Bus 'nope' not found"),
        (
            rng(json!({ "disable-legacy": "on", "disable-modern": true })),
            "neither modern nor legacy mode",
        ),
    ] {
        let startup = Startup { stopped: true, ..Startup::default() };
        let mut guest = Guest(Door::new(Host::closed().unwrap(), startup));
        let steps = [
            ("machine-set", json!({ "type": "none" })),
            ("set-machine-phase", json!({ "phase": "initialized" })),
            ("device_add", json!({ "driver": "gpex-pcihost", "id": "pci" })),
            ("device_add", json!({ "driver": "pcie-root-port", "id": "rp" })),
        ];
        for (name, arguments) in steps {
            guest.run(name, arguments).unwrap();
        }
        let error = guest.run("device_add", device.clone()).unwrap_err();
        assert!(error.contains(text), "{device}: {error}");
    }
}

#[test]
fn a_device_comes_and_goes_while_the_guest_runs() {
    let mut guest = Guest::new(&[rng(json!({ "id": "fixed" }))]);
    number_buses(&guest);
    let refused = guest.run("device_add", rng(json!({}))).unwrap_err();
    assert_eq!(refused, "Bus 'pcie.0' does not support hotplugging");
    let refused = guest.run("device_del", json!({ "id": "fixed" })).unwrap_err();
    assert_eq!(refused, "Bus 'pcie.0' does not support hotplugging");
    let port = config(0, 1);
    assert_eq!(guest.read(port + SLOT_STATUS, 2) & 0x40, 0, "nothing is present");

    guest.run("device_add", rng(json!({ "id": "r", "bus": "rp" }))).unwrap();
    assert_eq!(guest.read(port + SLOT_STATUS, 2) & 0x49, 0x49, "present, changed, button");
    assert_eq!(guest.read(config(1, 0), 4), 0xffff_ffff, "without power nothing answers");
    // Events are cleared by ones; presence is not an event. Power on.
    guest.write(port + SLOT_STATUS, 2, 0xffff);
    guest.write(port + SLOT_CONTROL, 2, ON);
    assert_eq!(guest.read(port + SLOT_STATUS, 2), 0x50, "the command is done");
    assert_eq!(guest.read(config(1, 0), 4), 0x1044_1af4);
    // With hot plug interrupts and the button enabled, the pin is wanted at the next event.
    guest.write(port + SLOT_CONTROL, 2, ON | 0x21);
    guest.write(port + SLOT_STATUS, 2, 0xffff);
    assert_eq!(guest.read(port + 6, 2) & 8, 0);

    guest.run("device_del", json!({ "id": "r" })).unwrap();
    assert_eq!(guest.read(port + SLOT_STATUS, 2) & 1, 1, "the button");
    assert_eq!(guest.read(port + 6, 2) & 8, 8, "the pin");
    let again = guest.run("device_del", json!({ "id": "r" })).unwrap_err();
    assert_eq!(again, "Device r is already in the process of unplug");
    assert_eq!(guest.read(config(1, 0), 4), 0x1044_1af4, "it is still there");
    // The guest lets go of it: indicator and power off.
    guest.write(port + SLOT_CONTROL, 2, OFF);
    assert_eq!(guest.read(config(1, 0), 4), 0xffff_ffff);
    assert_eq!(guest.read(port + SLOT_STATUS, 2) & 0x48, 8, "presence has changed");
    guest.0.unplugged("r");
    guest.run("device_add", rng(json!({ "id": "r", "bus": "rp" }))).unwrap();
    // What no guest has switched on goes without being asked for.
    guest.run("device_del", json!({ "id": "r" })).unwrap();
    guest.0.unplugged("r");
    assert_eq!(guest.read(port + SLOT_STATUS, 2) & 0x40, 0);
}

/// The address of a function's modern registers, once they are mapped and answered.
fn modern(guest: &Guest) -> u64 {
    const BAR: u64 = 0x5000_0000;
    number_buses(guest);
    guest.write(config(1, 0) + 0x20, 4, BAR);
    guest.write(config(1, 0) + 0x24, 4, 0);
    guest.write(config(1, 0) + 4, 2, MEMORY_AND_MASTER);
    BAR
}

#[test]
fn functions_and_buses_are_reset() {
    let guest = Guest::new(&[rng(json!({ "bus": "rp" }))]);
    // Device control of the endpoint, bridge control of the port.
    for (register, value, name) in
        [(config(1, 0) + 0x48, 0x8000, "function"), (config(0, 1) + 0x3e, 0x40, "bus")]
    {
        let bar = modern(&guest);
        guest.write(bar + 0x14, 1, 3);
        assert_eq!(guest.read(bar + 0x14, 1), 3, "{name}");
        guest.write(register, 2, value);
        assert_eq!(guest.read(config(1, 0) + 4, 2), 0, "{name}");
        assert_eq!(guest.read(bar + 0x14, 1), 0xff, "{name}");
        guest.write(config(0, 1) + 0x3e, 2, 0);
        assert_eq!(guest.read(modern(&guest) + 0x14, 1), 0, "{name}");
    }
}

/// A device that is not to reach for memory does so neither at once nor later, until it may again.
#[test]
fn a_function_reaches_for_memory_only_when_it_may() {
    const RAM: u64 = 0x8000_0000;
    let (table, driver, device) = (RAM, RAM + 0x1000, RAM + 0x2000);
    let guest = Guest::new(&[
        json!({ "driver": "sysbus-memory", "id": "ram", "size": 0x10000 }),
        rng(json!({ "bus": "rp" })),
    ]);
    let bar = modern(&guest);
    for (offset, size, value) in [
        (0x08, 4, 1),
        (0x0c, 4, 1),
        (0x14, 1, 11),
        (0x20, 8, table),
        (0x28, 8, driver),
        (0x30, 8, device),
        (0x1c, 2, 1),
        (0x14, 1, 15),
    ] {
        guest.write(bar + offset, size, value);
    }
    // One buffer of 8 bytes to be written, offered twice.
    guest.write(table, 8, RAM + 0x3000);
    guest.write(table + 8, 8, 2 << 32 | 8);
    let used = || guest.read(device + 2, 2);
    let notify = |index| {
        guest.write(driver + 2, 2, index);
        guest.write(bar + 0x3000, 2, 0);
    };
    let master = |on: bool| {
        let command = if on { MEMORY_AND_MASTER } else { 2 };
        guest.write(config(1, 0) + 4, 2, command);
    };
    notify(1);
    master(false);
    assert_eq!(used(), 1, "what was asked for before is done");
    notify(2);
    assert_eq!(used(), 1, "and nothing after");
    master(true);
    master(false);
    assert_eq!(used(), 2, "until it may");
}

/// A guest writes anything anywhere, and devices come and go: nobody is hurt, and a reset makes it
/// good.
#[test]
fn guests_that_configure_anything_hurt_nobody() {
    let mut guest = Guest::new(&[rng(json!({ "id": "fixed" }))]);
    let before: Vec<u64> = (0..64).map(|word| guest.read(config(0, 1) + word * 4, 4)).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |most: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % most
    };
    for _ in 0..20_000 {
        let size = 1_u8 << random(4);
        let align = |offset: u64| offset & !(u64::from(size) - 1);
        let value = match random(3) {
            0 => u64::MAX,
            1 => MEMORY + random(1 << 20),
            _ => random(u64::MAX),
        };
        match random(16) {
            0..8 => {
                let at = config(random(3), random(4)) + align(random(0x180));
                guest.write(at, size, value);
                guest.read(at, size);
            }
            // Likely places: buses and windows, slot control.
            8 => number_buses(&guest),
            9 => guest.write(config(0, 1) + SLOT_CONTROL, 2, [ON, OFF, 0x2c0][random(3) as usize]),
            10..13 => {
                let windows = [MEMORY, 0x5000_0000, 0x300_0000, 0x4_0000_0000];
                let at = windows[random(4) as usize] + align(random(0x1_0000));
                guest.write(at, size, value);
                guest.read(at, size);
            }
            13 => drop(guest.run("device_add", rng(json!({ "id": "r", "bus": "rp" })))),
            14 => drop(guest.run("device_del", json!({ "id": "r" }))),
            _ => drop(guest.run("query-pci", json!({}))),
        }
        let Some(LiveBus::Pci(bus)) = guest.0.stage.machine().unwrap().bus("rp") else { panic!() };
        if bus.functions().is_empty() {
            guest.0.unplugged("r");
        }
    }
    guest.run("system_reset", json!({})).unwrap();
    let after: Vec<u64> = (0..64).map(|word| guest.read(config(0, 1) + word * 4, 4)).collect();
    // Whether something is in the slot shows there.
    let slot = (SLOT_CONTROL / 4, LINK_STATUS / 4);
    for (word, (before, after)) in (0..).zip(before.iter().zip(&after)) {
        assert!(before == after || word == slot.0 || word == slot.1, "word {word}");
    }
}
