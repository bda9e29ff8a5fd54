//! `cfi.pflash01`: parallel NOR flash with Intel's command set (JEDEC JESD68.01, Common Flash Interface;
//! Intel 28F128J3 data sheet, "Commands"), as many chips of 16 bits side by side as the bank is wide.
//!
//! What is written is a command, to all chips of the bank at once; what is read is the contents, or
//! what the last command has asked for. Programming and erasing take no time. Contents outlast a
//! reset. Those of a drive outlast the program: what changes is written to the image at once, and is
//! made to last when the guest goes back to reading contents.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use boardwright_devicetree::{Node, TreeError};
use boardwright_riscv::Ram;
use qapi_runtime::{Object, QmpError};
use serde::{Deserialize, Serialize};

use crate::backends::block::{Disk, SECTOR};
use crate::backends::char::Plain;
use crate::boot::Loaded;
use crate::devices::binding::{Binding, Described, Found, Nodes, Part};
use crate::devices::chip::{Chip, Outputs};
use crate::devices::node::Place;
use crate::devices::state::Saved;
use crate::devices::{Built, Defaults, Device, Driver, Region, RegionKind};
use crate::machine::unmodelled::Block;
use crate::machine::{Line, Notice, Site};
use crate::qapi::{CfiPflash01Properties, DeviceOptionsDriver, IoOperationType};

/// Bytes of a chip's data path.
const CHIP_WIDTH: u64 = 2;
/// Most bytes there are.
const MOST_BYTES: u64 = 256 << 20;
/// Bytes of a chip's write buffer, as a power of two.
const BUFFER_SHIFT: u8 = 11;

/// Bytes of an image that are read at a time.
const PIECE: usize = 1 << 20;

/// Commands (28F128J3, table "Command Bus Operations").
mod command {
    pub(super) const PROGRAM: [u8; 2] = [0x10, 0x40];
    pub(super) const ERASE: u8 = 0x20;
    pub(super) const CLEAR_STATUS: u8 = 0x50;
    pub(super) const LOCK: u8 = 0x60;
    pub(super) const READ_STATUS: u8 = 0x70;
    pub(super) const READ_ID: u8 = 0x90;
    pub(super) const QUERY: u8 = 0x98;
    pub(super) const CONFIRM: u8 = 0xd0;
    pub(super) const BUFFER: u8 = 0xe8;
    pub(super) const READ_ARRAY: u8 = 0xff;
    /// Of AMD's command set, which drivers try to find out what is there.
    pub(super) const RESET_AMD: u8 = 0xf0;
}

/// Bits of the status: ready, and what went wrong: erasing, programming, the order of commands both.
const READY: u8 = 1 << 7;
const ERASE_FAILED: u8 = 1 << 5;
const PROGRAM_FAILED: u8 = 1 << 4;
/// Manufacturer and device codes.
const CODES: [u8; 2] = [0x89, 0x18];

impl Defaults for CfiPflash01Properties {
    fn defaults() -> Self {
        Self {
            drive: None,
            file: None,
            num_blocks: Some(128),
            sector_length: Some(256 << 10),
            width: Some(4),
            readonly: Some(false),
        }
    }
}

/// The properties with their defaults.
#[derive(Clone, Copy, Debug)]
struct Layout {
    blocks: u32,
    sector: u64,
    width: u64,
    readonly: bool,
}

impl Layout {
    fn size(&self) -> u64 {
        u64::from(self.blocks).saturating_mul(self.sector)
    }

    fn chips(&self) -> u64 {
        self.width / CHIP_WIDTH
    }

    /// The word of a chip's tables at an offset.
    fn word(&self, offset: u64) -> u64 {
        (offset / self.width) & 0xff
    }

    /// Bytes of the write buffers of all chips.
    fn buffer(&self) -> u64 {
        (1 << BUFFER_SHIFT) * self.chips()
    }

