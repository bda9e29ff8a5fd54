//! Virtio devices on PCI (Virtio 1.2, section 4.1), `virtio-*-pci`: the same devices as on other
//! transports, with a function of a PCI bus around them.
//!
//! On a root bus a device is transitional, as QEMU's are: it has the ids and the I/O ports of before
//! Virtio 1.0 besides (section 4.1.4.8). Behind a port it has the modern form only.

use std::sync::{Arc, OnceLock, Weak};

use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::device::{VirtioDevice, id};
use super::function::{Function, Interrupts, status};
use crate::board::{Board, Device as BoardDevice};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::pci::{
    Bar, BarKind, ConfigSpace, Express, Identity, Msix, PciFunction, address, parse_address,
};
use crate::devices::state::Saved;
use crate::devices::{Built, Bus, BusKind, Defaults, Device, Driver, Peripheral, Seat};
use crate::machine::unmodelled::Block;
use crate::machine::{BusAccess, Line, Site};
use crate::qapi::{
    DeviceOptionsDriver, OnOffAuto, Virtio9pDeviceProperties, Virtio9pPciProperties,
    VirtioBalloonDeviceProperties, VirtioBalloonPciProperties, VirtioBlkDeviceProperties,
    VirtioBlkPciProperties, VirtioNetDeviceProperties, VirtioNetPciProperties,
    VirtioRngDeviceProperties, VirtioRngPciProperties, VirtioSerialDeviceProperties,
    VirtioSerialPciProperties,
};

/// BARs: ports of before Virtio 1.0, messages, registers.
const LEGACY: u32 = 0;
const MESSAGES: u32 = 1;
const MODERN: u32 = 4;
/// The structures in [`MODERN`], each of [`STRUCTURE`] bytes: the type of its capability by place
/// (common, interrupt status, device, notify; section 4.1.4).
const STRUCTURES: [u8; 4] = [1, 3, 4, 2];
const STRUCTURE: u64 = 0x1000;
/// The type of the capability that is a window on the BARs, and its registers (section 4.1.4.9).
const WINDOW: u8 = 5;
mod window {
    pub(super) const BAR: u16 = 4;
    pub(super) const OFFSET: u16 = 8;
    pub(super) const LENGTH: u16 = 12;
    pub(super) const DATA: u16 = 16;
}
/// How far apart the queues' notify registers are.
const NOTIFY_MULTIPLIER: u32 = 4;
/// No message for an event.
const NO_VECTOR: u16 = 0xffff;
/// Bits of the interrupt status.
const USED: u8 = 1;
const CONFIG: u8 = 2;

/// Offsets in the common configuration (section 4.1.4.3).
mod common {
    pub(super) const DEVICE_FEATURE_SELECT: u64 = 0x00;
    pub(super) const DEVICE_FEATURE: u64 = 0x04;
    pub(super) const DRIVER_FEATURE_SELECT: u64 = 0x08;
    pub(super) const DRIVER_FEATURE: u64 = 0x0c;
    pub(super) const CONFIG_VECTOR: u64 = 0x10;
    pub(super) const NUM_QUEUES: u64 = 0x12;
    pub(super) const STATUS: u64 = 0x14;
    pub(super) const GENERATION: u64 = 0x15;
    pub(super) const QUEUE_SELECT: u64 = 0x16;
    pub(super) const QUEUE_SIZE: u64 = 0x18;
    pub(super) const QUEUE_VECTOR: u64 = 0x1a;
    pub(super) const QUEUE_ENABLE: u64 = 0x1c;
    pub(super) const QUEUE_NOTIFY_OFF: u64 = 0x1e;
    pub(super) const QUEUE_DESC: u64 = 0x20;
    pub(super) const QUEUE_DEVICE_HIGH: u64 = 0x34;
}

/// Offsets in the I/O ports of before Virtio 1.0 (section 4.1.4.8).
mod legacy {
    pub(super) const DEVICE_FEATURES: u64 = 0x00;
    pub(super) const DRIVER_FEATURES: u64 = 0x04;
    pub(super) const QUEUE_PFN: u64 = 0x08;
    pub(super) const QUEUE_SIZE: u64 = 0x0c;
    pub(super) const QUEUE_SELECT: u64 = 0x0e;
    pub(super) const QUEUE_NOTIFY: u64 = 0x10;
    pub(super) const STATUS: u64 = 0x12;
    pub(super) const ISR: u64 = 0x13;
    pub(super) const CONFIG_VECTOR: u64 = 0x14;
    pub(super) const QUEUE_VECTOR: u64 = 0x16;
    /// The device's configuration, without and with messages.
    pub(super) const CONFIG: [u64; 2] = [0x14, 0x18];
    pub(super) const PAGE: u64 = 4096;
}

