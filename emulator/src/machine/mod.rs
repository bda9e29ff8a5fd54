//! The live machine: made once from the board, on entering `ready`.

mod budget;
mod clock;
mod guest;
mod harts;
mod line;
mod rota;
pub mod rtc;
mod sbi;
pub mod semihosting;
mod snapshot;
mod space;
mod symbols;
mod time;
pub mod trace;
pub mod unmodelled;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use boardwright_riscv::{Bus, Hart, Observer, Ram};
use qapi_runtime::QmpError;

use crate::backends::block::{Blocks, Disk};
use crate::backends::char::{Chardev, Plain};
use crate::backends::host::Chardevs;
use crate::backends::net::{Netdev, Netdevs};
use crate::backends::objects::Objects;
use crate::backends::random::{RANDOM, Random};
use crate::backends::share::Shares;
use crate::board::{Board, Device as BoardDevice, Name, PortRef, View};
use crate::boot::{self, BootPlan, Image};
use crate::devices::virtio::Balloon;
use crate::devices::{Built, Device, LiveBus, Peripheral, Port, PortDirection, RegionKind};

pub use budget::Budget;
pub use clock::{Alarm, AlarmId, VirtualClock};
pub use guest::Guest;
use harts::Servants;
pub use harts::{Halt, HaltReason, HartPlan, Harts, Pace};
pub use line::Line;
pub use rota::{Icount, MOST_SHIFT, Position, Rota};
use sbi::Sbi;
use semihosting::Semihosting;
pub use snapshot::Snapshot;
pub use space::{AddressSpace, BusAccess, Range, RangeTarget};
pub use symbols::Symbols;
pub use time::{HartClock, TimeSource};
use trace::{HartTrace, Trace};
use unmodelled::{Block, BlockName};

/// What a guest asks of the program through a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Power off; the program ends with this status.
    PowerOff {
        /// The exit status.
        status: u8,
    },
    /// Reset the machine.
    Reset,
    /// Whatever is wanted when a watchdog was not fed in time.
    Watchdog,
}

/// What clients are told of what a device does.
#[derive(Clone, Debug)]
pub enum Notice {
    /// The host could not do what a guest asked of a disk.
    BlockIoError(crate::qapi::BlockIoError),
    /// A guest has given memory back, or taken some.
    BalloonChange(crate::qapi::BalloonChange),
    /// A guest has opened or closed a port of a virtio serial device.
    VserportChange(crate::qapi::VserportChange),
    /// A guest has let go of the device of that name.
    Unplugged(String),
    /// A guest keeps the device of that name, which it was asked to let go of.
    UnplugRefused(String),
}

/// What is outside the board: the host as the machine sees it.
#[derive(Clone)]
pub struct Surroundings {
    /// The log.
    pub trace: Arc<Trace>,
    /// Takes a guest's wishes; called on a hart's thread.
    pub wish: Arc<dyn Fn(Wish) + Send + Sync>,
    /// Takes what clients are to be told; called on any thread.
    pub notice: Arc<dyn Fn(Notice) + Send + Sync>,
    /// Hears that a hart has made all of them stand still; called on its thread.
    pub halted: Arc<dyn Fn() + Send + Sync>,
    /// The character back ends.
    pub chardevs: Arc<Chardevs>,
    /// The network back ends.
    pub netdevs: Arc<Netdevs>,
    /// Disk images.
    pub blocks: Arc<Blocks>,
    /// Objects that devices name.
    pub objects: Arc<Objects>,
    /// Shared folders.
    pub shares: Arc<Shares>,
    /// What a guest may ask the host for, if anything.
    pub semihosting: Option<Arc<semihosting::Config>>,
    /// Whether time goes by instructions, and how.
    pub icount: Option<Icount>,
    /// What real-time clocks say.
    pub real_time: rtc::RealTime,
    /// How many instructions it may execute, if there is a limit.
    pub budget: Option<u64>,
    /// What random numbers for guests begin with, where a run is to be repeated.
    pub seed: Option<u64>,
}