    /// What a chip answers to a query, by word (JESD68.01, tables 2 to 6).
    fn query(&self, word: u64) -> u8 {
        let sector = (self.sector / self.chips()) >> 8;
        let chip = self.size() / self.chips();
        let last = self.blocks - 1;
        match word {
            0x10..=0x12 => b"QRY"[word as usize - 0x10],
            // Intel's extended command set, and where the table for it is.
            0x13 => 0x01,
            0x15 => 0x31,
            // Volts of the supply, in tenths: 4.5 to 5.5.
            0x1b => 0x45,
            0x1c => 0x55,
            // Typical times as powers of two: a word and a buffer in microseconds, a block in
            // milliseconds; then how much longer they can be.
            0x1f | 0x20 => 0x07,
            0x21 => 0x0a,
            0x23..=0x25 => 0x04,
            0x27 => chip.ilog2() as u8,
            // Both 8 and 16 bits wide.
            0x28 => 0x02,
            0x2a => BUFFER_SHIFT,
            // One region of equal blocks: how many but one, and their size in 256 bytes.
            0x2c => 1,
            0x2d => last as u8,
            0x2e => (last >> 8) as u8,
            0x2f => sector as u8,
            0x30 => (sector >> 8) as u8,
            0x31..=0x35 => b"PRI10"[word as usize - 0x31],
            // One protection register.
            0x3f => 1,
            _ => 0,
        }
    }
}

impl CfiPflash01Properties {
    fn layout(&self) -> Layout {
        let all = self.clone().or(Self::defaults());
        Layout {
            blocks: all.num_blocks.unwrap_or_default(),
            sector: all.sector_length.unwrap_or_default(),
            width: all.width.unwrap_or_default().into(),
            readonly: all.readonly.unwrap_or_default(),
        }
    }

    /// What is in it at first.
    fn contents(&self) -> Result<Vec<u8>, QmpError> {
        let Some(path) = &self.file else { return Ok(Vec::new()) };
        let loaded = Loaded::read(Path::new(path), 0, true)?;
        let bytes: Vec<u8> = loaded.images.into_iter().flat_map(|image| image.bytes).collect();
        let size = self.layout().size();
        if bytes.len() as u64 > size {
            return Err(QmpError::generic(format!(
                "Cannot put '{path}' into the flash: it has {:#x} bytes and the flash {size:#x}",
                bytes.len()
            )));
        }
        Ok(bytes)
    }
}

impl Driver for CfiPflash01Properties {
    fn check(&self) -> Result<(), QmpError> {
        let layout = self.layout();
        if !matches!(layout.width, 2 | 4) {
            return Err(QmpError::generic(format!(
                "Parameter 'width' expects 2 or 4, not {}",
                layout.width
            )));
        }
        let least = layout.buffer().max(0x1000);
        if !layout.sector.is_power_of_two() || layout.sector < least {
            return Err(QmpError::generic(format!(
                "Parameter 'sector-length' expects a power of two of {least:#x} or more, not {:#x}",
                layout.sector
            )));
        }
        if !(1..=0x1_0000).contains(&layout.blocks) || layout.size() > MOST_BYTES {
            return Err(QmpError::generic(format!(
                "Parameter 'num-blocks' expects a number of blocks from 1 to {:#x} that have {} MiB at most together, not {}",
                0x1_0000,
                MOST_BYTES >> 20,
                layout.blocks
            )));
        }
        if self.drive.is_some() && self.file.is_some() {
            return Err(QmpError::generic(
                "Parameters 'drive' and 'file' cannot be used together: both are the contents",
            ));
        }
        self.contents().map(drop)
    }

    fn drive(&self) -> Option<&str> {
        self.drive.as_deref()
    }

    fn regions(&self) -> Vec<Region> {
        let size = self.layout().size();
        vec![Region { name: "flash".into(), size, kind: RegionKind::Flash }]
    }

