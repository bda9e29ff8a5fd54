//! Writes a flattened tree, version 17, laid out as `dtc` does: same tree, same bytes.

use std::collections::{HashMap, HashSet};

use super::{BEGIN_NODE, COMPATIBLE_VERSION, END, END_NODE, HEADER, MAGIC, PROP, VERSION};
use crate::MAX_DEPTH;
use crate::model::{Node, Tree, name_is_writable};

/// Why a tree cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// A name that a device tree cannot carry.
    #[error("{path}: `{name}` cannot be the name of a {what}")]
    Name {
        /// The node that has it.
        path: String,
        /// `node` or `property`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Two children with one name.
    #[error("{path}: two children are named `{name}`")]
    TwoChildren {
        /// The parent.
        path: String,
        /// The name.
        name: String,
    },
    /// Nodes nest too deep.
    #[error("{path}: nodes nest deeper than {MAX_DEPTH}")]
    Depth {
        /// The node that is too deep.
        path: String,
    },
    /// The tree is larger than a blob can say.
    #[error("the tree does not fit a blob of 4 GiB")]
    TooLarge,
    /// A reservation of address 0 and size 0 is how a blob says "end of the list".
    #[error("memory reservation {0} is empty, at address 0")]
    EmptyReservation(usize),
}

impl Tree {
    /// The flattened form.
    pub fn to_blob(&self) -> Result<Vec<u8>, WriteError> {
        self.check()?;
        let mut reservations = Vec::new();
        let ends = std::iter::once((0, 0));
        for (address, size) in self.reservations.iter().map(|r| (r.address, r.size)).chain(ends) {
            reservations.extend(address.to_be_bytes());
            reservations.extend(size.to_be_bytes());
        }
        let mut blocks = Blocks::default();
        blocks.node(&self.root)?;
        blocks.structure.extend(END.to_be_bytes());

        let structure_at = HEADER + reservations.len();
        let strings_at = structure_at + blocks.structure.len();
        let header = [
            MAGIC,
            word(strings_at + blocks.strings.len())?,
            word(structure_at)?,
            word(strings_at)?,
            word(HEADER)?,
            VERSION,
            COMPATIBLE_VERSION,
            self.boot_cpu,
            word(blocks.strings.len())?,
            word(blocks.structure.len())?,
        ];
        let mut blob: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        blob.extend(reservations);
        blob.extend(blocks.structure);
        blob.extend(blocks.strings);
        Ok(blob)
    }

    /// Whether every form can carry the tree. The building calls take any name, so that building
    /// reads well; here is where a bad one is found.
    pub(crate) fn check(&self) -> Result<(), WriteError> {
        if let Some(index) = self.reservations.iter().position(|r| (r.address, r.size) == (0, 0)) {
            return Err(WriteError::EmptyReservation(index));
        }
        if !self.root.name().is_empty() {
            let name = self.root.name().to_owned();
            return Err(WriteError::Name { path: "/".to_owned(), what: "root node", name });
        }
        check_node(&self.root, "", 1)
    }
}

fn check_node(node: &Node, path: &str, depth: usize) -> Result<(), WriteError> {
    let shown = || if path.is_empty() { "/".to_owned() } else { path.to_owned() };
    if depth > MAX_DEPTH {
        return Err(WriteError::Depth { path: shown() });
    }
    if let Some((name, _)) = node.properties().find(|(name, _)| !name_is_writable(name)) {
        return Err(WriteError::Name { path: shown(), what: "property", name: name.to_owned() });
    }
    let mut names = HashSet::new();
    for child in node.children() {
        let name = child.name();
        if !name_is_writable(name) {
            return Err(WriteError::Name { path: shown(), what: "node", name: name.to_owned() });
        }
        if !names.insert(name) {
            return Err(WriteError::TwoChildren { path: shown(), name: name.to_owned() });
        }
        check_node(child, &format!("{path}/{name}"), depth + 1)?;
    }
    Ok(())
}

#[derive(Default)]
struct Blocks<'t> {
    structure: Vec<u8>,
    strings: Vec<u8>,
    /// Where a name stands in `strings`.
    offsets: HashMap<&'t str, u32>,
}

impl<'t> Blocks<'t> {
    fn node(&mut self, node: &'t Node) -> Result<(), WriteError> {
        self.structure.extend(BEGIN_NODE.to_be_bytes());
        self.structure.extend(node.name().bytes().chain([0]));
        self.align();
        for (name, value) in node.properties() {
            let header = [PROP, word(value.len())?, self.string(name)?];
            self.structure.extend(header.iter().flat_map(|word| word.to_be_bytes()));
            self.structure.extend(value);
            self.align();
        }
        for child in node.children() {
            self.node(child)?;
        }
        self.structure.extend(END_NODE.to_be_bytes());
        Ok(())
    }

    fn string(&mut self, name: &'t str) -> Result<u32, WriteError> {
        if let Some(&offset) = self.offsets.get(name) {
            return Ok(offset);
        }
        // A name that ends another one is not stored again, as `dtc` does it.
        let wanted: Vec<u8> = name.bytes().chain([0]).collect();
        let found = self.strings.windows(wanted.len()).position(|window| window == wanted);
        let offset = word(found.unwrap_or(self.strings.len()))?;
        if found.is_none() {
            self.strings.extend(wanted);
        }
        self.offsets.insert(name, offset);
        Ok(offset)
    }

    fn align(&mut self) {
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }
}

fn word(size: usize) -> Result<u32, WriteError> {
    u32::try_from(size).map_err(|_| WriteError::TooLarge)
}
