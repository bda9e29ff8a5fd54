//! The SM3 hash (volume I, "'Zksh' Extension for ShangMi Suite: SM3 Hash Function Instructions").

use super::i::unary;
use super::rotate::{Last, mix_word};
use super::{Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zksh);
    // The standard rotates to the left.
    "sm3p0" Any Unary "000100001000 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix_word(b, x, [32 - 9, 32 - 17], Last::Itself));
    }
    "sm3p1" Any Unary "000100001001 ..... 001 ..... 0010011" |b, i| {
        unary(b, i, |b, x| mix_word(b, x, [32 - 15, 32 - 23], Last::Itself));
    }
}