    fn bindings() -> &'static [Binding] {
        &[Binding { nodes: Nodes::Compatible(&["cfi-flash"]), read }]
    }

    fn node(&self, place: &Place<'_>) -> Option<Node> {
        let node = place.bus_node("flash", &["cfi-flash"])?;
        Some(node.with_u32("bank-width", self.width.unwrap_or(4).into()))
    }

    fn build(&self, site: &Site<'_>) -> Result<Built, QmpError> {
        let mut layout = self.layout();
        let image = match &self.drive {
            Some(drive) => Some(Image::of(site, drive)?),
            None => None,
        };
        layout.readonly |= image.as_ref().is_some_and(|image| image.disk.read_only());
        let memory = Ram::new(layout.size()).map_err(|error| {
            QmpError::generic(format!(
                "Device '{}': cannot have {:#x} bytes of memory: {}",
                site.device.name,
                layout.size(),
                Plain(&error)
            ))
        })?;
        let block = site.block();
        let chip = Chip::new(State::default(), Vec::new());
        let flash = Flash { chip, layout, memory: memory.clone(), image, block };
        match &flash.image {
            Some(image) => image.read_into(&memory, layout.size())?,
            // The rest is as it is where nobody has put anything: zeros, as QEMU's, which cost no
            // memory of the host.
            None => flash.put(0, &self.contents()?),
        }
        Ok(Built { memory: vec![memory], ..Built::device(Arc::new(flash)) })
    }
}

/// One bank an entry of `reg`.
fn read(node: &Described<'_, '_>) -> Result<Found, TreeError> {
    let width = node.number("bank-width")?.map(|width| u8::try_from(width).unwrap_or(u8::MAX));
    let sector = CfiPflash01Properties::defaults().layout().sector;
    let bank = |region: &boardwright_devicetree::Region| {
        let blocks = u32::try_from(region.size / sector).unwrap_or(u32::MAX);
        let flash = CfiPflash01Properties {
            drive: None,
            file: None,
            num_blocks: Some(blocks),
            sector_length: None,
            width,
            readonly: None,
        };
        Part::new(DeviceOptionsDriver::CfiPflash01(flash)).at(region.address)
    };
    if node.regions.is_empty() {
        return Ok(node.without_registers());
    }
    Ok(Found::devices(node.regions.iter().map(bank).collect()))
}

/// What reading gives, and what the next write is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    /// Contents; a command.
    #[default]
    Array,
    /// The status; a command.
    Status,
    /// The codes; a command.
    Id,
    /// The query; a command.
    Query,
    /// The status; a word to program.
    Program,
    /// The status; the confirmation that the block is to be erased.
    Erase,
    /// The status; what is to be locked.
    Lock,
    /// The status; how many words but one follow.
    Count,
    /// The status; data for the buffer, so many writes of them.
    Fill { left: u64 },
    /// The status; the confirmation that the buffer is to be programmed.
    Confirm,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    step: Step,
    status: u8,
    /// Where the write buffer begins, and what of it has been written: offsets and bytes.
    buffer: Vec<(u64, u8)>,
}

impl Outputs for State {
    fn drive(&self, _lines: &[Line]) {}
}

/// Where contents come from, and where changes go.
struct Image {
    disk: Disk,
    path: String,
    notice: Arc<dyn Fn(Notice) + Send + Sync>,
    /// Whether something has been written since the last flush.
    changed: AtomicBool,
}

impl Image {
    fn of(site: &Site<'_>, drive: &str) -> Result<Self, QmpError> {
        let (path, notice) = (site.device.path(), site.around.notice.clone());
        Ok(Self { disk: site.disk(drive)?, path, notice, changed: AtomicBool::new(false) })
    }

    /// Fills memory with all of it.
    fn read_into(&self, memory: &Ram, size: u64) -> Result<(), QmpError> {
        let there = self.disk.size();
        if there != size {
            return Err(QmpError::generic(format!(
                "device requires {size} bytes, block backend provides {there} bytes"
            )));
        }
        let mut piece = vec![0; PIECE];
        for at in (0..size).step_by(PIECE) {
            let piece = piece.get_mut(..PIECE.min((size - at) as usize)).unwrap_or_default();
            self.disk.read(at, piece).map_err(|error| {
                let name = self.disk.node();
                QmpError::generic(format!("can't read block backend '{name}': {error}"))
            })?;
            // What is zero is so already, and costs no memory of the host.
            if piece.iter().any(|byte| *byte != 0) {
                let _ = memory.write(at, piece);
            }
        }
        Ok(())
    }

