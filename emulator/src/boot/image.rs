//! Images: ELF files by their program headers, anything else as raw bytes.

use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use object::elf::{EM_RISCV, FileHeader32, FileHeader64, PT_LOAD, SHF_ALLOC, SHT_NOBITS};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind};
use qapi_runtime::QmpError;

use crate::backends::char::Plain;

/// Bytes at a physical address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it came from, for messages.
    pub source: String,
    /// The first byte's address.
    pub addr: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Image {
    /// One past the last address; the last there is for one that goes beyond the end of all.
    pub fn end(&self) -> u64 {
        self.addr.saturating_add(self.bytes.len() as u64)
    }
}

/// No software is larger; what is, is a mistake, and must not take the host's memory.
const MOST_BYTES: u64 = 1 << 30;

/// A file that was read for loading.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its parts.
    pub images: Vec<Image>,
    /// Where it starts; `None` for a raw file.
    pub entry: Option<u64>,
    /// 32 or 64 for an ELF file.
    pub width: Option<u8>,
}

impl Loaded {
    /// One past the last address.
    pub fn end(&self) -> u64 {
        self.images.iter().map(Image::end).max().unwrap_or(0)
    }
}

/// Why a file cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("Cannot read '{path}': {}", Plain(reason))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// It begins as an ELF file and is not one that can be loaded.
    #[error("Cannot load ELF file '{path}': {reason}")]
    Elf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It has no bytes.
    #[error("Cannot load '{path}': the file is empty")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is named as a kernel and is none for this board.
    #[error("Cannot load kernel '{path}': {reason}")]
    Kernel {
        /// The file.
        path: PathBuf,
        /// What it is instead, and the way out.
        reason: String,
    },
}

impl From<LoadError> for QmpError {
    fn from(error: LoadError) -> Self {
        Self::generic(error.to_string())
    }
}

impl Loaded {
    /// Reads a file: as ELF if it is one (unless `raw`), otherwise to go to `addr` as it is.
    ///
    /// # Errors
    /// It cannot be read, or is a broken ELF file or one for another architecture.
    pub fn read(path: &Path, addr: u64, raw: bool) -> Result<Self, LoadError> {
        let bytes =
            contents(path).map_err(|reason| LoadError::Read { path: path.into(), reason })?;
        Self::of(path, bytes, addr, raw)
    }

    /// The same for the bytes of a file.
    ///
    /// # Errors
    /// As for reading it.
    pub(super) fn of(path: &Path, bytes: Vec<u8>, addr: u64, raw: bool) -> Result<Self, LoadError> {
        if bytes.is_empty() {
            return Err(LoadError::Empty { path: path.into() });
        }
        let elf = bytes.starts_with(b"\x7fELF") && !raw;
        if elf {
            return parse_elf(&bytes, path)
                .map_err(|reason| LoadError::Elf { path: path.into(), reason });
        }
        let image = Image { source: path.display().to_string(), addr, bytes };
        Ok(Self { images: vec![image], entry: None, width: None })
    }
}

/// The bytes of a file, which is one and has an end.
pub(super) fn contents(path: &Path) -> std::io::Result<Vec<u8>> {
    let refuse = |why: &str| Err(std::io::Error::other(why));
    let file = std::fs::File::open(path)?;
    let kind = file.metadata()?;
    if kind.len() > MOST_BYTES {
        return refuse("the file has more than 1 GiB");
    }
    if !kind.is_file() && !kind.is_dir() && !kind.file_type().is_fifo() {
        return refuse("it is a device, not a file");
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse_elf(bytes: &[u8], path: &Path) -> Result<Loaded, String> {
    match FileKind::parse(bytes).map_err(|error| error.to_string())? {
        FileKind::Elf32 => segments::<FileHeader32<Endianness>>(bytes, path, 32),
        FileKind::Elf64 => segments::<FileHeader64<Endianness>>(bytes, path, 64),
        kind => Err(format!("it is {kind:?}")),
    }
}

/// How many bytes at the begin of a segment are the file's own headers. Linkers that are told an
/// address and nothing more put them before the first section, where there may be no memory.
pub(super) fn before_sections<H: FileHeader<Endian = Endianness>>(
    header: &H,
    endian: Endianness,
    bytes: &[u8],
    segment: &H::ProgramHeader,
) -> usize {
    let (offset, size): (u64, u64) =
        (segment.p_offset(endian).into(), segment.p_filesz(endian).into());
    let Some(sections) = header.sections(endian, bytes).ok().filter(|_| offset == 0) else {
        return 0;
    };
    sections
        .iter()
        .filter(|section| section.sh_flags(endian).contains(SHF_ALLOC))
        .filter(|section| section.sh_type(endian) != SHT_NOBITS)
        .map(|section| section.sh_offset(endian).into())
        .filter(|start: &u64| *start < size)
        .min()
        .and_then(|start| usize::try_from(start).ok())
        .unwrap_or(0)
}

fn segments<H: FileHeader<Endian = Endianness>>(
    bytes: &[u8],
    path: &Path,
    width: u8,
) -> Result<Loaded, String> {
    let header = H::parse(bytes).map_err(|error| error.to_string())?;
    let endian = header.endian().map_err(|error| error.to_string())?;
    let machine = header.e_machine(endian);
    if machine != EM_RISCV {
        return Err(format!("it is for machine {machine:?}, not RISC-V ({EM_RISCV:?})"));
    }
    let headers = header.program_headers(endian, bytes).map_err(|error| error.to_string())?;
    let mut images = Vec::new();
    let mut total = 0;
    for (index, segment) in headers.iter().enumerate() {
        if segment.p_type(endian) != PT_LOAD {
            continue;
        }
        let size: u64 = segment.p_memsz(endian).into();
        let data = segment.data(endian, bytes).map_err(|()| {
            format!("segment {index} reaches beyond the end of the file: is it truncated?")
        })?;
        if (data.len() as u64) > size {
            return Err(format!("segment {index} has more bytes in the file than in memory"));
        }
        // 1 GiB of zeros is no firmware: refuse before the memory is taken.
        total = u64::saturating_add(total, size);
        let room = usize::try_from(size).ok().filter(|_| total <= MOST_BYTES);
        let Some(room) = room else {
            return Err(format!("up to segment {index} it is {total:#x} bytes, more than 1 GiB"));
        };
        let addr: u64 = segment.p_paddr(endian).into();
        if addr.checked_add(size).is_none() {
            return Err(format!("segment {index} ends beyond 2^64"));
        }
        let head = before_sections::<H>(header, endian, bytes, segment).min(room);
        // Zeroed memory of the host's that nobody has written to yet takes none.
        let mut image = vec![0; room - head];
        let data = data.get(head..).unwrap_or_default();
        if let Some(begin) = image.get_mut(..data.len()) {
            begin.copy_from_slice(data);
        }
        if !image.is_empty() {
            let source = path.display().to_string();
            images.push(Image { source, addr: addr + head as u64, bytes: image });
        }
    }
    if images.is_empty() {
        return Err("it has nothing to load (no PT_LOAD segment)".into());
    }
    Ok(Loaded { images, entry: Some(header.e_entry(endian).into()), width: Some(width) })
}
