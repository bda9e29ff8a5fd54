//! Hints that the next access will not be repeated (volume I, "'Zihintntl' Extension for
//! Non-Temporal Locality Hints"): additions to `x0`. There is no cache to keep anything out of.

use super::{Hint, Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zihintntl);
    "ntl.p1" Any None "0000000 00010 00000 000 00000 0110011" |b, _i| {
        b.hint(Hint::NonTemporal);
    }
    "ntl.pall" Any None "0000000 00011 00000 000 00000 0110011" |b, _i| {
        b.hint(Hint::NonTemporal);
    }
    "ntl.s1" Any None "0000000 00100 00000 000 00000 0110011" |b, _i| {
        b.hint(Hint::NonTemporal);
    }
    "ntl.all" Any None "0000000 00101 00000 000 00000 0110011" |b, _i| {
        b.hint(Hint::NonTemporal);
    }
}
