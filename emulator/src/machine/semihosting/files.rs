//! The files that a guest has opened.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// What `:semihosting-features` contains: a magic number, then a byte of features, of which there
/// are `SYS_EXIT_EXTENDED` and separate output and error streams.
const FEATURES: [u8; 5] = *b"SHFB\x03";
/// No guest needs more at a time.
const MOST: usize = 1024;

/// What a handle stands for.
pub(super) enum Open {
    /// Input or output of the console.
    Console,
    /// A file of the host.
    File(File),
    /// `:semihosting-features`, read up to here.
    Features(usize),
}

/// By handle minus one: 0 is none.
#[derive(Default)]
pub(super) struct Files(Vec<Option<Open>>);

impl Files {
    /// Opens a file, as `fopen` with one of "r", "rb", "r+", "r+b", "w", ... "a+b" by its index.
    pub(super) fn open(&mut self, name: &str, mode: u64) -> Result<u64, i32> {
        let open = match name {
            _ if mode > 11 => return Err(Errno::INVAL.raw_os_error()),
            ":tt" => Open::Console,
            ":semihosting-features" if mode < 2 => Open::Features(0),
            _ => Open::File(open_file(name, mode)?),
        };
        let index = match self.0.iter().position(Option::is_none) {
            Some(index) => index,
            None if self.0.len() < MOST => {
                self.0.push(None);
                self.0.len() - 1
            }
            None => return Err(Errno::MFILE.raw_os_error()),
        };
        self.0[index] = Some(open);
        Ok(index as u64 + 1)
    }

    /// What a handle stands for.
    pub(super) fn get(&mut self, handle: u64) -> Result<&mut Open, i32> {
        self.slot(handle).and_then(Option::as_mut).ok_or(Errno::BADF.raw_os_error())
    }

    /// Closes a handle.
    pub(super) fn close(&mut self, handle: u64) -> Result<(), i32> {
        let open = self.slot(handle).and_then(Option::take);
        open.map(drop).ok_or(Errno::BADF.raw_os_error())
    }

    fn slot(&mut self, handle: u64) -> Option<&mut Option<Open>> {
        self.0.get_mut(usize::try_from(handle.checked_sub(1)?).ok()?)
    }
}

fn open_file(name: &str, mode: u64) -> Result<File, i32> {
    let kind = mode / 4;
    let both = mode & 2 != 0;
    let file = OpenOptions::new()
        .read(kind == 0 || both)
        .write(kind == 1 || kind == 0 && both)
        .append(kind == 2)
        .create(kind > 0)
        .truncate(kind == 1)
        // A FIFO would keep the hart until somebody opens its other end.
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(name)
        .map_err(|error| errno(&error))?;
    match file.metadata() {
        Ok(data) if data.is_file() => Ok(file),
        Ok(_) => Err(Errno::ACCESS.raw_os_error()),
        Err(error) => Err(errno(&error)),
    }
}

impl Open {
    /// Reads what comes next, at most as much as fits; none at the end.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<usize, i32> {
        match self {
            Self::Console => Ok(0),
            Self::File(file) => file.read(bytes).map_err(|error| errno(&error)),
            Self::Features(at) => {
                let rest = FEATURES.get(*at..).unwrap_or_default();
                let count = rest.len().min(bytes.len());
                bytes.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                *at += count;
                Ok(count)
            }
        }
    }

    /// Writes all or nothing, as far as the host does.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), i32> {
        match self {
            Self::File(file) => file.write_all(bytes).map_err(|error| errno(&error)),
            Self::Console | Self::Features(_) => Err(Errno::BADF.raw_os_error()),
        }
    }

    /// Goes to a position, counted from the begin.
    pub(super) fn seek(&mut self, position: u64) -> Result<(), i32> {
        match self {
            Self::File(file) => {
                file.seek(SeekFrom::Start(position)).map(drop).map_err(|error| errno(&error))
            }
            Self::Features(at) if position <= FEATURES.len() as u64 => {
                *at = position as usize;
                Ok(())
            }
            Self::Console | Self::Features(_) => Err(Errno::INVAL.raw_os_error()),
        }
    }

    /// How long it is.
    pub(super) fn len(&self) -> Result<u64, i32> {
        match self {
            Self::File(file) => file.metadata().map(|data| data.len()).map_err(|e| errno(&e)),
            Self::Features(_) => Ok(FEATURES.len() as u64),
            Self::Console => Err(Errno::INVAL.raw_os_error()),
        }
    }
}

/// The host's number for what went wrong.
pub(super) fn errno(error: &std::io::Error) -> i32 {
    error.raw_os_error().unwrap_or(Errno::IO.raw_os_error())
}
