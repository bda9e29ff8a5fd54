//! The checked schema: what the parser and the checks produce and every generator reads.
//!
//! Everything is resolved: a type is an [`EntityId`], implicit types (arrays, inline arguments,
//! inline union bases) are entities of their own, unlisted union branches are filled in.
//! Nothing here knows Rust, QMP or an emulator.

use std::collections::HashMap;
use std::path::PathBuf;

/// Index of an entity in [`Schema::entities`], in registration order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId(pub usize);

/// Index of a module in [`Schema::modules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModuleId(pub usize);

/// Where something stands: byte offsets into one of [`Schema::files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Index into [`Schema::files`].
    pub file: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A schema file as read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path as the reference generator would print it.
    pub path: PathBuf,
    /// Its text, newlines normalised.
    pub text: String,
}

/// A whole schema, checked.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Every file read, root first.
    pub files: Vec<SourceFile>,
    /// `./builtin`, the root, then the included files in order of their first include.
    pub modules: Vec<Module>,
    /// All entities in registration order; look one up with [`Schema::get`].
    pub entities: Vec<Entity>,
    /// The enum that the pragma `phase-enum` names: the phases of the command gate, in order.
    pub phase_enum: Option<EntityId>,
    /// All documentation comments of all files, in order.
    pub docs: Vec<DocBlock>,
    /// The entities by name.
    pub(crate) names: HashMap<String, EntityId>,
}

/// A documentation comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocBlock {
    /// Free-form documentation.
    FreeForm {
        /// The module in whose file it stands.
        module: ModuleId,
        /// Its first line.
        span: Span,
        /// The text, with the schema's markup.
        text: String,
    },
    /// The documentation of this entity, to be found there.
    Entity(EntityId),
}

/// One schema file's contents, in order.
#[derive(Clone, Debug)]
pub struct Module {
    /// Path relative to the root's directory; `./builtin` for the predefined entities.
    pub name: String,
    /// Include directives and entities in the order in which they were registered.
    pub items: Vec<Item>,
    /// Free-form documentation blocks, in order.
    pub docs: Vec<String>,
}

/// What a module consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `{ 'include': ... }`, with the module name it leads to.
    Include(String),
    /// A definition, or an implicit type that belongs to this module.
    Entity(EntityId),
}

/// One definition, predefined type or implicit type.
#[derive(Clone, Debug)]
pub struct Entity {
    /// The schema name; implicit types have the reference's internal names
    /// (`FooList`, `q_obj_cmd-arg`).
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its `if`.
    pub cond: Option<Cond>,
    /// Its features in schema order.
    pub features: Vec<Feature>,
    /// Its documentation, where it has any.
    pub doc: Option<Doc>,
    /// Where it stands; `None` for predefined ones.
    pub span: Option<Span>,
    /// The module it belongs to.
    pub module: ModuleId,
}

/// The kinds of entity.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `str`, `int`, `uint8`, ...
    Builtin(Builtin),
    /// An enumeration.
    Enum(Enum),
    /// A struct, a union, or an implicit object.
    Object(Object),
    /// `['Element']`.
    Array(EntityId),
    /// Told apart by JSON type.
    Alternate(Vec<Branch>),
    /// A command.
    Command(Command),
    /// An event.
    Event(Event),
}

/// The predefined scalar types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the QAPI language's own")]
pub enum Builtin {
    Str,
    Number,
    Int,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Size,
    Bool,
    Any,
    Null,
}

/// `{ 'enum': ... }`
#[derive(Clone, Debug)]
pub struct Enum {
    /// The values in schema order.
    pub values: Vec<EnumValue>,
    /// `'prefix'`, used by C generators only.
    pub prefix: Option<String>,
}

/// One value of an enum.
#[derive(Clone, Debug)]
pub struct EnumValue {
    /// The string on the wire.
    pub name: String,
    /// Its `if`.
    pub cond: Option<Cond>,
    /// Its features.
    pub features: Vec<Feature>,
    /// Its own place.
    pub span: Span,
}

/// What an object was declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectMeta {
    /// `{ 'struct': ... }`
    Struct,
    /// `{ 'union': ... }`
    Union,
    /// Inline arguments or an inline union base.
    Implicit,
    /// The predefined `q_empty`.
    Empty,
}

/// A struct, union or implicit object.
#[derive(Clone, Debug)]
pub struct Object {
    /// How it was declared.
    pub meta: ObjectMeta,
    /// Its base type; for a union with an inline base the implicit object.
    pub base: Option<EntityId>,
    /// Its own members, without the base's.
    pub members: Vec<Member>,
    /// The branches of a union.
    pub variants: Option<Variants>,
}

/// A member of an object, an argument of a command, data of an event.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name on the wire, without `*`.
    pub name: String,
    /// Its type.
    pub ty: EntityId,
    /// Spelled `*name`.
    pub optional: bool,
    /// Its `if`.
    pub cond: Option<Cond>,
    /// Its features.
    pub features: Vec<Feature>,
    /// Its own place.
    pub span: Span,
}

