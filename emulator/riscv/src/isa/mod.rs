//! The instruction set as a list of records, one file an extension.
//!
//! A record says all there is to know of an instruction: its encoding, its assembly text, when it
//! exists and what it means. The decoder, the disassembler and the engines read the same records.
//! To add an instruction, add a record to the file of its extension; to add an extension, add a
//! file and a row to [`LISTS`]. The tests walk the lists.

mod a;
mod aes;
mod builder;
mod c;
mod d;
mod decode;
mod disassemble;
mod f;
mod fields;
mod float;
mod format;
mod i;
mod m;
mod print;
mod privileged;
mod rotate;
mod substitution;
mod zabha;
mod zacas;
mod zawrs;
mod zba;
mod zbb;
mod zbc;
mod zbkb;
mod zbkx;
mod zbs;
mod zfa;
mod zfh;
mod zicbom;
mod zicbop;
mod zicboz;
mod zicond;
mod zicsr;
mod zifencei;
mod zihintntl;
mod zihintpause;
mod zimop;
mod zknd;
mod zkne;
mod zknh;
mod zksed;
mod zksh;

pub use self::builder::{AmoOp, Builder, CacheOp, CsrOp, Flow, Function, Helper, Hint, Size, Stop};
pub use self::c::Compressed;
pub(crate) use self::decode::length;
pub use self::decode::{Decoder, Match};
pub use self::disassemble::{disassemble, text};
pub use self::fields::{F_NAMES, Field, f_name};
pub(crate) use self::format::Destination;
pub use self::format::{Format, Operands, X_NAMES, x_name};
pub use self::print::{Print, describe};
pub use crate::float::{FloatFormat, FloatOp, IntFormat};

use crate::config::{Modes, Xlen};
use crate::cpu::CpuModel;
use crate::extension::Extension;
use crate::interp::Run;

/// An instruction of 32 bits.
#[derive(Debug)]
pub struct Instruction {
    /// The name in assembly.
    pub mnemonic: &'static str,
    /// The bits that tell it from others.
    pub mask: u32,
    /// The values of these bits.
    pub bits: u32,
    /// Where and what its operands are.
    pub format: Format,
    /// What a hart needs to have it.
    pub needs: Needs,
    /// The register width it exists at.
    pub width: Width,
    /// What it does, once for each reader.
    pub(crate) meaning: Meaning,
}

/// A meaning, instantiated with the builders there are.
#[derive(Debug)]
pub(crate) struct Meaning {
    pub(crate) eval32: Run,
    pub(crate) eval64: Run,
    pub(crate) print32: fn(&mut Print<32>, &Operands) -> Flow,
    pub(crate) print64: fn(&mut Print<64>, &Operands) -> Flow,
}

/// What a hart needs in order to have an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// An extension.
    Extension(Extension),
    /// Several extensions together.
    All(&'static [Extension]),
    /// One of several extensions.
    Any(&'static [Extension]),
    /// Machine mode, that is nothing.
    Machine,
    /// Supervisor mode.
    Supervisor,
}

/// The register widths an instruction exists at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Both.
    Any,
    /// RV32.
    Rv32,
    /// RV64.
    Rv64,
}

/// The lists of all instructions of 32 bits.
pub const LISTS: &[&[Instruction]] = &[
    i::INSTRUCTIONS,
    m::INSTRUCTIONS,
    m::DIVISIONS,
    a::INSTRUCTIONS,
    a::RESERVATIONS,
    zabha::INSTRUCTIONS,
    zabha::SWAPS,
    zacas::INSTRUCTIONS,
    zawrs::INSTRUCTIONS,
    zicbom::INSTRUCTIONS,
    zicbop::INSTRUCTIONS,
    zicboz::INSTRUCTIONS,
    zihintntl::INSTRUCTIONS,
    zihintpause::INSTRUCTIONS,
    zimop::INSTRUCTIONS,
    zba::INSTRUCTIONS,
    zbb::INSTRUCTIONS,
    zbb::SHARED,
    zbc::INSTRUCTIONS,
    zbc::SHARED,
    zbkb::INSTRUCTIONS,
    zbkx::INSTRUCTIONS,
    zbs::INSTRUCTIONS,
    zicond::INSTRUCTIONS,
    zknd::INSTRUCTIONS,
    zknd::SHARED,
    zkne::INSTRUCTIONS,
    zknh::INSTRUCTIONS,
    zksed::INSTRUCTIONS,
    zksh::INSTRUCTIONS,
    f::INSTRUCTIONS,
    f::SHARED,
    d::INSTRUCTIONS,
    d::SHARED,
    zfh::MINIMAL,
    zfh::WITH_DOUBLE,
    zfh::SHARED,
    zfa::SINGLE,
    zfa::DOUBLE,
    zfa::DOUBLE_ONLY,
    zfa::HALF,
    zicsr::INSTRUCTIONS,
    zifencei::INSTRUCTIONS,
    privileged::MACHINE,
    privileged::SMRNMI,
    privileged::SUPERVISOR,
    privileged::SVINVAL,
];

