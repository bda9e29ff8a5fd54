//! A node together with its place in the tree: paths, aliases, phandles, walking.

use std::collections::HashMap;
use std::fmt;

use crate::error::{Problem, TreeError};
use crate::model::{Node, Tree};
use crate::property::Property;

/// A node and the way to it from the root.
#[derive(Clone)]
pub struct NodeRef<'t> {
    tree: &'t Tree,
    node: &'t Node,
    /// Root first; empty for the root itself.
    ancestors: Vec<&'t Node>,
}

/// Nodes by phandle: what [`Tree::by_phandle`] searches for, found at once.
///
/// Made from a tree when its references are to be followed, so that following all of them takes no
/// longer than reading it.
#[derive(Debug)]
pub struct Phandles<'t>(HashMap<u32, NodeRef<'t>>);

impl<'t> Phandles<'t> {
    /// The node with this phandle; the first of several.
    pub fn get(&self, phandle: u32) -> Option<&NodeRef<'t>> {
        self.0.get(&phandle)
    }
}

impl Tree {
    /// Nodes by phandle.
    pub fn phandles(&self) -> Phandles<'_> {
        let mut nodes = HashMap::new();
        for node in self.walk() {
            if let Some(phandle) = node.phandle() {
                nodes.entry(phandle).or_insert(node);
            }
        }
        Phandles(nodes)
    }

    /// The node at a path. A path that does not begin with `/` begins with an alias. As chapter 2.2.3
    /// allows, a unit address may be left out where that leaves no doubt.
    pub fn find(&self, path: &str) -> Option<NodeRef<'_>> {
        match path.strip_prefix('/') {
            Some(rest) => self.descend(self.root(), rest),
            None => {
                let (alias, rest) = path.split_once('/').unwrap_or((path, ""));
                let target = self.root().child("aliases")?.property(alias)?.str().ok()?;
                // An alias holds a full path; one that leads to an alias again is not followed,
                // since it could lead back to itself.
                self.descend(self.descend(self.root(), target.strip_prefix('/')?)?, rest)
            }
        }
    }

    fn descend<'t>(&'t self, from: NodeRef<'t>, path: &str) -> Option<NodeRef<'t>> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(from, |node, name| node.child(name))
    }

    /// The node that `/chosen` names for the console, with its options (`:115200`) left out.
    pub fn stdout(&self) -> Option<NodeRef<'_>> {
        let path = self.find("/chosen")?.property("stdout-path")?.str().ok()?;
        self.find(path.split_once(':').map_or(path, |(path, _)| path))
    }

    /// The aliases: name and path.
    pub fn aliases(&self) -> Result<Vec<(&str, &str)>, TreeError> {
        let Some(aliases) = self.root().child("aliases") else { return Ok(Vec::new()) };
        // Blobs made with `dtc -@` or overlays give the node a phandle: that is no alias.
        let names = aliases.properties().filter(|property| property.name() != "phandle");
        names.map(|property| Ok((property.name(), property.str()?))).collect()
    }

    /// The node with this phandle. To follow many, see [`Tree::phandles`].
    pub fn by_phandle(&self, phandle: u32) -> Option<NodeRef<'_>> {
        self.walk().find(|node| node.phandle() == Some(phandle))
    }

    /// All nodes, a parent before its children, in order.
    pub fn walk(&self) -> Walk<'_> {
        Walk { stack: vec![self.root()] }
    }

    /// All nodes with this `compatible` string among theirs, in order.
    pub fn compatible<'t>(&'t self, name: &str) -> impl Iterator<Item = NodeRef<'t>> {
        self.walk().filter(move |node| node.is_compatible(name))
    }
}

impl<'t> NodeRef<'t> {
    pub(crate) fn root(tree: &'t Tree) -> NodeRef<'t> {
        NodeRef { tree, node: &tree.root, ancestors: Vec::new() }
    }

    /// The node itself.
    pub fn node(&self) -> &'t Node {
        self.node
    }