/// What such a device has of PCI.
struct OnPci<'a> {
    disable_legacy: OnOffAuto,
    disable_modern: bool,
    multifunction: bool,
    vectors: Option<u32>,
    addr: Option<&'a str>,
}

/// One row a device: its driver, its properties, those of the device within, what else the driver says
/// of them; the name that leaves the transport open, and the driver on other transports.
macro_rules! on_pci {
    ($($variant:ident($properties:ident) = $name:literal, $open:ident or $other:ident:
        $device:ident { $($field:ident),* } { $($more:tt)* })*) => {$(
        impl Defaults for $properties {
            fn defaults() -> Self {
                let $device { bus: _, $($field),* } = $device::defaults();
                Self {
                    bus: None,
                    addr: None,
                    multifunction: Some(false),
                    disable_legacy: Some(OnOffAuto::Auto),
                    disable_modern: Some(false),
                    vectors: None,
                    $($field),*
                }
            }
        }

        impl $properties {
            fn device(&self) -> $device {
                $device { bus: None, $($field: self.$field.clone()),* }
            }

            fn on_pci(&self) -> OnPci<'_> {
                OnPci {
                    disable_legacy: self.disable_legacy.unwrap_or(OnOffAuto::Auto),
                    disable_modern: self.disable_modern.unwrap_or(false),
                    multifunction: self.multifunction.unwrap_or(false),
                    vectors: self.vectors,
                    addr: self.addr.as_deref(),
                }
            }
        }

        impl Driver for $properties {
            fn check(&self) -> Result<(), QmpError> {
                self.on_pci().check($name)?;
                self.device().check()
            }

            fn on_bus(&self) -> bool {
                false
            }

            fn seat(&self) -> Option<Seat<'_>> {
                let slot = self.on_pci().slot($name);
                Some(Seat { kind: BusKind::Pci, bus: self.bus.as_deref(), slot })
            }

            fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
                let options = Self { bus: Some(owner.into()), ..self.clone() };
                Some(DeviceOptionsDriver::$variant(options))
            }

            fn in_slot(&self, slot: u32) -> Option<DeviceOptionsDriver> {
                let options = Self { addr: Some(address(slot)), ..self.clone() };
                Some(DeviceOptionsDriver::$variant(options))
            }

            fn multifunction(&self) -> bool {
                self.multifunction == Some(true)
            }

            fn parts(&self) -> &'static [&'static str] {
                &["virtio-backend"]
            }

            fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
                Ok(self.on_pci().wrap(self.device().build(site)?, site))
            }

            $($more)*
        }
    )*

    /// What a name stands for that leaves the transport open.
    pub fn chosen(
        options: DeviceOptionsDriver,
        is_on_pci: impl FnOnce(&DeviceOptionsDriver) -> bool,
    ) -> DeviceOptionsDriver {
        let on_pci = match &options {
            $(DeviceOptionsDriver::$open(_) => is_on_pci(&options),)*
            _ => return options,
        };
        match options {
            $(DeviceOptionsDriver::$open(own) if on_pci => DeviceOptionsDriver::$variant(own),
            DeviceOptionsDriver::$open(own) => {
                DeviceOptionsDriver::$other($device { bus: own.bus.clone(), ..own.device() })
            })*
            other => other,
        }
    }
    };
}

