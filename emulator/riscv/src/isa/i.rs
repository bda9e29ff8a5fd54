//! The base integer instruction sets (volume I, "RV32I Base Integer Instruction Set" and "RV64I
//! Base Integer Instruction Set"; RV32E is the same with 16 registers).

use super::{Builder, Flow, Helper, Needs, Operands, Size, extension};
use crate::extension::Extension;
use crate::trap::Exception;

extension! { Needs::Extension(Extension::I);
    "lui" Any Upper "........ ........ .... ..... 0110111" |b, i| {
        let value = b.constant(i.imm.into());
        b.set_x(i.rd, value);
    }
    "auipc" Any Upper "........ ........ .... ..... 0010111" |b, i| {
        let (pc, offset) = (b.pc(), b.constant(i.imm.into()));
        let value = b.add(pc, offset);
        b.set_x(i.rd, value);
    }

    "jal" Any Jump "........ ........ .... ..... 1101111" |b, i| {
        let (pc, offset) = (b.pc(), b.constant(i.imm.into()));
        let target = b.add(pc, offset);
        let link = b.next_pc();
        b.jump(target, i.rd, link)?;
    }
    "jalr" Any Load "............ ..... 000 ..... 1100111" |b, i| {
        let target = b.address(i);
        let link = b.next_pc();
        b.jump(target, i.rd, link)?;
    }

    "beq" Any Branch "....... ..... ..... 000 ..... 1100011" |b, i| { branch(b, i, B::eq)?; }
    "bne" Any Branch "....... ..... ..... 001 ..... 1100011" |b, i| { branch(b, i, B::ne)?; }
    "blt" Any Branch "....... ..... ..... 100 ..... 1100011" |b, i| { branch(b, i, B::lt)?; }
    "bge" Any Branch "....... ..... ..... 101 ..... 1100011" |b, i| { branch(b, i, B::ge)?; }
    "bltu" Any Branch "....... ..... ..... 110 ..... 1100011" |b, i| { branch(b, i, B::ltu)?; }
    "bgeu" Any Branch "....... ..... ..... 111 ..... 1100011" |b, i| { branch(b, i, B::geu)?; }

    "lb" Any Load "............ ..... 000 ..... 0000011" |b, i| { load(b, i, Size::Byte, true)?; }
    "lh" Any Load "............ ..... 001 ..... 0000011" |b, i| { load(b, i, Size::Half, true)?; }
    "lw" Any Load "............ ..... 010 ..... 0000011" |b, i| { load(b, i, Size::Word, true)?; }
    "ld" Rv64 Load "............ ..... 011 ..... 0000011" |b, i| {
        load(b, i, Size::Double, true)?;
    }
    "lbu" Any Load "............ ..... 100 ..... 0000011" |b, i| {
        load(b, i, Size::Byte, false)?;
    }
    "lhu" Any Load "............ ..... 101 ..... 0000011" |b, i| {
        load(b, i, Size::Half, false)?;
    }
    "lwu" Rv64 Load "............ ..... 110 ..... 0000011" |b, i| {
        load(b, i, Size::Word, false)?;
    }

    "sb" Any Store "....... ..... ..... 000 ..... 0100011" |b, i| { store(b, i, Size::Byte)?; }
    "sh" Any Store "....... ..... ..... 001 ..... 0100011" |b, i| { store(b, i, Size::Half)?; }
    "sw" Any Store "....... ..... ..... 010 ..... 0100011" |b, i| { store(b, i, Size::Word)?; }
    "sd" Rv64 Store "....... ..... ..... 011 ..... 0100011" |b, i| { store(b, i, Size::Double)?; }