impl Surroundings {
    /// The same for a guest whose instructions are counted, if they are: none follows a wish before it
    /// is heard, so that it does not matter when that is.
    fn heard_by(&self, rota: Option<&Arc<Rota>>) -> Self {
        let Some(rota) = rota.cloned() else { return self.clone() };
        let outside = self.wish.clone();
        let wish = Arc::new(move |wish| {
            rota.wish();
            outside(wish);
        });
        Self { wish, ..self.clone() }
    }
}

/// Where a device is built.
pub struct Site<'a> {
    /// The board.
    pub board: &'a Board,
    /// The device on it.
    pub device: &'a BoardDevice,
    /// Its outputs, in order of its ports and their lines.
    pub lines: Vec<Line>,
    /// Guest time.
    pub clock: Arc<VirtualClock>,
    /// Memory and devices, for one that reaches for them by itself.
    pub bus: BusAccess,
    /// The host.
    pub around: &'a Surroundings,
}

impl Site<'_> {
    /// The device's way to say that a guest wants what it does not have.
    pub fn block(&self) -> Block {
        let name = BlockName { name: self.device.name.clone(), path: self.device.path().into() };
        Block::new(name, self.around.trace.clone())
    }

    /// The drive or node of a name.
    ///
    /// # Errors
    /// There is none, or another device has it.
    pub fn disk(&self, name: &str) -> Result<Disk, QmpError> {
        let driver = self.device.kind().as_str();
        self.around.blocks.take(name, &self.device.path(), driver)
    }

    /// The network back end of an id; none for no id.
    ///
    /// # Errors
    /// There is no such back end.
    pub fn netdev(&self, id: Option<&str>) -> Result<Option<Arc<Netdev>>, QmpError> {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(None) };
        let found = self.around.netdevs.get(id).map(Some);
        found.ok_or_else(|| {
            QmpError::generic(format!(
                "Device '{}': network back end '{id}' not found: add -netdev KIND,id={id}",
                self.device.name
            ))
        })
    }

    /// The character back end of an id; none for no id.
    ///
    /// # Errors
    /// There is no such back end.
    pub fn chardev(&self, id: Option<&str>) -> Result<Option<Arc<Chardev>>, QmpError> {
        let Some(id) = id.filter(|id| !id.is_empty()) else { return Ok(None) };
        match self.around.chardevs.get(id) {
            Some(chardev) => Ok(Some(chardev)),
            // `serial0` names the first option -serial, whether there is one or not.
            None if id.strip_prefix("serial").is_some_and(|n| n.parse::<u32>().is_ok()) => Ok(None),
            None => Err(QmpError::generic(format!(
                "Device '{}': character back end '{id}' not found",
                self.device.name
            ))),
        }
    }
}

/// A machine that can run.
pub struct Machine {
    space: Arc<AddressSpace>,
    devices: Vec<Arc<dyn Device>>,
    /// Where the devices are in the object tree, in the same order.
    paths: Vec<String>,
    /// All memory: the path of its device, which of the device's it is.
    memory: Vec<(String, usize, Arc<Ram>)>,
    harts: Harts,
    clock: Arc<VirtualClock>,
    /// Where time goes by instructions.
    rota: Option<Arc<Rota>>,
    plan: BootPlan,
    /// Who serves the harts in the place of firmware.
    sbi: Option<Arc<Sbi>>,
    symbols: OnceLock<Arc<Symbols>>,
    buses: HashMap<Name, LiveBus>,
    balloon: Option<Arc<Balloon>>,
    access: BusAccess,
}

