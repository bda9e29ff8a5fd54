//! The target of virtio drivers: a guest does with its devices whatever the input says (Virtio 1.2,
//! sections 2.6 to 2.8 and 4.2): queues that are none, chains with loops, addresses without memory,
//! requests before the negotiation and in the middle of a reset. After all of that, a disk that was
//! reset serves a driver that keeps the rules.

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use boardwright::backends::host::Host;
use boardwright::door::{Command, Door, Startup};
use boardwright_riscv::{Bus as _, Requester};
use serde_json::{Value, json};

use crate::choices::Choices;
use crate::must;

const RAM: u64 = 0x8000_0000;
const SIZE: u64 = 0x10_0000;
/// What a run begins with as zero: all that is not data.
const ZEROED: usize = 0x2_0000;
const TABLES: u64 = RAM + 0x1_8000;
const HEADERS: u64 = RAM + 0x1_c000;
const DATA: u64 = RAM + 0x8_0000;
const DISK: usize = 64 << 10;
const NOBODY: Requester = Requester { hartid: 0, pc: 0 };
/// A well-behaved request is answered within this.
const PATIENCE: Duration = Duration::from_secs(20);

/// Transport and device: in both versions, with both kinds of queues, with a worker and without.
const DEVICES: &[(bool, &str)] = &[
    (false, r#"{ "driver": "virtio-blk-device", "drive": "d0", "packed": true, "num-queues": 2 }"#),
    (false, r#"{ "driver": "virtio-net-device", "netdev": "n0", "packed": true }"#),
    (false, r#"{ "driver": "virtio-rng-device" }"#),
    (true, r#"{ "driver": "virtio-blk-device", "drive": "d1" }"#),
    (true, r#"{ "driver": "virtio-net-device", "netdev": "n1", "mrg_rxbuf": false }"#),
];

/// Offsets of registers (table 4.1, and 4.2 for version 1).
mod register {
    pub(super) const OFFERED: u64 = 0x10;
    pub(super) const OFFERED_SELECT: u64 = 0x14;
    pub(super) const ACCEPTED: u64 = 0x20;
    pub(super) const ACCEPTED_SELECT: u64 = 0x24;
    pub(super) const PAGE_SIZE: u64 = 0x28;
    pub(super) const QUEUE: u64 = 0x30;
    pub(super) const QUEUE_SIZE: u64 = 0x38;
    pub(super) const QUEUE_ALIGN: u64 = 0x3c;
    pub(super) const QUEUE_PAGE: u64 = 0x40;
    pub(super) const QUEUE_READY: u64 = 0x44;
    pub(super) const NOTIFY: u64 = 0x50;
    pub(super) const STATUS: u64 = 0x70;
    pub(super) const AREAS: [u64; 3] = [0x80, 0x90, 0xa0];
}

/// `VIRTIO_F_VERSION_1`, which every modern driver accepts, and `VIRTIO_F_RING_PACKED`.
const VERSION_1: u64 = 1 << 32;
const PACKED: u64 = 1 << 34;
/// The status of a driver at work.
const AT_WORK: u64 = 15;

/// What a run has set up of a queue.
#[derive(Clone, Copy, Default)]
struct Queue {
    size: u64,
    areas: [u64; 3],
    /// What its driver has made available.
    made: u64,
}

struct Guest {
    door: Door,
    disk: File,
    image: PathBuf,
    /// What is on it, and in the guest's memory.
    pattern: Vec<u8>,
    queues: [[Queue; 3]; DEVICES.len()],
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.image);
    }
}

thread_local! {
    /// A machine takes longer to make than to hurt.
    static GUEST: RefCell<Option<Guest>> = const { RefCell::new(None) };
}

/// Does with the devices what the bytes say.
pub(crate) fn driver(bytes: &[u8]) {
    // One that has failed is not used again.
    let mut guest = GUEST.take().unwrap_or_else(Guest::new);
    guest.begin();
    let mut choices = Choices::new(bytes);
    while !choices.is_empty() {
        guest.act(&mut choices);
    }
    guest.check();
    GUEST.set(Some(guest));
}

impl Guest {
    fn new() -> Self {
        let image = crate::scratch("driver");
        must(std::fs::write(&image, [0; DISK]));
        let startup = Startup { stopped: true, ..Startup::default() };
        let mut door = Door::new(must(Host::start()), startup);
        let mut run = |name: &str, arguments: Value| {
            must(Command::new(name, arguments).and_then(|command| door.execute(&command)));
        };
        run("machine-set", json!({ "type": "none" }));
        run("set-machine-phase", json!({ "phase": "initialized" }));
        for (id, driver, at) in [("ram", "sysbus-memory", RAM), ("rom", "sysbus-memory", 0x1000)] {
            let size = if id == "ram" { SIZE } else { 0x1000 };
            run(
                "device_add",
                json!({ "driver": driver, "id": id, "size": size, "readonly": id == "rom" }),
            );
            run("sysbus-mmio-map", json!({ "device": id, "addr": at }));
        }
        run("x-drive-add", json!({ "id": "d0", "file": image, "format": "raw" }));
        run("x-drive-add", json!({ "id": "d1", "file": "", "format": "null-co" }));
        for netdev in ["n0", "n1"] {
            // What a mutant says reaches nobody.
            run("netdev_add", json!({ "type": "user", "id": netdev, "restrict": true }));
        }
        for (index, (legacy, device)) in (0_u64..).zip(DEVICES) {
            let id = format!("t{index}");
            run("device_add", json!({ "driver": "virtio-mmio", "id": id, "force-legacy": legacy }));
            run("sysbus-mmio-map", json!({ "device": id, "addr": transport(index) }));
            let mut device: Value = must(serde_json::from_str(device));
            device["bus"] = format!("{id}.0").into();
            run("device_add", device);
        }
        run("finish-machine-init", json!({}));
        let disk = must(File::options().write(true).open(&image));
        let pattern = (0..DISK).map(|at| (at >> 9) as u8 ^ at as u8).collect();
        Self { door, disk, image, pattern, queues: Default::default() }
    }

    /// The same state for every input.
    fn begin(&mut self) {
        self.queues = Default::default();
        self.poke(RAM, &[0; ZEROED]);
        self.poke(DATA, &self.pattern);
        must(self.disk.write_all_at(&self.pattern, 0));
    }

    fn read(&self, addr: u64, size: u8) -> u64 {
        self.door.machine().and_then(|it| it.space().read(addr, size, NOBODY).ok()).unwrap_or(0)
    }

    fn write(&self, addr: u64, size: u8, value: u64) {
        let _ = self.door.machine().map(|it| it.space().write(addr, size, value, NOBODY));
    }

    fn poke(&self, addr: u64, bytes: &[u8]) {
        let _ = self.door.machine().map(|it| it.space().load(addr, bytes));
    }

    fn set(&self, device: usize, register: u64, value: u64) {
        self.write(transport(device as u64) + register, 4, value);
    }

    fn act(&mut self, choices: &mut Choices<'_>) {
        let (what, device) = (choices.below(13), choices.below(DEVICES.len()));
        let queue = choices.below(3);
        match what {
            0 => self.negotiate(device, choices),
            1 => self.set_up(device, queue, choices),
            2 => self.descriptor(device, queue, choices),
            3 => self.offer(device, queue, choices),
            4 => self.set(device, register::NOTIFY, choices.of(&[0, 1, 2, 3, 0xffff, 0x1_0000])),
            5 => {
                self.set(device, register::STATUS, choices.of(&[0, 1, 3, 11, 15, 4, 64, 128, 255]))
            }
            6 => {
                let (at, value) = (choices.number(1) * 4, choices.number(4));
                self.set(device, at, value);
            }
            7 => {
                let (at, size) = (choices.number(2) % 0x200, choices.of(&[1, 2, 4, 8]));
                self.read(transport(device as u64) + at, size);
            }
            8 => {
                let (at, size) = (choices.number(2) % 0x200, choices.of(&[1, 2, 4, 8]));
                self.write(transport(device as u64) + at, size, choices.number(8));
            }
            9 => {
                let at = self.address(device, queue, choices);
                let len = choices.below(16);
                let bytes: Vec<u8> = (0..len).map(|_| choices.below(256) as u8).collect();
                self.poke(at, &bytes);
            }
            10 => self.header(choices),
            11 => self.request(device, queue, choices),
            _ => std::thread::yield_now(),
        }
    }

    /// Up to DRIVER_OK; features may be strange.
    fn negotiate(&self, device: usize, choices: &mut Choices<'_>) {
        let offered = [0, 1].into_iter().fold(0, |all, half| {
            self.set(device, register::OFFERED_SELECT, half);
            all | self.read(transport(device as u64) + register::OFFERED, 4) << (32 * half)
        });
        let features = match choices.below(4) {
            0 => offered,
            1 => offered & !PACKED,
            2 => VERSION_1 | offered & choices.number(5),
            _ => choices.number(8),
        };
        for status in [0, 3] {
            self.set(device, register::STATUS, status);
        }
        for half in [0, 1] {
            self.set(device, register::ACCEPTED_SELECT, half);
            self.set(device, register::ACCEPTED, features >> (32 * half) & 0xffff_ffff);
        }
        self.set(device, register::STATUS, 11);
        if !choices.rarely(8) {
            self.set(device, register::STATUS, AT_WORK);
        }
    }

    fn set_up(&mut self, device: usize, queue: usize, choices: &mut Choices<'_>) {
        let size = choices.of(&[8, 8, 8, 4, 2, 1, 16, 256, 0, 3, 7, 1024, 0xffff, 0x1_0008]);
        let base = RAM + device as u64 * 0x4000 + queue as u64 * 0x1000;
        let mut areas = [base, base + 0x400, base + 0x800];
        if choices.rarely(3) {
            let which = choices.below(3);
            areas[which] = self.address(device, queue, choices);
        }
        self.set(device, register::QUEUE, queue as u64);
        self.set(device, register::QUEUE_SIZE, size);
        if DEVICES[device].0 {
            let page = choices.of(&[0x1000, 0x1000, 0x1000, 1, 0, 0xffff_ffff]);
            let align = choices.of(&[0x1000, 0x1000, 4, 0, 0xffff_ffff, 3]);
            self.set(device, register::PAGE_SIZE, page);
            self.set(device, register::QUEUE_ALIGN, align);
            self.set(device, register::QUEUE_PAGE, areas[0].checked_div(page).unwrap_or(7));
            let driver = areas[0].wrapping_add(16 * size);
            let used = driver.wrapping_add(6 + 2 * size);
            areas = [areas[0], driver, used.checked_next_multiple_of(align.max(1)).unwrap_or(used)];
        } else {
            for (register, area) in register::AREAS.into_iter().zip(areas) {
                self.set(device, register, area & 0xffff_ffff);
                self.set(device, register + 4, area >> 32);
            }
            self.set(device, register::QUEUE_READY, 1);
        }
        self.queues[device][queue] = Queue { size, areas, made: 0 };
    }

    fn address(&self, device: usize, queue: usize, choices: &mut Choices<'_>) -> u64 {
        let [table, driver, used] = self.queues[device][queue].areas;
        let place = choices.of(&[
            DATA,
            HEADERS,
            table,
            driver,
            used,
            TABLES,
            RAM,
            RAM + SIZE - 8,
            RAM - 8,
            0x1000,
            transport(device as u64),
            0,
            u64::MAX - 15,
        ]);
        place.wrapping_add(choices.of(&[0, 0, 0, 1, 2, 4, 8, 16, 32, 0x200, 0x1000]))
    }

    /// A descriptor of a queue or of an indirect table.
    fn descriptor(&self, device: usize, queue: usize, choices: &mut Choices<'_>) {
        let table = if choices.rarely(3) { TABLES } else { self.queues[device][queue].areas[0] };
        let at = table.wrapping_add(16 * choices.of(&[0, 1, 2, 3, 4, 7, 8, 15]));
        let address = self.address(device, queue, choices);
        const LENGTHS: &[u32] =
            &[16, 1, 512, 4096, 0, 8, 12, 20, 32, 511, 0x1_0000, 0x8_0000, 0x10_0000, u32::MAX];
        let len = choices.of(LENGTHS);
        // Next, write, indirect, and whose it is in a packed queue.
        let flags: u16 = (0..5)
            .map(|bit| [1, 2, 4, 0x80, 0x8000][bit])
            .fold(0, |all, flag| if choices.rarely(2) { all | flag } else { all });
        let link = choices.of(&[0_u16, 1, 2, 3, 7, 8, 0xffff]);
        let (a, b) = if choices.rarely(2) { (link, flags) } else { (flags, link) };
        let mut bytes = address.to_le_bytes().to_vec();
        bytes.extend(len.to_le_bytes());
        bytes.extend([a.to_le_bytes(), b.to_le_bytes()].concat());
        self.poke(at, &bytes);
    }

    /// Makes a chain of a split queue available.
    fn offer(&mut self, device: usize, queue: usize, choices: &mut Choices<'_>) {
        let state = &mut self.queues[device][queue];
        let head = choices.of(&[0_u16, 1, 2, 3, 7, 8, 0xffff]);
        let slot = state.made.checked_rem(state.size).unwrap_or(0);
        let before = state.made;
        state.made += choices.of(&[1, 1, 1, 2, 8, 9, 0x8000]);
        let Queue { size, areas: [_, ring, _], made } = *state;
        for place in 0..(made - before).min(16) {
            let at = ring.wrapping_add(4 + 2 * (slot + place).checked_rem(size).unwrap_or(0));
            self.poke(at, &head.to_le_bytes());
        }
        self.poke(ring.wrapping_add(2), &(made as u16).to_le_bytes());
        self.set(device, register::NOTIFY, queue as u64);
    }

    /// What a request of a disk or a command of a network card begins with.
    fn header(&self, choices: &mut Choices<'_>) {
        let kind = choices.of(&[0_u32, 1, 4, 8, 11, 13, 5, 0xffff_ffff]);
        let sector =
            choices.of(&[0_u64, 1, 100, 127, 128, u64::MAX, 1 << 55, 0x7fff_ffff_ffff_ffff]);
        let count = choices.of(&[1_u32, 2, 128, 0, u32::MAX, 1 << 22]);
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend([choices.below(4) as u8, choices.below(4) as u8, 0, 0]);
        bytes.extend(sector.to_le_bytes());
        bytes.extend(sector.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(choices.of(&[0_u32, 1, 2]).to_le_bytes());
        self.poke(HEADERS, &bytes);
    }

    /// A request that is nearly right, so that what is wrong with it is not all.
    fn request(&mut self, device: usize, queue: usize, choices: &mut Choices<'_>) {
        let table = self.queues[device][queue].areas[0];
        let write = choices.of(&[0_u16, 2]);
        let len = choices.of(&[512_u32, 4096, 16, 60, 1514, 0x8_0000]);
        let parts = [(HEADERS, 16, 1), (DATA, len, 1 | write), (HEADERS + 64, 1, 2)];
        for (index, (address, len, flags)) in (0_u16..).zip(parts) {
            let at = table.wrapping_add(16 * u64::from(index));
            let mut bytes = u64::to_le_bytes(address).to_vec();
            bytes.extend(u32::to_le_bytes(len));
            bytes.extend(u16::to_le_bytes(flags));
            bytes.extend((index + 1).to_le_bytes());
            self.poke(at, &bytes);
        }
        self.offer(device, queue, choices);
    }

    /// Every device can be reset, and the first serves a driver that keeps the rules.
    fn check(&mut self) {
        for device in 0..DEVICES.len() {
            self.set(device, register::STATUS, 0);
            let status = self.read(transport(device as u64) + register::STATUS, 4);
            assert_eq!(status, 0, "device {device} is reset");
        }
        self.begin();
        for status in [1, 3] {
            self.set(0, register::STATUS, status);
        }
        self.set(0, register::ACCEPTED_SELECT, 0);
        self.set(0, register::ACCEPTED, 0);
        self.set(0, register::ACCEPTED_SELECT, 1);
        self.set(0, register::ACCEPTED, 1);
        self.set(0, register::STATUS, 11);
        self.set_up(0, 0, &mut Choices::new(&[]));
        self.set(0, register::STATUS, AT_WORK);
        self.header(&mut Choices::new(&[0, 1]));
        self.poke(HEADERS + 64, &[0xff]);
        // Sector 0 in 512 bytes.
        self.request(0, 0, &mut Choices::new(&[1]));
        let until = Instant::now() + PATIENCE;
        let used = self.queues[0][0].areas[2] + 2;
        while self.read(used, 2) != 1 {
            assert!(Instant::now() < until, "a request is never answered");
            std::thread::yield_now();
        }
        assert_eq!(self.read(HEADERS + 64, 1), 0, "a sector is read");
    }
}

fn transport(index: u64) -> u64 {
    0x1000_0000 + 0x1000 * index
}
