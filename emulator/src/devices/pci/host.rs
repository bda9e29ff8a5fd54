//! `gpex-pcihost`: a generic host bridge with its configuration space in memory (ECAM: PCI Express
//! Base 3.0, section 7.2.2), as QEMU's `virt` has it, and its node (`pci-host-ecam-generic` of the
//! device-tree bindings).
//!
//! Its regions are the configuration space and windows on the buses' address spaces: 32-bit memory,
//! I/O ports, and 64-bit memory if there is any. The properties say where on the bus a window is;
//! where harts see it is a matter of its mapping.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use boardwright_devicetree::{Node, TreeError};
use qapi_runtime::QmpError;
use serde::{Deserialize, Serialize};

use super::FUNCTIONS;
use super::bus::{Decoded, PciBus, PciFunction, Way};
use super::config::{ConfigSpace, Identity, Space};
use super::msix::is_sending;
use crate::devices::binding::{Binding, Described, Found, Nodes};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Bus, BusKind, Defaults, Device, Driver, LiveBus, Port, Region};
use crate::machine::unmodelled::Block;
use crate::machine::{Line, Site};
use crate::qapi::{DeviceOptionsDriver, GpexPcihostProperties};

/// The regions.
const ECAM: u32 = 0;
const MEMORY: u32 = 1;
const PORTS: u32 = 2;
const HIGH_MEMORY: u32 = 3;
/// The pins A to D.
const PINS: u32 = 4;
/// The configuration space of a bus.
const BUS_SIZE: u64 = 1 << 20;

impl Defaults for GpexPcihostProperties {
    fn defaults() -> Self {
        Self {
            ecam_size: Some(0x1000_0000),
            below_4g_mem_base: Some(0x4000_0000),
            below_4g_mem_size: Some(0x4000_0000),
            pio_base: Some(0),
            pio_size: Some(0x1_0000),
            above_4g_mem_base: Some(0x4_0000_0000),
            above_4g_mem_size: Some(0x4_0000_0000),
        }
    }
}

impl GpexPcihostProperties {
    fn ecam(&self) -> u64 {
        self.ecam_size.unwrap_or(0x1000_0000)
    }

    /// The windows by region: address on the bus and size.
    fn windows(&self) -> [(Space, u64, u64); 3] {
        let or = |value: Option<u64>, default| value.unwrap_or(default);
        [
            (
                Space::Memory,
                or(self.below_4g_mem_base, 0x4000_0000),
                or(self.below_4g_mem_size, 0x4000_0000),
            ),
            (Space::Io, or(self.pio_base, 0), or(self.pio_size, 0x1_0000)),
            (
                Space::Memory,
                or(self.above_4g_mem_base, 0x4_0000_0000),
                or(self.above_4g_mem_size, 0x4_0000_0000),
            ),
        ]
    }
}

impl Driver for GpexPcihostProperties {
    fn check(&self) -> Result<(), QmpError> {
        let error = |text: String| Err(QmpError::generic(text));
        let buses = self.ecam() / BUS_SIZE;
        if !self.ecam().is_multiple_of(BUS_SIZE) || !(1..=256).contains(&buses) {
            return error(format!(
                "Property 'ecam-size' expects a MiB for each bus, 1 to 256 of them, not {:#x}",
                self.ecam()
            ));
        }
        for (name, (_, base, size), most) in [
            ("below-4g-mem", self.windows()[0], 1_u64 << 32),
            ("pio", self.windows()[1], 1 << 32),
            ("above-4g-mem", self.windows()[2], u64::MAX),
        ] {
            if base.checked_add(size).is_none_or(|end| end > most) {
                return error(format!(
                    "Properties '{name}-base' and '{name}-size' make a window that ends beyond {most:#x}"
                ));
            }
            if size == 0 && name != "above-4g-mem" {
                return error(format!("Property '{name}-size' expects a size from 1"));
            }
        }
        Ok(())
    }

