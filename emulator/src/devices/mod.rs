//! Devices: what a driver declares, and the list of drivers.
//!
//! A device is one file and one row in the list at the end. Its properties are a struct of the
//! schema (`qapi/devices.json`); the file implements [`Driver`] for that struct: regions, ports,
//! defaults, how device trees describe it, and [`Driver::build`], which makes the live [`Device`].

mod bank;
pub mod binding;
pub mod chip;
pub mod cpu;
mod dma;
mod forms;
mod gpio;
pub mod intc;
pub mod mem;
pub mod misc;
pub mod node;
pub mod pci;
mod regfile;
pub mod serial;
pub mod ssi;
pub mod state;
pub mod timer;
pub mod virtio;
#[cfg(test)]
mod walk;

use std::fmt;
use std::sync::Arc;

use boardwright_riscv::Ram;
use qapi_runtime::{Decode, Encode, MemberInfo, Mode, Object, Path, QmpError, Value};

use crate::board::{Board, Device as BoardDevice, PortRef};
use crate::machine::{Site, TimeSource};
use crate::qapi::{
    CfiPflash01Properties, DeviceDriver, DeviceOptionsDriver, FwCfgMemProperties,
    GoldfishRtcProperties, GpexPcihostProperties, GpioConnectionProperties, GpioPwrProperties,
    IbexPlicProperties, IbexTimerProperties, IbexUartProperties, LoaderProperties, OrIrqProperties,
    PcieRootPortProperties, RegfileProperties, RiscvAclintMtimerProperties,
    RiscvAclintSwiProperties, RiscvHartArrayProperties, RiscvSifiveClintProperties,
    RiscvSifiveEAonProperties, RiscvSifiveEPrciProperties, RiscvSifivePlicProperties,
    RiscvSifiveTestProperties, RiscvSifiveUL2ccProperties, RiscvSifiveUOtpProperties,
    RiscvSifiveUPrciProperties, RiscvSifiveUartProperties, SerialMmProperties,
    SifivePdmaProperties, SifivePwmProperties, SifiveSocGpioProperties, SifiveSpiProperties,
    SpiNorProperties, SplitIrqProperties, SysbusMemoryProperties, SysbusMmioMappingProperties,
    UnimplementedDeviceProperties, VirtconsoleProperties, Virtio9pDeviceProperties,
    Virtio9pPciProperties, VirtioBalloonDeviceProperties, VirtioBalloonPciProperties,
    VirtioBlkDeviceProperties, VirtioBlkPciProperties, VirtioMmioProperties,
    VirtioNetDeviceProperties, VirtioNetPciProperties, VirtioRngDeviceProperties,
    VirtioRngPciProperties, VirtioSerialDeviceProperties, VirtioSerialPciProperties,
    VirtserialportProperties,
};

/// A row of interrupt lines of a device, or of each of its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name; a line of it is `name[N]`.
    pub name: &'static str,
    /// Which way.
    pub direction: PortDirection,
    /// How many lines.
    pub count: u32,
}

/// The name of the interrupts of a bus device.
const IRQ: &str = "sysbus-irq";

impl Port {
    /// QEMU's name of the one row of inputs of a device.
    pub fn inputs(count: u32) -> Self {
        Self { name: "unnamed-gpio-in", direction: PortDirection::Input, count }
    }

    /// QEMU's name of the one row of outputs of a device that is no bus device's interrupt.
    pub fn outputs(count: u32) -> Self {
        Self { name: "unnamed-gpio-out", direction: PortDirection::Output, count }
    }

    /// QEMU's name of the interrupts of a bus device.
    pub fn irqs(count: u32) -> Self {
        Self { name: IRQ, direction: PortDirection::Output, count }
    }
}

/// A name of one line of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineName {
    /// The name.
    pub name: &'static str,
    /// Index of the port.
    pub port: u32,
    /// The line within the port.
    pub line: u32,
}

/// What a line of a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineUse {
    /// An interrupt: a device asks with it, a controller or a hart is asked.
    Request,
    /// A controller tells this hart of this cause.
    Hart {
        /// `mhartid`.
        hartid: u64,
        /// The cause, which is the number of the hart's input.
        cause: u32,
    },
    /// Anything else, such as a pin.
    Signal,
    /// Nothing: it exists only because its neighbours do.
    Nothing,
}

