//! The device tree as plain data, and how one is put together (chapter 2.2).

use crate::query::NodeRef;

/// A whole device tree: the nodes, and what else the flattened form carries (chapter 5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// The root node; its name is empty.
    pub root: Node,
    /// Memory that the guest must leave alone (chapter 5.3).
    pub reservations: Vec<Reservation>,
    /// The physical id of the hart that boots.
    pub boot_cpu: u32,
}

/// An entry of the memory reservation block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// First byte.
    pub address: u64,
    /// Length in bytes.
    pub size: u64,
}

/// A node: a name with its unit address, properties and children, both in order.
///
/// A property's name is unique within the node. Names of children should be; the writers check it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    name: String,
    properties: Vec<(String, Vec<u8>)>,
    children: Vec<Node>,
}

impl Tree {
    /// A tree with this root, nothing reserved, booted by hart 0.
    pub fn new(root: Node) -> Tree {
        Tree { root, reservations: Vec::new(), boot_cpu: 0 }
    }

    /// The smallest phandle above all that the tree uses.
    pub fn next_phandle(&self) -> u32 {
        let highest = self.walk().filter_map(|node| node.phandle()).max();
        // 0 and 0xffffffff are reserved; a tree that uses 0xfffffffe has no "next", and the caller
        // is better served by a low free number than by a reserved one.
        match highest {
            None => 1,
            Some(highest) if highest < 0xffff_fffe => highest + 1,
            Some(_) => (1..).find(|&number| self.by_phandle(number).is_none()).unwrap_or(1),
        }
    }

    /// The phandle of the node at `path`, given to it now if it had none. `None`: no such node.
    pub fn assign_phandle(&mut self, path: &str) -> Option<u32> {
        let node = self.find(path)?;
        if let Some(phandle) = node.phandle() {
            return Some(phandle);
        }
        let (path, phandle) = (node.path(), self.next_phandle());
        self.find_mut(&path)?.set("phandle", phandle.to_be_bytes());
        Some(phandle)
    }

    /// The node at `path` (as in [`Tree::find`]) for editing.
    pub fn find_mut(&mut self, path: &str) -> Option<&mut Node> {
        let path = self.find(path)?.path();
        let mut node = &mut self.root;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            node = node.child_mut(name)?;
        }
        Some(node)
    }

    /// The root as a place in the tree.
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef::root(self)
    }
}

impl Node {
    /// A node with this name, unit address included: `uart@10013000`.
    pub fn new(name: impl Into<String>) -> Node {
        Node { name: name.into(), ..Node::default() }
    }

    /// A root node.
    pub fn root() -> Node {
        Node::default()
    }

    /// The name, unit address included. Empty for the root.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name without the unit address.
    pub fn base_name(&self) -> &str {
        self.name.split_once('@').map_or(&self.name, |(base, _)| base)
    }

    /// The unit address as it is written, if there is one.
    pub fn unit_address(&self) -> Option<&str> {
        self.name.split_once('@').map(|(_, unit)| unit)
    }

    /// The properties in order.
    pub fn properties(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.properties.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The children in order.
    pub fn children(&self) -> &[Node] {
        &self.children
    }

    /// The bytes of a property.
    pub fn get(&self, property: &str) -> Option<&[u8]> {
        self.properties.iter().find(|(name, _)| name == property).map(|(_, value)| &**value)
    }

    /// Sets a property; one that exists keeps its position.
    pub fn set(&mut self, property: &str, value: impl Into<Vec<u8>>) {
        match self.properties.iter_mut().find(|(name, _)| name == property) {
            Some((_, old)) => *old = value.into(),
            None => self.properties.push((property.to_owned(), value.into())),
        }
    }

    /// Adds a property known to be new, where the search in [`Node::set`] would take a node of
    /// many properties quadratic time.
    pub fn push_property(&mut self, property: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.properties.push((property.into(), value.into()));
    }

    /// Removes a property and gives its bytes back.
    pub fn remove(&mut self, property: &str) -> Option<Vec<u8>> {
        let index = self.properties.iter().position(|(name, _)| name == property)?;
        Some(self.properties.remove(index).1)
    }

    /// The child of exactly this name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The child of exactly this name, for editing.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.children.iter_mut().find(|child| child.name == name)
    }

    /// Adds a child after the others.
    pub fn push(&mut self, child: Node) {
        self.children.push(child);
    }

    /// Removes the child of exactly this name and gives it back.
    pub fn remove_child(&mut self, name: &str) -> Option<Node> {
        let index = self.children.iter().position(|child| child.name == name)?;
        Some(self.children.remove(index))
    }

    /// With a child after the others.
    pub fn with_child(mut self, child: Node) -> Node {
        self.push(child);
        self
    }

    /// With a property of these bytes.
    pub fn with_bytes(mut self, property: &str, value: impl Into<Vec<u8>>) -> Node {
        self.set(property, value);
        self
    }

    /// With a property that says all by being there, as `interrupt-controller`.
    pub fn with_flag(self, property: &str) -> Node {
        self.with_bytes(property, [])
    }

    /// With a property of 32-bit cells.
    pub fn with_cells(self, property: &str, cells: &[u32]) -> Node {
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        self.with_bytes(property, bytes)
    }

    /// With a property of one cell.
    pub fn with_u32(self, property: &str, value: u32) -> Node {
        self.with_bytes(property, value.to_be_bytes())
    }

    /// With a property of one 64-bit number.
    pub fn with_u64(self, property: &str, value: u64) -> Node {
        self.with_bytes(property, value.to_be_bytes())
    }

    /// With a property of several 64-bit numbers, as `reg` under two address and two size cells.
    pub fn with_u64s(self, property: &str, values: &[u64]) -> Node {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
        self.with_bytes(property, bytes)
    }

    /// With a property of one string.
    pub fn with_str(self, property: &str, text: &str) -> Node {
        self.with_strings(property, &[text])
    }

    /// With a property of several strings, as `compatible`.
    pub fn with_strings(self, property: &str, texts: &[&str]) -> Node {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
        self.with_bytes(property, bytes)
    }

    /// With a phandle, by which other nodes refer to this one.
    pub fn with_phandle(self, phandle: u32) -> Node {
        self.with_u32("phandle", phandle)
    }
}

/// Whether all three forms can carry this as the name of a node or property. The set is that of
/// `dtc`'s source language, which is a little wider than the specification's.
pub(crate) fn name_is_writable(name: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b",._+*#?@-".contains(&c);
    !name.is_empty() && name.len() <= crate::MAX_NAME && name.bytes().all(allowed)
}
