//! Firmware, kernel and initial file system: what the machine's options name, and where it goes.
//!
//! The places are QEMU's: firmware where memory begins; the kernel at the next large page that is
//! free; the initial file system halfway into memory, or 512 MiB in.

use std::path::Path;

use qapi_runtime::QmpError;

use super::image::{LoadError, contents};
use super::kernel::{self, Header};
use super::{Facts, Image, Loaded};
use crate::board::Board;
use crate::devices::RegionKind;
use crate::machines::template;
use crate::qapi::MachineOptions;

/// How far behind the kernel's begin the initial file system is at most.
const INITRD_DISTANCE: u64 = 512 << 20;
const PAGE: u64 = 0x1000;

/// A file that was read, and where it goes if it does not say that itself.
pub struct File<'a> {
    /// The file.
    path: &'a str,
    /// What is in it, unpacked.
    bytes: Vec<u8>,
    /// Where it goes.
    at: u64,
    /// What its header says, where it is a Linux image.
    header: Option<Header>,
    /// Whether it is what firmware starts.
    is_kernel: bool,
}

impl File<'_> {
    /// Its parts.
    ///
    /// # Errors
    /// It is an ELF file and a broken one, or for another architecture.
    fn load(&self) -> Result<Loaded, LoadError> {
        let path = Path::new(self.path);
        let mut loaded = Loaded::of(path, self.bytes.clone(), self.at, false)?;
        loaded.width = loaded.width.or(self.header.and_then(|header| header.width));
        Ok(loaded)
    }

    /// What it says of the board that it is for.
    ///
    /// # Errors
    /// As for loading it.
    pub fn facts(&self) -> Result<Facts, LoadError> {
        let mut facts = Facts::of(Path::new(self.path), &self.bytes, self.at, false)?;
        if let Some(header) = self.header {
            facts.width = facts.width.or(header.width);
        }
        // A raw image is started where it is.
        facts.entry.get_or_insert(self.at);
        Ok(facts)
    }
}

/// What starts before the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware<'a> {
    /// Nothing: the kernel is in machine mode.
    None,
    /// The supervisor interface of the emulator, which takes no memory.
    BuiltIn,
    /// What a file holds.
    File(&'a str),
}

impl<'a> Firmware<'a> {
    /// What the machine's options say, or what its kind of machine has for a kernel.
    pub fn of(options: &'a MachineOptions) -> Self {
        let usual = template(options.type_.tag()).has_firmware(options);
        match options.firmware.as_deref() {
            Some("none") => Self::None,
            Some("default") => Self::BuiltIn,
            Some(path) => Self::File(path),
            None if usual => Self::BuiltIn,
            None => Self::None,
        }
    }

    /// The file, if it is one.
    pub fn file(self) -> Option<&'a str> {
        match self {
            Self::File(path) => Some(path),
            Self::None | Self::BuiltIn => None,
        }
    }
}

/// Firmware and kernel of a board whose harts have this width; what is first is started.
pub fn files(board: &Board, width: u32) -> Vec<Result<File<'_>, LoadError>> {
    let options = &board.machine;
    let base = memory_base(board);
    let kind = Firmware::of(options);
    let firmware = kind.file().map(|path| {
        let bytes = read(path)?;
        Ok(File { path, bytes, at: base, header: None, is_kernel: false })
    });
    let end = firmware.as_ref().map(|file| {
        let loaded = file.as_ref().ok().and_then(|file| file.load().ok());
        // One that lies elsewhere leaves the room that others need.
        loaded.map(|loaded| loaded.end()).filter(|end| *end > base).unwrap_or(base + 1)
    });
    // Kernels are made to stand where firmware leaves room for them, even if it needs none.
    let end = end.or_else(|| (kind == Firmware::BuiltIn).then_some(base + 1));
    let kernel = options.kernel.as_deref().map(|path| {
        let bytes = kernel::unpack(Path::new(path), read(path)?)?;
        let header = Header::of(&bytes);
        let free = large_page(end.unwrap_or(base), width);
        let wanted = header.map_or(0, |header| base.saturating_add(header.text_offset));
        Ok(File { path, bytes, at: free.max(wanted), header, is_kernel: true })
    });
    firmware.into_iter().chain(kernel).collect()
}

fn read(path: &str) -> Result<Vec<u8>, LoadError> {
    let path = Path::new(path);
    contents(path).map_err(|reason| LoadError::Read { path: path.into(), reason })
}

