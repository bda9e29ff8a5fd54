//! Enumeration as a guest without an operating system does it, by registers; and a device that comes
//! and goes.

use boardwright_riscv::{Bus, Requester};
use serde_json::{Value, json};

use crate::backends::host::Host;
use crate::door::{Command, Door, Startup};

const ECAM: u64 = 0x3000_0000;
const MEMORY: u64 = 0x4000_0000;
const NOBODY: Requester = Requester { hartid: 0, pc: 0 };
/// The port's slot registers.
const SLOT_CONTROL: u64 = 0x54 + 0x18;
const SLOT_STATUS: u64 = 0x54 + 0x1a;

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
    assert_eq!(guest.read(config(1, 0), 4), 0x1044_1af4);
    // Events are cleared by ones; presence is not an event. Power on.
    guest.write(port + SLOT_STATUS, 2, 0xffff);
    guest.write(port + SLOT_CONTROL, 2, 0x1d1);
    assert_eq!(guest.read(port + SLOT_STATUS, 2), 0x50, "the command is done");

    guest.run("device_del", json!({ "id": "r" })).unwrap();
    assert_eq!(guest.read(port + SLOT_STATUS, 2) & 1, 1, "the button");
    let again = guest.run("device_del", json!({ "id": "r" })).unwrap_err();
    assert_eq!(again, "Device r is already in the process of unplug");
    assert_eq!(guest.read(config(1, 0), 4), 0x1044_1af4, "it is still there");
    // The guest lets go of it: indicator and power off.
    guest.write(port + SLOT_CONTROL, 2, 0x7d1);
    assert_eq!(guest.read(config(1, 0), 4), 0xffff_ffff);
    assert_eq!(guest.read(port + SLOT_STATUS, 2) & 0x48, 8, "presence has changed");
    guest.0.unplugged("r");
    guest.run("device_add", rng(json!({ "id": "r", "bus": "rp" }))).unwrap();
}
