//! The builder that computes: over it, a meaning is the interpreter's function for an instruction.

use std::sync::atomic::{Ordering, fence};
use std::thread;

use super::Decoded;
use crate::core::Core;
use crate::float::{FloatFormat, FloatOp};
use crate::isa::{AmoOp, Builder, CsrOp, Flow, Function, Helper, Hint, Size, Stop};
use crate::memory::Word;
use crate::mmu::AtomicWord;
use crate::trap::Exception;

/// One instruction about to be run.
pub(crate) struct Eval<'a, const XLEN: u32> {
    core: &'a mut Core,
    op: &'a Decoded,
}

impl<'a, const XLEN: u32> Eval<'a, XLEN> {
    #[inline(always)]
    pub(crate) fn new(core: &'a mut Core, op: &'a Decoded) -> Self {
        Eval { core, op }
    }

    /// An address has XLEN bits.
    #[inline(always)]
    fn truncate(value: u64) -> u64 {
        if XLEN == 32 { value as u32 as u64 } else { value }
    }

    #[inline(always)]
    fn here(&self) -> u64 {
        Self::truncate(self.core.pc.wrapping_add(self.op.offset.into()))
    }

    #[inline(always)]
    fn following(&self) -> u64 {
        Self::truncate(self.here().wrapping_add(self.op.len.into()))
    }

    fn exchange_cell<T: AtomicWord>(&mut self, addr: u64, old: u64, new: u64) -> Flow<u64> {
        let (old, new) = (T::narrow(old), T::narrow(new));
        let exchange = |cell: &T::Cell| T::compare_exchange(cell, old, new);
        Ok(self.core.amo_cell::<T, T>(addr, exchange)?.extend())
    }

    fn with_cell<T: AtomicWord>(&mut self, addr: u64, op: AmoOp, value: u64) -> Flow<u64> {
        let value = T::narrow(value);
        let old = self.core.amo_cell::<T, T>(addr, |cell| T::amo(cell, op, value))?;
        Ok(old.extend())
    }
}