    "addi" Any I "............ ..... 000 ..... 0010011" |b, i| { immediate(b, i, B::add); }
    "slti" Any I "............ ..... 010 ..... 0010011" |b, i| { immediate(b, i, B::lt); }
    "sltiu" Any I "............ ..... 011 ..... 0010011" |b, i| { immediate(b, i, B::ltu); }
    "xori" Any I "............ ..... 100 ..... 0010011" |b, i| { immediate(b, i, B::xor); }
    "ori" Any I "............ ..... 110 ..... 0010011" |b, i| { immediate(b, i, B::or); }
    "andi" Any I "............ ..... 111 ..... 0010011" |b, i| { immediate(b, i, B::and); }

    "slli" Rv32 Shift "0000000 ..... ..... 001 ..... 0010011" |b, i| { immediate(b, i, B::shl); }
    "slli" Rv64 Shift "000000 ...... ..... 001 ..... 0010011" |b, i| { immediate(b, i, B::shl); }
    "srli" Rv32 Shift "0000000 ..... ..... 101 ..... 0010011" |b, i| {
        immediate(b, i, shift_right);
    }
    "srli" Rv64 Shift "000000 ...... ..... 101 ..... 0010011" |b, i| {
        immediate(b, i, shift_right);
    }
    "srai" Rv32 Shift "0100000 ..... ..... 101 ..... 0010011" |b, i| { immediate(b, i, B::sar); }
    "srai" Rv64 Shift "010000 ...... ..... 101 ..... 0010011" |b, i| { immediate(b, i, B::sar); }

    "add" Any R "0000000 ..... ..... 000 ..... 0110011" |b, i| { binary(b, i, B::add); }
    "sub" Any R "0100000 ..... ..... 000 ..... 0110011" |b, i| { binary(b, i, B::sub); }
    "sll" Any R "0000000 ..... ..... 001 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let amount = b.amount(y, B::XLEN);
            b.shl(x, amount)
        });
    }
    "slt" Any R "0000000 ..... ..... 010 ..... 0110011" |b, i| { binary(b, i, B::lt); }
    "sltu" Any R "0000000 ..... ..... 011 ..... 0110011" |b, i| { binary(b, i, B::ltu); }
    "xor" Any R "0000000 ..... ..... 100 ..... 0110011" |b, i| { binary(b, i, B::xor); }
    "srl" Any R "0000000 ..... ..... 101 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let amount = b.amount(y, B::XLEN);
            shift_right(b, x, amount)
        });
    }
    "sra" Any R "0100000 ..... ..... 101 ..... 0110011" |b, i| {
        binary(b, i, |b, x, y| {
            let amount = b.amount(y, B::XLEN);
            b.sar(x, amount)
        });
    }
    "or" Any R "0000000 ..... ..... 110 ..... 0110011" |b, i| { binary(b, i, B::or); }
    "and" Any R "0000000 ..... ..... 111 ..... 0110011" |b, i| { binary(b, i, B::and); }

    "addiw" Rv64 I "............ ..... 000 ..... 0011011" |b, i| {
        immediate(b, i, |b, x, y| word(b, x, y, B::add));
    }
    "slliw" Rv64 Shift "0000000 ..... ..... 001 ..... 0011011" |b, i| {
        immediate(b, i, |b, x, y| word(b, x, y, B::shl));
    }
    "srliw" Rv64 Shift "0000000 ..... ..... 101 ..... 0011011" |b, i| {
        immediate(b, i, |b, x, y| word(b, x, y, shift_right_word));
    }
    "sraiw" Rv64 Shift "0100000 ..... ..... 101 ..... 0011011" |b, i| {
        immediate(b, i, |b, x, y| word(b, x, y, shift_right_word_signed));
    }
    "addw" Rv64 R "0000000 ..... ..... 000 ..... 0111011" |b, i| {
        binary(b, i, |b, x, y| word(b, x, y, B::add));
    }
    "subw" Rv64 R "0100000 ..... ..... 000 ..... 0111011" |b, i| {
        binary(b, i, |b, x, y| word(b, x, y, B::sub));
    }
    "sllw" Rv64 R "0000000 ..... ..... 001 ..... 0111011" |b, i| {
        binary(b, i, |b, x, y| {
            let amount = b.amount(y, 32);
            word(b, x, amount, B::shl)
        });
    }
    "srlw" Rv64 R "0000000 ..... ..... 101 ..... 0111011" |b, i| {
        binary(b, i, |b, x, y| {
            let amount = b.amount(y, 32);
            word(b, x, amount, shift_right_word)
        });
    }
    "sraw" Rv64 R "0100000 ..... ..... 101 ..... 0111011" |b, i| {
        binary(b, i, |b, x, y| {
            let amount = b.amount(y, 32);
            word(b, x, amount, shift_right_word_signed)
        });
    }

    "fence" Any Fence "............ ..... 000 ..... 0001111" |b, _i| { b.fence(); }
    "ecall" Any None "000000000000 00000 000 00000 1110011" |b, _i| {
        let zero = b.constant(0);
        b.helper(Helper::Ecall, zero, zero)?;
    }
    "ebreak" Any None "000000000001 00000 000 00000 1110011" |b, _i| {
        let pc = b.pc();
        b.trap(Exception::Breakpoint, pc)?;
    }
}