    fn regions(&self) -> Vec<Region> {
        let names = ["gpex_mmio_window", "gpex_ioport_window", "gpex_mmio_high_window"];
        let windows = names.into_iter().zip(self.windows()).filter(|(_, window)| window.2 > 0);
        let windows = windows.map(|(name, (_, _, size))| Region::io(name, size));
        std::iter::once(Region::io("pcie-mmcfg-mmio", self.ecam())).chain(windows).collect()
    }

    fn ports(&self) -> Vec<Port> {
        vec![Port::irqs(PINS)]
    }

    fn bus(&self) -> Option<Bus> {
        Some(Bus { kind: BusKind::Pci, slots: FUNCTIONS })
    }

    fn own_slots(&self) -> u32 {
        // Device 0 is the bridge itself.
        8
    }

    fn bindings() -> &'static [Binding] {
        &[Binding { nodes: Nodes::Compatible(&["pci-host-ecam-generic"]), read }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let (ecam, size) = place.region(ECAM)?;
        let cells = |value: u64| [(value >> 32) as u32, value as u32];
        // Configuration space, I/O, 32-bit and 64-bit memory.
        let spaces = [(PORTS, 1), (MEMORY, 2), (HIGH_MEMORY, 3)];
        let mut ranges = Vec::new();
        for (region, kind) in spaces {
            let (Some((addr, size)), Some((_, base, _))) =
                (place.region(region), self.windows().get(region as usize - 1).copied())
            else {
                continue;
            };
            ranges.push(kind << 24);
            ranges.extend([cells(base), cells(addr), cells(size)].concat());
        }
        let inputs: Vec<_> = place.board.wires_from(place.device).into_iter().collect();
        let input = |line: u32| {
            inputs
                .iter()
                .find(|(from, _)| from.line == line)
                .and_then(|(_, to)| place.specifier(to))
        };
        let mut map = Vec::new();
        for (device, pin) in (0..PINS).flat_map(|device| (0..PINS).map(move |pin| (device, pin))) {
            if let Some(specifier) = input((device + pin) % PINS) {
                map.extend([device << 11, 0, 0, pin + 1]);
                map.extend(specifier);
            }
        }
        let mut hosts = place.board.devices().filter(|other| other.kind() == place.device.kind());
        let domain = hosts.position(|other| other.name == place.device.name).unwrap_or(0);
        let node = Node::new(format!("pci@{ecam:x}"))
            .with_cells("#address-cells", &[3])
            .with_cells("#interrupt-cells", &[1])
            .with_cells("#size-cells", &[2])
            .with_strings("compatible", &["pci-host-ecam-generic"])
            .with_strings("device_type", &["pci"])
            .with_cells("linux,pci-domain", &[domain as u32])
            .with_cells("bus-range", &[0, (size / BUS_SIZE) as u32 - 1])
            .with_flag("dma-coherent")
            .with_u64s("reg", &[ecam, size])
            .with_cells("ranges", &ranges);
        Some(if map.is_empty() {
            node
        } else {
            node.with_cells("interrupt-map", &map)
                .with_cells("interrupt-map-mask", &[(PINS - 1) << 11, 0, 0, 7])
        })
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let bus = Arc::new(PciBus::default());
        let own: Arc<dyn PciFunction> = Arc::new(HostFunction(Chip::new(
            Header(
                ConfigSpace::device(Identity {
                    vendor: 0x1b36,
                    device: 0x0008,
                    revision: 0,
                    class: 0x0600,
                    subsystem: (0x1af4, 0x1100),
                    interrupt: false,
                    express: false,
                })
                .finish(),
            ),
            Vec::new(),
        )));
        bus.attach(0, &own);
        let host = Arc::new(Host {
            windows: self.windows(),
            bus: bus.clone(),
            own,
            decoded: RwLock::default(),
            pins: Chip::new(Pins::default(), site.lines.clone()),
            units: AtomicU32::new(0),
            block: site.block(),
        });
        bus.connect(Way { host: Arc::downgrade(&host), turn: 0 });
        Ok(Built { bus: Some(LiveBus::Pci(bus)), ..Built::device(host) })
    }
}

