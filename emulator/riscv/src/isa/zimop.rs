//! Instructions that may become operations (volume I, "'Zimop' Extension for May-Be-Operations"):
//! until an extension gives one a meaning, it gives zero.

use super::{Builder, Needs, Operands, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zimop);
    "mop.r" Any Maybe "1.00..0111.. ..... 100 ..... 1110011" |b, i| { zero(b, i); }
    "mop.rr" Any MaybeTwo "1.00..1 ..... ..... 100 ..... 1110011" |b, i| { zero(b, i); }
}

#[inline(always)]
fn zero<B: Builder>(b: &mut B, i: &Operands) {
    let zero = b.constant(0);
    b.set_x(i.rd, zero);
}