/// `rd = rs1 op rs2`.
#[inline(always)]
pub(super) fn binary<B: Builder>(
    b: &mut B,
    i: &Operands,
    op: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) {
    let (x, y) = (b.x(i.rs1), b.x(i.rs2));
    let value = op(b, x, y);
    b.set_x(i.rd, value);
}

/// `rd = op rs1`.
#[inline(always)]
pub(super) fn unary<B: Builder>(
    b: &mut B,
    i: &Operands,
    op: impl FnOnce(&mut B, B::Value) -> B::Value,
) {
    let x = b.x(i.rs1);
    let value = op(b, x);
    b.set_x(i.rd, value);
}

/// `rd = rs1 op imm`.
#[inline(always)]
pub(super) fn immediate<B: Builder>(
    b: &mut B,
    i: &Operands,
    op: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) {
    let (x, y) = (b.x(i.rs1), b.constant(i.imm.into()));
    let value = op(b, x, y);
    b.set_x(i.rd, value);
}

/// An operation of RV64 on the low words of registers.
#[inline(always)]
pub(super) fn word<B: Builder>(
    b: &mut B,
    x: B::Value,
    y: B::Value,
    op: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) -> B::Value {
    let value = op(b, x, y);
    b.sext32(value)
}

#[inline(always)]
fn shift_right<B: Builder>(b: &mut B, x: B::Value, amount: B::Value) -> B::Value {
    let x = b.unsigned(x);
    b.shr(x, amount)
}

#[inline(always)]
fn shift_right_word<B: Builder>(b: &mut B, x: B::Value, amount: B::Value) -> B::Value {
    let x = b.zext32(x);
    b.shr(x, amount)
}

#[inline(always)]
fn shift_right_word_signed<B: Builder>(b: &mut B, x: B::Value, amount: B::Value) -> B::Value {
    let x = b.sext32(x);
    b.sar(x, amount)
}

#[inline(always)]
fn branch<B: Builder>(
    b: &mut B,
    i: &Operands,
    compare: impl FnOnce(&mut B, B::Value, B::Value) -> B::Value,
) -> Flow {
    let (x, y) = (b.x(i.rs1), b.x(i.rs2));
    let condition = compare(b, x, y);
    b.branch(condition, i.imm)
}

#[inline(always)]
fn load<B: Builder>(b: &mut B, i: &Operands, size: Size, signed: bool) -> Flow {
    let addr = b.address(i);
    let value = b.load(addr, size, signed)?;
    b.set_x(i.rd, value);
    Ok(())
}

#[inline(always)]
fn store<B: Builder>(b: &mut B, i: &Operands, size: Size) -> Flow {
    let addr = b.address(i);
    let value = b.x(i.rs2);
    b.store(addr, size, value)
}