/// Which way a port goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortDirection {
    /// Driven by another device.
    Input,
    /// Drives another device.
    Output,
}

impl fmt::Display for PortDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// A region of a device that can be mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its size in bytes, not 0.
    pub size: u64,
    /// What is behind it.
    pub kind: RegionKind,
}

impl Region {
    /// A region of registers.
    pub fn io(name: impl Into<String>, size: u64) -> Self {
        Self { name: name.into(), size, kind: RegionKind::Io }
    }
}

/// What is behind a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    /// Registers: accesses go to the device.
    Io,
    /// Memory.
    Ram,
    /// Memory that the guest cannot write to.
    Rom,
    /// Memory that harts read and execute in place until a command that is written says otherwise:
    /// all accesses go to the device.
    Flash,
}

impl RegionKind {
    /// Whether accesses go to the device.
    pub fn is_registers(self) -> bool {
        matches!(self, Self::Io | Self::Flash)
    }

    /// Whether a guest can keep data there.
    pub fn is_ram(self) -> bool {
        self == Self::Ram
    }
}

/// Equal children of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Units {
    /// What a child is called, `name[N]`; the first is the usual name, the others are accepted.
    pub names: &'static [&'static str],
    /// How many.
    pub count: u32,
    /// `mhartid` of the first; the others follow.
    pub first_hartid: u64,
    /// The children's type.
    pub kind: String,
}

/// What a driver declares about a device with these properties, and how it makes it live.
pub trait Driver: Send + Sync {
    /// The driver with the files read that its properties name, where these say what the device
    /// has. Done once, when the properties are given: the board keeps what comes of it.
    ///
    /// # Errors
    /// A file cannot be read, or says what makes no device.
    fn resolve(&self) -> Result<Option<Arc<dyn Driver>>, QmpError> {
        Ok(None)
    }

    /// What of the files is not modelled, for people.
    fn remarks(&self) -> &[String] {
        &[]
    }

    /// Refuses properties that make no device.
    ///
    /// # Errors
    /// The message names the property and what is expected.
    fn check(&self) -> Result<(), QmpError> {
        Ok(())
    }

    /// Whether the device cannot do without an id.
    fn needs_id(&self) -> bool {
        false
    }

    /// Whether it sits on the system bus; otherwise it is on none.
    fn on_bus(&self) -> bool {
        true
    }

    /// Whether it only keeps the place of something that is not modelled.
    fn is_stand_in(&self) -> bool {
        false
    }

    /// Regions that can be mapped, by index.
    fn regions(&self) -> Vec<Region> {
        Vec::new()
    }

