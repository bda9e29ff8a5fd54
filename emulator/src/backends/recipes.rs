//! How the host's back ends were made: the commands, so that a board that is written down can say
//! what its devices have there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use qapi_runtime::{Encode, Value};

use crate::qapi::BoardCommand;

/// What a back end is; ids are unique among those of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackendKind {
    /// A character back end.
    Chardev,
    /// A drive, or a node of the block graph.
    Drive,
    /// A network.
    Netdev,
    /// A shared folder.
    Share,
}

/// Members by which a back end names others of its kind: the base of a multiplexer or of an alias,
/// the nodes that a node is made of.
const PARTS: &[&str] = &["chardev", "file", "backing"];

/// The commands by kind and name.
#[derive(Default)]
pub struct Recipes(Mutex<BTreeMap<(BackendKind, String), Recipe>>);

struct Recipe {
    /// The first of the names.
    id: String,
    command: BoardCommand,
}

impl BackendKind {
    /// Whether a command makes a back end.
    pub fn is_made_by(command: &str) -> bool {
        const COMMANDS: &[&str] = &[
            "blockdev-add",
            "chardev-add",
            "netdev_add",
            "x-chardev-add",
            "x-drive-add",
            "x-fsdev-add",
        ];
        COMMANDS.contains(&command)
    }
}

impl Recipes {
    /// A command has made a back end that goes by some names.
    pub fn learn<'n>(
        &self,
        kind: BackendKind,
        names: impl IntoIterator<Item = &'n String>,
        command: &str,
        arguments: &impl Encode,
    ) {
        let command = BoardCommand { command: command.into(), arguments: Some(arguments.encode()) };
        let mut id = None;
        for name in names {
            let id = id.get_or_insert(name).to_string();
            self.lock().insert((kind, name.clone()), Recipe { id, command: command.clone() });
        }
    }

    /// A back end is gone.
    pub fn forget(&self, kind: BackendKind, id: &str) {
        self.lock().retain(|(of, _), recipe| *of != kind || recipe.id != id);
    }

    /// The commands that make some back ends of a kind; what they are made of comes first.
    pub fn tell<'n>(
        &self,
        kind: BackendKind,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Vec<BoardCommand> {
        let mut list = List { kind, all: self.lock(), done: BTreeSet::new(), told: Vec::new() };
        names.into_iter().for_each(|name| list.tell(name));
        list.told
    }

    /// The ids of those of a kind that are neither among some names nor part of one of these.
    pub fn unused<'n>(
        &self,
        kind: BackendKind,
        names: impl IntoIterator<Item = &'n str>,
    ) -> BTreeSet<String> {
        let mut list = List { kind, all: self.lock(), done: BTreeSet::new(), told: Vec::new() };
        names.into_iter().for_each(|name| list.tell(name));
        let of_kind = list.all.iter().filter(|((of, _), _)| *of == kind);
        let ids = of_kind.map(|(_, recipe)| &recipe.id);
        ids.filter(|id| !list.done.contains(*id)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(BackendKind, String), Recipe>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list of commands that is being made.
struct List<'r> {
    kind: BackendKind,
    all: MutexGuard<'r, BTreeMap<(BackendKind, String), Recipe>>,
    /// The ids of those that are on it, or will be.
    done: BTreeSet<String>,
    told: Vec<BoardCommand>,
}

impl List<'_> {
    fn tell(&mut self, name: &str) {
        let Some(recipe) = self.all.get(&(self.kind, name.into())) else { return };
        if !self.done.insert(recipe.id.clone()) {
            return;
        }
        let command = recipe.command.clone();
        let mut parts = Vec::new();
        command.arguments.iter().for_each(|arguments| named(arguments, &mut parts));
        parts.iter().for_each(|part| self.tell(part));
        self.told.push(command);
    }
}

/// What arguments name as a part, at any depth.
fn named(value: &Value, parts: &mut Vec<String>) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        match member {
            Value::String(text) if PARTS.contains(&name.as_str()) => parts.push(text.clone()),
            other => named(other, parts),
        }
    }
}
