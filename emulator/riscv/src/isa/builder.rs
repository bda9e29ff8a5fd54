//! The seam between what an instruction means and how it is run.
//!
//! A meaning is a generic function over [`Builder`]. Over the interpreter's builder it computes;
//! over [`Print`](super::print::Print) it writes down the operations; a translator's builder will
//! emit code. So it must not look at values with `if`: that is what [`Builder::select`] and
//! [`Builder::branch`] are for. What it may look at is the instruction's operands and
//! [`Builder::XLEN`].
//!
//! Values are 64 bits wide. On RV32 registers hold their value sign-extended, and
//! [`Builder::set_x`] restores that; so most meanings need not care for the width, and the few
//! that do (logical right shifts, unsigned division, high products) say so.

use super::Operands;
use crate::float::{FloatFormat, FloatOp};
use crate::trap::Exception;

/// Why a meaning does not go on to the next instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The program counter has been set.
    Jump,
    /// An exception has been raised.
    Trap,
    /// A debugger is to be told before the instruction is done.
    Debug,
    /// The instruction is done, and changed what the run loop relies on.
    Leave,
    /// The instruction is to be done between two looks of the run loop, and has not been done.
    Alone,
}

/// What a meaning, and every operation that may not go on, returns.
pub type Flow<T = ()> = Result<T, Stop>;

/// The size of a memory access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One byte.
    Byte,
    /// Two bytes.
    Half,
    /// Four bytes.
    Word,
    /// Eight bytes.
    Double,
}

impl Size {
    /// The width in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Size::Byte => 8,
            Size::Half => 16,
            Size::Word => 32,
            Size::Double => 64,
        }
    }
}

/// What an atomic memory operation does to the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AmoOp {
    Swap,
    Add,
    Xor,
    And,
    Or,
    Min,
    Max,
    MinUnsigned,
    MaxUnsigned,
}

/// How a CSR instruction combines the old value and its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CsrOp {
    Write,
    Set,
    Clear,
}

/// What is done to a block of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOp {
    /// It is dropped.
    Invalidate,
    /// It is written to memory.
    Clean,
    /// It is written to memory and dropped.
    Flush,
    /// It becomes zero.
    Zero,
}

/// Operations on the hart that no engine does in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helper {
    /// Environment call.
    Ecall,
    /// Make later fetches see earlier stores.
    FenceI,
    /// Make later translations see earlier stores to page tables. Operands: the address, or 0 for
    /// all; the address space, or 0 for all.
    SfenceVma,
    /// Order invalidations against stores before or translations after them.
    SfenceInval,
    /// Do something to the block of memory that an address lies in.
    CacheBlock(CacheOp),
    /// Return from a non-maskable interrupt.
    Mnret,
    /// Return from a machine-mode trap.
    Mret,
    /// Return from a supervisor-mode trap.
    Sret,
    /// Wait for an interrupt.
    Wfi,
}

/// What does nothing that software could see by its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// The hart waits for another one: the host may do something else first.
    Pause,
    /// A cache block will be needed.
    Prefetch,
    /// The next access is not worth a place in a cache.
    NonTemporal,
}

/// A function of two values that no engine does in line: a translator calls it.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The name in what [`Print`](super::Print) writes.
    pub name: &'static str,
    /// What it gives; nothing else depends on it.
    pub apply: fn(u64, u64) -> u64,
}

/// What instructions are made of.
#[expect(missing_docs, reason = "plain arithmetic is described by its name")]
pub trait Builder {
    /// A 64-bit value, or what stands for one.
    type Value: Copy;

    /// 32 or 64.
    const XLEN: u32;

    fn constant(&mut self, value: i64) -> Self::Value;

    /// An integer register, sign-extended.
    fn x(&mut self, register: u8) -> Self::Value;
    /// Sets an integer register to the low XLEN bits; `x0` ignores it.
    fn set_x(&mut self, register: u8, value: Self::Value);
    /// The address of this instruction.
    fn pc(&mut self) -> Self::Value;
    /// The address of the next one in memory.
    fn next_pc(&mut self) -> Self::Value;

