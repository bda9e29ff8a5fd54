//! A tree while its source is being read: labels are known, references to them not yet resolved.

use std::collections::{HashMap, HashSet};

use super::error::{Place, SourceError};
use crate::model::{Node, Reservation, Tree};

/// A node with what only the source form has.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) labels: Vec<(String, Place)>,
    pub(super) properties: Vec<DraftProperty>,
    pub(super) children: Vec<Draft>,
}

/// A property with the holes that references leave in its bytes.
pub(super) struct DraftProperty {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) holes: Vec<Hole>,
}

/// A reference in a value.
pub(super) struct Hole {
    /// Where in the bytes.
    pub(super) at: usize,
    /// A phandle overwrites four bytes there; a path is inserted.
    pub(super) is_path: bool,
    pub(super) target: Target,
    pub(super) place: Place,
}

/// What a reference names.
#[derive(Clone)]
pub(super) enum Target {
    Label(String),
    Path(String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Label(label) => write!(f, "&{label}"),
            Target::Path(path) => write!(f, "&{{{path}}}"),
        }
    }
}

/// The way to a node: the index of a child on each level.
pub(super) type Way = Vec<usize>;

impl Draft {
    /// The way to what a reference names.
    pub(super) fn locate(&self, target: &Target) -> Option<Way> {
        match target {
            Target::Label(label) => self.locate_label(label),
            Target::Path(path) => {
                let (mut node, mut way) = (self, Way::new());
                for name in path.split('/').filter(|name| !name.is_empty()) {
                    let index = node.children.iter().position(|child| child.name == name)?;
                    node = &node.children[index];
                    way.push(index);
                }
                Some(way)
            }
        }
    }

    fn locate_label(&self, wanted: &str) -> Option<Way> {
        if self.labels.iter().any(|(label, _)| label == wanted) {
            return Some(Way::new());
        }
        self.children.iter().enumerate().find_map(|(index, child)| {
            let mut way = child.locate_label(wanted)?;
            way.insert(0, index);
            Some(way)
        })
    }

    /// The node at the end of a way that [`Draft::locate`] gave.
    pub(super) fn at(&mut self, way: &[usize]) -> Option<&mut Draft> {
        way.iter().try_fold(self, |node, &index| node.children.get_mut(index))
    }

