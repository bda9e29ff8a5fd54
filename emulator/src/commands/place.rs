//! What a path of a `qom-` command leads to: something of the board, or what is beside it, which is
//! there in every phase: the root, character back ends, objects, a machine without a board.

use qapi_runtime::{QmpError, Value};

use crate::board::{Board, Object, Property, not_found};
use crate::door::Door;
use crate::machines;
use crate::phase::Stage;

/// An object of the tree.
pub(super) enum Place {
    /// Of the board.
    Board(Object),
    /// Of what is beside it.
    Beside(Beside),
}

/// An object that is not of the board.
pub(super) struct Beside {
    /// Its whole path.
    path: String,
    /// The name of its type.
    pub(super) kind: String,
    properties: Vec<(Property, Value)>,
}

impl Beside {
    fn new(path: impl Into<String>, kind: impl Into<String>) -> Self {
        let (path, kind) = (path.into(), kind.into());
        let own = (Property::new("type", "string"), kind.as_str().into());
        Self { path, kind, properties: vec![own] }
    }

    fn with(mut self, name: &str, ty: &str, value: Value) -> Self {
        self.properties.push((Property::new(name, ty), value));
        self
    }

    fn with_child(self, name: &str, kind: &str) -> Self {
        let path = format!("{}/{name}", self.path.trim_end_matches('/'));
        self.with(name, &format!("child<{kind}>"), path.into())
    }

    /// Its properties.
    pub(super) fn properties(self) -> impl Iterator<Item = Property> {
        self.properties.into_iter().map(|(property, _)| property)
    }

    /// The value of a property.
    ///
    /// # Errors
    /// There is none of that name.
    pub(super) fn get(&self, name: &str) -> Result<Value, QmpError> {
        let found = self.properties.iter().find(|(property, _)| property.name == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            QmpError::generic(format!("Property '{}.{name}' not found", self.kind))
                .with_nearest(name, self.properties.iter().map(|(p, _)| p.name.as_str()))
        })
    }
}

impl Door {
    /// The object at a path.
    ///
    /// # Errors
    /// There is none, or a partial path fits several.
    pub(super) fn place(&self, path: &str) -> Result<Place, QmpError> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let whole = path.starts_with('/');
        let beside = match parts.as_slice() {
            [] if whole => Some(self.root()),
            ["chardevs", rest @ ..] => {
                Some(below(path, self.chardev_list(), rest, |id| self.chardev_at(id))?)
            }
            ["objects", rest @ ..] => {
                Some(below(path, self.object_list(), rest, |id| self.object_at(id))?)
            }
            ["backend"] => Some(Beside::new("/backend", "container")),
            ["machine"] => self.machine_alone(),
            // Part of a path: the device of that name, unless something else has it too.
            [id] if !whole => return self.named(id),
            _ => None,
        };
        match beside {
            Some(beside) => Ok(Place::Beside(beside)),
            None => {
                let board = self.stage.board()?;
                let found = board.find(path).map(Place::Board);
                found.or_else(|error| line(board, path).map(Place::Beside).ok_or(error))
            }
        }
    }

    fn named(&self, id: &str) -> Result<Place, QmpError> {
        let of_board = self.stage.board().and_then(|board| board.find(id));
        let beside = [self.chardev_at(id), self.object_at(id)].into_iter().flatten();
        let mut beside: Vec<Beside> = beside.collect();
        match (of_board, beside.pop()) {
            (Err(_), Some(only)) if beside.is_empty() => Ok(Place::Beside(only)),
            (of_board, Some(last)) => {
                let board = of_board.ok().map(|object| object.path());
                let others = beside.into_iter().chain([last]).map(|beside| beside.path);
                let paths: Vec<String> = board.into_iter().chain(others).collect();
                Err(QmpError::generic(format!(
                    "Path '{id}' is ambiguous: it fits {}",
                    paths.join(", ")
                )))
            }
            (of_board, None) => of_board.map(Place::Board),
        }
    }

    fn root(&self) -> Beside {
        let root = Beside::new("/", "container");
        let root = match self.stage {
            Stage::NoMachine => root,
            _ => root.with_child("machine", "machine"),
        };
        root.with_child("chardevs", "container")
            .with_child("objects", "container")
            .with_child("backend", "container")
    }

    fn chardev_list(&self) -> Beside {
        let all = self.host.chardevs.all();
        all.iter().fold(Beside::new("/chardevs", "container"), |container, chardev| {
            container.with_child(chardev.id(), "chardev")
        })
    }

    fn chardev_at(&self, id: &str) -> Option<Beside> {
        let chardev = self.host.chardevs.get(id).filter(|chardev| chardev.id() == id)?;
        let beside = Beside::new(format!("/chardevs/{id}"), "chardev");
        let open = chardev.frontend_open().into();
        Some(beside.with("filename", "str", chardev.filename().into()).with(
            "frontend-open",
            "bool",
            open,
        ))
    }

    fn object_list(&self) -> Beside {
        let all = self.host.objects.all();
        all.iter().fold(Beside::new("/objects", "container"), |container, (id, kind)| {
            container.with_child(id, kind)
        })
    }

    fn object_at(&self, id: &str) -> Option<Beside> {
        let Value::Object(mut given) = self.host.objects.properties(id)? else { return None };
        given.shift_remove("id");
        let kind = given.shift_remove("qom-type").unwrap_or_default();
        let beside = Beside::new(format!("/objects/{id}"), kind.as_str().unwrap_or_default());
        Some(given.into_iter().fold(beside, |beside, (name, value)| {
            let ty = match &value {
                Value::Bool(_) => "bool",
                Value::Number(_) => "size",
                _ => "str",
            };
            beside.with(&name, ty, value)
        }))
    }

    /// A machine that has no board yet.
    fn machine_alone(&self) -> Option<Beside> {
        let (Stage::MachineCreated(setup) | Stage::AccelCreated(setup, _)) = &self.stage else {
            return None;
        };
        let kind = setup.options.type_.tag();
        let mut beside = Beside::new("/machine", format!("{kind}-machine"));
        beside.properties.extend(machines::properties(kind).map(|property| {
            let value = machines::get(&setup.options, &property.name).unwrap_or(Value::Null);
            (property, value)
        }));
        Some(beside)
    }
}

/// A container, or what is in it.
fn below(
    path: &str,
    container: Beside,
    rest: &[&str],
    find: impl Fn(&str) -> Option<Beside>,
) -> Result<Beside, QmpError> {
    let [id, deeper @ ..] = rest else { return Ok(container) };
    match find(id).filter(|_| deeper.is_empty()) {
        Some(found) => Ok(found),
        None => {
            let outer = container.path.clone();
            let children = container.properties().filter(|property| property.is_child());
            let children = children.map(|property| property.name).collect();
            Err(not_found(path, &outer, children))
        }
    }
}

/// An interrupt line, which is a child of its device and has nothing but a type.
fn line(board: &Board, path: &str) -> Option<Beside> {
    let (parent, name) = path.rsplit_once('/')?;
    let properties = board.properties(&board.find(parent).ok()?);
    let child = properties.into_iter().find(|property| property.name == name)?;
    let kind = child.ty.strip_prefix("child<")?.strip_suffix('>')?;
    Some(Beside::new(path, kind))
}
