//! A disk on a transport as a guest without an operating system has it: by its registers and by
//! queues in memory.

use std::time::{Duration, Instant};

use boardwright_riscv::{Bus, Requester};
use serde_json::{Value, json};

use crate::backends::host::Host;
use crate::door::{Command, Door, Startup};
use crate::machine::AddressSpace;

const RAM: u64 = 0x8000_0000;
const SIZE: u64 = 0x10_0000;
const IT: u64 = 0x1000_1000;
const NOBODY: Requester = Requester { hartid: 0, pc: 0 };

const QUEUE: u64 = RAM;
const AVAILABLE: u64 = RAM + 0x1000;
const USED: u64 = RAM + 0x2000;
const HEADER: u64 = RAM + 0x3000;
const STATUS: u64 = RAM + 0x3100;
const DATA: u64 = RAM + 0x4000;
const DISK: u64 = 64 << 10;

/// Bits of the status.
const READY: u32 = 15;
const NEEDS_RESET: u32 = 64;

struct Guest {
    door: Door,
    image: std::path::PathBuf,
    /// How many requests were made.
    made: u16,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.image);
    }
}

impl Guest {
    fn new(name: &str, device: Value) -> Self {
        let image = std::env::temp_dir().join(format!("bw-virtio-{name}-{}", std::process::id()));
        std::fs::write(&image, vec![0x5a; DISK as usize]).unwrap();
        let startup = Startup { stopped: true, ..Startup::default() };
        let mut door = Door::new(Host::start().unwrap(), startup);
        let mut run = |name: &str, arguments: Value| {
            let command = Command::new(name, arguments).unwrap();
            door.execute(&command).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        };
        run("machine-set", json!({ "type": "none" }));
        run("set-machine-phase", json!({ "phase": "initialized" }));
        run("device_add", json!({ "driver": "sysbus-memory", "id": "ram", "size": SIZE }));
        run("sysbus-mmio-map", json!({ "device": "ram", "addr": RAM }));
        run("device_add", json!({ "driver": "virtio-mmio", "id": "t", "force-legacy": false }));
        run("sysbus-mmio-map", json!({ "device": "t", "addr": IT }));
        run("x-drive-add", json!({ "id": "d", "file": image.to_str(), "format": "raw" }));
        let mut disk = json!({ "driver": "virtio-blk-device", "drive": "d", "serial": "S1" });
        for (name, value) in device.as_object().unwrap() {
            disk[name] = value.clone();
        }
        run("device_add", disk);
        run("finish-machine-init", json!({}));
        Self { door, image, made: 0 }
    }

    fn space(&self) -> &AddressSpace {
        self.door.stage.machine().unwrap().space()
    }

    fn read(&self, offset: u64) -> u32 {
        self.space().read(IT + offset, 4, NOBODY).unwrap() as u32
    }

    fn write(&self, offset: u64, value: u32) {
        self.space().write(IT + offset, 4, value.into(), NOBODY).unwrap();
    }

    fn poke(&self, at: u64, bytes: &[u8]) {
        self.space().poke(at, bytes).unwrap();
    }

    fn features(&self) -> u64 {
        [0, 1].into_iter().fold(0, |all, half| {
            self.write(0x14, half);
            all | u64::from(self.read(0x10)) << (32 * half)
        })
    }

    /// Section 3.1.1, up to FEATURES_OK; tells whether that stays.
    fn negotiate(&self, features: u64) -> bool {
        self.write(0x70, 0);
        self.write(0x70, 3);
        for half in [0, 1] {
            self.write(0x24, half);
            self.write(0x20, (features >> (32 * half)) as u32);
        }
        self.write(0x70, 11);
        self.read(0x70) & 8 != 0
    }

    fn set_up(&self, size: u32, addresses: [u64; 3]) {
        self.write(0x30, 0);
        self.write(0x38, size);
        for (offset, address) in [0x80, 0x90, 0xa0].into_iter().zip(addresses) {
            self.write(offset, address as u32);
            self.write(offset + 4, (address >> 32) as u32);
        }
        self.write(0x44, 1);
    }

    fn start(&mut self) {
        assert!(self.negotiate(1 << 32));
        self.made = 0;
        self.poke(RAM, &[0; 0x3000]);
        self.set_up(8, [QUEUE, AVAILABLE, USED]);
        self.write(0x70, READY);
    }

    fn offer(&mut self, chain: &[(u64, u32, u16)]) {
        for (index, (address, len, flags)) in (0_u16..).zip(chain) {
            let next = if usize::from(index) + 1 < chain.len() { 1 } else { 0 };
            let at = QUEUE + 16 * u64::from(index);
            self.poke(at, &address.to_le_bytes());
            self.poke(at + 8, &len.to_le_bytes());
            self.poke(at + 12, &(flags | next).to_le_bytes());
            self.poke(at + 14, &(index + 1).to_le_bytes());
        }
        self.poke(AVAILABLE + 4 + 2 * u64::from(self.made % 8), &[0, 0]);
        self.made += 1;
        self.poke(AVAILABLE + 2, &self.made.to_le_bytes());
        self.write(0x50, 0);
    }