    /// Takes over what memory has somewhere, whole sectors of it; tells whether the host did.
    fn update(&self, memory: &Ram, offset: u64, len: u64) -> bool {
        let first = offset & !(SECTOR - 1);
        let end = (offset + len).next_multiple_of(SECTOR);
        let mut bytes = vec![0; (end - first) as usize];
        let _ = memory.read(first, &mut bytes);
        self.changed.store(true, Ordering::Release);
        self.told(self.disk.write(first, &bytes))
    }

    /// Makes what was written last.
    fn flush(&self) {
        if self.changed.swap(false, Ordering::AcqRel) {
            self.told(self.disk.flush());
        }
    }

    fn told(&self, result: io::Result<()>) -> bool {
        let Err(error) = result else { return true };
        let event = self.disk.failed(&self.path, IoOperationType::Write, &error);
        (self.notice)(Notice::BlockIoError(event));
        false
    }
}

struct Flash {
    chip: Chip<State>,
    layout: Layout,
    memory: Arc<Ram>,
    image: Option<Image>,
    block: Block,
}

impl Flash {
    /// Puts bytes somewhere; what is beyond the end is not.
    fn put(&self, offset: u64, bytes: &[u8]) {
        let _ = self.memory.write(offset, bytes);
    }

    fn array(&self, offset: u64, size: u8) -> u64 {
        let mut bytes = [0; 8];
        let _ = self.memory.read(offset, bytes.get_mut(..size.into()).unwrap_or_default());
        u64::from_le_bytes(bytes)
    }

    /// The same answer from every chip.
    fn all_chips(answer: u8, size: u8) -> u64 {
        let all = u64::from(answer) * 0x0001_0001_0001_0001;
        if size == 8 { all } else { all & ((1 << (8 * u32::from(size))) - 1) }
    }

    /// Has the image follow; tells whether it could.
    fn keep(&self, offset: u64, len: u64) -> bool {
        self.image.as_ref().is_none_or(|image| image.update(&self.memory, offset, len))
    }

    /// Programs bytes, which follow one another within a write buffer: bits can only be cleared by it.
    fn program(&self, state: &mut State, bytes: &[(u64, u8)]) {
        if self.layout.readonly {
            state.status |= PROGRAM_FAILED;
            return;
        }
        for (offset, byte) in bytes {
            self.put(*offset, &[self.array(*offset, 1) as u8 & byte]);
        }
        let offsets = || bytes.iter().map(|(offset, _)| *offset);
        if let (Some(first), Some(last)) = (offsets().min(), offsets().max())
            && !self.keep(first, last - first + 1)
        {
            state.status |= PROGRAM_FAILED;
        }
    }

    fn erase(&self, state: &mut State, offset: u64) {
        if self.layout.readonly {
            state.status |= ERASE_FAILED;
            return;
        }
        let sector = usize::try_from(self.layout.sector).unwrap_or(0);
        let first = offset & !(self.layout.sector - 1);
        self.put(first, &vec![0xff; sector]);
        if !self.keep(first, self.layout.sector) {
            state.status |= ERASE_FAILED;
        }
    }

    /// The first write of a command.
    fn begin(&self, state: &mut State, command: u8) -> Step {
        match command {
            command::READ_ARRAY | command::RESET_AMD | 0 => Step::Array,
            command::ERASE => Step::Erase,
            command::CLEAR_STATUS => {
                state.status = 0;
                Step::Array
            }
            command::LOCK => Step::Lock,
            command::READ_STATUS => Step::Status,
            command::READ_ID => Step::Id,
            command::QUERY => Step::Query,
            command::BUFFER => Step::Count,
            command if command::PROGRAM.contains(&command) => Step::Program,
            command => {
                let what = u64::from(command);
                self.block.unmodelled_write(0, 1, what);
                Step::Array
            }
        }
    }

