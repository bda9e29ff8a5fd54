//! Cache-block management (volume I, "'Zicbom' Extension for Cache-Block Management"). In which
//! modes it is permitted, and to which addresses, the helper checks.

use super::{Builder, CacheOp, Flow, Helper, Needs, Operands, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zicbom);
    "cbo.inval" Any Address "000000000000 ..... 010 00000 0001111" |b, i| {
        cache_block(b, i, CacheOp::Invalidate)?;
    }
    "cbo.clean" Any Address "000000000001 ..... 010 00000 0001111" |b, i| {
        cache_block(b, i, CacheOp::Clean)?;
    }
    "cbo.flush" Any Address "000000000010 ..... 010 00000 0001111" |b, i| {
        cache_block(b, i, CacheOp::Flush)?;
    }
}

#[inline(always)]
pub(super) fn cache_block<B: Builder>(b: &mut B, i: &Operands, operation: CacheOp) -> Flow {
    let (addr, zero) = (b.x(i.rs1), b.constant(0));
    b.helper(Helper::CacheBlock(operation), addr, zero)
}
