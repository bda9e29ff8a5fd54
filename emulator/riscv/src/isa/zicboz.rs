//! Zeroing of cache blocks (volume I, "'Zicboz' Extension for Cache-Block Zero").

use super::zicbom::cache_block;
use super::{CacheOp, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zicboz);
    "cbo.zero" Any Address "000000000100 ..... 010 00000 0001111" |b, i| {
        cache_block(b, i, CacheOp::Zero)?;
    }
}
