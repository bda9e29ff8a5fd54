//! `virtio-mmio`: the transport with registers in memory (Virtio 1.2, section 4.2), in version 2 and
//! in version 1 of before Virtio 1.0 (section 4.2.4). Without a device in it, a guest sees an empty
//! slot: device id 0.

use std::sync::{Arc, OnceLock, Weak};

use boardwright_devicetree::Node;
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::device::{VirtioBus, VirtioDevice};
use super::function::{Function, Interrupts, Queue};
use crate::devices::binding::{Binding, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Bus, BusKind, Defaults, Device, Driver, LiveBus, Port, Region};
use crate::machine::unmodelled::Block;
use crate::machine::{BusAccess, Line, Site};
use crate::qapi::{DeviceOptionsDriver, VirtioMmioProperties};

/// Offsets of the registers (table 4.1, and 4.2 for version 1).
mod register {
    pub(super) const MAGIC: u64 = 0x000;
    pub(super) const VERSION: u64 = 0x004;
    pub(super) const DEVICE_ID: u64 = 0x008;
    pub(super) const VENDOR: u64 = 0x00c;
    pub(super) const DEVICE_FEATURES: u64 = 0x010;
    pub(super) const DEVICE_FEATURES_SEL: u64 = 0x014;
    pub(super) const DRIVER_FEATURES: u64 = 0x020;
    pub(super) const DRIVER_FEATURES_SEL: u64 = 0x024;
    pub(super) const GUEST_PAGE_SIZE: u64 = 0x028;
    pub(super) const QUEUE_SEL: u64 = 0x030;
    pub(super) const QUEUE_NUM_MAX: u64 = 0x034;
    pub(super) const QUEUE_NUM: u64 = 0x038;
    pub(super) const QUEUE_ALIGN: u64 = 0x03c;
    pub(super) const QUEUE_PFN: u64 = 0x040;
    pub(super) const QUEUE_READY: u64 = 0x044;
    pub(super) const QUEUE_NOTIFY: u64 = 0x050;
    pub(super) const INTERRUPT_STATUS: u64 = 0x060;
    pub(super) const INTERRUPT_ACK: u64 = 0x064;
    pub(super) const STATUS: u64 = 0x070;
    pub(super) const QUEUE_DESC: u64 = 0x080;
    pub(super) const QUEUE_DRIVER: u64 = 0x090;
    pub(super) const QUEUE_DEVICE: u64 = 0x0a0;
    pub(super) const SHM_FIRST: u64 = 0x0b0;
    pub(super) const SHM_LAST: u64 = 0x0bc;
    pub(super) const CONFIG_GENERATION: u64 = 0x0fc;
    pub(super) const CONFIG: u64 = 0x100;
}

/// "virt".
const MAGIC: u32 = 0x7472_6976;
/// "QEMU", as guests know it.
const VENDOR: u32 = 0x554d_4551;
/// Bits of the interrupt status.
const USED: u32 = 1;
const CONFIG: u32 = 2;
/// What a shared memory region says that is not there.
const NO_REGION: u64 = 0xffff_ffff;

impl Defaults for VirtioMmioProperties {
    fn defaults() -> Self {
        Self { force_legacy: Some(true) }
    }
}

impl Driver for VirtioMmioProperties {
    fn regions(&self) -> Vec<Region> {
        vec![Region::io("virtio-mmio", 0x200)]
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(1)]
    }

    fn bus(&self) -> Option<Bus> {
        Some(Bus { kind: BusKind::Virtio, slots: 1 })
    }

    fn bindings() -> &'static [Binding] {
        &[Binding {
            nodes: Nodes::Compatible(&["virtio,mmio"]),
            read: |node| Ok(node.device(DeviceOptionsDriver::VirtioMmio(Self::defaults()))),
        }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        Some(place.with_interrupts(place.bus_node("virtio_mmio", &["virtio,mmio"])?))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let transport = Arc::new(Transport {
            legacy: self.force_legacy.unwrap_or(true),
            bus: site.bus.clone(),
            block: site.block(),
            chip: Chip::new(Selectors::default(), site.lines.clone()),
            function: OnceLock::new(),
        });
        Ok(Built { bus: Some(LiveBus::Virtio(transport.clone())), ..Built::device(transport) })
    }
}

/// What the transport keeps of itself.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Selectors {
    interrupt: u32,
    device_features: u32,
    driver_features: u32,
    queue: u16,
    page_size: u32,
    align: u32,
}

