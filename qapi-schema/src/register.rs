//! Gives every definition, predefined type and implicit type its number, in the reference's order:
//! what a definition needs implicitly comes just before it. Here redefinitions are found.

use std::collections::HashMap;

use indexmap::{IndexMap, IndexSet};

use crate::ast::{Body, Data, Definition, Member, TypeName, array_of};
use crate::diagnostics::{Anchor, Diagnostic};
use crate::error::Problem;
use crate::model::{Builtin, EntityId, Feature, Span};
use crate::paths;
use crate::source::SourceMap;

/// Feature names with a meaning of their own; they count towards the limit.
pub(crate) const SPECIAL_FEATURES: [&str; 2] = ["deprecated", "unstable"];

/// The predefined scalar types in registration order.
pub(crate) const BUILTINS: [(&str, Builtin); 15] = [
    ("str", Builtin::Str),
    ("number", Builtin::Number),
    ("int", Builtin::Int),
    ("int8", Builtin::Int8),
    ("int16", Builtin::Int16),
    ("int32", Builtin::Int32),
    ("int64", Builtin::Int64),
    ("uint8", Builtin::Uint8),
    ("uint16", Builtin::Uint16),
    ("uint32", Builtin::Uint32),
    ("uint64", Builtin::Uint64),
    ("size", Builtin::Size),
    ("bool", Builtin::Bool),
    ("any", Builtin::Any),
    ("null", Builtin::Null),
];

/// The predefined object without members.
pub(crate) const EMPTY: &str = "q_empty";

/// A registered entity, its type names not yet resolved.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) name: String,
    /// The definition that it is, or on whose behalf it was made; predefined ones have none.
    pub(crate) owner: Option<usize>,
    pub(crate) kind: RawKind,
}

/// What a registered entity is.
#[derive(Clone, Debug)]
pub(crate) enum RawKind {
    Builtin(Builtin),
    /// `q_empty`.
    Empty,
    /// The enum `QType`.
    QType,
    /// An array of the named type.
    Array(TypeName),
    /// Inline arguments of a command or data of an event.
    Arguments,
    /// The inline base of a union.
    Base,
    /// What the owner defines.
    Definition,
}

/// Something in a module.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Registered {
    /// An include directive in this file that leads to this module.
    Include { file: usize, module: usize },
    /// An entity.
    Entity(EntityId),
}

/// What is to be registered, in order.
#[derive(Debug)]
pub(crate) enum Request {
    /// An include directive in this file, and the path of the included file.
    Include { file: usize, path: String },
    /// Index of a definition.
    Definition(usize),
}

/// All entities by number and by name.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) definitions: Vec<Definition>,
    pub(crate) raws: Vec<Raw>,
    pub(crate) names: HashMap<String, EntityId>,
    pub(crate) order: Vec<Registered>,
    /// The names of the modules.
    pub(crate) modules: IndexSet<String>,
    /// The module of each file.
    pub(crate) file_modules: Vec<usize>,
    /// Every feature name with the definition that uses it first.
    features: IndexMap<String, Option<usize>>,
}

/// Registers the predefined types and then everything that is asked for.
pub(crate) fn register(
    definitions: Vec<Definition>,
    requests: &[Request],
    sources: &SourceMap,
    errors: &mut Vec<Diagnostic>,
) -> Registry {
    let root = paths::absolute(paths::dirname(sources.path(0)));
    let dotted = sources.path(0).starts_with("./");
    let module = |path: &str| {
        // The reference takes any path that begins like `./builtin` for the name of a module.
        let as_written = path.starts_with("./") && !dotted;
        if as_written { path.to_owned() } else { paths::relative(&paths::absolute(path), &root) }
    };
    let mut registry = Registry {
        definitions: Vec::new(),
        raws: Vec::new(),
        names: HashMap::new(),
        order: Vec::new(),
        modules: ["./builtin".to_owned(), module(sources.path(0))].into(),
        file_modules: Vec::new(),
        features: SPECIAL_FEATURES.map(|name| (name.to_owned(), None)).into(),
    };
    for (name, builtin) in BUILTINS {
        registry.insert(name.to_owned(), None, RawKind::Builtin(builtin));
        let span = Span { file: 0, start: 0, end: 0 };
        registry.array(&TypeName { name: name.to_owned(), array: true, span }, None);
    }
    registry.insert(EMPTY.to_owned(), None, RawKind::Empty);
    registry.insert("QType".to_owned(), None, RawKind::QType);
    for request in requests {
        match request {
            Request::Include { file, path } => {
                let (module, _) = registry.modules.insert_full(module(path));
                registry.order.push(Registered::Include { file: *file, module });
            }
            Request::Definition(index) => {
                if let Some(definition) = definitions.get(*index) {
                    errors.extend(registry.define(*index, definition, &definitions));
                }
            }
        }
    }
    for path in sources.paths() {
        let (index, _) = registry.modules.insert_full(module(path));
        registry.file_modules.push(index);
    }
    registry.definitions = definitions;
    registry
}