impl<const XLEN: u32> Builder for Eval<'_, XLEN> {
    type Value = u64;
    const XLEN: u32 = XLEN;

    #[inline(always)]
    fn constant(&mut self, value: i64) -> u64 {
        value as u64
    }
    #[inline(always)]
    fn x(&mut self, register: u8) -> u64 {
        self.core.x[usize::from(register & 31)]
    }
    #[inline(always)]
    fn set_x(&mut self, register: u8, value: u64) {
        let value = if XLEN == 32 { value as i32 as u64 } else { value };
        self.core.x[usize::from(register & 31)] = value;
        // Cheaper than asking whether it is x0.
        self.core.x[0] = 0;
    }
    #[inline(always)]
    fn pc(&mut self) -> u64 {
        self.here()
    }
    #[inline(always)]
    fn next_pc(&mut self) -> u64 {
        self.following()
    }

    #[inline(always)]
    fn add(&mut self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }
    #[inline(always)]
    fn sub(&mut self, a: u64, b: u64) -> u64 {
        a.wrapping_sub(b)
    }
    #[inline(always)]
    fn and(&mut self, a: u64, b: u64) -> u64 {
        a & b
    }
    #[inline(always)]
    fn or(&mut self, a: u64, b: u64) -> u64 {
        a | b
    }
    #[inline(always)]
    fn xor(&mut self, a: u64, b: u64) -> u64 {
        a ^ b
    }
    #[inline(always)]
    fn shl(&mut self, a: u64, amount: u64) -> u64 {
        a.wrapping_shl(amount as u32)
    }
    #[inline(always)]
    fn shr(&mut self, a: u64, amount: u64) -> u64 {
        a.wrapping_shr(amount as u32)
    }
    #[inline(always)]
    fn sar(&mut self, a: u64, amount: u64) -> u64 {
        (a as i64).wrapping_shr(amount as u32) as u64
    }

    #[inline(always)]
    fn mul(&mut self, a: u64, b: u64) -> u64 {
        a.wrapping_mul(b)
    }
    #[inline(always)]
    fn mulh(&mut self, a: u64, b: u64) -> u64 {
        ((i128::from(a as i64) * i128::from(b as i64)) >> 64) as u64
    }
    #[inline(always)]
    fn mulhsu(&mut self, a: u64, b: u64) -> u64 {
        ((i128::from(a as i64) * i128::from(b)) >> 64) as u64
    }
    #[inline(always)]
    fn mulhu(&mut self, a: u64, b: u64) -> u64 {
        ((u128::from(a) * u128::from(b)) >> 64) as u64
    }
    #[inline(always)]
    fn div(&mut self, a: u64, b: u64) -> u64 {
        let (a, b) = (a as i64, b as i64);
        if b == 0 { u64::MAX } else { a.wrapping_div(b) as u64 }
    }
    #[inline(always)]
    fn divu(&mut self, a: u64, b: u64) -> u64 {
        a.checked_div(b).unwrap_or(u64::MAX)
    }
    #[inline(always)]
    fn rem(&mut self, a: u64, b: u64) -> u64 {
        let (a, b) = (a as i64, b as i64);
        if b == 0 { a as u64 } else { a.wrapping_rem(b) as u64 }
    }
    #[inline(always)]
    fn remu(&mut self, a: u64, b: u64) -> u64 {
        a.checked_rem(b).unwrap_or(a)
    }

    #[inline(always)]
    fn sext32(&mut self, a: u64) -> u64 {
        a as i32 as u64
    }
    #[inline(always)]
    fn zext32(&mut self, a: u64) -> u64 {
        a as u32 as u64
    }

    #[inline(always)]
    fn clz(&mut self, a: u64) -> u64 {
        a.leading_zeros().into()
    }
    #[inline(always)]
    fn ctz(&mut self, a: u64) -> u64 {
        a.trailing_zeros().into()
    }
    #[inline(always)]
    fn cpop(&mut self, a: u64) -> u64 {
        a.count_ones().into()
    }
    #[inline(always)]
    fn rev8(&mut self, a: u64) -> u64 {
        a.swap_bytes()
    }
    fn clmul(&mut self, a: u64, b: u64) -> u64 {
        carryless_product(a, b) as u64
    }
    fn clmulh(&mut self, a: u64, b: u64) -> u64 {
        (carryless_product(a, b) >> 64) as u64
    }
    #[inline(always)]
    fn call(&mut self, function: &Function, a: u64, b: u64) -> u64 {
        (function.apply)(a, b)
    }

    #[inline(always)]
    fn eq(&mut self, a: u64, b: u64) -> u64 {
        (a == b).into()
    }
    #[inline(always)]
    fn ne(&mut self, a: u64, b: u64) -> u64 {
        (a != b).into()
    }
    #[inline(always)]
    fn lt(&mut self, a: u64, b: u64) -> u64 {
        ((a as i64) < b as i64).into()
    }
    #[inline(always)]
    fn ge(&mut self, a: u64, b: u64) -> u64 {
        (a as i64 >= b as i64).into()
    }
    #[inline(always)]
    fn ltu(&mut self, a: u64, b: u64) -> u64 {
        (a < b).into()
    }
    #[inline(always)]
    fn geu(&mut self, a: u64, b: u64) -> u64 {
        (a >= b).into()
    }
    #[inline(always)]
    fn select(&mut self, condition: u64, a: u64, b: u64) -> u64 {
        if condition != 0 { a } else { b }
    }

    #[inline(always)]
    fn load(&mut self, addr: u64, size: Size, signed: bool) -> Flow<u64> {
        let (addr, at) = (Self::truncate(addr), self.op.offset);
        let value = match size {
            Size::Byte => self.core.load::<u8>(addr, at)?.widen(),
            Size::Half => self.core.load::<u16>(addr, at)?.widen(),
            Size::Word => self.core.load::<u32>(addr, at)?.widen(),
            Size::Double => self.core.load::<u64>(addr, at)?,
        };
        Ok(match (signed, size) {
            (true, Size::Byte) => value as i8 as u64,
            (true, Size::Half) => value as i16 as u64,
            (true, Size::Word) => value as i32 as u64,
            _ => value,
        })
    }
    #[inline(always)]
    fn store(&mut self, addr: u64, size: Size, value: u64) -> Flow {
        let (addr, at) = (Self::truncate(addr), self.op.offset);
        match size {
            Size::Byte => self.core.store(addr, value as u8, at),
            Size::Half => self.core.store(addr, value as u16, at),
            Size::Word => self.core.store(addr, value as u32, at),
            Size::Double => self.core.store(addr, value, at),
        }
    }
    fn load_reserved(&mut self, addr: u64, size: Size) -> Flow<u64> {
        let addr = Self::truncate(addr);
        match size {
            Size::Double => self.core.load_reserved::<u64>(addr),
            _ => self.core.load_reserved::<u32>(addr).map(AtomicWord::extend),
        }
    }
    fn store_conditional(&mut self, addr: u64, size: Size, value: u64) -> Flow<u64> {
        let addr = Self::truncate(addr);
        let done = match size {
            Size::Double => self.core.store_conditional::<u64>(addr, value),
            _ => self.core.store_conditional::<u32>(addr, value as u32),
        };
        Ok((!done?).into())
    }
    #[inline(always)]
    fn amo(&mut self, op: AmoOp, addr: u64, size: Size, value: u64) -> Flow<u64> {
        let addr = Self::truncate(addr);
        match size {
            Size::Byte => self.with_cell::<u8>(addr, op, value),
            Size::Half => self.with_cell::<u16>(addr, op, value),
            Size::Word => self.with_cell::<u32>(addr, op, value),
            Size::Double => self.with_cell::<u64>(addr, op, value),
        }
    }
    fn compare_and_swap(&mut self, addr: u64, size: Size, old: u64, new: u64) -> Flow<u64> {
        let addr = Self::truncate(addr);
        match size {
            Size::Byte => self.exchange_cell::<u8>(addr, old, new),
            Size::Half => self.exchange_cell::<u16>(addr, old, new),
            Size::Word => self.exchange_cell::<u32>(addr, old, new),
            Size::Double => self.exchange_cell::<u64>(addr, old, new),
        }
    }
    fn compare_and_swap_pair(&mut self, addr: u64, old: [u64; 2], new: [u64; 2]) -> Flow<[u64; 2]> {
        let join = |[low, high]: [u64; 2]| u128::from(low) | u128::from(high) << 64;
        let (old, new, order) = (join(old), join(new), Ordering::SeqCst);
        let found = self.core.amo_cell::<u128, u128>(addr, |cell| {
            cell.compare_exchange(old, new, order, order).unwrap_or_else(|found| found)
        })?;
        Ok([found as u64, (found >> 64) as u64])
    }
    fn fence(&mut self) {
        fence(Ordering::SeqCst);
    }
    fn hint(&mut self, hint: Hint) {
        // There may be more harts than processors of the host, and the one waited for not running.
        if hint == Hint::Pause {
            thread::yield_now();
        }
    }

    #[inline(always)]
    fn float_enabled(&mut self) -> Flow {
        if self.core.float_is_off() { self.core.illegal(self.op.bits) } else { Ok(()) }
    }
    #[inline(always)]
    fn f(&mut self, register: u8, format: FloatFormat) -> u64 {
        format.unboxed(self.core.f[usize::from(register & 31)])
    }
    #[inline(always)]
    fn set_f(&mut self, register: u8, format: FloatFormat, value: u64) {
        self.core.f[usize::from(register & 31)] = format.boxed(value);
        self.core.float_is_dirty();
    }
    #[inline(always)]
    fn float(&mut self, op: FloatOp, format: FloatFormat, rm: u8, operands: &[u64]) -> Flow<u64> {
        let operands = [0, 1, 2].map(|n| operands.get(n).copied().unwrap_or(0));
        match self.core.float(op, format, rm, operands) {
            Some(value) => Ok(value),
            None => self.core.illegal(self.op.bits),
        }
    }

    fn csr(&mut self, op: CsrOp, number: u16, operand: Option<u64>, read: bool) -> Flow<u64> {
        self.core.position = self.op.index.into();
        let old = self.core.csr_access(op, number, operand, read, self.op.bits);
        self.core.position = 0;
        old
    }

    #[inline(always)]
    fn jump(&mut self, target: u64, register: u8, link: u64) -> Flow {
        let target = Self::truncate(target & !1);
        if target & self.core.misaligned_pc != 0 {
            return self.core.raise(Exception::InstructionMisaligned, target);
        }
        self.set_x(register, link);
        self.core.pc = target;
        Err(Stop::Jump)
    }
    #[inline(always)]
    fn branch(&mut self, condition: u64, offset: i32) -> Flow {
        if condition == 0 {
            return Ok(());
        }
        let target = Self::truncate(self.here().wrapping_add(offset as u64));
        if target & self.core.misaligned_pc != 0 {
            return self.core.raise(Exception::InstructionMisaligned, target);
        }
        self.core.pc = target;
        Err(Stop::Jump)
    }
    fn trap(&mut self, exception: Exception, tval: u64) -> Flow {
        match exception {
            Exception::Breakpoint => self.core.breakpoint(tval),
            _ => self.core.raise(exception, tval),
        }
    }
    fn leave(&mut self) -> Flow {
        self.core.pc = self.following();
        Err(Stop::Leave)
    }
    fn helper(&mut self, helper: Helper, a: u64, b: u64) -> Flow {
        let bits = self.op.bits;
        self.core.position = self.op.index.into();
        let flow = self.call(helper, bits, a, b);
        self.core.position = 0;
        flow
    }
}

impl<const XLEN: u32> Eval<'_, XLEN> {
    fn call(&mut self, helper: Helper, bits: u32, a: u64, b: u64) -> Flow {
        match helper {
            Helper::Ecall => self.core.environment_call()?,
            Helper::FenceI => self.core.flush_code(),
            Helper::CacheBlock(operation) => {
                self.core.cache_block(operation, a, bits, self.op.offset)?;
            }
            Helper::SfenceVma => self.core.fence_translations(bits, a, b)?,
            Helper::SfenceInval => self.core.order_invalidations(bits)?,
            // These go on elsewhere.
            Helper::Mnret => return self.core.nmi_return(bits),
            Helper::Mret => return self.core.machine_return(bits),
            Helper::Sret => return self.core.supervisor_return(bits),
            Helper::Wfi => self.core.wait_for_interrupt(bits)?,
        }
        self.leave()
    }
}

/// The product of polynomials: a sum without carries of `a` shifted to each one of `b`.
fn carryless_product(a: u64, mut b: u64) -> u128 {
    let mut product = 0;
    while b != 0 {
        product ^= u128::from(a) << b.trailing_zeros();
        b &= b - 1;
    }
    product
}
