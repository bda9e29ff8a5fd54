//! Atomic instructions (volume I, "'A' Extension for Atomic Instructions").
//!
//! The host's sequentially consistent atomics do the work, so `aq` and `rl` ask for nothing that
//! is not given anyway; they only appear in the assembly text.

use super::{AmoOp, Builder, Flow, Instruction, Needs, Operands, Size, extension};
use crate::extension::Extension;

/// Load reserved and store conditional, `zalrsc`.
pub(super) const RESERVATIONS: &[Instruction] = reservations::INSTRUCTIONS;

mod reservations {
    use super::*;

    extension! { Needs::Extension(Extension::Zalrsc);
        "lr.w" Any LoadReserved "00010 .. 00000 ..... 010 ..... 0101111" |b, i| {
            load_reserved(b, i, Size::Word)?;
        }
        "sc.w" Any Amo "00011 .. ..... ..... 010 ..... 0101111" |b, i| {
            store_conditional(b, i, Size::Word)?;
        }
        "lr.d" Rv64 LoadReserved "00010 .. 00000 ..... 011 ..... 0101111" |b, i| {
            load_reserved(b, i, Size::Double)?;
        }
        "sc.d" Rv64 Amo "00011 .. ..... ..... 011 ..... 0101111" |b, i| {
            store_conditional(b, i, Size::Double)?;
        }
    }
}

extension! { Needs::Extension(Extension::Zaamo);
    "amoswap.w" Any Amo "00001 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::Swap)?;
    }
    "amoadd.w" Any Amo "00000 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::Add)?;
    }
    "amoxor.w" Any Amo "00100 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::Xor)?;
    }
    "amoand.w" Any Amo "01100 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::And)?;
    }
    "amoor.w" Any Amo "01000 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::Or)?;
    }
    "amomin.w" Any Amo "10000 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::Min)?;
    }
    "amomax.w" Any Amo "10100 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::Max)?;
    }
    "amominu.w" Any Amo "11000 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::MinUnsigned)?;
    }
    "amomaxu.w" Any Amo "11100 .. ..... ..... 010 ..... 0101111" |b, i| {
        amo(b, i, Size::Word, AmoOp::MaxUnsigned)?;
    }

    "amoswap.d" Rv64 Amo "00001 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::Swap)?;
    }
    "amoadd.d" Rv64 Amo "00000 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::Add)?;
    }
    "amoxor.d" Rv64 Amo "00100 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::Xor)?;
    }
    "amoand.d" Rv64 Amo "01100 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::And)?;
    }
    "amoor.d" Rv64 Amo "01000 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::Or)?;
    }
    "amomin.d" Rv64 Amo "10000 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::Min)?;
    }
    "amomax.d" Rv64 Amo "10100 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::Max)?;
    }
    "amominu.d" Rv64 Amo "11000 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::MinUnsigned)?;
    }
    "amomaxu.d" Rv64 Amo "11100 .. ..... ..... 011 ..... 0101111" |b, i| {
        amo(b, i, Size::Double, AmoOp::MaxUnsigned)?;
    }
}

#[inline(always)]
fn load_reserved<B: Builder>(b: &mut B, i: &Operands, size: Size) -> Flow {
    let addr = b.x(i.rs1);
    let value = b.load_reserved(addr, size)?;
    b.set_x(i.rd, value);
    Ok(())
}

#[inline(always)]
fn store_conditional<B: Builder>(b: &mut B, i: &Operands, size: Size) -> Flow {
    let (addr, value) = (b.x(i.rs1), b.x(i.rs2));
    let failed = b.store_conditional(addr, size, value)?;
    b.set_x(i.rd, failed);
    Ok(())
}

#[inline(always)]
pub(super) fn amo<B: Builder>(b: &mut B, i: &Operands, size: Size, op: AmoOp) -> Flow {
    let (addr, value) = (b.x(i.rs1), b.x(i.rs2));
    let old = b.amo(op, addr, size, value)?;
    b.set_x(i.rd, old);
    Ok(())
}