    /// Waits until what was offered is given back, or the device needs a reset.
    fn given_back(&self) -> bool {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            let mut index = [0; 2];
            self.space().peek(USED + 2, &mut index).unwrap();
            if u16::from_le_bytes(index) == self.made {
                return true;
            }
            if self.read(0x70) & NEEDS_RESET != 0 {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("a request is never answered");
    }

    /// Makes a request with so many bytes at `DATA`; returns its status.
    fn request(&mut self, kind: u32, sector: u64, len: u32, writes: bool) -> u8 {
        self.poke(HEADER, &kind.to_le_bytes());
        self.poke(HEADER + 8, &sector.to_le_bytes());
        self.poke(STATUS, &[0xff]);
        let data = (DATA, len, if writes { 2 } else { 0 });
        let all = [(HEADER, 16, 0), data, (STATUS, 1, 2)];
        let chain: Vec<_> = all.into_iter().filter(|(_, len, _)| *len > 0).collect();
        self.offer(&chain);
        assert!(self.given_back());
        let mut status = [0];
        self.space().peek(STATUS, &mut status).unwrap();
        status[0]
    }
}

#[test]
fn a_disk_is_found_by_its_registers() {
    let guest = Guest::new("registers", json!({ "num-queues": 2, "queue-size": 64 }));
    let rows = [
        (0x000, 0x7472_6976, "magic"),
        (0x004, 2, "version"),
        (0x008, 2, "device"),
        (0x00c, 0x554d_4551, "vendor"),
        (0x034, 64, "the size of queue 0"),
        (0x060, 0, "interrupts"),
        (0x070, 0, "status"),
        (0x0fc, 0, "generation"),
        (0x0b0, 0xffff_ffff, "no shared memory"),
        (0x100, 128, "sectors"),
        (0x104, 0, "sectors, high"),
        (0x10c, 62, "segments"),
        (0x114, 512, "block size"),
        (0x120, 0x0002_0001, "writeback and queues"),
        (0x13c, 0xffff_ffff, "beyond the configuration"),
    ];
    for (offset, expected, what) in rows {
        assert_eq!(guest.read(offset), expected, "{what}");
    }
    for (queue, size) in [(1, 64), (2, 0), (0xffff_ffff, 0)] {
        guest.write(0x30, queue);
        assert_eq!(guest.read(0x34), size, "queue {queue}");
    }
    let features = guest.features();
    assert_eq!(features & (1 << 32 | 1 << 34 | 1 << 12), 1 << 32 | 1 << 12);
}

#[test]
fn features_are_those_that_are_offered() {
    let guest = Guest::new("features", json!({ "packed": true }));
    let offered = guest.features();
    let rows = [
        (offered, true),
        (1 << 32, true),
        (0, false),
        (offered & !(1 << 32), false),
        (1 << 32 | 1 << 60, false),
    ];
    for (features, accepted) in rows {
        assert_eq!(guest.negotiate(features), accepted, "{features:#x}");
    }
}

#[test]
fn requests_are_answered() {
    let mut guest = Guest::new("requests", json!({}));
    guest.start();
    // Type, sector, bytes, whether the device writes them, the status.
    let rows = [
        (0, 0, 512, true, 0),
        (0, 127, 512, true, 0),
        (0, 0, 0x1_0000, true, 0),
        (0, 0, 500, true, 1),
        (0, 128, 512, true, 1),
        (0, 127, 1024, true, 1),
        (0, u64::MAX, 512, true, 1),
        (0, 1 << 55, 512, true, 1),
        (1, 3, 1024, false, 0),
        (1, 128, 512, false, 1),
        (4, 0, 0, false, 0),
        (8, 0, 20, true, 0),
        (8, 0, 5, true, 0),
        (5, 0, 0, false, 2),
        (99, 0, 512, true, 2),
    ];
    for (kind, sector, len, writes, status) in rows {
        guest.poke(DATA, &[0xa5; 0x1_0000]);
        assert_eq!(guest.request(kind, sector, len, writes), status, "{kind} {sector:#x} {len}");
    }
    let disk = std::fs::read(&guest.image).unwrap();
    assert!(
        disk.iter()
            .enumerate()
            .all(|(at, byte)| { *byte == if (1536..2560).contains(&at) { 0xa5 } else { 0x5a } })
    );
    // Write zeroes and discard: sector, count, flags.
    let rows = [
        (13, 4, 1, 0, 0),
        (13, 127, 2, 0, 1),
        (13, 0, u32::MAX, 0, 1),
        (13, 0, 1, 2, 2),
        (11, 0, 1, 0, 0),
        (11, 0, 1, 1, 2),
    ];
    for (kind, sector, count, flags, status) in rows {
        guest.poke(DATA, &u64::to_le_bytes(sector));
        guest.poke(DATA + 8, &u32::to_le_bytes(count));
        guest.poke(DATA + 12, &u32::to_le_bytes(flags));
        assert_eq!(guest.request(kind, 0, 16, false), status, "{kind} {sector} {count:#x} {flags}");
    }
    assert_eq!(guest.request(0, 4, 512, true), 0);
    let mut back = [1; 512];
    guest.space().peek(DATA, &mut back).unwrap();
    assert_eq!(back, [0; 512]);
    assert_eq!(guest.read(0x60), 1, "queues were used");
    guest.write(0x64, 1);
    assert_eq!(guest.read(0x60), 0);
}

#[test]
fn who_breaks_a_rule_has_to_reset_the_device() {
    let mut guest = Guest::new("broken", json!({}));
    let chains: [&[(u64, u32, u16)]; 5] = [
        &[(HEADER, 16, 0)],
        &[(HEADER, 8, 0), (STATUS, 1, 2)],
        &[(STATUS, 1, 2)],
        &[(HEADER, 16, 0), (0x10, 512, 2), (STATUS, 1, 2)],
        &[(HEADER, 16, 0), (DATA, 0xffff_ffff, 2), (STATUS, 1, 2)],
    ];
    for chain in chains {
        guest.start();
        guest.offer(chain);
        assert!(!guest.given_back(), "{chain:x?}");
        assert_eq!(guest.read(0x70), READY | NEEDS_RESET);
        assert_eq!(guest.read(0x60) & 2, 2, "the driver is told");
    }
    let queues =
        [[QUEUE + 1, AVAILABLE, USED], [QUEUE, 0x10, USED], [QUEUE, AVAILABLE, u64::MAX - 3]];
    for queue in queues {
        assert!(guest.negotiate(1 << 32));
        guest.set_up(8, queue);
        assert_eq!(guest.read(0x44), 0, "{queue:x?}");
        assert_eq!(guest.read(0x70) & NEEDS_RESET, NEEDS_RESET, "{queue:x?}");
    }
    guest.start();
    assert_eq!(guest.request(0, 0, 512, true), 0, "as before");
}

/// Numbers that are the same in every run (Marsaglia, "Xorshift RNGs").
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.next() as usize % some.len()]
    }
}

