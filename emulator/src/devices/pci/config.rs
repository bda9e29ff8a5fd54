//! The configuration space of a function (PCI Local Bus 3.0, chapter 6; PCI Express Base 3.0,
//! chapter 7): bytes, which bits of them a guest writes, and which it clears by writing ones.

use serde::{Deserialize, Serialize};

/// Offsets in the header.
pub(super) mod register {
    pub(in super::super) const COMMAND: u16 = 0x04;
    pub(in super::super) const STATUS: u16 = 0x06;
    pub(in super::super) const REVISION: u16 = 0x08;
    pub(in super::super) const CLASS: u16 = 0x0a;
    pub(in super::super) const HEADER_TYPE: u16 = 0x0e;
    pub(in super::super) const BARS: u16 = 0x10;
    pub(in super::super) const PRIMARY: u16 = 0x18;
    pub(in super::super) const SECONDARY: u16 = 0x19;
    pub(in super::super) const SUBORDINATE: u16 = 0x1a;
    pub(in super::super) const IO_BASE: u16 = 0x1c;
    pub(in super::super) const IO_LIMIT: u16 = 0x1d;
    pub(in super::super) const SECONDARY_STATUS: u16 = 0x1e;
    pub(in super::super) const MEMORY_BASE: u16 = 0x20;
    pub(in super::super) const MEMORY_LIMIT: u16 = 0x22;
    pub(in super::super) const PREFETCH_BASE: u16 = 0x24;
    pub(in super::super) const PREFETCH_LIMIT: u16 = 0x26;
    pub(in super::super) const PREFETCH_BASE_HIGH: u16 = 0x28;
    pub(in super::super) const PREFETCH_LIMIT_HIGH: u16 = 0x2c;
    pub(in super::super) const SUBSYSTEM: u16 = 0x2c;
    pub(in super::super) const CAPABILITIES: u16 = 0x34;
    pub(in super::super) const INTERRUPT_LINE: u16 = 0x3c;
    pub(in super::super) const INTERRUPT_PIN: u16 = 0x3d;
    pub(in super::super) const BRIDGE_CONTROL: u16 = 0x3e;
    /// Where capabilities may begin, and where the header of every function ends.
    pub(in super::super) const HEADER_END: u16 = 0x40;
}

/// Bits of the command register.
pub mod command {
    /// Accesses to I/O ports are answered.
    pub const IO: u16 = 1;
    /// Accesses to memory are answered.
    pub const MEMORY: u16 = 2;
    /// The function may write to memory by itself.
    pub const MASTER: u16 = 4;
    /// It does not use its interrupt pin.
    pub const NO_INTX: u16 = 1 << 10;
    /// What a guest can change: the above, parity errors and SERR#.
    pub(super) const WRITABLE: u16 = 0x0547;
}

/// Bits of the status register.
const INTX_PENDING: u16 = 1 << 3;
const HAS_CAPABILITIES: u16 = 1 << 4;
/// Errors, which are cleared by writing ones.
const ERRORS: u16 = 0xf900;

/// Bit of bridge control: what is behind is held in reset.
const BUS_RESET: u16 = 1 << 6;
/// Type of port or device in the flags of PCI Express; 0 is an endpoint.
const PORT_TYPE: u16 = 0xf << 4;
/// Bit of device control: the function is reset (PCI Express Base 3.0, section 6.6.2).
const INITIATE_RESET: u16 = 1 << 15;

/// Sizes of the space: of conventional PCI, and of PCI Express.
const CONVENTIONAL: usize = 0x100;
const EXPRESS: usize = 0x1000;

/// What a function is.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// The vendor and its name of the device.
    pub vendor: u16,
    /// The device.
    pub device: u16,
    /// The revision.
    pub revision: u8,
    /// Class and subclass.
    pub class: u16,
    /// Vendor and id of the subsystem; a bridge has none here.
    pub subsystem: (u16, u16),
    /// Whether it has an interrupt pin, which is A.
    pub interrupt: bool,
    /// Whether it is on PCI Express, with the larger space.
    pub express: bool,
}

/// The two address spaces of the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// I/O ports.
    Io,
    /// Memory.
    Memory,
}

/// What kind of address a BAR has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// Of an I/O port.
    Io,
    /// Of memory, 32 bits.
    Memory,
    /// Of memory that may be read ahead, 64 bits in two registers.
    Prefetchable,
}

