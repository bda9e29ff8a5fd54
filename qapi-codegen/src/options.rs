//! What one schema can be generated as.

use std::collections::BTreeSet;

/// For whom Rust is generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// A program that carries out commands: traits to implement, dispatch, introspection. Types
    /// have what the schema says and nothing else.
    #[default]
    Server,
    /// A program that sends them: a request type a command, an enumeration of all events. A
    /// server may be newer than the client's schema, so that enumerations, unions and events
    /// have a case for what it does not name.
    Client,
}

impl Side {
    /// The name of the root file, without its extension, and of the folder with the others.
    pub(crate) fn stem(self) -> &'static str {
        match self {
            Self::Server => "qapi",
            Self::Client => "client",
        }
    }
}

/// Choices that are not the schema's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// For whom.
    pub side: Side,
    /// The macros that hold; conditions that need others leave their things out.
    pub defines: BTreeSet<String>,
    /// Whether conditions are left to the compiler instead: as `#[cfg(feature = "config-linux")]`
    /// for `CONFIG_LINUX`. For generated files that are committed.
    pub cfg: bool,
    /// Whether introspection tells the phases of commands. Without, the answer is what the
    /// reference would give.
    pub phases: bool,
    /// Whether introspection hides the names of types behind numbers, as the reference does.
    pub mask: bool,
}

impl Default for Options {
    fn default() -> Self {
        let side = Side::default();
        Self { side, defines: BTreeSet::new(), cfg: false, phases: true, mask: true }
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
