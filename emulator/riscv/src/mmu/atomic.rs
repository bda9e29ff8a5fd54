//! Words of guest memory that are changed in one step, seen by all harts and devices in the same
//! order.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::isa::AmoOp;
use crate::memory::Word;

// The operations below compute on the words as the host has them.
const _: () = assert!(cfg!(target_endian = "little"), "only little-endian hosts are supported");

/// A width that atomic memory operations exist in.
pub(crate) trait AtomicWord: Word {
    /// Loads in the common order.
    fn load_atomic(cell: &Self::Cell) -> Self;
    /// Stores if the cell has the old value; returns what it had.
    fn compare_exchange(cell: &Self::Cell, old: Self, new: Self) -> Self;
    /// Performs an operation and returns what was there before.
    fn amo(cell: &Self::Cell, op: AmoOp, value: Self) -> Self;
    /// The value, sign-extended.
    fn extend(self) -> u64;
}

macro_rules! atomic_word {
    ($($int:ty, $signed:ty, $cell:ty;)*) => {$(
        impl AtomicWord for $int {
            #[inline(always)]
            fn load_atomic(cell: &$cell) -> $int {
                cell.load(Ordering::SeqCst)
            }
            #[inline(always)]
            fn compare_exchange(cell: &$cell, old: $int, new: $int) -> $int {
                let order = Ordering::SeqCst;
                cell.compare_exchange(old, new, order, order).unwrap_or_else(|found| found)
            }
            #[inline(always)]
            fn amo(cell: &$cell, op: AmoOp, value: $int) -> $int {
                let order = Ordering::SeqCst;
                let signed = |choose: fn($signed, $signed) -> $signed| {
                    let update = |old: $int| choose(old as $signed, value as $signed) as $int;
                    loop {
                        let old = cell.load(Ordering::Relaxed);
                        if cell.compare_exchange(old, update(old), order, order).is_ok() {
                            return old;
                        }
                    }
                };
                match op {
                    AmoOp::Swap => cell.swap(value, order),
                    AmoOp::Add => cell.fetch_add(value, order),
                    AmoOp::Xor => cell.fetch_xor(value, order),
                    AmoOp::And => cell.fetch_and(value, order),
                    AmoOp::Or => cell.fetch_or(value, order),
                    AmoOp::Min => signed(Ord::min),
                    AmoOp::Max => signed(Ord::max),
                    AmoOp::MinUnsigned => cell.fetch_min(value, order),
                    AmoOp::MaxUnsigned => cell.fetch_max(value, order),
                }
            }
            #[inline(always)]
            fn extend(self) -> u64 {
                self as $signed as u64
            }
        }
    )*};
}

atomic_word! {
    u8, i8, AtomicU8;
    u16, i16, AtomicU16;
    u32, i32, AtomicU32;
    u64, i64, AtomicU64;
}
