//! The CPU types, as data: what a board gets when it asks for one by name.
//!
//! The generic types follow the register width; the others follow the manuals of the cores they
//! are named after. A type lists what it is to have; what is not modelled yet is left out.

use crate::config::{Mmu, Modes, PrivilegedSpec, Xlen};
use crate::extension::Extension::{self, *};
use crate::extension::ExtensionSet;

/// A kind of hart. Boards start from one of [`CPU_MODELS`] and may change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuModel {
    /// The name boards ask for.
    pub name: &'static str,
    /// Whether it will mean the same in every version.
    pub stable: bool,
    /// The register width.
    pub xlen: Xlen,
    /// The instruction set.
    pub extensions: ExtensionSet,
    /// The privilege modes.
    pub modes: Modes,
    /// The widest address translation.
    pub mmu: Mmu,
    /// How many PMP entries there are, 0 to 64.
    pub pmp_regions: u8,
    /// What PMP ranges begin and end at multiples of: bytes, a power of two, 4 or more.
    pub pmp_granularity: u32,
    /// Whether misaligned loads and stores of memory are done, or else trap.
    pub misaligned: bool,
    /// How many bytes a cache block has for Zicbom: a power of two.
    pub cbom_block: u16,
    /// The same for Zicboz.
    pub cboz_block: u16,
    /// Where non-maskable interrupts are handled.
    pub nmi_vector: u64,
    /// Where exceptions of machine mode go while one is handled (Smrnmi).
    pub nmi_exception_vector: u64,
    /// The version of the privileged architecture.
    pub privileged: PrivilegedSpec,
    /// The JEDEC number of the vendor.
    pub mvendorid: u32,
    /// The microarchitecture.
    pub marchid: u64,
    /// The version of the implementation.
    pub mimpid: u64,
}

/// SiFive's JEDEC number.
const SIFIVE: u32 = 0x489;
/// The architecture number of Rocket, which SiFive's 3 and 5 series derive from.
const ROCKET: u64 = 1;
/// The architecture number of Ibex.
const IBEX: u64 = 22;

/// What the generic types have, as QEMU's types of the same names do.
const GENERIC_EXTENSIONS: &[Extension] = &[
    I,
    M,
    A,
    F,
    D,
    C,
    H,
    Zicbom,
    Zicbop,
    Zicboz,
    Zicntr,
    Zicsr,
    Zifencei,
    Zihintntl,
    Zihintpause,
    Zihpm,
    Zawrs,
    Zfa,
    Zba,
    Zbb,
    Zbc,
    Zbs,
    Sstc,
    Svadu,
    Sdtrig,
];

/// What the RVA22 profile demands of its 64-bit application processors.
const RVA22S64: &[Extension] = &[
    I,
    M,
    A,
    F,
    D,
    C,
    Zic64b,
    Zicbom,
    Zicbop,
    Zicboz,
    Ziccamoa,
    Ziccif,
    Zicclsm,
    Ziccrse,
    Zicntr,
    Zicsr,
    Zifencei,
    Zihintpause,
    Zihpm,
    Za64rs,
    Zfhmin,
    Zba,
    Zbb,
    Zbs,
    Zkt,
    Ssccptr,
    Sscounterenw,
    Sstvala,
    Sstvecd,
    Svade,
    Svinval,
    Svpbmt,
];

const IMAC: &[Extension] = &[I, M, A, C, Zicntr, Zicsr, Zifencei, Zihpm];
const IMAFC: &[Extension] = &[I, M, A, F, C, Zicntr, Zicsr, Zifencei, Zihpm];
const IMAFDC: &[Extension] = &[I, M, A, F, D, C, Zicntr, Zicsr, Zifencei, Zihpm];
const IBEX_EXTENSIONS: &[Extension] =
    &[I, M, C, Zicntr, Zicsr, Zifencei, Zihpm, Zba, Zbb, Zbc, Zbs, Smepmp];

const fn rv32(list: &[Extension]) -> ExtensionSet {
    ExtensionSet::complete(list, Xlen::Rv32)
}

const fn rv64(list: &[Extension]) -> ExtensionSet {
    ExtensionSet::complete(list, Xlen::Rv64)
}

/// Everything that is modelled at a width, except what software has to know of: page tables whose
/// accessed and dirty bits nobody sets, traps that are fatal until an enable is set.
const fn all(xlen: Xlen) -> ExtensionSet {
    let absent = match xlen {
        Xlen::Rv32 => ExtensionSet::of(&[E, Svade, Smrnmi, Svnapot, Svpbmt]),
        Xlen::Rv64 => ExtensionSet::of(&[E, Svade, Smrnmi, Zcf]),
    };
    ExtensionSet::complete(Extension::ALL, xlen).without(absent)
}