    fn write(&self, state: &mut State, offset: u64, size: u8, value: u64) {
        let bytes = (offset..).zip(value.to_le_bytes()).take(size.into());
        let command = value as u8;
        state.step = match std::mem::take(&mut state.step) {
            Step::Array | Step::Status | Step::Id | Step::Query => self.begin(state, command),
            Step::Program => {
                self.program(state, &bytes.collect::<Vec<_>>());
                Step::Status
            }
            Step::Erase => {
                match command {
                    command::CONFIRM => self.erase(state, offset),
                    _ => state.status |= ERASE_FAILED | PROGRAM_FAILED,
                }
                Step::Status
            }
            // Locks are not modelled: nothing is locked but all of what is read only.
            Step::Lock if command == command::READ_ARRAY => Step::Array,
            Step::Lock => Step::Status,
            Step::Count => {
                let words = (value & 0xffff) + 1;
                state.buffer.clear();
                // A word of every chip with each write of the bank's width.
                if words * self.layout.width > self.layout.buffer() {
                    state.status |= ERASE_FAILED | PROGRAM_FAILED;
                    Step::Status
                } else {
                    Step::Fill { left: words }
                }
            }
            Step::Fill { left } => {
                state.buffer.extend(bytes);
                if left > 1 { Step::Fill { left: left - 1 } } else { Step::Confirm }
            }
            Step::Confirm => {
                let buffer = std::mem::take(&mut state.buffer);
                let size = self.layout.buffer();
                let first = buffer.first().map_or(0, |(offset, _)| offset & !(size - 1));
                let within = buffer.iter().all(|(offset, _)| offset & !(size - 1) == first);
                if command == command::CONFIRM && within {
                    self.program(state, &buffer);
                } else {
                    state.status |= ERASE_FAILED | PROGRAM_FAILED;
                }
                Step::Status
            }
        };
    }
}

impl Device for Flash {
    fn saved(&self) -> Option<&dyn Saved> {
        Some(&self.chip)
    }

    fn read(&self, _region: u32, offset: u64, size: u8) -> u64 {
        self.chip.peek(|state| match state.step {
            Step::Array => self.array(offset, size),
            Step::Id => {
                let code = CODES.get(self.layout.word(offset) as usize);
                Self::all_chips(code.copied().unwrap_or(0), size)
            }
            Step::Query => Self::all_chips(self.layout.query(self.layout.word(offset)), size),
            _ => Self::all_chips(state.status | READY, size),
        })
    }

    fn write(&self, _region: u32, offset: u64, size: u8, value: u64) {
        let reads = self.chip.with(|state| {
            self.write(state, offset, size, value);
            state.step == Step::Array
        });
        if let Some(image) = self.image.as_ref().filter(|_| reads) {
            image.flush();
        }
    }

