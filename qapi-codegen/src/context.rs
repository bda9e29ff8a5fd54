//! What emitters ask about a schema: names, types, where a box is needed, which members an object
//! has with their documentation.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use qapi_schema::model::{
    Builtin, Command, Doc, Entity, EntityId, Enum, Item, Kind, Member, ModuleId, Object,
    ObjectMeta, Schema,
};
use quote::quote;

use crate::Side;
use crate::names::{Names, camel, distinct, ident, snake};

/// A configured schema with its names.
pub(crate) struct Context<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) names: Names,
    pub(crate) side: Side,
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
    pub(crate) ident: Ident,
    pub(crate) doc: String,
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
        Self { schema, names: Names::new(schema), side }
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
        let held = objects.flat_map(|entity| self.held_types(entity));
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

    /// The types that an entity holds directly, without those behind an array.
    fn held_types(&self, entity: &Entity) -> Vec<EntityId> {
        match &entity.kind {
            Kind::Object(object) => {
                let mut held: Vec<_> = object
                    .base
                    .map(|base| self.held_types(self.schema.get(base)))
                    .unwrap_or_default();
                held.extend(object.members.iter().map(|member| member.ty));
                held.extend(
                    object.variants.iter().flat_map(|v| v.cases.iter().map(|case| case.ty)),
                );
                held
            }
            Kind::Alternate(branches) => branches.iter().map(|branch| branch.ty).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether a value of type `owner` would contain itself if it held a `target` unboxed.
    fn needs_box(&self, owner: EntityId, target: EntityId) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![target];
        while let Some(id) = open.pop() {
            if id == owner {
                return true;
            }
            if seen.insert(id) {
                open.extend(self.held_types(self.schema.get(id)));
            }
        }
        false
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
        members: &mut Vec<(&'a Member, String)>,
    ) {
        let Some(object) = self.object(id) else { return };
        if let Some(base) = object.base {
            let implicit = self.object(base).is_some_and(|base| base.meta == ObjectMeta::Implicit);
            let doc = if implicit { doc } else { self.schema.get(base).doc.as_ref() };
            self.collect_members(base, doc, members);
        }
        members.extend(object.members.iter().map(|member| {
            let text = doc.and_then(|doc| described(doc, &member.name)).unwrap_or_default();
            (member, text.to_owned())
        }));
    }

    /// The variants' identifiers of an enumeration, in the order of its values.
    pub(crate) fn value_idents(&self, definition: &Enum) -> Vec<Ident> {
        distinct(definition.values.iter().map(|value| value.name.as_str()), camel)
    }

    /// The variant that a client's enumeration has for all other names; none for a server.
    pub(crate) fn unknown_ident(&self, definition: &Enum) -> Option<Ident> {
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

    /// The names of all phases; empty when the schema has none.
    pub(crate) fn phases(&self) -> Vec<&'a str> {
        let definition = self.schema.phase_enum.and_then(|id| self.enumeration(id));
        let values = definition.into_iter().flat_map(|definition| &definition.values);
        values.map(|value| value.name.as_str()).collect()
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
    imports: RefCell<BTreeSet<(String, String)>>,
}

impl<'a> Scope<'a> {
    /// The file of a module; without one, a place that sees all names, such as the root file.
    pub(crate) fn new(cx: &'a Context<'a>, module: Option<ModuleId>) -> Self {
        Self { cx, module, imports: RefCell::default() }
    }

    /// The `use` lines for what was named so far.
    pub(crate) fn imports(&self) -> TokenStream {
        let lines = self.imports.borrow();
        let lines = lines.iter().map(|(module, name)| {
            let (module, name) = (ident(module), ident(name));
            quote! { use super::#module::#name; }
        });
        quote! { #(#lines)* }
    }

    /// The identifier of a definition's type.
    pub(crate) fn named(&self, id: EntityId) -> TokenStream {
        let Some(name) = self.cx.names.ty(id) else {
            // Only the predefined empty object has no type of its own.
            return quote! { rt::Empty };
        };
        let home = self.cx.schema.get(id).module;
        if self.module.is_some_and(|module| module != home) {
            let module = self.cx.names.module(home).to_owned();
            self.imports.borrow_mut().insert((module, name.to_owned()));
        }
        let name = ident(name);
        quote! { #name }
    }

    /// The Rust type of a schema type.
    pub(crate) fn ty(&self, id: EntityId) -> TokenStream {
        match &self.cx.schema.get(id).kind {
            Kind::Builtin(builtin) => builtin_type(*builtin),
            Kind::Array(element) => {
                let element = self.ty(*element);
                quote! { Vec<#element> }
            }
            _ => self.named(id),
        }
    }

    /// The same as a part of `owner`: boxed where the type would otherwise contain itself.
    pub(crate) fn held(&self, owner: EntityId, id: EntityId) -> TokenStream {
        let ty = self.ty(id);
        if self.cx.needs_box(owner, id) {
            quote! { Box<#ty> }
        } else {
            ty
        }
    }

    /// The type of a field.
    pub(crate) fn field(&self, owner: EntityId, member: &Member) -> TokenStream {
        let ty = self.held(owner, member.ty);
        if member.optional {
            quote! { Option<#ty> }
        } else {
            ty
        }
    }

    /// The function that reads a type, where that is not the type's own.
    pub(crate) fn reader(&self, id: EntityId) -> Option<TokenStream> {
        match &self.cx.schema.get(id).kind {
            Kind::Builtin(Builtin::Size) => Some(quote! { rt::decode_size }),
            Kind::Array(element) => {
                let size =
                    matches!(self.cx.schema.get(*element).kind, Kind::Builtin(Builtin::Size));
                size.then(|| quote! { rt::decode_sizes })
            }
            _ => None,
        }
    }
}

/// The Rust type of a predefined one.
pub(crate) fn builtin_type(builtin: Builtin) -> TokenStream {
    match builtin {
        Builtin::Str => quote! { String },
        Builtin::Number => quote! { f64 },
        Builtin::Int | Builtin::Int64 => quote! { i64 },
        Builtin::Int8 => quote! { i8 },
        Builtin::Int16 => quote! { i16 },
        Builtin::Int32 => quote! { i32 },
        Builtin::Uint8 => quote! { u8 },
        Builtin::Uint16 => quote! { u16 },
        Builtin::Uint32 => quote! { u32 },
        Builtin::Uint64 | Builtin::Size => quote! { u64 },
        Builtin::Bool => quote! { bool },
        Builtin::Any => quote! { rt::Value },
        Builtin::Null => quote! { () },
    }
}
