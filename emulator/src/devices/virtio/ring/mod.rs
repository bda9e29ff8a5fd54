//! Queues: requests that a driver makes available in guest memory, as chains of buffers (Virtio
//! 1.2, sections 2.6 to 2.8).

mod packed;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use serde::{Deserialize, Serialize};

use crate::machine::AddressSpace;

/// The most descriptors of a queue or an indirect table.
pub(super) const MOST: u16 = 1024;

/// Flags of a descriptor, in both formats.
mod flag {
    pub(super) const NEXT: u16 = 1;
    pub(super) const WRITE: u16 = 2;
    pub(super) const INDIRECT: u16 = 4;
}

/// The size of a descriptor in both formats.
const DESCRIPTOR: u64 = 16;

/// A rule that the driver has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("a queue of {0} descriptors")]
    Size(u16),
    #[error("an area of the queue at {0:#x} is misaligned")]
    Misaligned(u64),
    #[error("{1:#x} bytes at {0:#x} are not all in memory")]
    Nowhere(u64, u64),
    #[error("{0} new requests in a queue of {1}")]
    Jump(u16, u16),
    #[error("descriptor {0} of {1}")]
    Index(u16, u16),
    #[error("a chain with a loop or of more than {0} descriptors")]
    Long(u16),
    #[error("an empty buffer")]
    Empty,
    #[error("a chain of 4 GiB or more")]
    Huge,
    #[error("a buffer to read after one to write")]
    Order,
    #[error("an indirect table within a chain or another table")]
    Nested,
    #[error("an indirect table, which was not negotiated")]
    Indirect,
    #[error("an indirect table of {0} bytes")]
    Table(u32),
}

/// Where the areas of a queue are and what was negotiated about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layout {
    pub size: u16,
    pub descriptors: u64,
    /// The driver area: the available ring, or the driver's event suppression.
    pub driver: u64,
    /// The device area: the used ring, or the device's event suppression.
    pub device: u64,
    pub packed: bool,
    pub indirect: bool,
    pub event_index: bool,
}

/// A run of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    address: u64,
    len: u32,
}

/// The buffers of a request that go one way, as one run of bytes.
#[derive(Clone, Debug)]
pub struct Buffers {
    memory: Arc<AddressSpace>,
    segments: Vec<Segment>,
    len: u32,
}

impl Buffers {
    fn new(memory: Arc<AddressSpace>) -> Self {
        Self { memory, segments: Vec::new(), len: 0 }
    }

    /// How many bytes there are.
    pub fn size(&self) -> u32 {
        self.len
    }

    /// The runs of memory that they are: where each begins and how many bytes it has.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64)> {
        self.segments.iter().map(|segment| (segment.address, segment.len.into()))
    }

    /// The pieces of memory that make up so many bytes from an offset on, each with its place in
    /// them.
    fn pieces(
        &self,
        offset: u32,
        len: usize,
    ) -> impl Iterator<Item = (u64, std::ops::Range<usize>)> {
        let (mut skip, mut done) = (offset, 0);
        self.segments.iter().filter_map(move |segment| {
            if skip >= segment.len {
                skip -= segment.len;
                return None;
            }
            let here = ((segment.len - skip) as usize).min(len - done);
            let piece = (segment.address + u64::from(skip), done..done + here);
            skip = 0;
            done += here;
            (here > 0).then_some(piece)
        })
    }

    /// Copies bytes out; those beyond the end stay as they are.
    pub fn read(&self, offset: u32, bytes: &mut [u8]) {
        for (address, place) in self.pieces(offset, bytes.len()) {
            // All of it was found to be memory.
            let _ = self.memory.dma_read(address, bytes.get_mut(place).unwrap_or_default());
        }
    }

    /// Copies bytes in, as many as there is room for; returns how many.
    pub fn write(&self, offset: u32, bytes: &[u8]) -> u32 {
        let mut count = 0;
        for (address, place) in self.pieces(offset, bytes.len()) {
            let piece = bytes.get(place).unwrap_or_default();
            let _ = self.memory.dma_write(address, piece);
            count += piece.len() as u32;
        }
        count
    }
}

/// A request, to be given back.
#[derive(Debug)]
pub struct Chain {
    /// What the driver calls it.
    id: u16,
    /// How many places of the ring it takes.
    slots: u16,
    /// Which life of the device it belongs to; set by who hands it out.
    pub(super) life: u64,
    /// What the driver says.
    pub readable: Buffers,
    /// Room for the answer.
    pub writable: Buffers,
}

/// A descriptor, whatever its format.
#[derive(Clone, Copy, Debug)]
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    /// The next one's index in a split ring, the request's id in a packed one.
    link: u16,
}

impl Descriptor {
    fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// A queue at work.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ring {
    Split(split::Split),
    Packed(packed::Packed),
}

impl Ring {
    /// A queue whose areas are where they may be.
    pub(super) fn new(layout: Layout, memory: &AddressSpace) -> Result<Self, Broken> {
        let size = u64::from(layout.size);
        if size == 0 || layout.size > MOST || !(layout.packed || layout.size.is_power_of_two()) {
            return Err(Broken::Size(layout.size));
        }
        let areas = if layout.packed {
            [
                (layout.descriptors, 16, DESCRIPTOR * size),
                (layout.driver, 4, 4),
                (layout.device, 4, 4),
            ]
        } else {
            let event = if layout.event_index { 2 } else { 0 };
            [
                (layout.descriptors, 16, DESCRIPTOR * size),
                (layout.driver, 2, 4 + 2 * size + event),
                (layout.device, 4, 4 + 8 * size + event),
            ]
        };
        for (address, alignment, len) in areas {
            if !address.is_multiple_of(alignment) {
                return Err(Broken::Misaligned(address));
            }
            if !memory.is_writable(address, len) {
                return Err(Broken::Nowhere(address, len));
            }
        }
        Ok(if layout.packed {
            Self::Packed(packed::Packed::new(layout))
        } else {
            Self::Split(split::Split::new(layout))
        })
    }