impl Outputs for Selectors {
    fn drive(&self, lines: &[Line]) {
        for line in lines {
            line.set(self.interrupt != 0);
        }
    }
}

struct Transport {
    legacy: bool,
    bus: BusAccess,
    block: Block,
    chip: Chip<Selectors>,
    function: OnceLock<Arc<Function>>,
}

impl VirtioBus for Transport {
    fn plug(self: Arc<Self>, device: Arc<dyn VirtioDevice>) {
        let interrupts: Arc<dyn Interrupts> = self.clone();
        let interrupts: Weak<dyn Interrupts> = Arc::downgrade(&interrupts);
        let (bus, block) = (self.bus.clone(), self.block.clone());
        let function = Function::plug(device, interrupts, bus, block, self.legacy);
        // The board has refused a second one.
        let _ = self.function.set(function);
    }
}

impl Interrupts for Transport {
    fn used(&self, _queue: u16) {
        self.chip.with(|chip| chip.interrupt |= USED);
    }

    fn config(&self) {
        self.chip.with(|chip| chip.interrupt |= CONFIG);
    }
}

impl Transport {
    /// What a slot without a device has.
    fn read_empty(&self, offset: u64) -> u32 {
        match offset {
            register::MAGIC => MAGIC,
            register::VERSION => {
                if self.legacy {
                    1
                } else {
                    2
                }
            }
            register::VENDOR => VENDOR,
            // The device id, 0, among others.
            _ => 0,
        }
    }

    fn read_register(&self, function: &Function, offset: u64) -> u64 {
        let chip = self.chip.peek(|chip| *chip);
        let queue = |look: fn(&mut Queue) -> u64| function.queue(chip.queue, look).unwrap_or(0);
        match offset {
            register::MAGIC | register::VERSION | register::VENDOR => {
                self.read_empty(offset).into()
            }
            register::DEVICE_ID => function.device().id().into(),
            register::DEVICE_FEATURES => match chip.device_features {
                0 => function.offered() & 0xffff_ffff,
                1 => function.offered() >> 32,
                _ => 0,
            },
            register::QUEUE_NUM_MAX => queue(|queue| queue.largest.into()),
            register::QUEUE_PFN if self.legacy => match function.is_enabled(chip.queue) {
                true => queue(|queue| queue.layout.descriptors) / u64::from(chip.page_size.max(1)),
                false => 0,
            },
            register::QUEUE_READY if !self.legacy => function.is_enabled(chip.queue).into(),
            register::INTERRUPT_STATUS => chip.interrupt.into(),
            register::STATUS => function.status().into(),
            register::SHM_FIRST..=register::SHM_LAST if !self.legacy => NO_REGION,
            register::CONFIG_GENERATION if !self.legacy => function.generation().into(),
            _ => {
                self.block.unmodelled_read(offset, 4);
                0
            }
        }
    }

    fn write_register(&self, function: &Function, offset: u64, value: u32) {
        let chip = self.chip.peek(|chip| *chip);
        let set = |work: fn(&mut Selectors, u32)| self.chip.with(|chip| work(chip, value));
        let half = |place: fn(&mut Queue) -> &mut u64, high: bool| {
            function.queue(chip.queue, |queue| {
                let word = place(queue);
                *word = match high {
                    false => *word & !0xffff_ffff | u64::from(value),
                    true => *word & 0xffff_ffff | u64::from(value) << 32,
                };
            });
        };
        match offset {
            register::DEVICE_FEATURES_SEL => set(|chip, value| chip.device_features = value),
            register::DRIVER_FEATURES => function.accept(chip.driver_features, value),
            register::DRIVER_FEATURES_SEL => set(|chip, value| chip.driver_features = value),
            // A number that no queue has selects none.
            register::QUEUE_SEL => {
                set(|chip, value| chip.queue = u16::try_from(value).unwrap_or(u16::MAX));
            }
            register::QUEUE_NUM => {
                let size = u16::try_from(value).unwrap_or(u16::MAX);
                function.queue(chip.queue, |queue| queue.layout.size = size);
            }
            register::QUEUE_NOTIFY => match u16::try_from(value) {
                Ok(queue) => function.notify(queue),
                Err(_) => function.complain(|| format!("queue {value} is notified")),
            },
            register::INTERRUPT_ACK => set(|chip, value| chip.interrupt &= !value),
            register::STATUS => {
                // Section 2.1: bits beyond the byte do not exist.
                function.set_status(value as u8);
                if value & 0xff == 0 {
                    // What the driver has said of its pages before stays (section 4.2.4).
                    self.chip.with(|chip| chip.interrupt = 0);
                }
            }
            register::GUEST_PAGE_SIZE if self.legacy => set(|chip, value| chip.page_size = value),
            register::QUEUE_ALIGN if self.legacy => set(|chip, value| chip.align = value),
            register::QUEUE_PFN if self.legacy => self.place(function, value),
            register::QUEUE_READY if !self.legacy => function.enable(chip.queue, value & 1 != 0),
            _ if self.legacy => self.block.unmodelled_write(offset, 4, value.into()),
            _ => match (offset & !4, offset & 4 != 0) {
                (register::QUEUE_DESC, high) => half(|q| &mut q.layout.descriptors, high),
                (register::QUEUE_DRIVER, high) => half(|q| &mut q.layout.driver, high),
                (register::QUEUE_DEVICE, high) => half(|q| &mut q.layout.device, high),
                _ => self.block.unmodelled_write(offset, 4, value.into()),
            },
        }
    }