/// Reads such a node. Its `ranges` are the windows: three cells on the bus, of which the first has the
/// kind, the address for harts and the size.
fn read(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let mut options = GpexPcihostProperties {
        ecam_size: node.regions.first().map(|region| region.size),
        above_4g_mem_size: Some(0),
        ..GpexPcihostProperties::defaults()
    };
    let parent = node.node.parent().and_then(|parent| parent.property("#address-cells"));
    let parent = parent.map_or(Ok(2), |cells| cells.u32())?.min(2) as usize;
    let cells = match node.node.property("ranges") {
        Some(ranges) => ranges.u32s()?,
        None => Vec::new(),
    };
    let number = |cells: &[u32]| cells.iter().fold(0_u64, |all, cell| all << 32 | u64::from(*cell));
    let mut windows = Vec::new();
    for row in cells.chunks_exact(5 + parent) {
        let (Some(kind), Some(base), Some(addr), Some(size)) =
            (row.first(), row.get(1..3), row.get(3..3 + parent), row.get(3 + parent..))
        else {
            continue;
        };
        let (base, size) = (Some(number(base)), Some(number(size)));
        let region = match kind >> 24 & 3 {
            1 => {
                (options.pio_base, options.pio_size) = (base, size);
                PORTS
            }
            2 => {
                (options.below_4g_mem_base, options.below_4g_mem_size) = (base, size);
                MEMORY
            }
            3 => {
                (options.above_4g_mem_base, options.above_4g_mem_size) = (base, size);
                HIGH_MEMORY
            }
            _ => continue,
        };
        windows.push((region, number(addr)));
    }
    let mut found = node.device(DeviceOptionsDriver::GpexPcihost(options));
    if let Some(part) = found.devices.first_mut() {
        part.regions.extend(windows);
    }
    Ok(found)
}

/// The host bridge as a function of its own bus: nothing but a header.
struct HostFunction(Chip<Header>);

#[derive(Serialize, Deserialize)]
struct Header(ConfigSpace);

impl Outputs for Header {
    fn drive(&self, _lines: &[Line]) {}

    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        self.0.adopt(saved.0)
    }
}

impl PciFunction for HostFunction {
    fn name(&self) -> &str {
        ""
    }

    fn look(&self, look: &mut dyn FnMut(&ConfigSpace)) {
        self.0.peek(|header| look(&header.0));
    }

    fn write_config(&self, offset: u16, size: u8, value: u32) {
        self.0.with(|header| header.0.write(offset, size, value));
    }
}

impl Device for HostFunction {
    fn reset(&self) {
        self.0.with(|header| header.0.reset());
    }

    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.0)
    }
}

/// Which functions want which pin.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Pins {
    wanted: [BTreeSet<u32>; PINS as usize],
}

impl Outputs for Pins {
    fn drive(&self, lines: &[Line]) {
        for (line, wanted) in lines.iter().zip(&self.wanted) {
            line.set(!wanted.is_empty());
        }
    }
}

/// The bridge.
pub(super) struct Host {
    windows: [(Space, u64, u64); 3],
    bus: Arc<PciBus>,
    own: Arc<dyn PciFunction>,
    /// What is answered, sorted.
    decoded: RwLock<Arc<[Decoded]>>,
    pins: Chip<Pins>,
    /// How many pins lead here.
    units: AtomicU32,
    block: Block,
}

impl Host {
    /// Leads a pin here.
    pub(super) fn lead(self: &Arc<Self>, pin: &Line, input: u32) {
        let target: Arc<dyn Device> = self.clone();
        pin.connect(&target, self.units.fetch_add(1, Ordering::Relaxed), input);
    }

    /// Looks anew at what is answered where.
    pub(super) fn refresh(&self) {
        let mut decoded = self.decoded.write().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        let all = [(Space::Io, 0, u64::MAX), (Space::Memory, 0, u64::MAX)];
        self.bus.decode(&all, &mut found);
        found.sort_by_key(|decoded| (decoded.space, decoded.first));
        *decoded = found.into();
    }