    /// Checks a queue that a snapshot has.
    pub(super) fn check(&self, memory: &AddressSpace) -> Result<(), Broken> {
        let layout = match self {
            Self::Split(ring) => ring.layout(),
            Self::Packed(ring) => ring.layout()?,
        };
        Self::new(layout, memory).map(drop)
    }

    /// The next request, if there is one.
    pub(super) fn pop(&mut self, memory: &Arc<AddressSpace>) -> Result<Option<Chain>, Broken> {
        match self {
            Self::Split(ring) => ring.pop(memory),
            Self::Packed(ring) => ring.pop(memory),
        }
    }

    /// Gives a request back, with so many bytes written; tells whether the driver wants to know.
    pub(super) fn push(&mut self, memory: &AddressSpace, chain: &Chain, written: u32) -> bool {
        match self {
            Self::Split(ring) => ring.push(memory, chain, written),
            Self::Packed(ring) => ring.push(memory, chain, written),
        }
    }

    /// Puts the request that was taken last back, as if it had not been taken.
    pub(super) fn unpop(&mut self, chain: &Chain) {
        match self {
            Self::Split(ring) => ring.unpop(),
            Self::Packed(ring) => ring.unpop(chain),
        }
    }
}

/// A request while its descriptors are gathered.
struct Gathered {
    readable: Buffers,
    writable: Buffers,
    count: u16,
    most: u16,
}

impl Gathered {
    fn new(memory: &Arc<AddressSpace>, most: u16) -> Self {
        let none = || Buffers::new(memory.clone());
        Self { readable: none(), writable: none(), count: 0, most }
    }

    fn add(&mut self, descriptor: Descriptor) -> Result<(), Broken> {
        let Descriptor { address, len, .. } = descriptor;
        self.count += 1;
        if self.count > self.most {
            return Err(Broken::Long(self.most));
        }
        if len == 0 {
            return Err(Broken::Empty);
        }
        let write = descriptor.has(flag::WRITE);
        if !write && self.writable.len > 0 {
            return Err(Broken::Order);
        }
        let memory = &self.readable.memory;
        let there = match write {
            true => memory.is_writable(address, len.into()),
            false => memory.is_memory(address, len.into()),
        };
        if !there {
            return Err(Broken::Nowhere(address, len.into()));
        }
        // Section 2.6.5.3.1: all of a chain is no longer than 2^32 bytes.
        if self
            .readable
            .len
            .checked_add(self.writable.len)
            .and_then(|all| all.checked_add(len))
            .is_none()
        {
            return Err(Broken::Huge);
        }
        let buffers = if write { &mut self.writable } else { &mut self.readable };
        buffers.segments.push(Segment { address, len });
        buffers.len += len;
        Ok(())
    }

    fn chain(self, id: u16, slots: u16) -> Chain {
        Chain { id, slots, life: 0, readable: self.readable, writable: self.writable }
    }
}

/// How many descriptors an indirect table has.
fn table(layout: &Layout, descriptor: Descriptor, alone: bool) -> Result<u16, Broken> {
    if !layout.indirect {
        return Err(Broken::Indirect);
    }
    if !alone {
        return Err(Broken::Nested);
    }
    let count = u64::from(descriptor.len) / DESCRIPTOR;
    match u16::try_from(count) {
        Ok(count @ 1..=MOST) if descriptor.len.is_multiple_of(DESCRIPTOR as u32) => Ok(count),
        _ => Err(Broken::Table(descriptor.len)),
    }
}

/// Reads a descriptor; the two formats differ in the order of the last two members.
fn descriptor(memory: &AddressSpace, address: u64, packed: bool) -> Result<Descriptor, Broken> {
    let mut bytes = [0; DESCRIPTOR as usize];
    memory.dma_read(address, &mut bytes).map_err(|_| Broken::Nowhere(address, DESCRIPTOR))?;
    let all = u128::from_le_bytes(bytes);
    let (a, b) = ((all >> 96) as u16, (all >> 112) as u16);
    let (flags, link) = if packed { (b, a) } else { (a, b) };
    Ok(Descriptor { address: all as u64, len: (all >> 64) as u32, flags, link })
}

/// Loads a word of a ring; areas are checked when the queue is made.
fn load(memory: &AddressSpace, address: u64) -> u16 {
    memory.dma_load(address, 2).unwrap_or(0) as u16
}

fn store(memory: &AddressSpace, address: u64, size: u8, value: u64) {
    let _ = memory.dma_store(address, size, value);
}

/// What the driver wrote before it made something available is seen from here on.
fn acquire() {
    fence(Ordering::Acquire);
}

/// What was written before is seen by the driver before what is written from here on.
fn release() {
    fence(Ordering::Release);
}

/// What is read from here on is no older than what was written before: each side looks at what the
/// other wants after it has told what it did.
fn exchange() {
    fence(Ordering::SeqCst);
}
