//! What a hart is made of: register width, privilege modes, address translation, and whether it
//! fits together. The extensions have a file of their own.
//!
//! The ISA string and the device-tree properties follow the naming conventions of volume I,
//! chapter "ISA Extension Naming Conventions", and the `riscv/cpus` and `riscv/extensions`
//! device-tree bindings.

use crate::cpu::CpuModel;
use crate::extension::Extension;

/// The width of the integer registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Xlen {
    /// RV32.
    Rv32,
    /// RV64.
    Rv64,
}

impl Xlen {
    /// 32 or 64.
    pub const fn bits(self) -> u32 {
        match self {
            Xlen::Rv32 => 32,
            Xlen::Rv64 => 64,
        }
    }

    /// The bits of a value that a register of this width has.
    #[inline]
    pub const fn truncate(self, value: u64) -> u64 {
        match self {
            Xlen::Rv32 => value as u32 as u64,
            Xlen::Rv64 => value,
        }
    }

    /// A value of this width as the hart keeps it: sign-extended to 64 bits.
    #[inline]
    pub const fn extend(self, value: u64) -> u64 {
        match self {
            Xlen::Rv32 => value as i32 as u64,
            Xlen::Rv64 => value,
        }
    }
}

/// The privilege modes that a hart has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modes {
    /// Machine mode only.
    M,
    /// Machine and user mode.
    Mu,
    /// Machine, supervisor and user mode.
    Msu,
}

/// The widest address translation that a hart has; the narrower ones of its width come with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mmu {
    /// None: `satp` can only say Bare.
    Bare,
    /// Two levels, RV32.
    Sv32,
    /// Three levels, RV64.
    Sv39,
    /// Four levels, RV64.
    Sv48,
    /// Five levels, RV64.
    Sv57,
}

impl Mmu {
    /// The value of the device-tree property `mmu-type`, if the hart is to have one.
    pub const fn device_tree_name(self) -> Option<&'static str> {
        match self {
            Mmu::Bare => None,
            Mmu::Sv32 => Some("riscv,sv32"),
            Mmu::Sv39 => Some("riscv,sv39"),
            Mmu::Sv48 => Some("riscv,sv48"),
            Mmu::Sv57 => Some("riscv,sv57"),
        }
    }
}

/// The version of the privileged architecture, which decides on a few registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrivilegedSpec {
    /// 1.10.
    V1_10,
    /// 1.11, with `mcountinhibit`.
    V1_11,
    /// 1.12, with `menvcfg`, `senvcfg`, `mconfigptr` and, on RV32, `mstatush`.
    V1_12,
}

/// One hart of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HartConfig {
    /// What kind of hart it is.
    pub cpu: CpuModel,
    /// The value of `mhartid`.
    pub hartid: u64,
    /// Where it begins after reset.
    pub reset_vector: u64,
}

impl HartConfig {
    /// A hart of a kind.
    pub fn new(cpu: CpuModel, hartid: u64, reset_vector: u64) -> HartConfig {
        HartConfig { cpu, hartid, reset_vector }
    }
}

/// Why a configuration describes no hart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Exactly one base is needed.
    #[error("a hart has exactly one of the base instruction sets 'i' and 'e'")]
    Base,
    /// An extension builds on another one.
    #[error("'{}' needs '{}': set {}=on or {}=off", .0.name(), .1.name(), .1.name(), .0.name())]
    Needs(Extension, Extension),
    /// An extension consists of others.
    #[error("'{}' includes '{}': set {}=on or {}=off", .0.name(), .1.name(), .1.name(), .0.name())]
    Part(Extension, Extension),
    /// An extension is for supervisor software.
    #[error("'{}' needs supervisor mode: set s=on or {}=off", .0.name(), .0.name())]
    ExtensionWithoutSupervisor(Extension),
    /// An extension exists at the other register width only.
    #[error("'{}' does not exist at this register width: set {}=off", .0.name(), .0.name())]
    ExtensionWidth(Extension),
    /// An extension is known by name only.
    #[error("'{}' is not modelled yet: leave it out or set {}=off", .0.name(), .0.name())]
    NotModelled(Extension),
    /// Address translation is for supervisor software.
    #[error("address translation needs supervisor mode")]
    MmuWithoutSupervisor,
    /// Sv32 is for RV32, the others are for RV64.
    #[error("{0:?} does not exist at this register width")]
    MmuWidth(Mmu),
    /// There are at most 64 PMP entries.
    #[error("{0} PMP entries are more than 64")]
    PmpRegions(u8),
    /// A cache block is a power of two.
    #[error("a cache block of {0} bytes is no power of two from 8 to 4096")]
    CacheBlock(u16),
    /// An extension tells the size of cache blocks.
    #[error(
        "'zic64b' needs cache blocks of 64 bytes: set cbom_blocksize=64 and cboz_blocksize=64, or \
         zic64b=off"
    )]
    CacheBlockNot64,
    /// The granularity is a power of two.
    #[error("a PMP granularity of {0} bytes is no power of two from 4 up")]
    PmpGranularity(u32),
    /// The extension says that they are done.
    #[error("'zicclsm' is about misaligned accesses: set misaligned=on or zicclsm=off")]
    MisalignedTrap,
    /// The privileged modes are entered by way of CSRs.
    #[error("{0:?} needs the extension 'zicsr'")]
    ModesWithoutZicsr(Modes),
    /// A program counter has to be even.
    #[error("the reset vector {0:#x} is not a place for an instruction")]
    ResetVector(u64),
}

