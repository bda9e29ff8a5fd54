//! The registers as text, in the layout of `info registers`.

use std::fmt::Write as _;

use crate::core::Core;
use crate::csr;
use crate::isa::{f_name, x_name};

/// The control and status registers that are shown, in this order, if the hart has them.
const SHOWN: [&str; 18] = [
    "mhartid", "mstatus", "mstatush", "mip", "mie", "mideleg", "medeleg", "mtvec", "stvec", "mepc",
    "sepc", "mcause", "scause", "mtval", "stval", "mscratch", "sscratch", "satp",
];

impl Core {
    /// The program counter, the main control and status registers the integer registers and those of
    /// floating point.
    pub(crate) fn dump(&self) -> String {
        let digits = self.xlen.bits() as usize / 4;
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(text, " {:<8} {:0digits$x}", "pc", self.pc);
        for name in SHOWN {
            let value =
                csr::number_of(&self.config.cpu, name).and_then(|number| self.peek_csr(number));
            if let Some(value) = value {
                let _ = writeln!(text, " {name:<8} {value:0digits$x}");
            }
        }
        let mut row = |n: usize, name: String, value: u64, digits: usize| {
            let end = if n % 4 == 3 { "\n" } else { "" };
            let _ = write!(text, " {name:<8} {value:0digits$x}{end}");
        };
        for (n, value) in self.x.iter().enumerate() {
            row(n, format!("x{n}/{}", x_name(n as u8)), self.xlen.truncate(*value), digits);
        }
        if csr::float::exists(&self.config.cpu) {
            row(3, "fcsr".to_owned(), self.fcsr(), digits);
            for (n, value) in self.f.iter().enumerate() {
                row(n, format!("f{n}/{}", f_name(n as u8)), *value, 16);
            }
        }
        text
    }
}