    /// Interrupt lines; of each child when there are [`Driver::units`].
    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    /// Names of single lines, beside `name[N]`.
    fn line_names(&self) -> &'static [LineName] {
        &[]
    }

    /// What a line of one of [`Driver::ports`] is for.
    fn line_use(&self, port: &Port, line: u32) -> LineUse {
        let _ = line;
        if port.name == IRQ { LineUse::Request } else { LineUse::Signal }
    }

    /// Whether it only marks the place of a device that is not modelled.
    fn is_placeholder(&self) -> bool {
        false
    }

    /// What it puts into memory.
    ///
    /// # Errors
    /// It is in a file that cannot be read.
    fn software(&self) -> Result<Option<crate::boot::Facts>, QmpError> {
        Ok(None)
    }

    /// Children that have the ports.
    fn units(&self) -> Option<Units> {
        None
    }

    /// The bus that it has for others.
    fn bus(&self) -> Option<Bus> {
        None
    }

    /// How many slots at the begin of its bus are its own.
    fn own_slots(&self) -> u32 {
        0
    }

    /// Whether what hangs on its bus comes and goes while a guest runs.
    fn hot_plug(&self) -> bool {
        false
    }

    /// The first slot of another's bus that it can hang in.
    fn first_slot(&self) -> u32 {
        0
    }

    /// A name that no other device on its bus has.
    fn name_on_bus(&self) -> Option<&str> {
        None
    }

    /// Where on another's bus it hangs.
    fn seat(&self) -> Option<Seat<'_>> {
        None
    }

    /// The same device on the bus of the device of that name.
    fn on_the_bus(&self, owner: &str) -> Option<DeviceOptionsDriver> {
        let _ = owner;
        None
    }

    /// The same device in a slot of its bus, where its properties say so.
    fn in_slot(&self, slot: u32) -> Option<DeviceOptionsDriver> {
        let _ = slot;
        None
    }

    /// The slot that a port has: chassis, and number in it.
    fn chassis_slot(&self) -> Option<(u8, u16)> {
        None
    }

    /// Whether it lets other functions be in its slot, of PCI.
    fn multifunction(&self) -> bool {
        false
    }

    /// Devices that it is made of: their names below its path.
    fn parts(&self) -> &'static [&'static str] {
        &[]
    }

    /// The block back end that it has, by the name of its drive or node.
    fn drive(&self) -> Option<&str> {
        None
    }

    /// The network that it is on, by the name of its back end.
    fn netdev(&self) -> Option<&str> {
        None
    }

    /// The folder that it shares, by the name of its back end.
    fn share(&self) -> Option<&str> {
        None
    }

    /// The character back end that it has.
    fn chardev(&self) -> Option<&str> {
        self.console().filter(|name| !name.is_empty())
    }

    /// The back end of a device that a person can talk to; empty where it has none.
    fn console(&self) -> Option<&str> {
        None
    }

    /// The object that the device has: its memory, its source of random numbers.
    fn object(&self) -> Option<&str> {
        None
    }

    /// Ticks a second of the device that counts the harts' `time`.
    fn timebase(&self) -> Option<u32> {
        None
    }

    /// Where its harts start, if it says.
    fn reset_vector(&self) -> Option<u64> {
        None
    }

    /// Where a device wants a hart to start.
    ///
    /// # Errors
    /// It is in a file that cannot be read.
    fn start(&self) -> Result<Option<Start>, QmpError> {
        Ok(None)
    }

    /// The nodes of device trees that describe such devices.
    fn bindings() -> &'static [binding::Binding]
    where
        Self: Sized,
    {
        &[]
    }

    /// The device as it stands in the guest's device tree.
    fn node(&self, place: &node::Place<'_>) -> Option<boardwright_devicetree::Node> {
        let _ = place;
        None
    }

    /// A child as it stands among `/cpus` of the guest's device tree.
    fn unit_node(
        &self,
        place: &node::Place<'_>,
        unit: u32,
    ) -> Option<boardwright_devicetree::Node> {
        let _ = (place, unit);
        None
    }

    /// Nodes at the root of the tree that say what the device is good for, one of a name.
    fn uses(&self, place: &node::Place<'_>) -> Vec<boardwright_devicetree::Node> {
        let _ = place;
        Vec::new()
    }

    /// The number that a device tree gives an output which is a pin; `None` for any other.
    fn pin_number(&self, output: &PortRef) -> Option<u32> {
        let _ = output;
        None
    }

    /// How an interrupt input of this device is spelled in a device tree; `None` when it is no
    /// interrupt controller.
    fn interrupt_specifier(&self, input: u32) -> Option<Vec<u32>> {
        let _ = input;
        None
    }

    /// What is done to the board in place of adding the device, for what is written as a device and
    /// is none: a wire, a mapping.
    ///
    /// # Errors
    /// What is to be done cannot be done.
    fn instead(&self, board: &mut Board) -> Option<Result<(), QmpError>> {
        let _ = board;
        None
    }

    /// What else is done to the board when the device has been added to it.
    ///
    /// # Errors
    /// It cannot be done; the device is not added then.
    fn added(&self, board: &mut Board, own: &BoardDevice) -> Result<(), QmpError> {
        let _ = (board, own);
        Ok(())
    }

    /// Makes the live device.
    ///
    /// # Errors
    /// Something outside the board is missing: a file, a character back end, memory.
    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError>;
}

