//! A snapshot on disk: a line that tells what it is, the length of the head and the head as JSON,
//! then the pages of memory that are not all zero, each after its offset, then a CRC-32 of all that.
//! Numbers are little-endian.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use boardwright_riscv::{PAGE_SIZE, Ram};
use crc32fast::Hasher;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backends::char::Plain;

/// The first bytes, without the version.
const MAGIC: &str = "boardwright snapshot ";
/// Changes whenever a program could not make sense of an older one's.
const VERSION: u32 = 1;
/// A head that is longer is none.
const LONGEST_HEAD: u64 = 1 << 30;
/// A first line that is longer is none.
const LONGEST_LINE: usize = 40;

/// Why a snapshot cannot be written or read; what follows the file's name in a message.
#[derive(Debug)]
pub(super) enum Problem {
    Host(io::Error),
    NoSnapshot,
    Version(String),
    Short,
    Damaged,
    Head(serde_json::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(error) => write!(f, "cannot be read or written: {}", Plain(error)),
            Self::NoSnapshot => f.write_str("is no snapshot: snapshot-save writes one"),
            Self::Version(version) => {
                write!(f, "is a snapshot of version {version}: this program reads {VERSION}")
            }
            Self::Short => f.write_str("is cut short"),
            Self::Damaged => f.write_str("is damaged: its checksum is wrong"),
            Self::Head(error) => write!(f, "has a head that is not understood: {error}"),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Short,
            _ => Self::Host(error),
        }
    }
}

/// A snapshot that is being written, beside the file whose place it takes in the end.
pub(super) struct Writer {
    out: BufWriter<File>,
    sum: Hasher,
    path: PathBuf,
    partial: PathBuf,
    done: bool,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self, Problem> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let out = BufWriter::new(File::create(&partial)?);
        Ok(Self { out, sum: Hasher::new(), path: path.into(), partial, done: false })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.sum.update(bytes);
        Ok(self.out.write_all(bytes)?)
    }

    pub(super) fn head(&mut self, head: &impl Serialize) -> Result<(), Problem> {
        let text = serde_json::to_vec(head).map_err(Problem::Head)?;
        self.put(format!("{MAGIC}{VERSION}\n").as_bytes())?;
        self.put(&(text.len() as u64).to_le_bytes())?;
        self.put(&text)
    }

    /// The pages of a memory at these offsets.
    pub(super) fn pages(&mut self, ram: &Ram, offsets: &[u64]) -> Result<(), Problem> {
        for &offset in offsets {
            let mut page = [0; PAGE_SIZE as usize];
            // The last page may be a part of one.
            let size = ram.len().saturating_sub(offset).min(PAGE_SIZE) as usize;
            // The offsets lie in the memory.
            let _ = ram.read(offset, &mut page[..size]);
            self.put(&offset.to_le_bytes())?;
            self.put(&page)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Problem> {
        let sum = self.sum.clone().finalize();
        self.out.write_all(&sum.to_le_bytes())?;
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        std::fs::rename(&self.partial, &self.path)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.done {
            // What is half written is of no use, and of no harm if it stays.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

/// A snapshot that is being read.
pub(super) struct Reader {
    input: BufReader<File>,
    sum: Hasher,
    /// Where the memory begins.
    memory: u64,
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let input = BufReader::new(File::open(path)?);
        Ok(Self { input, sum: Hasher::new(), memory: 0 })
    }

    fn get(&mut self, bytes: &mut [u8]) -> Result<(), Problem> {
        self.input.read_exact(bytes)?;
        self.sum.update(bytes);
        Ok(())
    }

    fn number(&mut self) -> Result<u64, Problem> {
        let mut bytes = [0; 8];
        self.get(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn head<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') && line.len() < LONGEST_LINE {
            let mut byte = [0];
            // A file of a few bytes is something else rather than cut short.
            self.get(&mut byte).map_err(|problem| match problem {
                Problem::Short => Problem::NoSnapshot,
                problem => problem,
            })?;
            line.extend(byte);
        }
        let line = String::from_utf8_lossy(&line);
        let version = line.strip_prefix(MAGIC).and_then(|rest| rest.strip_suffix('\n'));
        match version {
            None => return Err(Problem::NoSnapshot),
            Some(version) if version == VERSION.to_string() => {}
            Some(version) => return Err(Problem::Version(version.into())),
        }
        let length = self.number()?;
        if length > LONGEST_HEAD {
            return Err(Problem::Damaged);
        }
        // No more is allocated than the file has.
        let mut text = Vec::new();
        (&mut self.input).take(length).read_to_end(&mut text)?;
        if text.len() as u64 != length {
            return Err(Problem::Short);
        }
        self.sum.update(&text);
        self.memory = self.input.stream_position()?;
        serde_json::from_slice(&text).map_err(Problem::Head)
    }

    /// Reads so many pages, each with its offset.
    pub(super) fn pages(
        &mut self,
        count: u64,
        mut take: impl FnMut(u64, &[u8; PAGE_SIZE as usize]) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut page = [0; PAGE_SIZE as usize];
        for _ in 0..count {
            let offset = self.number()?;
            self.get(&mut page)?;
            take(offset, &page)?;
        }
        Ok(())
    }

    /// Reads the checksum, with which the file ends.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        let sum = self.sum.clone().finalize();
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        let more = self.input.read(&mut [0])?;
        if u32::from_le_bytes(bytes) != sum || more != 0 {
            return Err(Problem::Damaged);
        }
        Ok(())
    }

    /// Back to where the memory begins.
    pub(super) fn rewind(&mut self) -> Result<(), Problem> {
        self.input.seek(SeekFrom::Start(self.memory))?;
        Ok(())
    }
}