/// A base address register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which one, 0 to 5.
    pub index: u8,
    /// Of what.
    pub kind: BarKind,
    /// Its size, a power of two.
    pub size: u64,
}

impl Bar {
    /// Its address space.
    pub fn space(self) -> Space {
        if self.kind == BarKind::Io { Space::Io } else { Space::Memory }
    }

    fn register(self) -> u16 {
        register::BARS + 4 * u16::from(self.index)
    }
}

/// The PCI Express capability of a function (section 7.8).
#[derive(Clone, Copy, Debug)]
pub struct Express {
    /// Type of port or device, and whether it has a slot.
    pub flags: u16,
    /// Link capabilities.
    pub link: u32,
    /// Device capabilities 2.
    pub device2: u32,
    /// Link capabilities 2; link control 2 has the highest speed of it.
    pub link2: u32,
}

/// A configuration space. Saved are its bytes; which bits are writable is a matter of the device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfigSpace {
    bytes: Vec<u8>,
    #[serde(skip)]
    writable: Vec<u8>,
    #[serde(skip)]
    cleared: Vec<u8>,
    #[serde(skip)]
    initial: Vec<u8>,
    #[serde(skip)]
    bars: Vec<Bar>,
    #[serde(skip)]
    free: u16,
    /// Where the device control register of PCI Express is that resets the function; 0 for none.
    #[serde(skip)]
    control: u16,
}

impl ConfigSpace {
    /// Of a device (header type 0).
    pub fn device(identity: Identity) -> Self {
        let mut space = Self::begin(identity, 0);
        let (vendor, device) = identity.subsystem;
        space.set16(register::SUBSYSTEM, vendor);
        space.set16(register::SUBSYSTEM + 2, device);
        space
    }

    /// Of a bridge (header type 1).
    pub fn bridge(identity: Identity) -> Self {
        let mut space = Self::begin(identity, 1);
        for offset in [register::PRIMARY, register::SECONDARY, register::SUBORDINATE] {
            space.allow(offset, 1, 0xff);
        }
        // Windows are closed: each ends before it begins.
        space.set8(register::IO_BASE, 0xf0);
        space.allow(register::IO_BASE, 2, 0xf0f0);
        space.clear_by_one(register::SECONDARY_STATUS, 2, ERRORS.into());
        space.set16(register::MEMORY_BASE, 0xfff0);
        space.allow(register::MEMORY_BASE, 4, 0xfff0_fff0);
        space.set16(register::PREFETCH_BASE, 0xfff1);
        space.set16(register::PREFETCH_LIMIT, 1);
        space.allow(register::PREFETCH_BASE, 4, 0xfff0_fff0);
        space.allow(register::PREFETCH_BASE_HIGH, 4, u32::MAX);
        space.allow(register::PREFETCH_LIMIT_HIGH, 4, u32::MAX);
        // Parity, SERR#, ISA, VGA, master abort, secondary reset.
        space.allow(register::BRIDGE_CONTROL, 2, 0x007f);
        space
    }

    fn begin(identity: Identity, header: u8) -> Self {
        let size = if identity.express { EXPRESS } else { CONVENTIONAL };
        let mut space = Self {
            bytes: vec![0; size],
            writable: vec![0; size],
            cleared: vec![0; size],
            initial: Vec::new(),
            bars: Vec::new(),
            free: register::HEADER_END,
            control: 0,
        };
        space.set16(0, identity.vendor);
        space.set16(2, identity.device);
        space.set8(register::REVISION, identity.revision);
        space.set16(register::CLASS, identity.class);
        space.set8(register::HEADER_TYPE, header);
        space.set8(register::INTERRUPT_PIN, identity.interrupt.into());
        space.allow(register::COMMAND, 2, command::WRITABLE.into());
        space.clear_by_one(register::STATUS, 2, ERRORS.into());
        // Cache line size.
        space.allow(0x0c, 1, 0xff);
        space.allow(register::INTERRUPT_LINE, 1, 0xff);
        space
    }

