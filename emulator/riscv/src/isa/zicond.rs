//! Conditional operations (volume I, "'Zicond' Extension for Integer Conditional Operations").

use super::i::binary;
use super::{Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zicond);
    "czero.eqz" Any R "0000111 ..... ..... 101 ..... 0110011" |b, i| {
        binary(b, i, |b, x, condition| {
            let zero = b.constant(0);
            b.select(condition, x, zero)
        });
    }
    "czero.nez" Any R "0000111 ..... ..... 111 ..... 0110011" |b, i| {
        binary(b, i, |b, x, condition| {
            let zero = b.constant(0);
            b.select(condition, zero, x)
        });
    }
}