/// What can hang on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusKind {
    /// Functions of PCI devices.
    Pci,
    /// Devices on serial buses.
    Spi,
    /// Virtio devices, one a bus.
    Virtio,
    /// Ports of a virtio serial device.
    VirtioSerial,
}

impl BusKind {
    /// What QEMU calls such a bus, before its number.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pci => "pcie",
            Self::Spi => "spi",
            Self::Virtio => "virtio-mmio-bus",
            Self::VirtioSerial => "virtio-serial-bus",
        }
    }

    /// What QEMU calls the kind.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Pci => "PCI",
            Self::Spi => "SSI",
            Self::Virtio => "virtio-bus",
            Self::VirtioSerial => "virtio-serial-bus",
        }
    }

    /// What has such a bus, for messages.
    pub fn owner(self) -> &'static str {
        match self {
            Self::Pci => "a PCI host bridge or port",
            Self::Spi => "an SPI controller",
            Self::Virtio => "a virtio transport",
            Self::VirtioSerial => "a virtio serial device",
        }
    }

    /// How far apart the slots are that devices are given: a PCI device has eight functions.
    pub fn step(self) -> usize {
        if self == Self::Pci { 8 } else { 1 }
    }
}

/// A bus of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bus {
    /// What can hang on it.
    pub kind: BusKind,
    /// How many: chip selects; functions, 8 a device; ports.
    pub slots: u32,
}

/// A place on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat<'a> {
    /// What the device is to the bus.
    pub kind: BusKind,
    /// The device that has the bus, by id or path; none for one that is free.
    pub bus: Option<&'a str>,
    /// The chip select, function or port; [`Seat::ANY`] for one that is free.
    pub slot: u32,
}

impl Seat<'_> {
    /// The first slot that is free.
    pub const ANY: u32 = u32::MAX;
    /// None: the properties name none that exists, which their check refuses.
    pub const NONE: u32 = u32::MAX - 1;
}

/// Where a hart starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The hart, by its number on the board.
    pub hart: u32,
    /// Its first instruction.
    pub pc: u64,
    /// 32 or 64 where the software says what harts it is for.
    pub width: Option<u8>,
    /// What the software is called in messages.
    pub source: String,
}

/// The values of properties that are not given.
pub trait Defaults: Object + Encode {
    /// Every property that has a default, set to it.
    fn defaults() -> Self;

    /// The same device without the properties that say what is so anyway, so that devices that are
    /// equal have equal properties.
    #[must_use]
    fn normal(&self) -> Self
    where
        Self: Clone + Decode,
    {
        let (Value::Object(mut given), defaults) = (self.encode(), Self::defaults().encode())
        else {
            return self.clone();
        };
        given.retain(|name, value| defaults.get(name) != Some(value) && *value != "");
        Self::decode(&Value::Object(given), &Path::ARGUMENTS, Mode::STRICT)
            .unwrap_or_else(|_| self.clone())
    }
}

/// A live device: what it does when it is accessed, driven or reset.
///
/// Called from any hart's thread: a device has its own lock and holds none while it calls another
/// (see [`chip::Chip`]).
pub trait Device: Send + Sync {
    /// Reads `size` bytes (1, 2, 4 or 8) at an offset of a region.
    fn read(&self, region: u32, offset: u64, size: u8) -> u64 {
        let _ = (region, offset, size);
        0
    }

    /// Writes `size` bytes (1, 2, 4 or 8) at an offset of a region.
    fn write(&self, region: u32, offset: u64, size: u8, value: u64) {
        let _ = (region, offset, size, value);
    }

    /// An input line changes; the lines of several ports are counted on, in the ports' order.
    fn input(&self, unit: u32, line: u32, level: bool) {
        let _ = (unit, line, level);
    }

    /// Back to the state after power-on.
    fn reset(&self) {}

    /// What a snapshot holds of it, memory apart; `None` of a device that remembers nothing.
    fn saved(&self) -> Option<&dyn state::Saved>;

    /// Lets lines and alarms follow a state that was loaded; for a device with more to do than its
    /// chip knows.
    fn settle(&self) {
        if let Some(part) = self.saved() {
            part.settle();
        }
    }

    /// The device as what a person talks to, past the registers that the guest's driver uses.
    fn console(&self) -> Option<&dyn Console> {
        None
    }