impl Registry {
    /// The name of the implicit object type for inline arguments (`arg`) or an inline base.
    pub(crate) fn implicit(name: &str, role: &str) -> String {
        format!("q_obj_{name}-{role}")
    }

    /// The error of the definition that uses one feature name too many.
    pub(crate) fn too_many_features(&self) -> Option<Diagnostic> {
        let (_, user) = self.features.get_index(64)?;
        let definition = self.definitions.get((*user)?)?;
        let (anchor, span) = (definition.anchor(), definition.name_span);
        let error = Diagnostic::semantic(Problem::TooManyFeatures, anchor, span);
        Some(error.within(definition.context()))
    }

    fn insert(&mut self, name: String, owner: Option<usize>, kind: RawKind) {
        let id = EntityId(self.raws.len());
        self.names.insert(name.clone(), id);
        self.raws.push(Raw { name, owner, kind });
        self.order.push(Registered::Entity(id));
    }

    /// Registers the array type of a reference to one, unless that has been done.
    fn array(&mut self, ty: &TypeName, owner: Option<usize>) {
        if ty.array && !self.names.contains_key(&ty.entity()) {
            self.insert(array_of(&ty.name), owner, RawKind::Array(ty.clone()));
        }
    }

    fn use_features(&mut self, features: &[Feature], owner: usize) {
        for feature in features {
            self.features.entry(feature.name.clone()).or_insert(Some(owner));
        }
    }

    fn members(&mut self, members: &[Member], owner: usize) {
        for member in members {
            self.array(&member.ty, Some(owner));
            self.use_features(&member.features, owner);
        }
    }

    /// Registers inline members as an object type of their own; without any there is none.
    fn inline(&mut self, members: &[Member], name: String, owner: usize, kind: RawKind) {
        self.members(members, owner);
        if !members.is_empty() && !self.names.contains_key(&name) {
            self.insert(name, Some(owner), kind);
        }
    }

    fn define(
        &mut self,
        index: usize,
        definition: &Definition,
        all: &[Definition],
    ) -> Option<Diagnostic> {
        self.use_features(&definition.features, index);
        match &definition.body {
            Body::Enum { values, .. } => {
                for value in values {
                    self.use_features(&value.features, index);
                }
            }
            Body::Struct { members, .. } => self.members(members, index),
            Body::Union { base, .. } => {
                if let Data::Inline(members) = base {
                    let name = Self::implicit(&definition.name, "base");
                    self.inline(members, name, index, RawKind::Base);
                }
            }
            Body::Alternate { branches } => {
                for branch in branches {
                    self.array(&branch.ty, Some(index));
                }
            }
            Body::Command { data, returns, .. } => {
                self.arguments(data, definition, index);
                if let Some(returns) = returns {
                    self.array(returns, Some(index));
                }
            }
            Body::Event { data, .. } => self.arguments(data, definition, index),
        }
        match self.names.get(&definition.name) {
            Some(other) => Some(self.redefinition(*other, definition, all)),
            None => {
                self.insert(definition.name.clone(), Some(index), RawKind::Definition);
                None
            }
        }
    }

    fn arguments(&mut self, data: &Data, definition: &Definition, index: usize) {
        if let Data::Inline(members) = data {
            let name = Self::implicit(&definition.name, "arg");
            self.inline(members, name, index, RawKind::Arguments);
        }
    }

    fn redefinition(
        &self,
        other: EntityId,
        definition: &Definition,
        all: &[Definition],
    ) -> Diagnostic {
        let error = |problem| {
            Diagnostic::semantic(problem, definition.anchor(), definition.name_span)
                .within(definition.context())
        };
        let raw = self.raws.get(other.0);
        let Some(previous) = raw.and_then(|raw| raw.owner).and_then(|owner| all.get(owner)) else {
            let meta = if definition.name == "QType" { "enum" } else { "built-in" };
            let what = format!("{meta} type '{}'", definition.name);
            return error(Problem::RedefinedPredefined(what));
        };
        let mut error = error(Problem::Redefined { name: definition.name.clone() });
        let anchor = Anchor { place: previous.anchor(), column: false };
        error.previous = Some((anchor, previous.context()));
        error.relate(Some(previous.name_span), "previous definition")
    }
}
