//! The operations, one function each.

use std::sync::Arc;
use std::time::SystemTime;

use boardwright_riscv::Interrupts;
use rustix::io::Errno;

use super::files::{Open, errno};
use super::{Guest, Semihosting};
use crate::qapi::LogItem;

/// What is moved at a time.
const CHUNK: usize = 0x1_0000;
/// What one call moves; the guest is told that the rest was not.
const MOST: u64 = 1 << 24;
/// The longest path.
const LONGEST_NAME: u64 = 4096;
/// `ADP_Stopped_ApplicationExit`, the reason of an exit that has a status.
const APPLICATION_EXIT: u64 = 0x2_0026;

/// What a call comes to.
pub(super) enum Outcome {
    /// The guest goes on with this in a0.
    Return(u64),
    /// There is no input yet.
    Wait,
    /// The guest has ended with this status.
    Exit(u8),
}

/// A result, or the host's number for what went wrong.
type Answer = Result<Outcome, i32>;

/// One call.
pub(super) struct Call<'a> {
    pub(super) host: &'a Semihosting,
    pub(super) guest: Guest<'a>,
    /// Bytes of a word of the argument block.
    pub(super) width: u32,
    /// A value, or where the argument block is.
    pub(super) argument: u64,
    pub(super) inputs: &'a Arc<Interrupts>,
}

type Run = fn(&Call<'_>) -> Answer;

/// By number, see the specification's "Semihosting operations".
const OPERATIONS: &[(u64, Run)] = &[
    (0x01, |call| call.open()),
    (0x02, |call| {
        let handle = call.word(0)?;
        call.host.lock().files.close(handle)?;
        done()
    }),
    (0x03, |call| {
        call.host.config.console.write(&[call.byte(call.argument)?]);
        done()
    }),
    (0x04, |call| call.write_string()),
    (0x05, |call| call.write()),
    (0x06, |call| call.read()),
    (0x07, |call| match call.host.config.console.read(1, call.inputs) {
        Some(bytes) => value(bytes.first().map_or(u64::MAX, |byte| (*byte).into())),
        None => Ok(Outcome::Wait),
    }),
    (0x08, |call| value((call.signed(call.word(0)?) < 0).into())),
    (0x09, |call| {
        let handle = call.word(0)?;
        value(matches!(call.host.lock().files.get(handle)?, Open::Console).into())
    }),
    (0x0a, |call| {
        let (handle, position) = (call.word(0)?, call.word(1)?);
        call.host.lock().files.get(handle)?.seek(position)?;
        done()
    }),
    (0x0c, |call| {
        let handle = call.word(0)?;
        value(call.host.lock().files.get(handle)?.len()?)
    }),
    (0x0d, |call| call.temporary_name()),
    (0x0e, |call| {
        std::fs::remove_file(call.name(0, 1)?).map_err(|error| errno(&error))?;
        done()
    }),
    (0x0f, |call| {
        std::fs::rename(call.name(0, 1)?, call.name(2, 3)?).map_err(|error| errno(&error))?;
        done()
    }),
    (0x10, |call| value(call.host.begin.elapsed().as_millis() as u64 / 10)),
    (0x11, |_| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        value(since.as_secs())
    }),
    // A guest does not run commands on the host.
    (0x12, |_| Err(Errno::PERM.raw_os_error())),
    (0x13, |call| value(call.host.lock().errno as u64)),
    (0x15, |call| call.command_line()),
    (0x16, |call| call.heap_info()),
    (0x18, |call| match call.width {
        4 => exit(call.argument, 0),
        _ => exit(call.word(0)?, call.word(1)?),
    }),
    (0x20, |call| exit(call.word(0)?, call.word(1)?)),
    (0x30, |call| {
        let ticks = call.host.begin.elapsed().as_nanos() as u64;
        call.put(call.argument, &ticks.to_le_bytes())?;
        done()
    }),
    // SYS_ELAPSED counts nanoseconds.
    (0x31, |_| value(1_000_000_000)),
];

fn value(value: u64) -> Answer {
    Ok(Outcome::Return(value))
}

fn done() -> Answer {
    value(0)
}

fn exit(reason: u64, status: u64) -> Answer {
    // A failure must not turn into success.
    let status = if reason == APPLICATION_EXIT { u8::try_from(status).unwrap_or(255) } else { 1 };
    Ok(Outcome::Exit(status))
}

fn fault(_addr: u64) -> i32 {
    Errno::FAULT.raw_os_error()
}