#[test]
fn guests_that_do_anything_hurt_nobody() {
    for packed in [false, true] {
        let mut guest =
            Guest::new(if packed { "any-packed" } else { "any" }, json!({ "packed": packed }));
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let places = [QUEUE, AVAILABLE, USED, HEADER, DATA, RAM + SIZE - 8, 0, u64::MAX];
        for round in 0..400 {
            let features = numbers.of(&[1 << 32, guest.features(), numbers.0]);
            guest.negotiate(features);
            let addresses = match round % 4 {
                0 => [numbers.of(&places), numbers.of(&places), numbers.of(&places)],
                _ => [QUEUE, AVAILABLE, USED],
            };
            guest.set_up(numbers.of(&[8, 8, 1, 256, 0, 3, 70000]), addresses);
            guest.write(0x70, READY);
            for _ in 0..40 {
                match numbers.next() % 4 {
                    0 => {
                        let at =
                            numbers.of(&[QUEUE, AVAILABLE, USED, HEADER]) + numbers.next() % 64;
                        let value = numbers.of(&[numbers.0, 0x80, 0x8000, 1, 0]);
                        guest.poke(at, &value.to_le_bytes());
                    }
                    1 => {
                        let at = QUEUE + 16 * (numbers.next() % 8);
                        guest.poke(at, &numbers.of(&places).to_le_bytes());
                        let rest = numbers.of(&[16, 512, 0xffff_fff0, numbers.0 & 0xffff_ffff])
                            | (numbers.next() & 0x8087) << 32
                            | (numbers.next() & 0x8087) << 48;
                        guest.poke(at + 8, &rest.to_le_bytes());
                    }
                    2 => {
                        let (at, size) = (numbers.next() % 0x200, numbers.of(&[1, 2, 4, 8]));
                        let _ = guest.space().read(IT + at, size, NOBODY);
                        let _ = guest.space().write(IT + at, size, numbers.next(), NOBODY);
                    }
                    _ => guest.write(0x50, 0),
                }
            }
        }
        guest.start();
        assert_eq!(guest.request(0, 0, 512, true), 0, "it is as good as new");
    }
}
