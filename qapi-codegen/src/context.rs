//! What emitters ask about a schema: names, types, where a box is needed, which members an object
//! has with their documentation.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use qapi_schema::model::{
    Builtin, Command, Cond, Doc, Entity, EntityId, Enum, Feature, Item, Kind, Member, ModuleId,
    Object, ObjectMeta, Schema,
};

use crate::code::{Code, literal};
use crate::names::{Names, camel, distinct, snake};
use crate::{Side, boxes, conditions, docs};

/// A configured schema with its names.
pub(crate) struct Context<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) names: Names,
    pub(crate) side: Side,
    /// What is held in a box, by holder.
    boxed: HashSet<(EntityId, EntityId)>,
}

/// A schema module of which a file is made.
pub(crate) struct ModuleOut {
    pub(crate) id: ModuleId,
    /// Its name in the schema: `run-state.json`.
    pub(crate) name: String,
    /// Its name in Rust: `run_state`.
    pub(crate) file: String,
    pub(crate) entities: Vec<EntityId>,
}

/// A member of an object, flattened out of its bases.
pub(crate) struct Field<'a> {
    pub(crate) member: &'a Member,
    pub(crate) ident: String,
    pub(crate) doc: &'a str,
}

/// What a command's method gets.
pub(crate) enum Arguments {
    /// Nothing.
    None,
    /// A struct made of inline arguments, named after the command.
    Inline(EntityId),
    /// A type of the schema.
    Named(EntityId),
    /// The JSON object as it came.
    Raw,
}

impl<'a> Context<'a> {
    pub(crate) fn new(schema: &'a Schema, side: Side) -> Self {
        Self { schema, names: Names::new(schema), side, boxed: boxes::find(schema) }
    }

    /// The modules that have something to emit, in schema order.
    pub(crate) fn modules(&self) -> Vec<ModuleOut> {
        let used = self.used_builtins();
        let emitted = |id: &EntityId| {
            let entity = self.schema.get(*id);
            let has_item = self.names.ty(*id).is_some() || matches!(entity.kind, Kind::Command(_));
            has_item && (entity.span.is_some() || used.contains(id))
        };
        let modules = self.schema.modules.iter().enumerate().map(|(index, module)| {
            let id = ModuleId(index);
            let entities = module.items.iter().filter_map(|item| match item {
                Item::Entity(id) => Some(*id).filter(emitted),
                Item::Include(_) => None,
            });
            let file = self.names.module(id).to_owned();
            ModuleOut { id, name: module.name.clone(), file, entities: entities.collect() }
        });
        modules.filter(|module| !module.entities.is_empty()).collect()
    }

    /// Predefined types that are Rust items only if something uses them: the enum `QType`.
    fn used_builtins(&self) -> BTreeSet<EntityId> {
        let objects = self.schema.entities.iter().filter(|entity| entity.span.is_some());
        let held = objects.flat_map(|entity| boxes::held_types(self.schema, entity));
        held.filter(|id| self.schema.get(*id).span.is_none()).collect()
    }

    /// Every command of the schema, in order, with the module that it stands in.
    pub(crate) fn commands(&self) -> impl Iterator<Item = (EntityId, &Entity, &Command)> {
        self.entities().filter_map(|(id, entity)| match &entity.kind {
            Kind::Command(command) => Some((id, entity, command)),
            _ => None,
        })
    }

    /// Every entity that is not configured out, in order.
    pub(crate) fn entities(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.schema.modules.iter().flat_map(|module| &module.items).filter_map(|item| match item {
            Item::Entity(id) => Some((*id, self.schema.get(*id))),
            Item::Include(_) => None,
        })
    }

    /// A type as the schema spells it: `uint32`, `[str]`, `MachineType`.
    pub(crate) fn spelling(&self, id: EntityId) -> String {
        match &self.schema.get(id).kind {
            Kind::Array(element) => format!("[{}]", self.spelling(*element)),
            _ => self.schema.get(id).name.clone(),
        }
    }

    /// The object behind an id, if it is one.
    pub(crate) fn object(&self, id: EntityId) -> Option<&'a Object> {
        match &self.schema.get(id).kind {
            Kind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The enumeration behind an id, if it is one.
    pub(crate) fn enumeration(&self, id: EntityId) -> Option<&'a Enum> {
        match &self.schema.get(id).kind {
            Kind::Enum(definition) => Some(definition),
            _ => None,
        }
    }

