//! The registers as gdb numbers them, and the target description that tells it so (GDB manual,
//! "Target Descriptions", "RISC-V Features"). The numbers are QEMU's, whatever a hart has.

use std::fmt::Write as _;

use boardwright_riscv::isa::{f_name, x_name};
use boardwright_riscv::{Extension, Hart, Xlen};

/// The number of pc, after those of x0 to x31.
const PC: u64 = 32;
/// The number of f0, of 32.
const F: u64 = 33;
/// The number of the privilege mode.
const PRIVILEGE: u64 = 65;
/// The number of CSR 0.
const CSR: u64 = 66;
/// How many CSRs there can be.
const CSRS: u64 = 0x1000;

/// A register that gdb knows by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Register {
    X(usize),
    Pc,
    F(usize),
    Privilege,
    Csr(u16),
}

fn register(number: u64) -> Option<Register> {
    match number {
        0..PC => Some(Register::X(usize::try_from(number).ok()?)),
        PC => Some(Register::Pc),
        F..PRIVILEGE => Some(Register::F(usize::try_from(number - F).ok()?)),
        PRIVILEGE => Some(Register::Privilege),
        CSR.. if number < CSR + CSRS => Some(Register::Csr(u16::try_from(number - CSR).ok()?)),
        _ => None,
    }
}

/// Bytes of an integer register.
fn width(hart: &Hart) -> usize {
    hart.config().cpu.xlen.bits() as usize / 8
}

/// Bytes of a floating-point register; `None` without any.
fn float_width(hart: &Hart) -> Option<usize> {
    let extensions = &hart.config().cpu.extensions;
    let double = extensions.has(Extension::D);
    extensions.has(Extension::F).then_some(if double { 8 } else { 4 })
}

/// A register and its bytes, if the hart has it.
fn find(hart: &Hart, number: u64) -> Option<(Register, usize)> {
    let register = register(number)?;
    let width = match register {
        Register::F(_) => float_width(hart)?,
        _ => width(hart),
    };
    Some((register, width))
}

/// A register's value, least significant byte first; `None` if the hart has no such register.
pub(super) fn read(hart: &Hart, number: u64) -> Option<Vec<u8>> {
    let (register, width) = find(hart, number)?;
    let value = match register {
        Register::X(index) => hart.x(index),
        Register::Pc => hart.pc(),
        Register::F(index) => hart.f(index),
        Register::Privilege => hart.mode() as u64,
        Register::Csr(number) => hart.csr(number)?,
    };
    value.to_le_bytes().get(..width).map(<[u8]>::to_vec)
}

/// Sets a register; returns whether the hart has it, it can be written, and the size is right.
pub(super) fn write(hart: &mut Hart, number: u64, bytes: &[u8]) -> bool {
    let Some((register, width)) = find(hart, number).filter(|(_, width)| *width == bytes.len())
    else {
        return false;
    };
    let value = bytes.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
    match register {
        Register::X(index) => hart.set_x(index, value),
        Register::Pc => hart.set_pc(value),
        // A narrow number has ones above (volume I, "NaN Boxing of Narrower Values").
        Register::F(index) if width == 4 => hart.set_f(index, value | u64::MAX << 32),
        Register::F(index) => hart.set_f(index, value),
        Register::Csr(number) => return hart.set_csr(number, value),
        Register::Privilege => return false,
    }
    true
}

/// x0 to x31 and pc, what packet `g` is about.
pub(super) fn read_general(hart: &Hart) -> Vec<u8> {
    (0..=PC).filter_map(|number| read(hart, number)).flatten().collect()
}

/// Sets x0 to x31 and pc, of which there may be less; returns whether the size is right.
pub(super) fn write_general(hart: &mut Hart, bytes: &[u8]) -> bool {
    let width = width(hart);
    let fits = bytes.len().is_multiple_of(width) && bytes.len() / width <= PC as usize + 1;
    if fits {
        for (number, value) in (0..).zip(bytes.chunks(width)) {
            write(hart, number, value);
        }
    }
    fits
}

/// A document of the target description, by the name that gdb asks for.
pub(super) fn description(hart: &Hart, name: &str) -> Option<String> {
    let bits = hart.config().cpu.xlen.bits();
    let parts = [format!("riscv-{bits}bit-cpu.xml"), format!("riscv-{bits}bit-virtual.xml")];
    let csr = "riscv-csr.xml";
    let float = float_width(hart).map(|width| (format!("riscv-{}bit-fpu.xml", width * 8), width));
    if name == "target.xml" {
        let arch = if hart.config().cpu.xlen == Xlen::Rv32 { "riscv:rv32" } else { "riscv:rv64" };
        let mut text = String::from(
            "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>",
        );
        let _ = write!(text, "<architecture>{arch}</architecture>");
        let float = float.iter().map(|(name, _)| name.as_str());
        for part in parts.iter().map(String::as_str).chain(float).chain([csr]) {
            let _ = write!(text, "<xi:include href=\"{part}\"/>");
        }
        return Some(text + "</target>");
    }
    match name {
        _ if name == parts[0] => Some(feature("cpu", bits, general())),
        _ if name == parts[1] => {
            Some(feature("virtual", bits, [(PRIVILEGE, "priv".to_owned(), "int")]))
        }
        _ if name == csr => Some(feature("csr", bits, csrs(hart))),
        _ => {
            let (_, width) = float.filter(|(own, _)| own == name)?;
            let kind = if width == 8 { "ieee_double" } else { "ieee_single" };
            let list = (0..32_u8).map(|n| (F + u64::from(n), f_name(n).to_owned(), kind));
            Some(feature("fpu", width as u32 * 8, list))
        }
    }
}

fn general() -> impl Iterator<Item = (u64, String, &'static str)> {
    let x = (0..32_u8).map(|index| {
        // sp, gp and tp hold addresses of data.
        let kind = match index {
            1 => "code_ptr",
            2..=4 => "data_ptr",
            _ => "int",
        };
        (index.into(), x_name(index).to_owned(), kind)
    });
    x.chain([(PC, "pc".to_owned(), "code_ptr")])
}

fn csrs(hart: &Hart) -> impl Iterator<Item = (u64, String, &'static str)> {
    (0..CSRS as u16)
        .filter_map(|number| Some((CSR + u64::from(number), hart.csr_name(number)?, "int")))
}

fn feature(
    name: &str,
    bits: u32,
    registers: impl IntoIterator<Item = (u64, String, &'static str)>,
) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE feature SYSTEM \"gdb-target.dtd\">\
         <feature name=\"org.gnu.gdb.riscv.{name}\">"
    );
    for (number, register, kind) in registers {
        let _ = write!(
            text,
            "<reg name=\"{register}\" bitsize=\"{bits}\" regnum=\"{number}\" type=\"{kind}\"/>"
        );
    }
    text + "</feature>"
}