    /// The tree it stands in.
    pub fn tree(&self) -> &'t Tree {
        self.tree
    }

    /// The name, unit address included.
    pub fn name(&self) -> &'t str {
        self.node.name()
    }

    /// The full path: `/soc/uart@10013000`.
    pub fn path(&self) -> String {
        if self.is_root() {
            return "/".to_owned();
        }
        let mut path = String::new();
        for node in self.ancestors.iter().skip(1).chain([&self.node]) {
            path.push('/');
            path.push_str(node.name());
        }
        path
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.ancestors.is_empty()
    }

    /// The node above; none above the root.
    pub fn parent(&self) -> Option<NodeRef<'t>> {
        let mut ancestors = self.ancestors.clone();
        let node = ancestors.pop()?;
        Some(NodeRef { tree: self.tree, node, ancestors })
    }

    /// The children in order.
    pub fn children(&self) -> impl DoubleEndedIterator<Item = NodeRef<'t>> + use<'t> {
        let (tree, mut ancestors) = (self.tree, self.ancestors.clone());
        ancestors.push(self.node);
        let below = move |node| NodeRef { tree, node, ancestors: ancestors.clone() };
        self.node.children().iter().map(below)
    }

    /// The child of this name; without a unit address, the only one of this base name.
    pub fn child(&self, name: &str) -> Option<NodeRef<'t>> {
        if let Some(exact) = self.children().find(|child| child.name() == name) {
            return Some(exact);
        }
        let mut alike = self.children().filter(|child| child.node.base_name() == name);
        let first = alike.next()?;
        alike.next().is_none().then_some(first)
    }

    /// A property, to be read with a meaning in mind.
    pub fn property(&self, name: &str) -> Option<Property<'t>> {
        self.properties().find(|property| property.name == name)
    }

    /// A property that has to be there.
    pub fn require(&self, name: &str) -> Result<Property<'t>, TreeError> {
        self.property(name).ok_or_else(|| self.error(name, Problem::Missing))
    }

    /// The properties in order.
    pub fn properties(&self) -> impl Iterator<Item = Property<'t>> + use<'t> {
        let path = self.path();
        self.node.properties().map(move |(name, bytes)| Property {
            path: path.clone(),
            name,
            bytes,
        })
    }

    /// Whether the node has the property, whatever it says.
    pub fn has(&self, name: &str) -> bool {
        self.node.get(name).is_some()
    }

    /// The strings of `compatible`, most specific first; none if it is missing or malformed.
    pub fn compatible(&self) -> Vec<&'t str> {
        self.property("compatible").and_then(|property| property.strings().ok()).unwrap_or_default()
    }

    /// Whether `compatible` has this string among its own.
    pub fn is_compatible(&self, name: &str) -> bool {
        self.compatible().contains(&name)
    }

    /// Whether `status` leaves the node in use (chapter 2.3.4): `okay`, the older `ok`, or no word.
    pub fn is_enabled(&self) -> bool {
        matches!(self.node.get("status"), None | Some(b"okay\0" | b"ok\0"))
    }

    /// The phandle; `linux,phandle` is the spelling of older trees.
    pub fn phandle(&self) -> Option<u32> {
        let bytes = self.node.get("phandle").or_else(|| self.node.get("linux,phandle"))?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    }

    /// An error about a property of this node.
    pub fn error(&self, property: &str, problem: Problem) -> TreeError {
        TreeError { path: self.path(), property: property.to_owned(), problem }
    }
}

/// Two are equal when they are the same node of the same tree, not merely alike.
impl PartialEq for NodeRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.node, other.node)
    }
}

impl Eq for NodeRef<'_> {}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeRef({})", self.path())
    }
}

/// The nodes of a tree, from [`Tree::walk`].
pub struct Walk<'t> {
    stack: Vec<NodeRef<'t>>,
}

impl<'t> Iterator for Walk<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        let node = self.stack.pop()?;
        self.stack.extend(node.children().rev());
        Some(node)
    }
}
