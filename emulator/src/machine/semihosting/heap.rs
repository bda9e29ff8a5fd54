//! Where `SYS_HEAPINFO` says that heap and stack may be: the largest gap between the images in
//! the memory that the first of them is in.

use crate::boot::Image;
use crate::machine::AddressSpace;

/// A run of free memory: heap upwards, stack downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heap {
    /// Its first address.
    pub first: u64,
    /// One past its last.
    pub end: u64,
}

impl Heap {
    /// The largest gap; `None` without images or memory.
    pub(super) fn find(space: &AddressSpace, images: &[Image]) -> Option<Self> {
        let (first, last) = space.memory_at(images.first()?.addr)?;
        let mut taken: Vec<(u64, u64)> =
            images.iter().map(|image| (image.addr, image.end())).collect();
        taken.sort_unstable();
        let end = last.saturating_add(1) & !0xf;
        taken.push((end, end));
        let mut at = first;
        let mut best = Self { first, end: first };
        for (addr, image_end) in taken.into_iter().filter(|(addr, _)| (first..=end).contains(addr))
        {
            let gap = Self { first: at.next_multiple_of(16), end: addr & !0xf };
            if gap.end.saturating_sub(gap.first) > best.end - best.first {
                best = gap;
            }
            at = at.max(image_end);
        }
        Some(best)
    }
}