    /// What it is now is what it is after a reset.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.initial.clone_from(&self.bytes);
        self
    }

    /// Says that its device has other functions.
    pub fn make_multifunction(&mut self) {
        let header = self.read(register::HEADER_TYPE, 1) as u8;
        self.set8(register::HEADER_TYPE, header | 0x80);
    }

    /// Adds a BAR.
    pub fn add_bar(&mut self, bar: Bar) {
        let at = bar.register();
        let (flags, mask) = match bar.kind {
            BarKind::Io => (1, !(bar.size - 1) & !3),
            BarKind::Memory => (0, !(bar.size - 1) & !15),
            BarKind::Prefetchable => (0b1100, !(bar.size - 1) & !15),
        };
        self.set32(at, flags);
        self.allow(at, 4, mask as u32);
        if bar.kind == BarKind::Prefetchable {
            self.allow(at + 4, 4, (mask >> 32) as u32);
        }
        self.bars.push(bar);
    }

    /// Adds a capability of so many bytes; returns where it is. Those added last come first.
    pub fn add_capability(&mut self, id: u8, size: u16) -> u16 {
        let at = self.free;
        self.free = (at + size).next_multiple_of(4);
        let next = self.read(register::CAPABILITIES, 1) as u8;
        self.set8(at, id);
        self.set8(at + 1, next);
        self.set8(register::CAPABILITIES, at as u8);
        self.set16(register::STATUS, self.get16(register::STATUS) | HAS_CAPABILITIES);
        at
    }

    /// Adds the PCI Express capability, version 2; returns where it is.
    pub fn add_express(&mut self, express: Express) -> u16 {
        const ROLE_BASED_ERRORS: u32 = 1 << 15;
        const FUNCTION_RESET: u32 = 1 << 28;
        let at = self.add_capability(0x10, 0x3c);
        self.set16(at + 2, express.flags | 2);
        let endpoint = express.flags & PORT_TYPE == 0;
        self.set32(at + 4, ROLE_BASED_ERRORS | if endpoint { FUNCTION_RESET } else { 0 });
        // Error reporting; errors are cleared by writing ones.
        self.allow(at + 8, 2, 0x000f);
        if endpoint {
            self.control = at + 8;
            self.allow(self.control, 2, (0x000f | INITIATE_RESET).into());
        }
        self.clear_by_one(at + 0xa, 2, 0x000f);
        self.set32(at + 0xc, express.link);
        self.set16(at + 0x12, 0x0011);
        self.set32(at + 0x24, express.device2);
        self.allow(at + 0x28, 2, 0x8000);
        self.set32(at + 0x2c, express.link2);
        self.set16(at + 0x30, (express.link & 0xf) as u16);
        at
    }

    /// Lets a guest write these bits.
    pub fn allow(&mut self, offset: u16, size: u8, mask: u32) {
        fill(&mut self.writable, offset, size, mask);
    }

    /// Lets a guest clear these bits by writing ones.
    pub fn clear_by_one(&mut self, offset: u16, size: u8, mask: u32) {
        fill(&mut self.cleared, offset, size, mask);
    }

    /// Sets a byte, whoever may write it.
    pub fn set8(&mut self, offset: u16, value: u8) {
        fill(&mut self.bytes, offset, 1, value.into());
    }

    /// Sets two bytes.
    pub fn set16(&mut self, offset: u16, value: u16) {
        fill(&mut self.bytes, offset, 2, value.into());
    }

    /// Sets four bytes.
    pub fn set32(&mut self, offset: u16, value: u32) {
        fill(&mut self.bytes, offset, 4, value);
    }

    /// Two bytes.
    pub fn get16(&self, offset: u16) -> u16 {
        self.read(offset, 2) as u16
    }

    /// Reads 1, 2 or 4 bytes; what is beyond the space reads as ones.
    pub fn read(&self, offset: u16, size: u8) -> u32 {
        let at = usize::from(offset);
        let Some(bytes) = self.bytes.get(at..at + usize::from(size)) else {
            return u32::MAX >> (32 - 8 * u32::from(size.clamp(1, 4)));
        };
        bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
    }

    /// A guest writes 1, 2 or 4 bytes.
    pub fn write(&mut self, offset: u16, size: u8, value: u32) {
        for (at, new) in (usize::from(offset)..).zip(value.to_le_bytes()).take(size.into()) {
            let (Some(byte), Some(writable), Some(cleared)) =
                (self.bytes.get_mut(at), self.writable.get(at), self.cleared.get(at))
            else {
                return;
            };
            *byte = (*byte & !writable | new & writable) & !(new & cleared);
        }
    }

    /// Back to what it was when it was finished.
    pub fn reset(&mut self) {
        self.bytes.clone_from(&self.initial);
    }

    /// Takes over the bytes of a space that was saved.
    ///
    /// # Errors
    /// It is that of another function.
    pub fn adopt(&mut self, saved: Self) -> Result<(), String> {
        if saved.bytes.len() != self.bytes.len() || saved.bytes.get(..4) != self.bytes.get(..4) {
            return Err("the configuration space is that of another function".into());
        }
        self.bytes = saved.bytes;
        Ok(())
    }

    /// The command register.
    pub fn command(&self) -> u16 {
        self.get16(register::COMMAND)
    }

    /// Whether the function may write to memory by itself.
    pub fn is_master(&self) -> bool {
        self.command() & command::MASTER != 0
    }

    /// Lets it.
    pub fn make_master(&mut self) {
        self.set16(register::COMMAND, self.command() | command::MASTER);
    }

    /// Whether a guest has just asked for a reset of the function; the bit reads as 0.
    pub fn wants_reset(&mut self) -> bool {
        if self.control == 0 {
            return false;
        }
        let control = self.get16(self.control);
        self.set16(self.control, control & !INITIATE_RESET);
        control & INITIATE_RESET != 0
    }

    /// Whether a bridge holds what is behind it in reset.
    pub fn resets_bus(&self) -> bool {
        self.is_bridge() && self.get16(register::BRIDGE_CONTROL) & BUS_RESET != 0
    }

    /// Whether it is a bridge.
    pub fn is_bridge(&self) -> bool {
        self.read(register::HEADER_TYPE, 1) & 0x7f == 1
    }

    /// Says whether the function wants its interrupt.
    pub fn set_intx(&mut self, pending: bool) {
        let status = self.get16(register::STATUS) & !INTX_PENDING;
        self.set16(register::STATUS, status | if pending { INTX_PENDING } else { 0 });
    }

    /// The level of its pin.
    pub fn pin_level(&self) -> bool {
        self.get16(register::STATUS) & INTX_PENDING != 0 && self.command() & command::NO_INTX == 0
    }

    /// The BARs.
    pub fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// The first and last address of a BAR, while it is answered.
    pub fn decoded(&self, bar: Bar) -> Option<(u64, u64)> {
        let on = match bar.space() {
            Space::Io => command::IO,
            Space::Memory => command::MEMORY,
        };
        if self.command() & on == 0 {
            return None;
        }
        let low = u64::from(self.read(bar.register(), 4));
        let (first, most) = match bar.kind {
            BarKind::Io => (low & !3, 0xffff_ffff),
            BarKind::Memory => (low & !15, 0xffff_ffff),
            BarKind::Prefetchable => {
                (low & !15 | u64::from(self.read(bar.register() + 4, 4)) << 32, u64::MAX)
            }
        };
        // All ones are what a guest writes to learn the size.
        let last = first.checked_add(bar.size - 1).filter(|last| *last < most)?;
        Some((first, last))
    }

    /// The buses behind a bridge: its own and the last.
    pub fn buses(&self) -> (u8, u8) {
        let number = |offset| self.read(offset, 1) as u8;
        (number(register::SECONDARY), number(register::SUBORDINATE))
    }

    /// The first and last address that a bridge forwards: I/O, memory, memory to be read ahead; a
    /// window that ends before it begins is closed.
    pub fn forwarded(&self) -> [(Space, u64, u64); 3] {
        let word = |offset| u64::from(self.get16(offset));
        let high = |offset| u64::from(self.read(offset, 4)) << 32;
        let io = |offset| u64::from(self.read(offset, 1) & 0xf0) << 8;
        [
            (Space::Io, io(register::IO_BASE), io(register::IO_LIMIT) | 0xfff),
            (
                Space::Memory,
                (word(register::MEMORY_BASE) & 0xfff0) << 16,
                (word(register::MEMORY_LIMIT) & 0xfff0) << 16 | 0xf_ffff,
            ),
            (
                Space::Memory,
                (word(register::PREFETCH_BASE) & 0xfff0) << 16 | high(register::PREFETCH_BASE_HIGH),
                (word(register::PREFETCH_LIMIT) & 0xfff0) << 16
                    | 0xf_ffff
                    | high(register::PREFETCH_LIMIT_HIGH),
            ),
        ]
    }
}

fn fill(bytes: &mut [u8], offset: u16, size: u8, value: u32) {
    let place = bytes.iter_mut().skip(offset.into()).take(size.into());
    place.zip(value.to_le_bytes()).for_each(|(to, from)| *to = from);
}