    /// The counter that harts see as `time`, if this device is one.
    fn time_source(&self) -> Option<Arc<dyn TimeSource>> {
        None
    }
}

/// What a person talks to, for who serves a guest without knowing its UART.
pub trait Console {
    /// Sends bytes to the back end.
    fn put(&self, bytes: &[u8]);

    /// A byte that has come in, if there is one.
    fn get(&self) -> Option<u8>;
}

/// What [`Driver::build`] makes.
pub struct Built {
    /// The device.
    pub device: Arc<dyn Device>,
    /// The memory behind its regions of kind RAM or ROM, in order of those regions.
    pub memory: Vec<Arc<Ram>>,
    /// What it puts into memory at every reset.
    pub images: Vec<crate::boot::Image>,
    /// Harts that it brings.
    pub harts: Vec<crate::machine::HartPlan>,
    /// The bus that it has for others.
    pub bus: Option<LiveBus>,
    /// What it is on the bus that it hangs on.
    pub peripheral: Option<Peripheral>,
    /// The balloon that it is, whatever its transport.
    pub balloon: Option<Arc<virtio::Balloon>>,
}

/// A live bus, with its slots still empty.
pub enum LiveBus {
    /// Of a PCI host bridge or port.
    Pci(Arc<pci::PciBus>),
    /// Of an SPI controller.
    Spi(Arc<ssi::SpiBus>),
    /// Of a virtio transport.
    Virtio(Arc<dyn virtio::VirtioBus>),
    /// Of a virtio serial device.
    VirtioSerial(Arc<virtio::Serial>),
}

/// What a device is on a bus.
pub enum Peripheral {
    /// On a PCI bus.
    Pci(Arc<dyn pci::PciFunction>),
    /// On an SPI bus.
    Spi(Arc<dyn ssi::SpiPeripheral>),
    /// On a virtio transport.
    Virtio(Arc<dyn virtio::VirtioDevice>),
    /// On a virtio serial device.
    VirtioSerial(Arc<virtio::SerialPort>),
}

impl LiveBus {
    /// Puts a device into a slot. The board has seen to it that it fits and that the slot is free.
    pub fn attach(&self, slot: u32, peripheral: &Peripheral) {
        match (self, peripheral) {
            (Self::Pci(bus), Peripheral::Pci(function)) => bus.attach(slot, function),
            (Self::Spi(bus), Peripheral::Spi(peripheral)) => bus.attach(slot, peripheral.clone()),
            (Self::Virtio(bus), Peripheral::Virtio(device)) => bus.clone().plug(device.clone()),
            (Self::VirtioSerial(bus), Peripheral::VirtioSerial(port)) => bus.attach(port),
            _ => {}
        }
    }

    /// The same while a guest runs, who is told.
    pub fn plug(&self, slot: u32, peripheral: &Peripheral) {
        match (self, peripheral) {
            (Self::Pci(bus), Peripheral::Pci(function)) => bus.plug(slot, function),
            _ => self.attach(slot, peripheral),
        }
    }
}

impl Built {
    /// A device that is registers only.
    pub fn device(device: Arc<dyn Device>) -> Self {
        Self {
            device,
            memory: Vec::new(),
            images: Vec::new(),
            harts: Vec::new(),
            bus: None,
            peripheral: None,
            balloon: None,
        }
    }
}

/// A device that has nothing to do while the machine runs.
pub struct Passive;

impl Device for Passive {
    fn saved(&self) -> Option<&dyn state::Saved> {
        None
    }
}

