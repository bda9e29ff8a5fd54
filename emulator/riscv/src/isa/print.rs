//! The builder that writes the operations down: a reader of meanings that computes nothing, for
//! people, and a proof that no meaning depends on the interpreter.

use super::{
    AmoOp, Builder, CsrOp, Flow, Function, Helper, Hint, Instruction, Operands, Size, f_name,
    x_name,
};
use crate::config::Xlen;
use crate::float::{FloatFormat, FloatOp};
use crate::trap::Exception;

/// Collects the operations of one meaning. A value is the number of the line that made it.
#[derive(Debug, Default)]
pub struct Print<const XLEN: u32> {
    lines: Vec<String>,
}

/// The operations that an instruction with some operands performs, one a line.
pub fn describe(instruction: &Instruction, operands: &Operands, xlen: Xlen) -> Vec<String> {
    // A meaning over this builder never stops.
    match xlen {
        Xlen::Rv32 => {
            let mut print = Print::<32>::default();
            let _ = (instruction.meaning.print32)(&mut print, operands);
            print.lines
        }
        Xlen::Rv64 => {
            let mut print = Print::<64>::default();
            let _ = (instruction.meaning.print64)(&mut print, operands);
            print.lines
        }
    }
}

impl<const XLEN: u32> Print<XLEN> {
    fn value(&mut self, text: String) -> usize {
        let number = self.lines.len();
        self.lines.push(format!("v{number} = {text}"));
        number
    }

    fn effect(&mut self, text: String) -> Flow {
        self.lines.push(text);
        Ok(())
    }
}

macro_rules! one {
    ($($name:ident)*) => {$(
        fn $name(&mut self, a: usize) -> usize {
            self.value(format!(concat!(stringify!($name), " v{}"), a))
        }
    )*};
}

macro_rules! two {
    ($($name:ident)*) => {$(
        fn $name(&mut self, a: usize, b: usize) -> usize {
            self.value(format!(concat!(stringify!($name), " v{} v{}"), a, b))
        }
    )*};
}

impl<const XLEN: u32> Builder for Print<XLEN> {
    type Value = usize;
    const XLEN: u32 = XLEN;

    fn constant(&mut self, value: i64) -> usize {
        self.value(format!("constant {value:#x}"))
    }
    fn x(&mut self, register: u8) -> usize {
        self.value(format!("x {}", x_name(register)))
    }
    fn set_x(&mut self, register: u8, value: usize) {
        self.lines.push(format!("set_x {} v{value}", x_name(register)));
    }
    fn pc(&mut self) -> usize {
        self.value("pc".to_owned())
    }
    fn next_pc(&mut self) -> usize {
        self.value("next_pc".to_owned())
    }

    two! { add sub and or xor shl shr sar mul mulh mulhsu mulhu div divu rem remu }
    two! { eq ne lt ge ltu geu clmul clmulh }
    one! { sext32 zext32 clz ctz cpop rev8 }

    fn call(&mut self, function: &Function, a: usize, b: usize) -> usize {
        self.value(format!("call {} v{a} v{b}", function.name))
    }
    fn select(&mut self, condition: usize, a: usize, b: usize) -> usize {
        self.value(format!("select v{condition} v{a} v{b}"))
    }