    /// Version 1 has all of a queue in one run of pages (section 2.7.2); page 0 is none.
    fn place(&self, function: &Function, pfn: u32) {
        let Selectors { queue, page_size, align, .. } = self.chip.peek(|chip| *chip);
        let align = u64::from(align.max(1));
        function.queue(queue, |queue| {
            let layout = &mut queue.layout;
            let size = u64::from(layout.size);
            layout.descriptors = u64::from(pfn) * u64::from(page_size);
            layout.driver = layout.descriptors + 16 * size;
            layout.device = (layout.driver + 6 + 2 * size).next_multiple_of(align);
        });
        function.enable(queue, pfn != 0);
    }

    fn read_config(&self, function: &Function, offset: u64, size: u8) -> u64 {
        let config = function.device().config();
        let mut bytes = [0; 8];
        let place =
            usize::try_from(offset).ok().and_then(|at| config.get(at..at + usize::from(size)));
        let Some(place) = place else {
            self.block.unmodelled_read(register::CONFIG + offset, size);
            return u64::MAX >> (64 - 8 * u32::from(size));
        };
        bytes.iter_mut().zip(place).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(bytes)
    }

    fn write_config(&self, function: &Function, offset: u64, size: u8, value: u64) {
        let len = function.device().config().len() as u64;
        match (usize::try_from(offset), value.to_le_bytes().get(..size.into())) {
            (Ok(at), Some(bytes)) if offset + u64::from(size) <= len => {
                function.device().write_config(at, bytes);
            }
            _ => self.block.unmodelled_write(register::CONFIG + offset, size, value),
        }
    }
}

impl Saved for Transport {
    fn save(&self) -> Result<Value, String> {
        let function = self.function.get().map(|function| function.save()).transpose()?;
        Ok(json!({ "transport": self.chip.save()?, "function": function }))
    }

    fn load(&self, saved: &Value) -> Result<(), String> {
        match (self.function.get(), &saved["function"]) {
            (None, Value::Null) => {}
            (Some(function), saved) => function.load(saved)?,
            (None, _) => return Err("no device is on it".into()),
        }
        self.chip.load(&saved["transport"])
    }

    fn settle(&self) {
        self.chip.settle();
        if let Some(function) = self.function.get() {
            function.resume();
        }
    }
}

impl Device for Transport {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(self)
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        match (self.function.get(), offset.checked_sub(register::CONFIG)) {
            (None, _) if size == 4 => self.read_empty(offset).into(),
            (None, _) => 0,
            (Some(function), Some(offset)) => self.read_config(function, offset, size),
            (Some(function), None) if size == 4 && offset.is_multiple_of(4) => {
                self.read_register(function, offset)
            }
            // Section 4.2.2.2: registers are read by words.
            (Some(_), None) => {
                self.block.unmodelled_read(offset, size);
                0
            }
        }
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        match (self.function.get(), offset.checked_sub(register::CONFIG)) {
            (None, _) => {}
            (Some(function), Some(offset)) => self.write_config(function, offset, size, value),
            (Some(function), None) if size == 4 && offset.is_multiple_of(4) => {
                self.write_register(function, offset, value as u32);
            }
            (Some(_), None) => self.block.unmodelled_write(offset, size, value),
        }
    }

    fn reset(&self) {
        if let Some(function) = self.function.get() {
            function.reset();
        }
        self.chip.with(|chip| *chip = Selectors::default());
    }
}