impl Machine {
    /// Makes the board live: builds the devices, connects them, loads what is to be loaded. The
    /// harts stand at their start.
    ///
    /// # Errors
    /// A device cannot be built or an image does not fit; nothing of the machine is left then.
    pub fn elaborate(board: &Board, around: &Surroundings) -> Result<Self, QmpError> {
        let rota = around.icount.map(Rota::new);
        let around = &around.heard_by(rota.as_ref());
        let clock = match &rota {
            Some(rota) => rota.clock().clone(),
            None => VirtualClock::new().map_err(|error| {
                QmpError::generic(format!("Cannot start the alarm thread: {}", Plain(&error)))
            })?,
        };
        let mut parts = Parts::default();
        for device in board.devices() {
            parts.build(board, device, &clock, around)?;
        }
        parts.connect(board);
        let view = board.view();
        let space = Arc::new(AddressSpace::new(parts.ranges(board, &view)?, around.trace.clone()));
        parts.access.set(&space);
        parts.attach(board);
        let seeds = Random::for_guests(around.seed, "device tree")
            .map_err(|error| QmpError::generic(format!("Could not open '{RANDOM}': {error}")))?;
        let images = std::mem::take(&mut parts.images);
        let plan = boot::plan(board, &space, &parts.harts, images, &seeds)?;
        let console = board.console().and_then(|name| parts.devices.get(&name)).cloned();
        let sbi = match plan.supervisor {
            true => Sbi::new(&parts.harts, space.clone(), console, around.wish.clone()),
            false => None,
        };
        let sbi = sbi.map(Arc::new);
        let mut harts = Vec::with_capacity(parts.harts.len());
        for hart in parts.harts {
            let bus: Arc<dyn Bus> = space.clone();
            let mut hart = Hart::new(hart.config, bus, hart.interrupts, hart.clock)
                .map_err(|error| QmpError::generic(error.to_string()))?;
            hart.stop_at_ebreak(around.semihosting.is_some());
            hart.stop_at_supervisor_call(sbi.is_some());
            harts.push(hart);
        }
        let semihosting = around.semihosting.clone().map(|config| {
            let line = [&board.machine.kernel, &board.machine.append];
            let line: Vec<&str> = line.into_iter().flatten().map(String::as_str).collect();
            Semihosting::new(config, around.clone(), space.clone(), &plan.images, line.join(" "))
        });
        let harts = Harts::new(
            harts,
            around.halted.clone(),
            Servants { semihosting: semihosting.map(Arc::new), sbi: sbi.clone() },
            Budget::new(around.budget),
            rota.clone(),
        )?;
        let (devices, memory) = (parts.order, parts.all_memory);
        let (buses, balloon, access) = (parts.buses, parts.balloon, parts.access);
        let paths = board.devices().map(|device| device.path()).collect();
        let symbols = OnceLock::new();
        let machine = Self {
            space,
            devices,
            paths,
            memory,
            harts,
            clock,
            rota,
            plan,
            sbi,
            symbols,
            buses,
            balloon,
            access,
        };
        machine.reset();
        machine.watch(&around.trace);
        Ok(machine)
    }

    /// Puts another device on a bus that can take one while the guest runs, and lets it know.
    ///
    /// # Errors
    /// It cannot be built; the machine is as before.
    pub fn plug(
        &mut self,
        board: &Board,
        device: &BoardDevice,
        around: &Surroundings,
    ) -> Result<(), QmpError> {
        let mut parts = Parts { access: self.access.clone(), ..Parts::default() };
        parts.build(board, device, &self.clock, &around.heard_by(self.rota.as_ref()))?;
        let seat = board.seat(device).map(|(owner, slot)| (self.buses.get(&owner.name), slot));
        let Some((Some(bus), slot)) = seat else {
            return Err(QmpError::generic(format!(
                "Device '{}' does not support hotplugging",
                device.name
            )));
        };
        for live in &parts.order {
            live.reset();
        }
        for (_, peripheral) in &parts.peripherals {
            bus.plug(slot, peripheral);
        }
        self.devices.extend(parts.order);
        self.paths.push(device.path());
        self.buses.extend(parts.buses);
        self.balloon = parts.balloon.or(self.balloon.take());
        Ok(())
    }

