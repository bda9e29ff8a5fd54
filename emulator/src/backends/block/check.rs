//! Looks whether a qcow2 image counts every cluster that it uses (QEMU, docs/interop/qcow2.txt).
//!
//! Who writes to an image takes the clusters that are counted as free. One that is in use and counted
//! so would be overwritten, and the crate's allocation relies on there being none.

use std::collections::{HashMap, HashSet};
use std::io;

/// The fields of the header that are needed, all of them in big-endian order.
mod field {
    pub(super) const CLUSTER_BITS: u64 = 20;
    pub(super) const L1_ENTRIES: u64 = 36;
    pub(super) const L1_TABLE: u64 = 40;
    pub(super) const COUNTS: u64 = 48;
    pub(super) const COUNTS_CLUSTERS: u64 = 56;
    pub(super) const INCOMPATIBLE: u64 = 72;
    pub(super) const ORDER: u64 = 96;
    /// The header of version 2 ends before the last two; its counts have 16 bits.
    pub(super) const ORDER_OF_2: u32 = 4;
}

/// Incompatible features: data is in another file, entries of an L2 table have twice the size.
const DATA_FILE: u64 = 4;
const EXTENDED: u64 = 16;
/// The bits of an entry of any table that are an offset, and the bit that says that what an entry of
/// an L2 table leads to is compressed.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
/// The most that is read of a table at a time.
const PIECE: usize = 1 << 16;

/// Why an image is not written to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Inconsistent {
    #[error("{0}")]
    Host(#[from] io::Error),
    #[error(
        "its cluster at {0:#x} is in use and counted as free: is it truncated? Repair it (qemu-img check -r all), or open it read-only"
    )]
    Uncounted(u64),
    #[error("its table at {0:#x} ends beyond any file")]
    Beyond(u64),
}

/// Reads bytes of the image; those behind its end are zero.
type Read<'r> = &'r dyn Fn(u64, &mut [u8]) -> io::Result<()>;

struct Image<'r> {
    read: Read<'r>,
    cluster_bits: u32,
    /// Bits of a count, as a power of two.
    order: u32,
    /// Where the counts of each run of clusters are.
    blocks: Vec<u64>,
    /// The counts that were read, by their place.
    known: HashMap<u64, Vec<u8>>,
}

/// Looks at an image that the crate has opened, and so at a header that is right in itself.
pub(super) fn check(read: Read<'_>) -> Result<(), Inconsistent> {
    let u32_at = |at| number::<4>(read, at).map(|value| value as u32);
    let u64_at = |at| number::<8>(read, at);
    let version_2 = u32_at(4)? == 2;
    let incompatible = if version_2 { 0 } else { u64_at(field::INCOMPATIBLE)? };
    let order = match version_2 {
        true => field::ORDER_OF_2,
        false => u32_at(field::ORDER)?,
    };
    let cluster_bits = u32_at(field::CLUSTER_BITS)?;
    let (counts, clusters) = (u64_at(field::COUNTS)?, u32_at(field::COUNTS_CLUSTERS)?);
    let mut image = Image { read, cluster_bits, order, blocks: Vec::new(), known: HashMap::new() };
    let length = u64::from(clusters) << cluster_bits;
    let mut blocks = Vec::new();
    image.table(counts, length, 8, &mut |_, entry| {
        blocks.push(entry & !0x1ff);
        Ok(())
    })?;
    image.blocks = blocks.clone();
    image.uses(0, 1)?;
    image.uses(counts, length)?;
    for block in blocks.into_iter().filter(|block| *block != 0) {
        image.uses(block, 1)?;
    }
    let (table, entries) = (u64_at(field::L1_TABLE)?, u64::from(u32_at(field::L1_ENTRIES)?));
    image.uses(table, entries * 8)?;
    let entry_size = if incompatible & EXTENDED != 0 { 16 } else { 8 };
    let cluster = 1_u64 << cluster_bits;
    // A table is looked at once, however often it is named.
    let mut seen = HashSet::new();
    image.table(table, entries * 8, 8, &mut |image, entry| {
        let below = entry & OFFSET;
        if below == 0 || !seen.insert(below) {
            return Ok(());
        }
        image.uses(below, cluster)?;
        image.table(below, cluster, entry_size, &mut |image, entry| match entry & OFFSET {
            _ if entry & COMPRESSED != 0 => image.uses_compressed(entry),
            0 => Ok(()),
            _ if incompatible & DATA_FILE != 0 => Ok(()),
            data => image.uses(data, 1),
        })
    })
}