    fn load(&mut self, addr: usize, size: Size, signed: bool) -> Flow<usize> {
        let sign = if signed { 's' } else { 'u' };
        Ok(self.value(format!("load.{sign}{} v{addr}", size.bits())))
    }
    fn store(&mut self, addr: usize, size: Size, value: usize) -> Flow {
        self.effect(format!("store.{} v{addr} v{value}", size.bits()))
    }
    fn load_reserved(&mut self, addr: usize, size: Size) -> Flow<usize> {
        Ok(self.value(format!("load_reserved.{} v{addr}", size.bits())))
    }
    fn store_conditional(&mut self, addr: usize, size: Size, value: usize) -> Flow<usize> {
        Ok(self.value(format!("store_conditional.{} v{addr} v{value}", size.bits())))
    }
    fn amo(&mut self, op: AmoOp, addr: usize, size: Size, value: usize) -> Flow<usize> {
        Ok(self.value(format!("amo.{} {op:?} v{addr} v{value}", size.bits())))
    }
    fn compare_and_swap(&mut self, addr: usize, size: Size, old: usize, new: usize) -> Flow<usize> {
        Ok(self.value(format!("compare_and_swap.{} v{addr} v{old} v{new}", size.bits())))
    }
    fn compare_and_swap_pair(
        &mut self,
        addr: usize,
        [old, old_high]: [usize; 2],
        [new, new_high]: [usize; 2],
    ) -> Flow<[usize; 2]> {
        let low = self
            .value(format!("compare_and_swap.128 v{addr} v{old} v{old_high} v{new} v{new_high}"));
        Ok([low, self.value(format!("high_of v{low}"))])
    }
    fn fence(&mut self) {
        self.lines.push("fence".to_owned());
    }
    fn hint(&mut self, hint: Hint) {
        self.lines.push(format!("hint {hint:?}"));
    }

    fn float_enabled(&mut self) -> Flow {
        self.effect("float_enabled".to_owned())
    }
    fn f(&mut self, register: u8, format: FloatFormat) -> usize {
        self.value(format!("f.{format:?} {}", f_name(register)))
    }
    fn set_f(&mut self, register: u8, format: FloatFormat, value: usize) {
        self.lines.push(format!("set_f.{format:?} {} v{value}", f_name(register)));
    }
    fn float(
        &mut self,
        op: FloatOp,
        format: FloatFormat,
        rm: u8,
        operands: &[usize],
    ) -> Flow<usize> {
        let operands: String = operands.iter().map(|value| format!(" v{value}")).collect();
        Ok(self.value(format!("float.{format:?} {op:?} rm={rm}{operands}")))
    }

    fn csr(&mut self, op: CsrOp, number: u16, operand: Option<usize>, read: bool) -> Flow<usize> {
        let change = operand.map(|operand| format!(" {op:?} v{operand}")).unwrap_or_default();
        let read = if read { " read" } else { "" };
        Ok(self.value(format!("csr {number:#x}{read}{change}")))
    }

    fn jump(&mut self, target: usize, register: u8, link: usize) -> Flow {
        self.effect(format!("jump v{target} {} v{link}", x_name(register)))
    }
    fn branch(&mut self, condition: usize, offset: i32) -> Flow {
        self.effect(format!("branch v{condition} {offset:+}"))
    }
    fn trap(&mut self, exception: Exception, tval: usize) -> Flow {
        self.effect(format!("trap {exception:?} v{tval}"))
    }
    fn leave(&mut self) -> Flow {
        self.effect("leave".to_owned())
    }
    fn helper(&mut self, helper: Helper, a: usize, b: usize) -> Flow {
        self.effect(format!("helper {helper:?} v{a} v{b}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::instructions;

    fn described(mnemonic: &str, bits: u32, xlen: Xlen) -> String {
        let record = instructions().find(|record| record.mnemonic == mnemonic).unwrap();
        describe(record, &record.format.decode(bits), xlen).join("; ")
    }

    #[test]
    fn meanings_can_be_read() {
        let add = described("add", 0x00b5_0533, Xlen::Rv64);
        assert_eq!(add, "v0 = x a0; v1 = x a1; v2 = add v0 v1; set_x a0 v2");
        let mulhu = described("mulhu", 0x02b5_3533, Xlen::Rv32);
        assert!(mulhu.contains("v3 = zext32 v1; v4 = mul v2 v3"), "{mulhu}");
        let beq = described("beq", 0xfe05_0ee3, Xlen::Rv64);
        assert_eq!(beq, "v0 = x a0; v1 = x zero; v2 = eq v0 v1; branch v2 -4");
    }

    #[test]
    fn every_meaning_does_something_at_every_width() {
        for record in instructions() {
            for xlen in [Xlen::Rv32, Xlen::Rv64] {
                let operands = record.format.decode(record.bits);
                assert!(!describe(record, &operands, xlen).is_empty(), "{}", record.mnemonic);
            }
        }
    }
}
