//! CSR instructions (volume I, "'Zicsr' Extension for Control and Status Register Instructions").
//!
//! Two of the rules there are about side effects: `csrrw` with `rd` = `x0` does not read, and the
//! set and clear forms with a zero operand field do not write.

use super::{Builder, CsrOp, Flow, Needs, Operands, extension};
use crate::extension::Extension;

extension! { Needs::Extension(Extension::Zicsr);
    "csrrw" Any Csr "............ ..... 001 ..... 1110011" |b, i| {
        let operand = b.x(i.rs1);
        csr(b, i, CsrOp::Write, Some(operand), i.rd != 0)?;
    }
    "csrrs" Any Csr "............ ..... 010 ..... 1110011" |b, i| {
        let operand = b.x(i.rs1);
        csr(b, i, CsrOp::Set, (i.rs1 != 0).then_some(operand), true)?;
    }
    "csrrc" Any Csr "............ ..... 011 ..... 1110011" |b, i| {
        let operand = b.x(i.rs1);
        csr(b, i, CsrOp::Clear, (i.rs1 != 0).then_some(operand), true)?;
    }
    "csrrwi" Any CsrImm "............ ..... 101 ..... 1110011" |b, i| {
        let operand = b.constant(i.aux.into());
        csr(b, i, CsrOp::Write, Some(operand), i.rd != 0)?;
    }
    "csrrsi" Any CsrImm "............ ..... 110 ..... 1110011" |b, i| {
        let operand = b.constant(i.aux.into());
        csr(b, i, CsrOp::Set, (i.aux != 0).then_some(operand), true)?;
    }
    "csrrci" Any CsrImm "............ ..... 111 ..... 1110011" |b, i| {
        let operand = b.constant(i.aux.into());
        csr(b, i, CsrOp::Clear, (i.aux != 0).then_some(operand), true)?;
    }
}

#[inline(always)]
fn csr<B: Builder>(
    b: &mut B,
    i: &Operands,
    op: CsrOp,
    operand: Option<B::Value>,
    read: bool,
) -> Flow {
    let written = operand.is_some();
    let old = b.csr(op, i.imm as u16, operand, read)?;
    b.set_x(i.rd, old);
    if written { b.leave() } else { Ok(()) }
}