on_pci! {
    Virtio9pPci(Virtio9pPciProperties) = "virtio-9p-pci", Virtio9p or Virtio9pDevice:
        Virtio9pDeviceProperties { fsdev, mount_tag, packed } {}
    VirtioBalloonPci(VirtioBalloonPciProperties) = "virtio-balloon-pci",
        VirtioBalloon or VirtioBalloonDevice:
        VirtioBalloonDeviceProperties { deflate_on_oom, free_page_reporting, packed }
    {
        fn added(&self, board: &mut Board, own: &BoardDevice) -> Result<(), QmpError> {
            self.device().added(board, own)
        }
    }
    VirtioBlkPci(VirtioBlkPciProperties) = "virtio-blk-pci", VirtioBlk or VirtioBlkDevice:
        VirtioBlkDeviceProperties {
        drive, serial, num_queues, queue_size, packed, config_wce, write_cache,
        logical_block_size, physical_block_size, discard, write_zeroes, rerror, werror
    } {
        fn drive(&self) -> Option<&str> {
            self.drive.as_deref()
        }
    }
    VirtioNetPci(VirtioNetPciProperties) = "virtio-net-pci", VirtioNet or VirtioNetDevice:
        VirtioNetDeviceProperties {
        netdev, mac, rx_queue_size, tx_queue_size, packed, csum, guest_csum, mrg_rxbuf
    } {
        fn netdev(&self) -> Option<&str> {
            self.netdev.as_deref()
        }
    }
    VirtioRngPci(VirtioRngPciProperties) = "virtio-rng-pci", VirtioRng or VirtioRngDevice:
        VirtioRngDeviceProperties { rng } {
        fn object(&self) -> Option<&str> {
            self.rng.as_deref()
        }
    }
    VirtioSerialPci(VirtioSerialPciProperties) = "virtio-serial-pci",
        VirtioSerial or VirtioSerialDevice:
        VirtioSerialDeviceProperties {
        max_ports, emergency_write, packed
    } {
        fn bus(&self) -> Option<Bus> {
            self.device().bus()
        }

        fn hot_plug(&self) -> bool {
            true
        }
    }
}

impl OnPci<'_> {
    fn check(&self, name: &str) -> Result<(), QmpError> {
        if self.disable_modern && self.disable_legacy == OnOffAuto::On {
            return Err(QmpError::generic(
                "device cannot work as neither modern nor legacy mode is enabled: set either disable-modern or disable-legacy to off",
            ));
        }
        self.addr.map_or(Ok(()), |addr| parse_address(name, addr).map(drop))
    }

    fn slot(&self, name: &str) -> u32 {
        self.addr.map_or(Seat::ANY, |addr| parse_address(name, addr).unwrap_or(Seat::NONE))
    }

    /// Puts a function around a device.
    fn wrap(&self, built: Built, site: &Site<'_>) -> Built {
        let Some(Peripheral::Virtio(device)) = built.peripheral else { return built };
        let behind_port =
            site.board.seat(site.device).is_some_and(|(owner, _)| owner.driver().hot_plug());
        let form = Form {
            legacy: match self.disable_legacy {
                OnOffAuto::On => false,
                OnOffAuto::Off => true,
                OnOffAuto::Auto => !behind_port,
            },
            modern: !self.disable_modern,
            express: behind_port,
            multifunction: self.multifunction,
        };
        let pin = Line::default();
        let state = State::new(&*device, form, self.vectors);
        let transport = Arc::new(Transport {
            name: site.device.name.to_string(),
            chip: Chip::new(state, vec![pin.clone()]),
            pin,
            bus: site.bus.clone(),
            block: site.block(),
            function: OnceLock::new(),
        });
        let interrupts: Arc<dyn Interrupts> = transport.clone();
        let interrupts: Weak<dyn Interrupts> = Arc::downgrade(&interrupts);
        let (bus, block) = (site.bus.clone(), site.block());
        let _ = transport.function.set(Function::plug(device, interrupts, bus, block, false));
        let function: Arc<dyn PciFunction> = transport.clone();
        Built { device: transport, peripheral: Some(Peripheral::Pci(function)), ..built }
    }
}

/// Which of its forms a device has.
#[derive(Clone, Copy)]
struct Form {
    legacy: bool,
    modern: bool,
    express: bool,
    multifunction: bool,
}

/// What the transport keeps of itself.
#[derive(Serialize, Deserialize)]
struct State {
    config: ConfigSpace,
    msix: Msix,
    isr: u8,
    device_features: u32,
    driver_features: u32,
    queue: u16,
    config_vector: u16,
    queue_vectors: Vec<u16>,
    /// Where the window is through which BARs are reached without being mapped.
    #[serde(skip)]
    window: u16,
}

