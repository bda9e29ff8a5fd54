//! What reads and writes do to bits: the effects that CMSIS-SVD tells apart, and the names that UVM
//! has for what is common (UVM 1.2 class reference, `uvm_reg_field`, access policies).

use crate::qapi::RegisterAccess;

/// What a write does, bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Nothing.
    Ignored,
    /// The bits are kept.
    Kept,
    /// Bits that are 1 are cleared, set or changed.
    OneClears,
    OneSets,
    OneToggles,
    /// Bits that are 0 are.
    ZeroClears,
    ZeroSets,
    ZeroToggles,
    /// All bits are cleared or set, whatever is written.
    Clears,
    Sets,
}

/// What a read does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// It gives 0.
    Nothing,
    /// It gives the bits.
    Value,
    /// It gives the bits, and clears or sets them.
    Clears,
    Sets,
}

/// What both do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) read: Read,
    pub(super) write: Write,
    /// Whether only the first write after a reset counts.
    pub(super) once: bool,
}

impl Access {
    pub(super) const READ_WRITE: Self = Self { read: Read::Value, write: Write::Kept, once: false };

    pub(super) fn readable(self) -> bool {
        self.read != Read::Nothing
    }

    pub(super) fn writable(self) -> bool {
        self.write != Write::Ignored
    }
}

impl From<RegisterAccess> for Access {
    fn from(name: RegisterAccess) -> Self {
        use RegisterAccess as N;
        let (read, write) = match name {
            N::Ro => (Read::Value, Write::Ignored),
            N::Rw | N::W1 => (Read::Value, Write::Kept),
            N::Rc => (Read::Clears, Write::Ignored),
            N::Rs => (Read::Sets, Write::Ignored),
            N::Wrc => (Read::Clears, Write::Kept),
            N::Wrs => (Read::Sets, Write::Kept),
            N::Wc => (Read::Value, Write::Clears),
            N::Ws => (Read::Value, Write::Sets),
            N::W1c => (Read::Value, Write::OneClears),
            N::W1s => (Read::Value, Write::OneSets),
            N::W1t => (Read::Value, Write::OneToggles),
            N::W0c => (Read::Value, Write::ZeroClears),
            N::W0s => (Read::Value, Write::ZeroSets),
            N::W0t => (Read::Value, Write::ZeroToggles),
            N::Wo | N::Wo1 => (Read::Nothing, Write::Kept),
        };
        Self { read, write, once: matches!(name, N::W1 | N::Wo1) }
    }
}

impl Write {
    /// What becomes of old bits.
    pub(super) fn apply(self, old: u64, written: u64) -> u64 {
        match self {
            Self::Ignored => old,
            Self::Kept => written,
            Self::OneClears => old & !written,
            Self::OneSets => old | written,
            Self::OneToggles => old ^ written,
            Self::ZeroClears => old & written,
            Self::ZeroSets => old | !written,
            Self::ZeroToggles => old ^ !written,
            Self::Clears => 0,
            Self::Sets => u64::MAX,
        }
    }
}