    fn reset(&self) {
        self.chip.with(|state| *state = State::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::trace::Trace;

    fn flash(readonly: bool) -> Flash {
        let layout = Layout { blocks: 4, sector: 0x1_0000, width: 4, readonly };
        let memory = Ram::new(layout.size()).unwrap();
        let chip = Chip::new(State::default(), Vec::new());
        let flash = Flash {
            chip,
            layout,
            memory,
            image: None,
            block: Block::unnamed(Arc::new(Trace::default())),
        };
        flash.put(0, &[0xff; 0x4_0000]);
        flash
    }

    /// Writes of 32 bits; then reads of 32 bits and what they give.
    type Case = (&'static str, &'static [(u64, u64)], &'static [(u64, u64)]);

    const ALL_READY: u64 = 0x80_0080;
    const OUT_OF_ORDER: u64 = 0xb0_00b0;

    const CASES: &[Case] = &[
        ("contents", &[], &[(0, 0xffff_ffff)]),
        (
            "query",
            &[(0x154, 0x98_0098)],
            &[(0x40, 0x51_0051), (0x44, 0x52_0052), (0x9c, 0x11_0011)],
        ),
        ("codes", &[(0, 0x90_0090)], &[(0, 0x89_0089), (4, 0x18_0018), (8, 0)]),
        ("back to contents", &[(0, 0x98_0098), (0, 0xff_00ff)], &[(0x40, 0xffff_ffff)]),
        ("status", &[(0, 0x70_0070)], &[(0, ALL_READY)]),
        (
            "a word",
            &[(8, 0x40_0040), (8, 0x1234_5678), (0, 0xff_00ff)],
            &[(8, 0x1234_5678), (12, 0xffff_ffff)],
        ),
        (
            "only to zeros",
            &[(8, 0x10_0010), (8, 0xf0f0_f0f0), (8, 0x40_0040), (8, 0x3c3c_3c3c), (0, 0xff_00ff)],
            &[(8, 0x3030_3030)],
        ),
        (
            "a block",
            &[
                (0x1_0000, 0x40_0040),
                (0x1_0000, 0),
                (0x2_0000, 0x40_0040),
                (0x2_0000, 0),
                (0x1_fff0, 0x20_0020),
                (0x1_fff0, 0xd0_00d0),
                (0, 0xff_00ff),
            ],
            &[(0x1_0000, 0xffff_ffff), (0x2_0000, 0)],
        ),
        ("not confirmed", &[(0, 0x20_0020), (0, 0x70_0070)], &[(0, OUT_OF_ORDER)]),
        ("forgotten", &[(0, 0x20_0020), (0, 0), (0, 0x50_0050), (0, 0x70_0070)], &[(0, ALL_READY)]),
        (
            "the buffer",
            &[
                (0x100, 0xe8_00e8),
                (0x100, 0x1_0001),
                (0x100, 1),
                (0x104, 2),
                (0x100, 0xd0_00d0),
                (0, 0xff_00ff),
            ],
            &[(0x100, 1), (0x104, 2), (0x108, 0xffff_ffff)],
        ),
        ("too much for it", &[(0, 0xe8_00e8), (0, 0x400_0400)], &[(0, OUT_OF_ORDER)]),
        (
            "over its end",
            &[(0xffc, 0xe8_00e8), (0xffc, 0x1_0001), (0xffc, 1), (0x1000, 2), (0xffc, 0xd0_00d0)],
            &[(0, OUT_OF_ORDER)],
        ),
        (
            "not wanted after all",
            &[(0, 0xe8_00e8), (0, 0), (0, 1), (0, 0xff_00ff), (0, 0x50_0050)],
            &[(0, 0xffff_ffff)],
        ),
        ("unlocked", &[(0, 0x60_0060), (0, 0xd0_00d0)], &[(0, ALL_READY)]),
    ];

    fn check(flash: &Flash, (name, writes, reads): &Case) {
        writes.iter().for_each(|(offset, value)| Device::write(flash, 0, *offset, 4, *value));
        for (offset, value) in *reads {
            assert_eq!(flash.read(0, *offset, 4), *value, "{name}: {offset:#x}");
        }
    }

    #[test]
    fn commands_do_what_they_say() {
        CASES.iter().for_each(|case| check(&flash(false), case));
    }

    #[test]
    fn what_is_read_only_says_so() {
        check(&flash(true), &("program", &[(8, 0x40_0040), (8, 0)], &[(8, 0x90_0090)]));
        check(&flash(true), &("erase", &[(8, 0x20_0020), (8, 0xd0_00d0)], &[(8, 0xa0_00a0)]));
    }

    #[test]
    fn two_chips_of_virt_say_their_size() {
        let layout = CfiPflash01Properties::defaults().layout();
        assert_eq!((layout.size(), layout.query(0x27)), (32 << 20, 24));
        let words: Vec<u8> = (0x2c..0x31).map(|word| layout.query(word)).collect();
        assert_eq!(words, [1, 127, 0, 0, 2]);
    }
}