    /// The members of an object with those of its bases before them. `doc` describes what was
    /// spelled inline; a named base has a description of its own.
    pub(crate) fn fields(&self, id: EntityId, doc: Option<&'a Doc>) -> Vec<Field<'a>> {
        let mut members = Vec::new();
        self.collect_members(id, doc, &mut members);
        let idents = distinct(members.iter().map(|(member, _)| member.name.as_str()), snake);
        let with_ident = members.into_iter().zip(idents);
        with_ident.map(|((member, doc), ident)| Field { member, ident, doc }).collect()
    }

    fn collect_members(
        &self,
        id: EntityId,
        doc: Option<&'a Doc>,
        members: &mut Vec<(&'a Member, &'a str)>,
    ) {
        let Some(object) = self.object(id) else { return };
        if let Some(base) = object.base {
            let implicit = self.object(base).is_some_and(|base| base.meta == ObjectMeta::Implicit);
            let doc = if implicit { doc } else { self.schema.get(base).doc.as_ref() };
            self.collect_members(base, doc, members);
        }
        members.extend(object.members.iter().map(|member| {
            (member, doc.and_then(|doc| described(doc, &member.name)).unwrap_or_default())
        }));
    }

    /// The variants' identifiers of an enumeration, in the order of its values.
    pub(crate) fn value_idents(&self, definition: &Enum) -> Vec<String> {
        distinct(definition.values.iter().map(|value| value.name.as_str()), camel)
    }

    /// The variant that a client's enumeration has for all other names; none for a server.
    pub(crate) fn unknown_ident(&self, definition: &Enum) -> Option<String> {
        let names = definition.values.iter().map(|value| value.name.as_str());
        let with_unknown = names.chain(["unknown"]);
        let last = || distinct(with_unknown, camel).pop();
        (self.side == Side::Client).then(last).flatten()
    }

    /// What a command's method gets.
    pub(crate) fn arguments(&self, command: &Command) -> Arguments {
        if !command.generate {
            return Arguments::Raw;
        }
        let Some(id) = command.arguments else { return Arguments::None };
        match self.object(id) {
            Some(object) if object.meta == ObjectMeta::Implicit && object.members.is_empty() => {
                Arguments::None
            }
            Some(object) if object.meta == ObjectMeta::Implicit => Arguments::Inline(id),
            Some(object) if object.meta == ObjectMeta::Empty => Arguments::None,
            _ => Arguments::Named(id),
        }
    }
}

/// What a documentation says about a member or value.
pub(crate) fn described<'d>(doc: &'d Doc, name: &str) -> Option<&'d str> {
    let found = doc.members.iter().find(|(member, _)| member == name)?;
    Some(found.1.as_str())
}

/// Whether a list of features has the one that lets scalars come as strings.
pub(crate) fn keyval(entity: &Entity) -> bool {
    entity.features.iter().any(|feature| feature.name == "keyval-values")
}

/// A file being written: what it names from other files is remembered as imports.
pub(crate) struct Scope<'a> {
    pub(crate) cx: &'a Context<'a>,
    module: Option<ModuleId>,
    imports: RefCell<BTreeMap<ModuleId, BTreeSet<EntityId>>>,
}

impl<'a> Scope<'a> {
    /// The file of a module; without one, a place that sees all names, such as the root file.
    pub(crate) fn new(cx: &'a Context<'a>, module: Option<ModuleId>) -> Self {
        Self { cx, module, imports: RefCell::default() }
    }

    /// The `use` lines for what was named so far.
    pub(crate) fn imports(&self, code: &mut Code) {
        let imports = self.imports.borrow();
        let mut modules: Vec<_> =
            imports.iter().map(|(module, ids)| (self.cx.names.module(*module), ids)).collect();
        modules.sort_by_key(|(module, _)| *module);
        for (module, ids) in modules {
            let path = format!("super::{module}");
            // What may be absent is imported by itself: its condition stands before it.
            let (plain, conditional): (Vec<_>, Vec<_>) =
                ids.iter().partition(|id| self.cx.schema.get(**id).cond.is_none());
            let name = |id: &EntityId| self.cx.names.ty(*id).unwrap_or_default().to_owned();
            let mut plain: Vec<_> = plain.into_iter().map(name).collect();
            plain.sort();
            if !plain.is_empty() {
                code.import(&path, &plain);
            }
            for id in conditional {
                code.attribute(cfg(self.cx.schema.get(*id).cond.as_ref()).as_deref());
                code.import(&path, &[name(id)]);
            }
        }
    }

