//! Prefetches (volume I, "'Zicbop' Extension for Cache-Block Prefetch"): `ori` to `x0`. There is no
//! cache to fetch into.

use super::{Hint, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zicbop);
    "prefetch.i" Any Prefetch "....... 00000 ..... 110 00000 0010011" |b, _i| {
        b.hint(Hint::Prefetch);
    }
    "prefetch.r" Any Prefetch "....... 00001 ..... 110 00000 0010011" |b, _i| {
        b.hint(Hint::Prefetch);
    }
    "prefetch.w" Any Prefetch "....... 00011 ..... 110 00000 0010011" |b, _i| {
        b.hint(Hint::Prefetch);
    }
}