    /// Asks the guest to let go of a device that is on the bus of another; `true` for one that it is
    /// only told of, which is off its bus now.
    ///
    /// # Errors
    /// The bus cannot lose it, or the guest was asked already.
    pub fn ask_unplug(&self, owner: &str, device: &str, slot: u32) -> Result<bool, QmpError> {
        match self.buses.get(owner) {
            Some(LiveBus::Pci(bus)) => {
                bus.port().map_or(Ok(()), |port| port.ask(device)).map(|()| false)
            }
            Some(LiveBus::VirtioSerial(bus)) => {
                bus.detach(slot);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Forgets a device that is on no bus any more.
    pub fn unplug(&mut self, device: &BoardDevice) {
        let path = device.path();
        if let Some(index) = self.paths.iter().position(|other| *other == path) {
            self.paths.remove(index);
            self.devices.remove(index);
        }
        self.buses.remove(&device.name);
    }

    /// The balloon in the guest's memory.
    ///
    /// # Errors
    /// The board has none.
    pub fn balloon(&self) -> Result<&Balloon, QmpError> {
        self.balloon
            .as_deref()
            .ok_or_else(|| QmpError::device_not_active("No balloon device has been activated"))
    }

    /// The bus of a device.
    pub fn bus(&self, owner: &str) -> Option<&LiveBus> {
        self.buses.get(owner)
    }

    /// Lets the log have what it asks for of the harts; to be called when that changes.
    pub fn watch(&self, trace: &Arc<Trace>) {
        if trace.names_code() {
            trace.set_symbols(self.symbols().clone());
        }
        self.harts.each(|hart| {
            let symbols = || self.symbols().clone();
            let observer = HartTrace::new(trace, hart.config().cpu.xlen, symbols);
            hart.set_observer(observer.map(|observer| observer as Arc<dyn Observer>));
        });
    }

    /// Lets the harts and the clock run.
    pub fn run(&self) {
        self.run_at(Vec::new());
    }

    /// The same, each hart at its pace.
    pub fn run_at(&self, paces: Vec<Pace>) {
        self.clock.start();
        self.harts.run_at(paces);
    }

    /// Holds the harts and the clock.
    pub fn stop(&self) {
        self.harts.pause();
        self.clock.stop();
    }

    /// Resets every device and hart and loads the images again; the harts must stand still.
    pub fn reset(&self) {
        self.rota.iter().for_each(|rota| rota.reset());
        for device in &self.devices {
            device.reset();
        }
        for image in &self.plan.images {
            // The plan has checked that it fits.
            let _ = self.space.load(image.addr, &image.bytes);
        }
        for (index, start) in self.plan.starts.iter().enumerate() {
            self.harts.with(index, |hart| {
                hart.reset();
                hart.set_pc(start.pc);
                for (register, value) in start.arguments {
                    hart.set_x(register, value);
                }
                if let Some(sbi) = &self.sbi {
                    sbi.reset(index, hart);
                }
            });
        }
    }

    /// The names of the guest's code.
    pub fn symbols(&self) -> &Arc<Symbols> {
        self.symbols.get_or_init(|| Arc::new(Symbols::read(&self.plan.images)))
    }

    /// A device, by the order of the board.
    #[cfg(test)]
    pub(crate) fn device(&self, index: usize) -> Option<&dyn Device> {
        self.devices.get(index).map(|device| &**device)
    }

    /// Guest time.
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// The order of the harts, where time goes by instructions.
    pub fn rota(&self) -> Option<&Rota> {
        self.rota.as_deref()
    }

    /// The guest's device tree.
    pub fn tree(&self) -> &[u8] {
        &self.plan.tree
    }

    /// The harts.
    pub fn harts(&self) -> &Harts {
        &self.harts
    }

    /// The physical address space.
    pub fn space(&self) -> &AddressSpace {
        &self.space
    }
}

/// The machine while it is put together.
#[derive(Default)]
struct Parts {
    devices: HashMap<Name, Arc<dyn Device>>,
    order: Vec<Arc<dyn Device>>,
    /// What is behind regions.
    memory: HashMap<(Name, u32), Arc<Ram>>,
    all_memory: Vec<(String, usize, Arc<Ram>)>,
    lines: HashMap<Name, Vec<Line>>,
    harts: Vec<HartPlan>,
    first_hart: HashMap<Name, usize>,
    images: Vec<Image>,
    buses: HashMap<Name, LiveBus>,
    peripherals: Vec<(Name, Peripheral)>,
    balloon: Option<Arc<Balloon>>,
    access: BusAccess,
}

impl Parts {
    fn build(
        &mut self,
        board: &Board,
        device: &BoardDevice,
        clock: &Arc<VirtualClock>,
        around: &Surroundings,
    ) -> Result<(), QmpError> {
        let driver = device.driver();
        let outputs = lines_of(&driver.ports(), PortDirection::Output);
        let lines: Vec<Line> = (0..outputs).map(|_| Line::default()).collect();
        let site = Site {
            board,
            device,
            lines: lines.clone(),
            clock: clock.clone(),
            bus: self.access.clone(),
            around,
        };
        let Built { device: live, memory, images, harts, bus, peripheral, balloon } =
            driver.build(&site)?;
        self.balloon = balloon.or(self.balloon.take());
        self.buses.extend(bus.map(|bus| (device.name.clone(), bus)));
        self.peripherals.extend(peripheral.map(|peripheral| (device.name.clone(), peripheral)));
        for (index, ram) in memory.iter().enumerate() {
            self.all_memory.push((device.path(), index, ram.clone()));
        }
        let memories =
            (0_u32..).zip(driver.regions()).filter(|(_, region)| region.kind != RegionKind::Io);
        for ((region, _), ram) in memories.zip(memory) {
            self.memory.insert((device.name.clone(), region), ram);
        }
        self.first_hart.insert(device.name.clone(), self.harts.len());
        self.harts.extend(harts);
        self.images.extend(images);
        self.lines.insert(device.name.clone(), lines);
        self.devices.insert(device.name.clone(), live.clone());
        self.order.push(live);
        Ok(())
    }

    /// Leads every wired output to its input, and gives harts the time of their timer.
    fn connect(&self, board: &Board) {
        for (from, to) in board.wires() {
            let (Some(line), Some(target)) = (self.line(board, from), self.devices.get(&to.device))
            else {
                continue;
            };
            line.connect(target, to.unit, line_number(board, to, PortDirection::Input));
            let timer = self.devices.get(&from.device).and_then(|source| source.time_source());
            let hart = self.first_hart.get(&to.device).map(|first| first + to.unit as usize);
            if let (Some(timer), Some(hart)) = (timer, hart.and_then(|hart| self.harts.get(hart))) {
                hart.clock.follow(timer);
            }
        }
    }

    /// Puts devices on the buses that they name.
    fn attach(&mut self, board: &Board) {
        for (name, peripheral) in self.peripherals.drain(..) {
            let seat = board.device(&name).and_then(|device| board.seat(device));
            if let Some((owner, slot)) = seat
                && let Some(bus) = self.buses.get(&owner.name)
            {
                bus.attach(slot, &peripheral);
            }
        }
    }

    fn line(&self, board: &Board, output: &PortRef) -> Option<&Line> {
        let number = line_number(board, output, PortDirection::Output);
        self.lines.get(&output.device)?.get(number as usize)
    }

    fn ranges(&self, board: &Board, view: &View) -> Result<Vec<Range>, QmpError> {
        let mut ranges = Vec::with_capacity(view.spans.len());
        for span in &view.spans {
            let mapping = &view.mappings[span.mapping];
            let offset = mapping.offset + (span.first - mapping.addr);
            let device = board.device(&mapping.device).ok_or_else(|| {
                QmpError::generic(format!("Device '{}' not found", mapping.device))
            })?;
            let kind =
                device.driver().regions().get(mapping.region as usize).map(|region| region.kind);
            let target = match (kind, self.memory.get(&(mapping.device.clone(), mapping.region))) {
                (Some(kind), Some(ram)) if !kind.is_registers() => {
                    RangeTarget::Memory { ram: ram.clone(), offset, writable: kind.is_ram() }
                }
                _ => RangeTarget::Io {
                    device: self.devices[&mapping.device].clone(),
                    region: mapping.region,
                    offset,
                },
            };
            ranges.push(Range { first: span.first, last: span.last, target });
        }
        Ok(ranges)
    }
}

/// How many lines ports have that go one way.
fn lines_of(ports: &[Port], direction: PortDirection) -> u32 {
    ports.iter().filter(|port| port.direction == direction).map(|port| port.count).sum()
}

/// The number of a line among all of its device that go its way.
fn line_number(board: &Board, place: &PortRef, direction: PortDirection) -> u32 {
    let ports = board.device(&place.device).map(|device| device.driver().ports());
    let before = ports.as_deref().and_then(|ports| ports.get(..place.port as usize));
    lines_of(before.unwrap_or_default(), direction) + place.line
}
