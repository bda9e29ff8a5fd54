//! AES encryption (volume I, "'Zkne' Extension for NIST Suite: AES Encryption"). The key schedule
//! is with Zknd.

use super::aes::{self, byte_step};
use super::i::binary;
use super::{Needs, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zkne);
    "aes32esi" Rv32 Byte ".. 10001 ..... ..... 000 ..... 0110011" |b, i| {
        byte_step(b, i, &aes::BYTE_ES);
    }
    "aes32esmi" Rv32 Byte ".. 10011 ..... ..... 000 ..... 0110011" |b, i| {
        byte_step(b, i, &aes::BYTE_ESM);
    }
    "aes64es" Rv64 R "0011001 ..... ..... 000 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| b.call(&aes::ES, x, y));
    }
    "aes64esm" Rv64 R "0011011 ..... ..... 000 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| b.call(&aes::ESM, x, y));
    }
}