/// One row a driver, sorted; a driver of the schema without a row does not compile.
macro_rules! drivers {
    ($($variant:ident => $properties:ident,)*) => {
        /// What the driver of a device declares.
        pub fn driver(options: &DeviceOptionsDriver) -> &dyn Driver {
            match options {
                $(DeviceOptionsDriver::$variant(properties) => properties,)*
            }
        }

        /// The properties of a driver, as the schema declares them.
        pub fn properties(kind: DeviceDriver) -> &'static [MemberInfo] {
            match kind {
                $(DeviceDriver::$variant => <$properties as Object>::MEMBERS,)*
            }
        }

        /// How drivers read nodes of device trees.
        pub fn bindings() -> impl Iterator<Item = &'static binding::Binding> {
            let all = [$(<$properties as Driver>::bindings(),)*];
            all.into_iter().flatten()
        }

        /// The same device without the properties that say what is so anyway.
        pub fn normal(options: &DeviceOptionsDriver) -> DeviceOptionsDriver {
            match options {
                $(DeviceOptionsDriver::$variant(properties) => {
                    DeviceOptionsDriver::$variant(properties.normal())
                })*
            }
        }

        /// The defaults of a driver's properties, as an object.
        pub fn defaults(kind: DeviceDriver) -> Value {
            match kind {
                $(DeviceDriver::$variant => <$properties as Defaults>::defaults().encode(),)*
            }
        }
    };
}

drivers! {
    CfiPflash01 => CfiPflash01Properties,
    FwCfgMem => FwCfgMemProperties,
    GoldfishRtc => GoldfishRtcProperties,
    GpexPcihost => GpexPcihostProperties,
    GpioConnection => GpioConnectionProperties,
    GpioPwr => GpioPwrProperties,
    IbexPlic => IbexPlicProperties,
    IbexTimer => IbexTimerProperties,
    IbexUart => IbexUartProperties,
    Loader => LoaderProperties,
    OrIrq => OrIrqProperties,
    PcieRootPort => PcieRootPortProperties,
    Regfile => RegfileProperties,
    RiscvAclintMtimer => RiscvAclintMtimerProperties,
    RiscvAclintSwi => RiscvAclintSwiProperties,
    RiscvHartArray => RiscvHartArrayProperties,
    RiscvSifiveClint => RiscvSifiveClintProperties,
    RiscvSifiveEAon => RiscvSifiveEAonProperties,
    RiscvSifiveEPrci => RiscvSifiveEPrciProperties,
    RiscvSifivePlic => RiscvSifivePlicProperties,
    RiscvSifiveTest => RiscvSifiveTestProperties,
    RiscvSifiveUL2cc => RiscvSifiveUL2ccProperties,
    RiscvSifiveUOtp => RiscvSifiveUOtpProperties,
    RiscvSifiveUPrci => RiscvSifiveUPrciProperties,
    RiscvSifiveUart => RiscvSifiveUartProperties,
    SerialMm => SerialMmProperties,
    SifivePwm => SifivePwmProperties,
    SifivePdma => SifivePdmaProperties,
    SifiveSpi => SifiveSpiProperties,
    SifiveSocGpio => SifiveSocGpioProperties,
    SpiNor => SpiNorProperties,
    SplitIrq => SplitIrqProperties,
    SysbusMemory => SysbusMemoryProperties,
    SysbusMmioMapping => SysbusMmioMappingProperties,
    UnimplementedDevice => UnimplementedDeviceProperties,
    Virtconsole => VirtconsoleProperties,
    Virtio9p => Virtio9pPciProperties,
    Virtio9pDevice => Virtio9pDeviceProperties,
    Virtio9pPci => Virtio9pPciProperties,
    VirtioBalloon => VirtioBalloonPciProperties,
    VirtioBalloonDevice => VirtioBalloonDeviceProperties,
    VirtioBalloonPci => VirtioBalloonPciProperties,
    VirtioBlk => VirtioBlkPciProperties,
    VirtioBlkDevice => VirtioBlkDeviceProperties,
    VirtioBlkPci => VirtioBlkPciProperties,
    VirtioMmio => VirtioMmioProperties,
    VirtioNet => VirtioNetPciProperties,
    VirtioNetDevice => VirtioNetDeviceProperties,
    VirtioNetPci => VirtioNetPciProperties,
    VirtioRngPci => VirtioRngPciProperties,
    VirtioRng => VirtioRngPciProperties,
    VirtioRngDevice => VirtioRngDeviceProperties,
    VirtioSerial => VirtioSerialPciProperties,
    VirtioSerialDevice => VirtioSerialDeviceProperties,
    VirtioSerialPci => VirtioSerialPciProperties,
    Virtserialport => VirtserialportProperties,
}