    fn add(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn sub(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn and(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn or(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn xor(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;

    /// 64-bit shifts; the amount is taken modulo 64.
    fn shl(&mut self, a: Self::Value, amount: Self::Value) -> Self::Value;
    fn shr(&mut self, a: Self::Value, amount: Self::Value) -> Self::Value;
    fn sar(&mut self, a: Self::Value, amount: Self::Value) -> Self::Value;

    /// The low half of the product.
    fn mul(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// The high 64 bits of the product of signed values.
    fn mulh(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// The high 64 bits of the product of a signed and an unsigned value.
    fn mulhsu(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// The high 64 bits of the product of unsigned values.
    fn mulhu(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// Division as RISC-V defines it, by zero and on overflow too.
    fn div(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn divu(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn rem(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn remu(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;

    /// The low 32 bits, sign-extended.
    fn sext32(&mut self, a: Self::Value) -> Self::Value;
    /// The low 32 bits, zero-extended.
    fn zext32(&mut self, a: Self::Value) -> Self::Value;

    /// How many zeros are above the highest one; 64 if there is none.
    fn clz(&mut self, a: Self::Value) -> Self::Value;
    /// How many zeros are below the lowest one; 64 if there is none.
    fn ctz(&mut self, a: Self::Value) -> Self::Value;
    /// How many ones there are.
    fn cpop(&mut self, a: Self::Value) -> Self::Value;
    /// The bytes in the opposite order.
    fn rev8(&mut self, a: Self::Value) -> Self::Value;
    /// The low half of the product of polynomials over two elements.
    fn clmul(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// The high half of the same.
    fn clmulh(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// What a function gives.
    fn call(&mut self, function: &Function, a: Self::Value, b: Self::Value) -> Self::Value;

    /// Comparisons give 0 or 1.
    fn eq(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn ne(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn lt(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn ge(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn ltu(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    fn geu(&mut self, a: Self::Value, b: Self::Value) -> Self::Value;
    /// `a` if the condition is not 0, else `b`.
    fn select(&mut self, condition: Self::Value, a: Self::Value, b: Self::Value) -> Self::Value;

    /// Loads, sign-extending or zero-extending.
    fn load(&mut self, addr: Self::Value, size: Size, signed: bool) -> Flow<Self::Value>;
    fn store(&mut self, addr: Self::Value, size: Size, value: Self::Value) -> Flow;
    /// Loads, sign-extending, and reserves the word.
    fn load_reserved(&mut self, addr: Self::Value, size: Size) -> Flow<Self::Value>;
    /// Stores if the reservation holds: gives 0 if it did, else 1.
    fn store_conditional(
        &mut self,
        addr: Self::Value,
        size: Size,
        value: Self::Value,
    ) -> Flow<Self::Value>;
    /// Changes a word in one step; gives the old one, sign-extended.
    fn amo(
        &mut self,
        op: AmoOp,
        addr: Self::Value,
        size: Size,
        value: Self::Value,
    ) -> Flow<Self::Value>;
    /// Stores a value if the old one is in memory, in one step; gives what was there,
    /// sign-extended.
    fn compare_and_swap(
        &mut self,
        addr: Self::Value,
        size: Size,
        old: Self::Value,
        new: Self::Value,
    ) -> Flow<Self::Value>;
    /// The same on 16 bytes, as two values of which the first is at the lower address.
    fn compare_and_swap_pair(
        &mut self,
        addr: Self::Value,
        old: [Self::Value; 2],
        new: [Self::Value; 2],
    ) -> Flow<[Self::Value; 2]>;
    /// Orders memory accesses before it against those after it.
    fn fence(&mut self);
    /// Tells what is meant, and does nothing.
    fn hint(&mut self, hint: Hint);

    /// Comes before everything else in an instruction that touches floating-point state. Raises an
    /// illegal-instruction exception if that is off.
    fn float_enabled(&mut self) -> Flow;
    /// A floating-point register as a number of a format, with zeros above: the canonical NaN if
    /// the register holds something narrower or wider. As a `Double` it is all bits of it.
    fn f(&mut self, register: u8, format: FloatFormat) -> Self::Value;
    /// Sets a floating-point register to the low bits of a value, with ones above.
    fn set_f(&mut self, register: u8, format: FloatFormat, value: Self::Value);
    /// Does an operation on up to three numbers of a format, and accrues its flags. Raises an
    /// illegal-instruction exception if the rounding mode, which is given as in an instruction, is
    /// reserved or is the dynamic one and that is reserved. No operation traps by itself.
    fn float(
        &mut self,
        op: FloatOp,
        format: FloatFormat,
        rm: u8,
        operands: &[Self::Value],
    ) -> Flow<Self::Value>;

    /// Reads a CSR, if `read`, and changes it, if there is an operand. Gives the old value.
    fn csr(
        &mut self,
        op: CsrOp,
        number: u16,
        operand: Option<Self::Value>,
        read: bool,
    ) -> Flow<Self::Value>;

    /// Sets a register and goes on at an address, whose bit 0 counts as 0. If nothing can be
    /// fetched from such an address, the register keeps its value.
    fn jump(&mut self, target: Self::Value, register: u8, link: Self::Value) -> Flow;
    /// Goes on at an offset from this instruction if the condition is not 0. The last operation.
    fn branch(&mut self, condition: Self::Value, offset: i32) -> Flow;
    /// Raises an exception.
    fn trap(&mut self, exception: Exception, tval: Self::Value) -> Flow;
    /// Ends the block: what the run loop relies on may have changed. The last operation.
    fn leave(&mut self) -> Flow;
    /// Calls the hart.
    fn helper(&mut self, helper: Helper, a: Self::Value, b: Self::Value) -> Flow;

    /// A register plus an immediate: the address of most memory accesses.
    #[inline(always)]
    fn address(&mut self, i: &Operands) -> Self::Value {
        let base = self.x(i.rs1);
        let offset = self.constant(i.imm.into());
        self.add(base, offset)
    }

    /// A register as an unsigned number of XLEN bits.
    #[inline(always)]
    fn unsigned(&mut self, a: Self::Value) -> Self::Value {
        if Self::XLEN == 32 { self.zext32(a) } else { a }
    }

    /// The low bits of a value that are a shift amount.
    #[inline(always)]
    fn amount(&mut self, a: Self::Value, width: u32) -> Self::Value {
        let mask = self.constant(i64::from(width - 1));
        self.and(a, mask)
    }
}
