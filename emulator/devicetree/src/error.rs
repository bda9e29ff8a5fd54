//! What can be wrong with a well-formed tree when a property is read with a meaning in mind.

/// A property that does not say what was asked of it: names the node, the property and the fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: property `{property}` {problem}")]
pub struct TreeError {
    /// Full path of the node.
    pub path: String,
    /// Name of the property.
    pub property: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a property.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The node has no such property.
    #[error("is missing")]
    Missing,
    /// The value has a length that its meaning does not allow.
    #[error("has {found} bytes, expected {expected}")]
    Length {
        /// Bytes there are.
        found: usize,
        /// What the meaning allows, in words.
        expected: String,
    },
    /// The value is not text that ends in a zero byte.
    #[error("is not a zero-terminated text")]
    NotText,
    /// The value holds several strings where one is meant.
    #[error("has {0} strings, expected one")]
    ManyStrings(usize),
    /// A number is wider than 64 bits.
    #[error("has a number of {0} cells that does not fit 64 bits")]
    TooWide(u32),
    /// A count of cells (`#address-cells` and its like) is beyond reason.
    #[error("is {0}, expected at most 8")]
    CellCount(u32),
    /// A phandle that no node has.
    #[error("refers to phandle {0:#x}, which no node has")]
    NoSuchPhandle(u32),
    /// The list ends in the middle of an entry.
    #[error("ends within an entry: {left} cells left, `{controller}` takes {needed}")]
    CutEntry {
        /// Cells left after the phandle.
        left: usize,
        /// Cells an entry needs.
        needed: usize,
        /// The interrupt controller that sets the number.
        controller: String,
    },
    /// No interrupt controller stands above the node, and it names none.
    #[error("has no interrupt controller: no `interrupt-parent` here or above")]
    NoInterruptParent,
    /// The named interrupt parent does not say how many cells a specifier has.
    #[error("leads to `{0}`, which has no `#interrupt-cells`")]
    NotAController(String),
    /// A nexus has no entry for an interrupt.
    #[error("has {specifier:?}, which no entry of `interrupt-map` of `{nexus}` is about")]
    NotInMap {
        /// The interrupt in the nexus's terms.
        specifier: Vec<u32>,
        /// The nexus.
        nexus: String,
    },
    /// Nexuses lead to each other.
    #[error("leads through more than {0} nexuses: their `interrupt-map`s form a circle")]
    TooManyNexuses(usize),
    /// What it says is wrong in the terms of who reads it.
    #[error("is wrong: {0}")]
    Wrong(String),
    /// The bus above the node does not show its children's addresses to the hart.
    #[error("cannot be translated: `{0}` has no `ranges`")]
    NotMapped(String),
    /// The address lies outside what the bus above shows.
    #[error("has {address:#x}..{end:#x}, which no entry of `ranges` of `{bus}` covers")]
    OutsideRanges {
        /// First address.
        address: u64,
        /// One after the last address.
        end: u128,
        /// The bus.
        bus: String,
    },
}
