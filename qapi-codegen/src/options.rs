//! What one schema can be generated as.

use std::collections::BTreeSet;

/// Choices that are not the schema's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The macros that hold; conditions that need others leave their things out.
    pub defines: BTreeSet<String>,
    /// Whether introspection tells the phases of commands. Without, the answer is what the
    /// reference would give.
    pub phases: bool,
    /// Whether introspection hides the names of types behind numbers, as the reference does.
    pub mask: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { defines: BTreeSet::new(), phases: true, mask: true }
    }
}

impl Options {
    /// Adds macros that hold.
    #[must_use]
    pub fn define<S: Into<String>>(mut self, macros: impl IntoIterator<Item = S>) -> Self {
        self.defines.extend(macros.into_iter().map(Into::into));
        self
    }
}