    fn path(&self, way: &[usize]) -> String {
        let (mut node, mut path) = (self, String::new());
        for &index in way {
            let Some(child) = node.children.get(index) else { break };
            path.push('/');
            path.push_str(&child.name);
            node = child;
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// Resolves every reference and gives the tree.
    pub(super) fn finish(mut self, reservations: Vec<Reservation>) -> Result<Tree, SourceError> {
        let mut labels = HashMap::new();
        self.collect_labels(&mut Way::new(), &mut labels)?;
        let mut given = HashMap::new();
        self.collect_phandles(&mut Way::new(), &mut given);
        let mut phandles = Phandles { used: given.values().copied().collect(), given, next: 1 };
        let mut fills = Vec::new();
        self.resolve(&mut Way::new(), &labels, &mut phandles, &mut fills, &self)?;
        for (way, property, at, fill) in fills.into_iter().rev() {
            // Backwards, so that a path inserted late in a value does not move the earlier holes.
            let property = self.at(&way).and_then(|node| node.properties.get_mut(property));
            let Some(DraftProperty { bytes, .. }) = property else { continue };
            match fill {
                Fill::Phandle(phandle) => {
                    bytes.splice(at..at + 4, phandle.to_be_bytes());
                }
                Fill::Path(path) => {
                    bytes.splice(at..at, path.bytes().chain([0]));
                }
            }
        }
        // Nodes that got a phandle only now: `dtc` puts the property last, in the same order.
        let mut ways: Vec<_> = phandles.given.into_iter().collect();
        ways.sort();
        for (way, phandle) in ways {
            if let Some(node) = self.at(&way)
                && !node.properties.iter().any(|property| property.name == "phandle")
                && !node.properties.iter().any(|property| property.name == "linux,phandle")
            {
                let bytes = phandle.to_be_bytes().to_vec();
                let name = "phandle".to_owned();
                node.properties.push(DraftProperty { name, bytes, holes: Vec::new() });
            }
        }
        Ok(Tree { boot_cpu: self.first_hart(), root: self.into_node(), reservations })
    }

    /// The id of the first hart: source has no words for the boot hart, and this is `dtc`'s guess.
    fn first_hart(&self) -> u32 {
        let cpus = self.children.iter().find(|child| child.name == "cpus");
        let first = cpus.and_then(|cpus| cpus.children.first());
        let reg = first.and_then(|hart| hart.properties.iter().find(|p| p.name == "reg"));
        let bytes = reg.and_then(|reg| reg.bytes.as_slice().try_into().ok());
        bytes.map_or(0, u32::from_be_bytes)
    }

    fn collect_labels<'d>(
        &'d self,
        way: &mut Way,
        labels: &mut HashMap<&'d str, Way>,
    ) -> Result<(), SourceError> {
        for (label, place) in &self.labels {
            if labels.insert(label, way.clone()).is_some_and(|other| other != *way) {
                return place.fail(format!("label `{label}` stands at another node already"));
            }
        }
        self.each_child(way, |child, way| child.collect_labels(way, labels))
    }

    fn collect_phandles(&self, way: &mut Way, given: &mut HashMap<Way, u32>) {
        let named = |property: &&DraftProperty| {
            property.name == "phandle" || property.name == "linux,phandle"
        };
        // A phandle that is itself a reference, `phandle = <&label>`, is not a number yet.
        let value = self.properties.iter().find(named).filter(|property| property.holes.is_empty());
        if let Some(bytes) = value.and_then(|property| property.bytes.as_slice().try_into().ok()) {
            given.insert(way.clone(), u32::from_be_bytes(bytes));
        }
        for (index, child) in self.children.iter().enumerate() {
            way.push(index);
            child.collect_phandles(way, given);
            way.pop();
        }
    }

    fn resolve(
        &self,
        way: &mut Way,
        labels: &HashMap<&str, Way>,
        phandles: &mut Phandles,
        fills: &mut Vec<(Way, usize, usize, Fill)>,
        root: &Draft,
    ) -> Result<(), SourceError> {
        for (index, property) in self.properties.iter().enumerate() {
            for hole in &property.holes {
                let target = match &hole.target {
                    Target::Label(label) => labels.get(label.as_str()).cloned(),
                    path => root.locate(path),
                };
                let missing = || hole.place.error(format!("no node is named `{}`", hole.target));
                let target = target.ok_or_else(missing)?;
                let fill = match hole.is_path {
                    true => Fill::Path(root.path(&target)),
                    false => Fill::Phandle(phandles.of(&target)),
                };
                fills.push((way.clone(), index, hole.at, fill));
            }
        }
        self.each_child(way, |child, way| child.resolve(way, labels, phandles, fills, root))
    }

    fn each_child<'d>(
        &'d self,
        way: &mut Way,
        mut visit: impl FnMut(&'d Draft, &mut Way) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        for (index, child) in self.children.iter().enumerate() {
            way.push(index);
            visit(child, way)?;
            way.pop();
        }
        Ok(())
    }

    fn into_node(self) -> Node {
        let mut node = Node::new(self.name);
        for property in self.properties {
            node.push_property(property.name, property.bytes);
        }
        for child in self.children {
            node.push(child.into_node());
        }
        node
    }
}

/// What a hole is filled with.
enum Fill {
    Phandle(u32),
    Path(String),
}

/// The phandles in use and the next free one, counted as `dtc` does.
struct Phandles {
    given: HashMap<Way, u32>,
    /// The numbers that the source itself gives.
    used: HashSet<u32>,
    next: u32,
}

impl Phandles {
    fn of(&mut self, way: &Way) -> u32 {
        if let Some(&phandle) = self.given.get(way) {
            return phandle;
        }
        while self.used.contains(&self.next) {
            self.next += 1;
        }
        let phandle = self.next;
        self.next += 1;
        self.given.insert(way.clone(), phandle);
        phandle
    }
}
