//! Address generation (volume I, "'Zba' Extension for Address Generation").

use super::i::{binary, immediate};
use super::{Builder, Needs, Operands, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zba);
    "sh1add" Any R "0010000 ..... ..... 010 ..... 0110011" |b, i| { shift_add(b, i, 1); }
    "sh2add" Any R "0010000 ..... ..... 100 ..... 0110011" |b, i| { shift_add(b, i, 2); }
    "sh3add" Any R "0010000 ..... ..... 110 ..... 0110011" |b, i| { shift_add(b, i, 3); }

    "add.uw" Rv64 R "0000100 ..... ..... 000 ..... 0111011" |b, i| { shift_add_word(b, i, 0); }
    "sh1add.uw" Rv64 R "0010000 ..... ..... 010 ..... 0111011" |b, i| { shift_add_word(b, i, 1); }
    "sh2add.uw" Rv64 R "0010000 ..... ..... 100 ..... 0111011" |b, i| { shift_add_word(b, i, 2); }
    "sh3add.uw" Rv64 R "0010000 ..... ..... 110 ..... 0111011" |b, i| { shift_add_word(b, i, 3); }
    "slli.uw" Rv64 Shift "000010 ...... ..... 001 ..... 0011011" |b, i| {
        immediate(b, i, |b, x, amount| {
            let x = b.zext32(x);
            b.shl(x, amount)
        });
    }
}

/// `rd = (rs1 << amount) + rs2`.
#[inline(always)]
fn shift_add<B: Builder>(b: &mut B, i: &Operands, amount: i64) {
    binary(b, i, |b, index, base| {
        let amount = b.constant(amount);
        let offset = b.shl(index, amount);
        b.add(offset, base)
    });
}

/// The same with the low word of `rs1`, zero-extended.
#[inline(always)]
fn shift_add_word<B: Builder>(b: &mut B, i: &Operands, amount: i64) {
    binary(b, i, |b, index, base| {
        let index = b.zext32(index);
        let amount = b.constant(amount);
        let offset = b.shl(index, amount);
        b.add(offset, base)
    });
}