fn number<const N: usize>(read: Read<'_>, at: u64) -> io::Result<u64> {
    let mut bytes = [0; N];
    read(at, &mut bytes)?;
    Ok(bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)))
}

/// What is done with an entry of a table.
type Visit<'v, 'r> = &'v mut dyn FnMut(&mut Image<'r>, u64) -> Result<(), Inconsistent>;

impl<'r> Image<'r> {
    /// Visits the entries of a table.
    fn table(
        &mut self,
        at: u64,
        length: u64,
        entry_size: usize,
        visit: Visit<'_, 'r>,
    ) -> Result<(), Inconsistent> {
        let end = at.checked_add(length).ok_or(Inconsistent::Beyond(at))?;
        let mut bytes = Vec::new();
        for at in (at..end).step_by(PIECE) {
            bytes.resize(usize::try_from(end - at).unwrap_or(PIECE).min(PIECE), 0);
            (self.read)(at, &mut bytes)?;
            for entry in bytes.chunks_exact(entry_size) {
                let entry = entry.iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte));
                visit(self, entry)?;
            }
        }
        Ok(())
    }

    /// The clusters of so many bytes are counted.
    fn uses(&mut self, at: u64, length: u64) -> Result<(), Inconsistent> {
        let last = at.checked_add(length.max(1) - 1).ok_or(Inconsistent::Beyond(at))?;
        for cluster in at >> self.cluster_bits..=last >> self.cluster_bits {
            if !self.is_counted(cluster)? {
                return Err(Inconsistent::Uncounted(cluster << self.cluster_bits));
            }
        }
        Ok(())
    }

    /// A compressed cluster begins anywhere and has a number of sectors.
    fn uses_compressed(&mut self, entry: u64) -> Result<(), Inconsistent> {
        let bits = 62 - (self.cluster_bits - 8);
        let at = entry & ((1 << bits) - 1);
        let more = (entry & (COMPRESSED - 1)) >> bits;
        self.uses(at, (512 - at % 512) + 512 * more)
    }

    fn is_counted(&mut self, cluster: u64) -> Result<bool, Inconsistent> {
        // Bits, so that counts of less than a byte are no others.
        let per_block = 1_u64 << (self.cluster_bits + 3 - self.order);
        let block = usize::try_from(cluster / per_block).ok();
        let Some(block) = block.and_then(|block| self.blocks.get(block)).filter(|at| **at != 0)
        else {
            return Ok(false);
        };
        let counts = match self.known.get(block) {
            Some(counts) => counts,
            None => {
                let mut counts = vec![0; 1 << self.cluster_bits];
                (self.read)(*block, &mut counts)?;
                self.known.entry(*block).or_insert(counts)
            }
        };
        let (first, width) = ((cluster % per_block) << self.order, 1_u64 << self.order);
        let byte = |bit: u64| usize::try_from(bit / 8).ok().and_then(|at| counts.get(at));
        Ok(match width {
            // The first of several counts in a byte is in its lowest bits.
            ..8 => byte(first).is_some_and(|byte| byte >> (first % 8) & ((1 << width) - 1) != 0),
            _ => (first..first + width).step_by(8).any(|bit| byte(bit).is_some_and(|b| *b != 0)),
        })
    }
}