impl State {
    fn new(device: &dyn VirtioDevice, form: Form, vectors: Option<u32>) -> Self {
        let queues = device.queues().len();
        let (class, transitional) = numbers(device.id());
        let mut config = ConfigSpace::device(Identity {
            vendor: 0x1af4,
            device: if form.legacy { transitional } else { 0x1040 + device.id() as u16 },
            revision: u8::from(!form.legacy),
            class,
            subsystem: (0x1af4, if form.legacy { device.id() as u16 } else { 0x1100 }),
            interrupt: true,
            express: form.express,
        });
        if form.multifunction {
            config.make_multifunction();
        }
        if form.express {
            config.add_express(Express {
                flags: 0,
                link: 0x0000_0411,
                device2: 0x0030_0000,
                link2: 0,
            });
            let power = config.add_capability(0x01, 8);
            config.set16(power + 2, 3);
            config.allow(power + 4, 2, 3);
        }
        if form.legacy {
            let size = legacy::CONFIG[1] + device.config().len() as u64;
            let size = size.next_power_of_two();
            config.add_bar(Bar { index: LEGACY as u8, kind: BarKind::Io, size });
        }
        let mut window = 0;
        if form.modern {
            for (place, kind) in (0..).zip(STRUCTURES) {
                let len = if kind == 2 { 0x14 } else { 0x10 };
                let at = config.add_capability(0x09, len);
                config.set8(at + 2, len as u8);
                config.set8(at + 3, kind);
                config.set8(at + 4, MODERN as u8);
                config.set32(at + 8, place * STRUCTURE as u32);
                config.set32(at + 12, STRUCTURE as u32);
                if kind == 2 {
                    config.set32(at + 16, NOTIFY_MULTIPLIER);
                }
            }
            window = config.add_capability(0x09, 0x14);
            config.set8(window + 2, 0x14);
            config.set8(window + 3, WINDOW);
            config.allow(window + window::BAR, 1, 0xff);
            for register in [window::OFFSET, window::LENGTH, window::DATA] {
                config.allow(window + register, 4, u32::MAX);
            }
            config.add_bar(Bar {
                index: MODERN as u8,
                kind: BarKind::Prefetchable,
                size: 4 * STRUCTURE,
            });
        }
        let vectors = vectors.and_then(|count| u16::try_from(count).ok());
        let vectors = vectors.unwrap_or(queues as u16 + 1);
        let msix = Msix::new(&mut config, MESSAGES as u8, vectors);
        Self {
            config: config.finish(),
            msix,
            isr: 0,
            device_features: 0,
            driver_features: 0,
            queue: 0,
            config_vector: NO_VECTOR,
            queue_vectors: vec![NO_VECTOR; queues],
            window,
        }
    }

    /// Back to the state after a reset of the device, which is not one of the function.
    fn forget(&mut self) {
        self.isr = 0;
        (self.device_features, self.driver_features, self.queue) = (0, 0, 0);
        self.config_vector = NO_VECTOR;
        self.queue_vectors.fill(NO_VECTOR);
    }

    fn vector(&mut self, queue: Option<u16>) -> Option<&mut u16> {
        match queue {
            None => Some(&mut self.config_vector),
            Some(queue) => self.queue_vectors.get_mut(usize::from(queue)),
        }
    }

    /// A vector that is not there is not taken (section 4.1.5.1.2).
    fn set_vector(&mut self, queue: Option<u16>, value: u16) {
        let value = if self.msix.has(value) { value } else { NO_VECTOR };
        if let Some(vector) = self.vector(queue) {
            *vector = value;
        }
    }
}

/// Class, and device id of before Virtio 1.0, by what a device is.
fn numbers(device: u32) -> (u16, u16) {
    match device {
        1 => (0x0200, 0x1000),
        id::BLOCK => (0x0100, 0x1001),
        3 => (0x0780, 0x1003),
        4 => (0x00ff, 0x1005),
        5 => (0x00ff, 0x1002),
        9 => (0x0002, 0x1009),
        other => (0x00ff, 0x1040 + other as u16),
    }
}

impl Outputs for State {
    fn drive(&self, lines: &[Line]) {
        lines.iter().for_each(|line| line.set(self.config.pin_level()));
    }

    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        if saved.queue_vectors.len() != self.queue_vectors.len() {
            return Err("another number of queues".into());
        }
        let mut msix = self.msix.clone();
        msix.adopt(saved.msix)?;
        let mut config = self.config.clone();
        config.adopt(saved.config)?;
        *self =
            Self { msix, config, queue_vectors: saved.queue_vectors, window: self.window, ..saved };
        Ok(())
    }
}