/// The branches of a union.
#[derive(Clone, Debug)]
pub struct Variants {
    /// Name of the discriminator, a member of the base.
    pub tag: String,
    /// Listed branches in schema order, then one for each value not listed, in enum order.
    pub cases: Vec<Variant>,
}

/// One branch of a union.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The discriminator's value.
    pub name: String,
    /// An object type; `q_empty` where the schema lists no branch.
    pub ty: EntityId,
    /// Its `if`.
    pub cond: Option<Cond>,
    /// Whether the schema lists it.
    pub listed: bool,
}

/// One branch of an alternate.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its name, which is never on the wire.
    pub name: String,
    /// Its type.
    pub ty: EntityId,
    /// Its `if`.
    pub cond: Option<Cond>,
}

/// `{ 'command': ... }`
#[derive(Clone, Debug)]
pub struct Command {
    /// The argument object; `None` without `data`.
    pub arguments: Option<EntityId>,
    /// The type returned; `None` without `returns`.
    pub returns: Option<EntityId>,
    /// `'boxed': true`
    pub boxed: bool,
    /// `false` for `'gen': false`.
    pub generate: bool,
    /// `false` for `'success-response': false`.
    pub success_response: bool,
    /// `'allow-oob': true`
    pub allow_oob: bool,
    /// `'allow-preconfig': true`
    pub allow_preconfig: bool,
    /// `'allow-init-config': true`
    pub allow_init_config: bool,
    /// `'coroutine': true`
    pub coroutine: bool,
    /// `'allowed-phases'` as listed; see [`Schema::phases_of`] for what all three keys amount to.
    pub allowed_phases: Option<Vec<String>>,
}

/// `{ 'event': ... }`
#[derive(Clone, Debug)]
pub struct Event {
    /// The data object; `None` without `data`.
    pub data: Option<EntityId>,
    /// `'boxed': true`
    pub boxed: bool,
}

/// A feature of an entity, member or enum value.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Its `if`.
    pub cond: Option<Cond>,
    /// Its own place.
    pub span: Span,
}

/// An `if`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cond {
    /// A macro name.
    If(String),
    /// Every one of them.
    All(Vec<Cond>),
    /// At least one of them.
    Any(Vec<Cond>),
    /// Not this one.
    Not(Box<Cond>),
}

/// The documentation of a definition, by section. Texts keep the schema's markup (reST).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doc {
    /// The paragraphs before any section.
    pub body: String,
    /// `@member:` descriptions (also enum values, branches), in order of the text; members that
    /// a pragma allows to stay undescribed follow with an empty text.
    pub members: Vec<(String, String)>,
    /// `Features:`
    pub features: Vec<(String, String)>,
    /// `Returns:`
    pub returns: Option<String>,
    /// `Errors:`
    pub errors: Option<String>,
    /// `Since:`
    pub since: Option<String>,
    /// `TODO:` sections.
    pub todo: Vec<String>,
    /// Every section as it came, in order, tagged with its kind, for dumps and manuals.
    pub sections: Vec<(SectionKind, String)>,
}

/// What a section of a doc comment is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the tag of the same name")]
pub enum SectionKind {
    Plain,
    Member(String),
    Feature(String),
    Returns,
    Errors,
    Since,
    Todo,
}

impl Schema {
    /// The entity behind an id.
    pub fn get(&self, id: EntityId) -> &Entity {
        &self.entities[id.0]
    }

    /// The entity of that name (definitions, predefined and implicit types share one namespace).
    pub fn find(&self, name: &str) -> Option<EntityId> {
        self.names.get(name).copied()
    }

    /// Base chain first, then own members: what is on the wire apart from a union's branches.
    pub fn all_members(&self, id: EntityId) -> Vec<&Member> {
        let Kind::Object(object) = &self.get(id).kind else { return Vec::new() };
        let mut members = object.base.map(|base| self.all_members(base)).unwrap_or_default();
        members.extend(&object.members);
        members
    }

    /// The values of the phase enum in which a command may run: `allowed-phases` as listed;
    /// otherwise the last phase, with `accel-created` for `allow-preconfig` and `initialized`
    /// for `allow-init-config`. Empty when the schema names no phase enum.
    pub fn phases_of(&self, command: &Command) -> Vec<&str> {
        let Some(Kind::Enum(phases)) = self.phase_enum.map(|id| &self.get(id).kind) else {
            return Vec::new();
        };
        let last = phases.values.last().map(|value| value.name.as_str());
        let permitted = |name: &str| match &command.allowed_phases {
            Some(listed) => listed.iter().any(|phase| phase == name),
            None => {
                Some(name) == last
                    || command.allow_preconfig && name == "accel-created"
                    || command.allow_init_config && name == "initialized"
            }
        };
        phases
            .values
            .iter()
            .map(|value| value.name.as_str())
            .filter(|name| permitted(name))
            .collect()
    }
}