    /// The BAR that answers an address, and the offset in it.
    fn find(&self, space: Space, addr: u64, size: u8) -> Option<(Decoded, u64)> {
        let decoded = self.decoded.read().unwrap_or_else(PoisonError::into_inner).clone();
        let after = decoded.partition_point(|one| (one.space, one.first) <= (space, addr));
        let one = decoded.get(after.checked_sub(1)?)?;
        let last = addr.checked_add(u64::from(size) - 1)?;
        (one.space == space && last <= one.last).then(|| (one.clone(), addr - one.first))
    }

    /// The function that an offset of the configuration space is about, and the offset in it.
    fn function(&self, offset: u64) -> Option<(Arc<dyn PciFunction>, u16)> {
        let [bus, place] = [offset >> 20, offset >> 12].map(|number| number as u8);
        Some((self.bus.find(0, bus, place)?, (offset & 0xfff) as u16))
    }

    fn on_bus(&self, region: u32, offset: u64) -> Option<(Space, u64)> {
        let (space, base, _) = self.windows.get((region as usize).checked_sub(1)?)?;
        Some((*space, base + offset))
    }
}

/// What nobody answers reads as.
fn nobody(size: u8) -> u64 {
    u64::MAX >> (64 - 8 * u32::from(size))
}

impl Device for Host {
    fn read(&self, region: u32, offset: u64, size: u8) -> u64 {
        if region == ECAM {
            let Some((function, at)) = self.function(offset) else { return nobody(size) };
            return match size {
                8 => {
                    let [low, high] = [at, at + 4].map(|at| u64::from(function.read_config(at, 4)));
                    low | high << 32
                }
                _ => function.read_config(at, size).into(),
            };
        }
        let Some((space, addr)) = self.on_bus(region, offset) else { return nobody(size) };
        match self.find(space, addr, size) {
            Some((one, at)) => one.function.read(one.bar.index.into(), at, size),
            None => {
                self.block.trace().guest_error(|| {
                    format!("{}: read at {addr:#x} that nobody answers", self.block.name())
                });
                nobody(size)
            }
        }
    }

    fn write(&self, region: u32, offset: u64, size: u8, value: u64) {
        if is_sending() {
            return self.block.trace().guest_error(|| {
                format!("{}: a message to a function goes nowhere", self.block.name())
            });
        }
        if region == ECAM {
            let Some((function, at)) = self.function(offset) else { return };
            match size {
                8 => {
                    function.write_config(at, 4, value as u32);
                    function.write_config(at + 4, 4, (value >> 32) as u32);
                }
                _ => function.write_config(at, size, value as u32),
            }
            return self.refresh();
        }
        let Some((space, addr)) = self.on_bus(region, offset) else { return };
        match self.find(space, addr, size) {
            Some((one, at)) => one.function.write(one.bar.index.into(), at, size, value),
            None => self.block.trace().guest_error(|| {
                format!("{}: write at {addr:#x} that nobody answers", self.block.name())
            }),
        }
    }

    fn input(&self, unit: u32, line: u32, level: bool) {
        self.pins.with(|pins| {
            let Some(wanted) = pins.wanted.get_mut(line as usize) else { return };
            if level {
                wanted.insert(unit);
            } else {
                wanted.remove(&unit);
            }
        });
    }

    fn reset(&self) {
        self.own.reset();
        self.refresh();
    }

    fn saved(&self) -> Option<&dyn Saved> {
        Some(self)
    }
}

impl Saved for Host {
    fn save(&self) -> Result<serde_json::Value, String> {
        let own = self.own.saved().map_or(Ok(serde_json::Value::Null), Saved::save)?;
        Ok(serde_json::json!({ "own": own, "pins": self.pins.save()? }))
    }

    fn load(&self, saved: &serde_json::Value) -> Result<(), String> {
        let part = |name: &str| saved.get(name).ok_or(format!("there is no '{name}'"));
        let (own, pins) = (part("own")?, part("pins")?);
        let before = self.pins.save()?;
        self.pins.load(pins)?;
        let loaded = self.own.saved().map_or(Ok(()), |part| part.load(own));
        loaded.inspect_err(|_| {
            let _ = self.pins.load(&before);
        })
    }

    fn settle(&self) {
        self.refresh();
        self.pins.settle();
    }
}