impl CpuModel {
    /// The string that describes the instruction set, like `rv64imac_zicntr_zicsr_zifencei`.
    pub fn isa_string(&self) -> String {
        let mut text = format!("rv{}", self.xlen.bits());
        for extension in self.extensions.iter() {
            let name = extension.name();
            if name.len() > 1 {
                text.push('_');
            }
            text.push_str(name);
        }
        text
    }

    /// The value of the device-tree property `riscv,isa-base`.
    pub fn isa_base(&self) -> &'static str {
        match (self.xlen, self.extensions.has(Extension::E)) {
            (Xlen::Rv32, false) => "rv32i",
            (Xlen::Rv32, true) => "rv32e",
            (Xlen::Rv64, false) => "rv64i",
            (Xlen::Rv64, true) => "rv64e",
        }
    }

    /// The value of the device-tree property `riscv,isa-extensions`.
    pub fn isa_extensions(&self) -> Vec<&'static str> {
        self.extensions.iter().map(Extension::name).collect()
    }

    /// Whether this describes a hart that can be built.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.extensions.has(Extension::I) == self.extensions.has(Extension::E) {
            return Err(ConfigError::Base);
        }
        for extension in self.extensions.iter() {
            self.check_extension(extension)?;
        }
        if self.mmu != Mmu::Bare && self.modes != Modes::Msu {
            return Err(ConfigError::MmuWithoutSupervisor);
        }
        if self.mmu != Mmu::Bare && (self.mmu == Mmu::Sv32) != (self.xlen == Xlen::Rv32) {
            return Err(ConfigError::MmuWidth(self.mmu));
        }
        if self.pmp_regions > 64 {
            return Err(ConfigError::PmpRegions(self.pmp_regions));
        }
        if !self.misaligned && self.extensions.has(Extension::Zicclsm) {
            return Err(ConfigError::MisalignedTrap);
        }
        for block in [self.cbom_block, self.cboz_block] {
            if !block.is_power_of_two() || !(8..=4096).contains(&block) {
                return Err(ConfigError::CacheBlock(block));
            }
            if self.extensions.has(Extension::Zic64b) && block != 64 {
                return Err(ConfigError::CacheBlockNot64);
            }
        }
        if self.pmp_granularity < 4 || !self.pmp_granularity.is_power_of_two() {
            return Err(ConfigError::PmpGranularity(self.pmp_granularity));
        }
        if self.modes != Modes::M && !self.extensions.has(Extension::Zicsr) {
            return Err(ConfigError::ModesWithoutZicsr(self.modes));
        }
        Ok(())
    }

    fn check_extension(&self, extension: Extension) -> Result<(), ConfigError> {
        if extension.width().is_some_and(|width| width != self.xlen) {
            return Err(ConfigError::ExtensionWidth(extension));
        }
        if extension.is_supervisor_level() && self.modes != Modes::Msu {
            return Err(ConfigError::ExtensionWithoutSupervisor(extension));
        }
        let absent = |other: &Extension| !self.extensions.has(*other);
        if let Some(needed) = extension.needs().iter().copied().find(absent) {
            return Err(ConfigError::Needs(extension, needed));
        }
        let supervisor = self.modes == Modes::Msu;
        let missing =
            |part: &Extension| absent(part) && (supervisor || !part.is_supervisor_level());
        match self.extensions.parts_of(extension, self.xlen).iter().find(missing) {
            Some(part) => Err(ConfigError::Part(extension, part)),
            // What contradicts itself will not be better once it is modelled.
            None if !extension.modelled() => Err(ConfigError::NotModelled(extension)),
            None => Ok(()),
        }
    }

    /// The value of `misa`.
    pub(crate) fn misa(&self) -> u64 {
        let letters = self.extensions.iter().fold(0, |bits, extension| bits | extension.misa());
        let modes = match self.modes {
            Modes::M => 0,
            Modes::Mu => 1 << 20,
            Modes::Msu => 1 << 20 | 1 << 18,
        };
        let width = match self.xlen {
            Xlen::Rv32 => 1 << 30,
            Xlen::Rv64 => 2 << 62,
        };
        width | letters | modes
    }

    /// Whether a program counter or an exception address may have bit 1 set.
    pub fn compressed(&self) -> bool {
        self.extensions.has(Extension::Zca)
    }
}