impl Call<'_> {
    /// Does what the operation of a number does.
    pub(super) fn run(&self, number: u64) -> Answer {
        match OPERATIONS.iter().find(|(own, _)| *own == number) {
            Some((_, run)) => run(self),
            None => {
                let trace = &self.host.around.trace;
                trace.log(LogItem::Unimp, || {
                    format!("semihosting: there is no operation {number:#x}")
                });
                Err(Errno::NOSYS.raw_os_error())
            }
        }
    }

    /// A word of the argument block.
    fn word(&self, index: u64) -> Result<u64, i32> {
        let size = u64::from(self.width);
        let mut bytes = [0; 8];
        let own = bytes.get_mut(..self.width as usize).unwrap_or_default();
        let addr = self.argument.wrapping_add(index * size);
        self.guest.read(addr, own).map_err(fault)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Sets a word of a block.
    fn set_word(&self, block: u64, index: u64, value: u64) -> Result<(), i32> {
        let size = self.width as usize;
        let bytes = value.to_le_bytes();
        let addr = block.wrapping_add(index * size as u64);
        self.put(addr, bytes.get(..size).unwrap_or(&bytes))
    }

    /// A word as a signed number.
    fn signed(&self, word: u64) -> i64 {
        if self.width == 4 { i64::from(word as u32 as i32) } else { word as i64 }
    }

    fn byte(&self, addr: u64) -> Result<u8, i32> {
        let mut byte = [0];
        self.guest.read(addr, &mut byte).map_err(fault)?;
        Ok(byte[0])
    }

    fn put(&self, addr: u64, bytes: &[u8]) -> Result<(), i32> {
        self.guest.write(addr, bytes).map_err(fault)
    }

    /// The path whose address and length are these words of the block.
    fn name(&self, addr: u64, len: u64) -> Result<String, i32> {
        let (addr, len) = (self.word(addr)?, self.word(len)?);
        if len > LONGEST_NAME {
            return Err(Errno::NAMETOOLONG.raw_os_error());
        }
        let mut bytes = vec![0; len as usize];
        self.guest.read(addr, &mut bytes).map_err(fault)?;
        String::from_utf8(bytes).map_err(|_| Errno::INVAL.raw_os_error())
    }

    fn open(&self) -> Answer {
        let (name, mode) = (self.name(0, 2)?, self.word(1)?);
        value(self.host.lock().files.open(&name, mode)?)
    }

    fn write_string(&self) -> Answer {
        let mut text = Vec::new();
        while (text.len() as u64) < MOST {
            match self.byte(self.argument.wrapping_add(text.len() as u64))? {
                0 => break,
                byte => text.push(byte),
            }
        }
        self.host.config.console.write(&text);
        done()
    }

    /// Returns how many bytes were not written.
    fn write(&self) -> Answer {
        let (handle, addr, len) = (self.word(0)?, self.word(1)?, self.word(2)?);
        let console = matches!(self.host.lock().files.get(handle)?, Open::Console);
        self.in_chunks(len, |at, bytes| {
            self.guest.read(addr.wrapping_add(at), bytes).map_err(fault)?;
            if console {
                self.host.config.console.write(bytes);
            } else {
                self.host.lock().files.get(handle)?.write(bytes)?;
            }
            Ok(bytes.len())
        })
    }

    /// Returns how many bytes were not read.
    fn read(&self) -> Answer {
        let (handle, addr, len) = (self.word(0)?, self.word(1)?, self.word(2)?);
        if matches!(self.host.lock().files.get(handle)?, Open::Console) {
            let most = usize::try_from(len).unwrap_or(usize::MAX);
            let Some(bytes) = self.host.config.console.read(most, self.inputs) else {
                return Ok(Outcome::Wait);
            };
            self.put(addr, &bytes)?;
            return value(len - bytes.len() as u64);
        }
        self.in_chunks(len, |at, bytes| {
            let count = self.host.lock().files.get(handle)?.read(bytes)?;
            self.put(addr.wrapping_add(at), bytes.get(..count).unwrap_or_default())?;
            Ok(count)
        })
    }

    /// Moves bytes piece by piece until a piece is short; returns how many were not moved.
    fn in_chunks(
        &self,
        len: u64,
        mut work: impl FnMut(u64, &mut [u8]) -> Result<usize, i32>,
    ) -> Answer {
        let most = len.min(MOST);
        let mut buffer = vec![0; CHUNK.min(most as usize)];
        let mut at = 0;
        while at < most {
            let room = buffer.len().min((most - at) as usize);
            let piece = buffer.get_mut(..room).unwrap_or_default();
            match work(at, piece) {
                Ok(count) => {
                    at += count as u64;
                    if count < room {
                        break;
                    }
                }
                Err(errno) if at == 0 => return Err(errno),
                Err(errno) => {
                    self.host.lock().errno = errno;
                    break;
                }
            }
        }
        value(len - at)
    }

    /// A name that belongs to this process and the number given, which is 0 to 255.
    fn temporary_name(&self) -> Answer {
        let (addr, id, len) = (self.word(0)?, self.word(1)?, self.word(2)?);
        let file = format!("boardwright-{}-{:02x}", std::process::id(), id & 0xff);
        let path = std::env::temp_dir().join(file);
        let mut bytes = path.into_os_string().into_encoded_bytes();
        bytes.push(0);
        if bytes.len() as u64 > len {
            return Err(Errno::INVAL.raw_os_error());
        }
        self.put(addr, &bytes)?;
        done()
    }

    /// The command line, and its length without the zero behind it.
    fn command_line(&self) -> Answer {
        let (addr, room) = (self.word(0)?, self.word(1)?);
        let line = self.host.command_line.as_bytes();
        if line.len() as u64 >= room {
            return Err(Errno::INVAL.raw_os_error());
        }
        self.put(addr, &[line, &[0]].concat())?;
        self.set_word(self.argument, 1, line.len() as u64)?;
        done()
    }

    /// Heap and stack, their begins and limits; zeros where nothing is known.
    fn heap_info(&self) -> Answer {
        let block = self.word(0)?;
        let words =
            self.host.heap.map_or([0; 4], |heap| [heap.first, heap.end, heap.end, heap.first]);
        for (index, word) in (0..).zip(words) {
            self.set_word(block, index, word)?;
        }
        done()
    }
}