    /// The identifier of a definition's type.
    pub(crate) fn named(&self, id: EntityId) -> String {
        let Some(name) = self.cx.names.ty(id) else {
            // Only the predefined empty object has no type of its own.
            return "rt::Empty".into();
        };
        let home = self.cx.schema.get(id).module;
        if self.module.is_some_and(|module| module != home) {
            self.imports.borrow_mut().entry(home).or_default().insert(id);
        }
        name.to_owned()
    }

    /// The Rust type of a schema type.
    pub(crate) fn ty(&self, id: EntityId) -> String {
        match &self.cx.schema.get(id).kind {
            Kind::Builtin(builtin) => builtin_type(*builtin).into(),
            Kind::Array(element) => format!("Vec<{}>", self.ty(*element)),
            _ => self.named(id),
        }
    }

    /// The same as a part of `owner`: boxed where the type would otherwise contain itself.
    pub(crate) fn held(&self, owner: EntityId, id: EntityId) -> String {
        let ty = self.ty(id);
        if self.cx.boxed.contains(&(owner, id)) { format!("Box<{ty}>") } else { ty }
    }

    /// The type of a field.
    pub(crate) fn field(&self, owner: EntityId, member: &Member) -> String {
        let ty = self.held(owner, member.ty);
        if member.optional { format!("Option<{ty}>") } else { ty }
    }

    /// The function that reads a type, where that is not the type's own.
    pub(crate) fn reader(&self, id: EntityId) -> Option<&'static str> {
        match &self.cx.schema.get(id).kind {
            Kind::Builtin(Builtin::Size) => Some("rt::decode_size"),
            Kind::Array(element) => {
                let size =
                    matches!(self.cx.schema.get(*element).kind, Kind::Builtin(Builtin::Size));
                size.then_some("rt::decode_sizes")
            }
            _ => None,
        }
    }
}

/// The attribute of what is there only under a condition.
pub(crate) fn cfg(cond: Option<&Cond>) -> Option<String> {
    cond.map(|cond| format!("#[cfg({})]", conditions::predicate(cond)))
}

/// The names of features, with their conditions, as the elements of an array.
pub(crate) fn feature_names(features: &[Feature]) -> String {
    let name = |feature: &Feature| {
        let attribute = cfg(feature.cond.as_ref()).map_or_else(String::new, |cfg| cfg + " ");
        attribute + &literal(&feature.name)
    };
    features.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The names of the features of which a policy decides.
pub(crate) fn policed(features: &[Feature]) -> String {
    let decides = |name: &str| matches!(name, "deprecated" | "unstable");
    let policed = features.iter().filter(|feature| decides(&feature.name)).cloned();
    feature_names(&policed.collect::<Vec<_>>())
}

/// The attribute by which the compiler warns of what is deprecated; `doc` says why.
pub(crate) fn deprecated(features: &[Feature], doc: Option<&Doc>, code: &mut Code) {
    if !features.iter().any(|feature| feature.name == "deprecated") {
        return;
    }
    let reason = doc.and_then(|doc| feature_text(doc, "deprecated")).map(docs::summary);
    match reason.filter(|reason| !reason.is_empty()) {
        Some(reason) => {
            let one = format!("#[deprecated(note = {})]", literal(&reason));
            if one.len() <= 80 {
                return code.line(one);
            }
            code.line("#[deprecated(");
            code.text("    note = ", &reason, "");
            code.line(")]");
        }
        None => code.line("#[deprecated]"),
    }
}

/// What the documentation says about a feature.
pub(crate) fn feature_text<'d>(doc: &'d Doc, name: &str) -> Option<&'d str> {
    let found = doc.features.iter().find(|(feature, _)| feature == name)?;
    Some(found.1.as_str())
}

/// The Rust type of a predefined one.
pub(crate) fn builtin_type(builtin: Builtin) -> &'static str {
    match builtin {
        Builtin::Str => "String",
        Builtin::Number => "f64",
        Builtin::Int | Builtin::Int64 => "i64",
        Builtin::Int8 => "i8",
        Builtin::Int16 => "i16",
        Builtin::Int32 => "i32",
        Builtin::Uint8 => "u8",
        Builtin::Uint16 => "u16",
        Builtin::Uint32 => "u32",
        Builtin::Uint64 | Builtin::Size => "u64",
        Builtin::Bool => "bool",
        Builtin::Any => "rt::Value",
        Builtin::Null => "()",
    }
}