/// What the rows below have in common.
const GENERIC: CpuModel = CpuModel {
    name: "",
    stable: false,
    xlen: Xlen::Rv64,
    extensions: rv64(GENERIC_EXTENSIONS),
    modes: Modes::Msu,
    mmu: Mmu::Sv48,
    pmp_regions: 16,
    pmp_granularity: 4,
    misaligned: true,
    cbom_block: 64,
    cboz_block: 64,
    nmi_vector: 0x1000,
    nmi_exception_vector: 0x1000,
    privileged: PrivilegedSpec::V1_12,
    mvendorid: 0,
    marchid: 0,
    mimpid: 0,
};

/// A core without anything that can be left out.
const BARE: CpuModel =
    CpuModel { stable: true, modes: Modes::M, mmu: Mmu::Bare, pmp_regions: 0, ..GENERIC };

const SIFIVE_E: CpuModel = CpuModel {
    stable: true,
    extensions: rv64(IMAC),
    modes: Modes::Mu,
    mmu: Mmu::Bare,
    pmp_regions: 8,
    privileged: PrivilegedSpec::V1_10,
    mvendorid: SIFIVE,
    marchid: ROCKET,
    ..GENERIC
};

const SIFIVE_U: CpuModel =
    CpuModel { extensions: rv64(IMAFDC), modes: Modes::Msu, mmu: Mmu::Sv39, ..SIFIVE_E };

/// The CPU types, sorted by name.
pub const CPU_MODELS: &[CpuModel] = &[
    CpuModel {
        name: "lowrisc-ibex",
        stable: true,
        xlen: Xlen::Rv32,
        extensions: rv32(IBEX_EXTENSIONS),
        modes: Modes::Mu,
        mmu: Mmu::Bare,
        marchid: IBEX,
        ..GENERIC
    },
    CpuModel {
        name: "max",
        extensions: all(Xlen::Rv64),
        mmu: Mmu::Sv57,
        pmp_regions: 64,
        ..GENERIC
    },
    CpuModel {
        name: "max32",
        xlen: Xlen::Rv32,
        extensions: all(Xlen::Rv32),
        mmu: Mmu::Sv32,
        pmp_regions: 64,
        ..GENERIC
    },
    CpuModel {
        name: "rv32",
        xlen: Xlen::Rv32,
        extensions: rv32(GENERIC_EXTENSIONS),
        mmu: Mmu::Sv32,
        ..GENERIC
    },
    CpuModel { name: "rv32e", xlen: Xlen::Rv32, extensions: rv32(&[E]), ..BARE },
    CpuModel { name: "rv32i", xlen: Xlen::Rv32, extensions: rv32(&[I]), ..BARE },
    CpuModel { name: "rv64", ..GENERIC },
    CpuModel { name: "rv64e", extensions: rv64(&[E]), ..BARE },
    CpuModel { name: "rv64i", extensions: rv64(&[I]), ..BARE },
    CpuModel {
        name: "rva22s64",
        stable: true,
        extensions: rv64(RVA22S64),
        mmu: Mmu::Sv39,
        ..GENERIC
    },
    CpuModel { name: "sifive-e31", xlen: Xlen::Rv32, extensions: rv32(IMAC), ..SIFIVE_E },
    CpuModel { name: "sifive-e34", xlen: Xlen::Rv32, extensions: rv32(IMAFC), ..SIFIVE_E },
    CpuModel { name: "sifive-e51", ..SIFIVE_E },
    CpuModel {
        name: "sifive-u34",
        xlen: Xlen::Rv32,
        extensions: rv32(IMAFDC),
        mmu: Mmu::Sv32,
        ..SIFIVE_U
    },
    CpuModel { name: "sifive-u54", ..SIFIVE_U },
];

impl CpuModel {
    /// The CPU type of that name.
    pub fn find(name: &str) -> Option<&'static CpuModel> {
        CPU_MODELS.iter().find(|model| model.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_is_sound_and_in_its_place() {
        for model in CPU_MODELS {
            assert_eq!(model.check(), Ok(()), "{}", model.name);
        }
        assert!(CPU_MODELS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn descriptions_follow_the_configuration() {
        let isa = |name| CpuModel::find(name).unwrap().isa_string();
        assert_eq!(isa("rv32e"), "rv32e");
        assert!(isa("sifive-e31").starts_with("rv32imac_zicntr_zicsr_zifencei_"));
        let mut rv64 = CpuModel::find("rv64i").unwrap().clone();
        rv64.extensions =
            rv64.extensions.with_choices(&[(M, true), (C, true), (Zicsr, true)], Xlen::Rv64);
        assert_eq!(rv64.isa_string(), "rv64imc_zicsr_zmmul_zca");
        assert_eq!(rv64.isa_extensions(), ["i", "m", "c", "zicsr", "zmmul", "zca"]);
        assert_eq!(rv64.isa_base(), "rv64i");
        assert_eq!(rv64.misa(), 2 << 62 | 1 << 8 | 1 << 12 | 1 << 2);
    }
}
