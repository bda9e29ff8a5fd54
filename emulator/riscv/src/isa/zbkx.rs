//! Crossbar permutations (volume I, "'Zbkx' Extension for Crossbar Permutations"): a register as a
//! table of bytes or nibbles, and another one as places in it.

use super::i::binary;
use super::{Builder, Function, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zbkx);
    "xperm4" Any R "0010100 ..... ..... 010 ..... 0110011" |b, i| {
        binary(b, i, |b, table, places| look_up(b, &XPERM4, table, places));
    }
    "xperm8" Any R "0010100 ..... ..... 100 ..... 0110011" |b, i| {
        binary(b, i, |b, table, places| look_up(b, &XPERM8, table, places));
    }
}

/// On RV32 the upper half of a table is zeros, as what lies beyond a table is.
#[inline(always)]
fn look_up<B: Builder>(
    b: &mut B,
    function: &Function,
    table: B::Value,
    places: B::Value,
) -> B::Value {
    let table = b.unsigned(table);
    b.call(function, table, places)
}

const XPERM4: Function =
    Function { name: "xperm4", apply: |table, places| permute(table, places, 4) };
const XPERM8: Function =
    Function { name: "xperm8", apply: |table, places| permute(table, places, 8) };

fn permute(table: u64, places: u64, width: u32) -> u64 {
    let mask = (1 << width) - 1;
    let element = |n: u32| {
        let place = places >> n & mask;
        let found = u32::try_from(place * u64::from(width)).ok().and_then(|n| table.checked_shr(n));
        (found.unwrap_or(0) & mask) << n
    };
    (0..64).step_by(width as usize).map(element).sum()
}