/// All compressed instructions.
pub const COMPRESSED: &[Compressed] = c::INSTRUCTIONS;

/// All instructions of 32 bits.
pub fn instructions() -> impl Iterator<Item = &'static Instruction> {
    LISTS.iter().copied().flatten()
}

impl Needs {
    fn met_by(self, cpu: &CpuModel) -> bool {
        match self {
            // `e` is `i` with fewer registers, which the decoder sees to.
            Needs::Extension(Extension::I) => true,
            Needs::Extension(extension) => cpu.extensions.has(extension),
            Needs::All(list) => list.iter().all(|extension| cpu.extensions.has(*extension)),
            Needs::Any(list) => list.iter().any(|extension| cpu.extensions.has(*extension)),
            Needs::Machine => true,
            Needs::Supervisor => cpu.modes == Modes::Msu,
        }
    }
}

impl Width {
    fn includes(self, xlen: Xlen) -> bool {
        match self {
            Width::Any => true,
            Width::Rv32 => xlen == Xlen::Rv32,
            Width::Rv64 => xlen == Xlen::Rv64,
        }
    }
}

impl Instruction {
    /// Whether a hart of this kind has the instruction.
    pub fn exists(&self, cpu: &CpuModel) -> bool {
        self.width.includes(cpu.xlen) && self.needs.met_by(cpu)
    }

    /// The interpreter's function at a register width.
    pub(crate) fn run(&self, xlen: Xlen) -> Run {
        match xlen {
            Xlen::Rv32 => self.meaning.eval32,
            Xlen::Rv64 => self.meaning.eval64,
        }
    }
}

/// The mask and the value of an encoding written as the manual draws it: `0`, `1`, and `.` for an
/// operand's bit; spaces are for the reader.
pub(crate) const fn pattern(text: &str, length: u32) -> (u32, u32) {
    let bytes = text.as_bytes();
    let (mut mask, mut bits, mut count, mut i) = (0u32, 0u32, 0, 0);
    while i < bytes.len() {
        if bytes[i] != b' ' {
            let known = bytes[i] != b'.';
            assert!(!known || bytes[i] == b'0' || bytes[i] == b'1', "a bit is 0, 1 or .");
            mask = mask << 1 | known as u32;
            bits = bits << 1 | (bytes[i] == b'1') as u32;
            count += 1;
        }
        i += 1;
    }
    assert!(count == length, "wrong number of bits");
    (mask, bits)
}

/// Makes the records of an extension. A row is: mnemonic, width, format, encoding, meaning; the
/// meaning is the body of a generic function whose builder is `$b`, of type `B`.
macro_rules! extension {
    ($needs:expr; $($mnemonic:literal $width:ident $format:ident $pattern:literal
        |$b:ident, $i:ident| $body:block)*) => {
        $crate::isa::records! { INSTRUCTIONS: $needs;
            $($mnemonic, $width, $format, $pattern, |$b, $i| $body;)*
        }
    };
}
pub(crate) use extension;

/// The same with a name for the list, and with expressions for mnemonics and encodings.
macro_rules! records {
    ($name:ident: $needs:expr; $($mnemonic:expr, $width:ident, $format:ident, $pattern:expr,
        |$b:ident, $i:ident| $body:block;)*) => {
        pub(super) const $name: &[$crate::isa::Instruction] = &[$({
            #[inline(always)]
            fn meaning<B: $crate::isa::Builder>(
                $b: &mut B,
                $i: &$crate::isa::Operands,
            ) -> $crate::isa::Flow {
                $body;
                Ok(())
            }
            const ENCODING: (u32, u32) = $crate::isa::pattern($pattern, 32);
            $crate::isa::Instruction {
                mnemonic: $mnemonic,
                mask: ENCODING.0,
                bits: ENCODING.1,
                format: $crate::isa::Format::$format,
                needs: $needs,
                width: $crate::isa::Width::$width,
                meaning: $crate::isa::Meaning {
                    eval32: |core, op, rest| {
                        $crate::interp::step::<32>(core, op, rest, |b, i| meaning(b, i))
                    },
                    eval64: |core, op, rest| {
                        $crate::interp::step::<64>(core, op, rest, |b, i| meaning(b, i))
                    },
                    print32: meaning::<$crate::isa::Print<32>>,
                    print64: meaning::<$crate::isa::Print<64>>,
                },
            }
        }),*];
    };
}
pub(crate) use records;