struct Transport {
    name: String,
    chip: Chip<State>,
    pin: Line,
    bus: BusAccess,
    block: Block,
    function: OnceLock<Arc<Function>>,
}

impl Interrupts for Transport {
    fn used(&self, queue: u16) {
        self.tell(Some(queue), USED);
    }

    fn config(&self) {
        self.tell(None, CONFIG);
    }
}

impl Transport {
    /// Changes something; pin and messages follow.
    fn change<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let (result, messages) = self.chip.with(|state| {
            let result = work(state);
            let pending = state.isr != 0 && !state.msix.is_on(&state.config);
            state.config.set_intx(pending);
            (result, state.msix.due(&state.config))
        });
        messages.into_iter().for_each(|message| message.send(&self.bus));
        result
    }

    fn tell(&self, queue: Option<u16>, bit: u8) {
        let message = self.change(|state| {
            if !state.msix.is_on(&state.config) {
                state.isr |= bit;
                return None;
            }
            let vector = state.vector(queue).copied()?;
            state.msix.raise(&state.config, vector)
        });
        if let Some(message) = message {
            message.send(&self.bus);
        }
    }

    /// What an access to the window's data is: where that is, and what it reaches in [`MODERN`].
    fn through_window(&self, offset: u16) -> Option<(u16, u64, u8)> {
        self.chip.peek(|state| {
            let at = state.window + window::DATA;
            let word = |register| state.config.read(state.window + register, 4);
            let (bar, to, len) = (word(window::BAR), word(window::OFFSET), word(window::LENGTH));
            let fits = matches!(len, 1 | 2 | 4) && to % len == 0;
            let ours = state.window != 0 && offset == at && bar & 0xff == MODERN;
            (ours && fits && u64::from(to) < 4 * STRUCTURE).then_some((at, to.into(), len as u8))
        })
    }

    /// The way to memory follows the command register.
    fn follow_command(&self, function: &Function) {
        function.set_access(self.chip.peek(|state| state.config.is_master()));
    }

    fn take_isr(&self) -> u64 {
        self.change(|state| std::mem::take(&mut state.isr)).into()
    }

    fn set_status(&self, function: &Function, value: u8) {
        if value == 0 {
            self.change(State::forget);
        }
        function.set_status(value);
    }

    fn read_common(&self, function: &Function, offset: u64) -> u64 {
        let (device_features, driver_features, queue) =
            self.chip.peek(|state| (state.device_features, state.driver_features, state.queue));
        let vector = |queue| self.change(|state| state.vector(queue).map_or(NO_VECTOR, |it| *it));
        let half = |all: u64, select| match select {
            0 => all & 0xffff_ffff,
            1 => all >> 32,
            _ => 0,
        };
        match offset {
            common::DEVICE_FEATURE_SELECT => device_features.into(),
            common::DEVICE_FEATURE => half(function.offered(), device_features),
            common::DRIVER_FEATURE_SELECT => driver_features.into(),
            common::DRIVER_FEATURE => half(function.accepted(), driver_features),
            common::CONFIG_VECTOR => vector(None).into(),
            common::NUM_QUEUES => function.device().queues().len() as u64,
            common::STATUS => function.status().into(),
            common::GENERATION => u64::from(function.generation() as u8),
            common::QUEUE_SELECT => queue.into(),
            common::QUEUE_SIZE => function.queue(queue, |it| it.layout.size.into()).unwrap_or(0),
            common::QUEUE_VECTOR => vector(Some(queue)).into(),
            common::QUEUE_ENABLE => function.is_enabled(queue).into(),
            common::QUEUE_NOTIFY_OFF => queue.into(),
            common::QUEUE_DESC..=common::QUEUE_DEVICE_HIGH => {
                let word = function.queue(queue, |it| *address_of(&mut it.layout, offset));
                let word = word.unwrap_or(0);
                if offset & 4 == 0 { word & 0xffff_ffff } else { word >> 32 }
            }
            _ => 0,
        }
    }

    fn write_common(&self, function: &Function, offset: u64, value: u32) {
        let (driver_features, queue) = self.chip.peek(|state| (state.driver_features, state.queue));
        let set = |work: fn(&mut State, u32)| self.chip.with(|state| work(state, value));
        match offset {
            common::DEVICE_FEATURE_SELECT => set(|state, value| state.device_features = value),
            common::DRIVER_FEATURE_SELECT => set(|state, value| state.driver_features = value),
            common::DRIVER_FEATURE => function.accept(driver_features, value),
            common::CONFIG_VECTOR => set(|state, value| state.set_vector(None, value as u16)),
            common::STATUS => self.set_status(function, value as u8),
            common::QUEUE_SELECT => set(|state, value| state.queue = value as u16),
            common::QUEUE_SIZE => {
                function.queue(queue, |it| it.layout.size = value as u16);
            }
            common::QUEUE_VECTOR => {
                set(|state, value| state.set_vector(Some(state.queue), value as u16));
            }
            // A queue is taken out of use by a reset only.
            common::QUEUE_ENABLE if value == 1 => function.enable(queue, true),
            common::QUEUE_DESC..=common::QUEUE_DEVICE_HIGH => {
                function.queue(queue, |it| {
                    let word = address_of(&mut it.layout, offset);
                    *word = match offset & 4 {
                        0 => *word & !0xffff_ffff | u64::from(value),
                        _ => *word & 0xffff_ffff | u64::from(value) << 32,
                    };
                });
            }
            _ => self.block.unmodelled_write(offset, 4, value.into()),
        }
    }

    /// Where the device's configuration is in the ports.
    fn legacy_config(&self) -> u64 {
        let messages = self.chip.peek(|state| state.msix.is_on(&state.config));
        legacy::CONFIG[usize::from(messages)]
    }

    fn read_legacy(&self, function: &Function, offset: u64, size: u8) -> u64 {
        if let Some(at) = offset.checked_sub(self.legacy_config()) {
            return read_config(function, at, size);
        }
        let queue = self.chip.peek(|state| state.queue);
        match offset {
            legacy::DEVICE_FEATURES => function.offered() & 0xffff_ffff,
            legacy::DRIVER_FEATURES => function.accepted() & 0xffff_ffff,
            legacy::QUEUE_PFN if function.is_enabled(queue) => {
                function.queue(queue, |it| it.layout.descriptors / legacy::PAGE).unwrap_or(0)
            }
            legacy::QUEUE_SIZE => function.queue(queue, |it| it.largest.into()).unwrap_or(0),
            legacy::QUEUE_SELECT => queue.into(),
            legacy::STATUS => function.status().into(),
            legacy::ISR => self.take_isr(),
            legacy::CONFIG_VECTOR => self.read_common(function, common::CONFIG_VECTOR),
            legacy::QUEUE_VECTOR => self.read_common(function, common::QUEUE_VECTOR),
            _ => 0,
        }
    }

    fn write_legacy(&self, function: &Function, offset: u64, size: u8, value: u64) {
        if let Some(at) = offset.checked_sub(self.legacy_config()) {
            return write_config(function, at, size, value);
        }
        let value = value as u32;
        match offset {
            legacy::DRIVER_FEATURES => function.accept(0, value),
            legacy::QUEUE_PFN => {
                let queue = self.chip.peek(|state| state.queue);
                function.queue(queue, |it| {
                    let (layout, size) = (&mut it.layout, u64::from(it.largest));
                    layout.descriptors = u64::from(value) * legacy::PAGE;
                    layout.driver = layout.descriptors + 16 * size;
                    layout.device = (layout.driver + 6 + 2 * size).next_multiple_of(legacy::PAGE);
                });
                function.enable(queue, value != 0);
            }
            legacy::QUEUE_SELECT => self.write_common(function, common::QUEUE_SELECT, value),
            legacy::QUEUE_NOTIFY => function.notify(value as u16),
            legacy::STATUS => {
                self.set_status(function, value as u8);
                if value as u8 & status::DRIVER_OK != 0 {
                    // Old drivers leave that out, and QEMU does it for them.
                    self.change(|state| state.config.make_master());
                    self.follow_command(function);
                }
            }
            legacy::CONFIG_VECTOR => self.write_common(function, common::CONFIG_VECTOR, value),
            legacy::QUEUE_VECTOR => self.write_common(function, common::QUEUE_VECTOR, value),
            _ => self.block.unmodelled_write(offset, size, value.into()),
        }
    }
}