/// All of it, loaded.
pub(super) struct Software {
    pub(super) images: Vec<Image>,
    pub(super) entry: Option<u64>,
    /// Where firmware goes on: the kernel, or flash.
    pub(super) next: u64,
    /// First address and end of what the kernel needs, zeroed data included.
    pub(super) kernel: Option<(u64, u64)>,
    pub(super) initrd: Option<(u64, u64)>,
}

impl Software {
    pub(super) fn read(board: &Board, width: u32) -> Result<Self, QmpError> {
        let mut all = Self { images: Vec::new(), entry: None, next: 0, kernel: None, initrd: None };
        let mut end = memory_base(board);
        let mut start = end;
        for file in files(board, width) {
            let file = file?;
            let loaded = file.load()?;
            check_width(file.path, loaded.width, width)?;
            let lowest = loaded.images.iter().map(|image| image.addr).min().unwrap_or(file.at);
            end = end.max(loaded.end());
            if file.is_kernel {
                // Its begin, not the entry of an ELF file: a kernel may have another one for those
                // who have set up its address space already (FreeBSD).
                all.next = lowest;
                start = lowest;
                let room = file.header.map_or(0, |header| header.image_size);
                end = end.max(file.at.saturating_add(room));
                all.kernel = Some((lowest, end));
            }
            all.entry.get_or_insert(loaded.entry.unwrap_or(file.at));
            all.images.extend(loaded.images);
        }
        if all.kernel.is_none() {
            all.next = flash(board).unwrap_or(all.next);
        }
        if let Some(path) = &board.machine.initrd {
            let bytes = read(path)?;
            let size = bytes.len() as u64;
            let at = initrd_place(board, start, end, size).ok_or_else(|| {
                QmpError::generic(format!(
                    "Cannot load '{path}': its {size:#x} bytes do not fit into the memory behind the kernel, which ends at {end:#x}: give the machine more memory (-m), or a smaller file system"
                ))
            })?;
            let loaded = Loaded::of(Path::new(path), bytes, at, true)?;
            all.initrd = Some((at, loaded.end()));
            all.images.extend(loaded.images);
        }
        Ok(all)
    }
}

/// Refuses an image for harts of another width.
pub(super) fn check_width(path: &str, of_file: Option<u8>, width: u32) -> Result<(), QmpError> {
    match of_file {
        Some(other) if u32::from(other) != width => Err(QmpError::generic(format!(
            "Cannot load '{path}': it is for RV{other} and the board's harts are RV{width}; choose another cpu-type or image"
        ))),
        _ => Ok(()),
    }
}

/// Where a file system of some bytes goes, the kernel being from `start` to `end`: where QEMU puts
/// it, or lower where it would not fit.
fn initrd_place(board: &Board, start: u64, end: u64, size: u64) -> Option<u64> {
    let (first, last) = main_memory(board)?;
    let usual = start.checked_add(((last - first) / 2 + 1).min(INITRD_DISTANCE))?;
    let highest = last.checked_sub(size.max(1) - 1)? & !(PAGE - 1);
    let lowest = end.checked_next_multiple_of(PAGE)?;
    let at = (usual & !(PAGE - 1)).clamp(lowest.min(highest), highest);
    (lowest <= at).then_some(at)
}

/// The first address of the memory that firmware is for: the one at 0x80000000 if there is one,
/// otherwise the lowest.
pub(super) fn memory_base(board: &Board) -> u64 {
    const USUAL: u64 = 0x8000_0000;
    let memories = board.memories();
    let usual = memories.iter().find(|(_, m)| m.addr <= USUAL && USUAL <= m.last());
    if usual.is_some() { USUAL } else { memories.first().map_or(USUAL, |(_, m)| m.addr) }
}

/// The first and last address of that memory.
pub fn main_memory(board: &Board) -> Option<(u64, u64)> {
    let base = memory_base(board);
    let memories = board.memories();
    let (_, main) = memories.iter().find(|(_, m)| m.addr <= base && base <= m.last())?;
    Some((main.addr, main.last()))
}

/// The lowest address of flash that a disk image fills: where firmware goes on without a kernel.
fn flash(board: &Board) -> Option<u64> {
    let banks = board.devices().filter(|device| {
        let driver = device.driver();
        let region = driver.regions().first().map(|region| region.kind);
        driver.drive().is_some() && region == Some(RegionKind::Flash)
    });
    banks.filter_map(|device| board.address_of(&device.name, 0)).min()
}

/// The next address that a large page can begin at; the last one there is at the end of all.
fn large_page(addr: u64, width: u32) -> u64 {
    let size = if width == 32 { 0x40_0000 } else { 0x20_0000 };
    addr.checked_next_multiple_of(size).unwrap_or(!(size - 1))
}
