//! The CPU types, as data: what a board gets when it asks for one by name.
//!
//! The generic types follow the register width; the others follow the manuals of the cores they
//! are named after, as far as the extensions are modelled (the floating point of E34, U34 and U54
//! is not, yet).

use crate::config::Extension::{A, C, E, I, M, Zicntr, Zicsr, Zifencei};
use crate::config::{ExtensionSet, Mmu, Modes, PrivilegedSpec, Xlen};

/// A kind of hart. Boards start from one of [`CPU_MODELS`] and may change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuModel {
    /// The name boards ask for.
    pub name: &'static str,
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

const IMAC: ExtensionSet = ExtensionSet::of(&[I, M, A, C, Zicntr, Zicsr, Zifencei]);

/// What the rows below have in common.
const GENERIC: CpuModel = CpuModel {
    name: "",
    xlen: Xlen::Rv64,
    extensions: IMAC,
    modes: Modes::Msu,
    mmu: Mmu::Sv48,
    pmp_regions: 16,
    privileged: PrivilegedSpec::V1_12,
    mvendorid: 0,
    marchid: 0,
    mimpid: 0,
};

/// A core without anything that can be left out.
const BARE: CpuModel = CpuModel { modes: Modes::M, mmu: Mmu::Bare, pmp_regions: 0, ..GENERIC };

const SIFIVE_E: CpuModel = CpuModel {
    modes: Modes::Mu,
    mmu: Mmu::Bare,
    pmp_regions: 8,
    privileged: PrivilegedSpec::V1_10,
    mvendorid: SIFIVE,
    marchid: ROCKET,
    ..GENERIC
};

const SIFIVE_U: CpuModel = CpuModel { modes: Modes::Msu, mmu: Mmu::Sv39, ..SIFIVE_E };

/// The CPU types, sorted by name.
pub const CPU_MODELS: &[CpuModel] = &[
    CpuModel {
        name: "lowrisc-ibex",
        xlen: Xlen::Rv32,
        extensions: ExtensionSet::of(&[I, M, C, Zicntr, Zicsr, Zifencei]),
        modes: Modes::Mu,
        mmu: Mmu::Bare,
        marchid: IBEX,
        ..GENERIC
    },
    CpuModel { name: "max", mmu: Mmu::Sv57, pmp_regions: 64, ..GENERIC },
    CpuModel { name: "rv32", xlen: Xlen::Rv32, mmu: Mmu::Sv32, ..GENERIC },
    CpuModel { name: "rv32e", xlen: Xlen::Rv32, extensions: ExtensionSet::of(&[E]), ..BARE },
    CpuModel { name: "rv32i", xlen: Xlen::Rv32, extensions: ExtensionSet::of(&[I]), ..BARE },
    CpuModel { name: "rv64", ..GENERIC },
    CpuModel { name: "rv64i", extensions: ExtensionSet::of(&[I]), ..BARE },
    CpuModel { name: "sifive-e31", xlen: Xlen::Rv32, ..SIFIVE_E },
    CpuModel { name: "sifive-e34", xlen: Xlen::Rv32, ..SIFIVE_E },
    CpuModel { name: "sifive-e51", ..SIFIVE_E },
    CpuModel { name: "sifive-u34", xlen: Xlen::Rv32, mmu: Mmu::Sv32, ..SIFIVE_U },
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
        assert_eq!(isa("rv64"), "rv64imac_zicntr_zicsr_zifencei");
        assert_eq!(isa("rv32e"), "rv32e");
        assert_eq!(isa("lowrisc-ibex"), "rv32imc_zicntr_zicsr_zifencei");
        let mut rv64 = CpuModel::find("rv64").unwrap().clone();
        rv64.extensions.set(C, false);
        assert_eq!(rv64.isa_extensions(), ["i", "m", "a", "zicntr", "zicsr", "zifencei"]);
        assert_eq!(rv64.isa_base(), "rv64i");
        assert_eq!(rv64.misa(), 2 << 62 | 1 << 8 | 1 << 12 | 1 | 1 << 18 | 1 << 20);
    }
}