/// The address of a queue's part that a register is half of.
fn address_of(layout: &mut super::ring::Layout, offset: u64) -> &mut u64 {
    match offset & !7 {
        0x20 => &mut layout.descriptors,
        0x28 => &mut layout.driver,
        _ => &mut layout.device,
    }
}

fn read_config(function: &Function, offset: u64, size: u8) -> u64 {
    let config = function.device().config();
    let bytes = config.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let bytes: Vec<u8> = bytes.take(size.into()).copied().collect();
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn write_config(function: &Function, offset: u64, size: u8, value: u64) {
    let len = function.device().config().len() as u64;
    if let (Ok(at), Some(bytes)) = (usize::try_from(offset), value.to_le_bytes().get(..size.into()))
        && offset + u64::from(size) <= len
    {
        function.device().write_config(at, bytes);
    }
}

impl PciFunction for Transport {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&self, look: &mut dyn FnMut(&ConfigSpace)) {
        self.chip.peek(|state| look(&state.config));
    }

    fn read_config(&self, offset: u16, size: u8) -> u32 {
        if let Some((place, at, len)) = self.through_window(offset) {
            let value = Device::read(self, MODERN, at, len) as u32;
            self.chip.with(|state| state.config.set32(place, value));
        }
        self.chip.peek(|state| state.config.read(offset, size))
    }

    fn write_config(&self, offset: u16, size: u8, value: u32) {
        let reset = self.change(|state| {
            state.config.write(offset, size, value);
            state.config.wants_reset()
        });
        if reset {
            return Device::reset(self);
        }
        if let Some(function) = self.function.get() {
            self.follow_command(function);
        }
        if let Some((_, at, len)) = self.through_window(offset) {
            Device::write(self, MODERN, at, len, value.into());
        }
    }

    fn pin(&self) -> Option<&Line> {
        Some(&self.pin)
    }
}

impl Device for Transport {
    fn read(&self, bar: u32, offset: u64, size: u8) -> u64 {
        let Some(function) = self.function.get() else { return 0 };
        let place = offset % STRUCTURE;
        match (bar, offset / STRUCTURE) {
            (_, 2) if bar == MODERN => read_config(function, place, size),
            (_, _) if size == 8 => self.read(bar, offset, 4) | self.read(bar, offset + 4, 4) << 32,
            (LEGACY, _) => self.read_legacy(function, offset, size),
            (MESSAGES, _) => {
                let word = self.chip.peek(|state| state.msix.read(offset));
                u64::from(word) >> (8 * (offset & 3))
            }
            (MODERN, 0) => self.read_common(function, place),
            (MODERN, 1) if place == 0 => self.take_isr(),
            _ => 0,
        }
    }

    fn write(&self, bar: u32, offset: u64, size: u8, value: u64) {
        let Some(function) = self.function.get() else { return };
        let place = offset % STRUCTURE;
        match (bar, offset / STRUCTURE) {
            (_, 2) if bar == MODERN => write_config(function, place, size, value),
            (_, _) if size == 8 => {
                self.write(bar, offset, 4, value & 0xffff_ffff);
                self.write(bar, offset + 4, 4, value >> 32);
            }
            (LEGACY, _) => self.write_legacy(function, offset, size, value),
            (MESSAGES, _) if size == 4 => {
                self.change(|state| state.msix.write(offset, value as u32));
            }
            (MODERN, 0) => self.write_common(function, place, value as u32),
            (MODERN, 3) => function.notify((place / u64::from(NOTIFY_MULTIPLIER)) as u16),
            _ => {}
        }
    }

    fn reset(&self) {
        if let Some(function) = self.function.get() {
            function.reset();
        }
        self.change(|state| {
            state.forget();
            state.config.reset();
            state.msix.reset();
        });
        if let Some(function) = self.function.get() {
            self.follow_command(function);
        }
    }

    fn saved(&self) -> Option<&dyn Saved> {
        Some(self)
    }
}

impl Saved for Transport {
    fn save(&self) -> Result<Value, String> {
        let function = self.function.get().map_or(Ok(Value::Null), |it| it.save())?;
        Ok(json!({ "transport": self.chip.save()?, "function": function }))
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        if let Some(function) = self.function.get() {
            function.load(&saved["function"])?;
        }
        self.chip.load(&saved["transport"])
    }

    fn settle(&self) {
        self.chip.settle();
        if let Some(function) = self.function.get() {
            self.follow_command(function);
            function.resume();
        }
    }
}
