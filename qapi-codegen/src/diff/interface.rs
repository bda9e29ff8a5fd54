//! An interface as a client sees it, whatever it was read from.

use std::collections::BTreeMap;

use qapi_schema::model::{Builtin, Entity, EntityId, Feature, Item, Kind, ObjectMeta, Schema};

use crate::Options;
use crate::conditions::configure;

/// Index of a type in [`Interface::types`].
pub(super) type TypeId = usize;

/// Commands and events by name, and the types they lead to.
#[derive(Clone, Debug, Default)]
pub(super) struct Interface {
    pub(super) commands: BTreeMap<String, Command>,
    pub(super) events: BTreeMap<String, Event>,
    pub(super) types: Vec<Type>,
}

#[derive(Clone, Debug)]
pub(super) struct Command {
    /// Nothing stands for an empty object.
    pub(super) arguments: Option<TypeId>,
    pub(super) returns: Option<TypeId>,
    pub(super) allow_oob: bool,
    /// The phases in which it is permitted; nothing when that is not known.
    pub(super) phases: Option<Vec<String>>,
    pub(super) features: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) data: Option<TypeId>,
    pub(super) features: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Type {
    /// What the schema calls it; nothing where that is hidden, or nobody named it.
    pub(super) name: Option<String>,
    pub(super) shape: Shape,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    String,
    Number,
    /// An integer and its range, where that is known.
    Integer(Option<(i128, i128)>),
    Bool,
    Null,
    Any,
    Array(TypeId),
    /// Values with their features.
    Enum(Vec<(String, Vec<String>)>),
    Object(Object),
    Alternate(Vec<TypeId>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    /// All members, those of bases included.
    pub(super) members: Vec<Member>,
    /// The discriminator; empty without one.
    pub(super) tag: String,
    /// Its values, each with the type of the further members.
    pub(super) cases: Vec<(String, TypeId)>,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) ty: TypeId,
    pub(super) optional: bool,
    pub(super) features: Vec<String>,
}

/// Reads a schema; a type's index is its entity's.
pub(super) fn interface(schema: &Schema, options: &Options) -> Interface {
    let configured;
    let schema = if options.defines.is_empty() {
        schema
    } else {
        configured = configure(schema, options);
        &configured
    };
    let mut interface = Interface::default();
    for item in schema.modules.iter().flat_map(|module| &module.items) {
        let Item::Entity(id) = item else { continue };
        let entity = schema.get(*id);
        let (name, features) = (entity.name.clone(), names(&entity.features));
        match &entity.kind {
            Kind::Command(command) => {
                let phases = schema.phases_of(command).into_iter().map(str::to_owned);
                let command = Command {
                    arguments: command.arguments.map(|id| id.0),
                    returns: command.returns.map(|id| id.0),
                    allow_oob: command.allow_oob,
                    phases: schema.phase_enum.map(|_| phases.collect()),
                    features,
                };
                interface.commands.insert(name, command);
            }
            Kind::Event(event) => {
                let event = Event { data: event.data.map(|id| id.0), features };
                interface.events.insert(name, event);
            }
            _ => {}
        }
    }
    let ids = (0..schema.entities.len()).map(EntityId);
    interface.types = ids.map(|id| ty(schema, id, schema.get(id))).collect();
    interface
}

fn ty(schema: &Schema, id: EntityId, entity: &Entity) -> Type {
    let mut named = entity.span.is_some();
    let shape = match &entity.kind {
        Kind::Builtin(builtin) => scalar(*builtin),
        Kind::Enum(definition) => {
            let values = definition.values.iter();
            Shape::Enum(values.map(|it| (it.name.clone(), names(&it.features))).collect())
        }
        Kind::Array(element) => {
            named = false;
            Shape::Array(element.0)
        }
        Kind::Object(object) => {
            named &= object.meta != ObjectMeta::Implicit;
            let members = schema.all_members(id).into_iter().map(|member| Member {
                name: member.name.clone(),
                ty: member.ty.0,
                optional: member.optional,
                features: names(&member.features),
            });
            let variants = object.variants.as_ref();
            let cases = variants.iter().flat_map(|variants| &variants.cases);
            Shape::Object(Object {
                members: members.collect(),
                tag: variants.map(|variants| variants.tag.clone()).unwrap_or_default(),
                cases: cases.map(|case| (case.name.clone(), case.ty.0)).collect(),
            })
        }
        Kind::Alternate(branches) => {
            Shape::Alternate(branches.iter().map(|branch| branch.ty.0).collect())
        }
        // Nobody refers to these as types.
        Kind::Command(_) | Kind::Event(_) => Shape::Null,
    };
    Type { name: named.then(|| entity.name.clone()), shape }
}

fn names(features: &[Feature]) -> Vec<String> {
    features.iter().map(|feature| feature.name.clone()).collect()
}

fn scalar(builtin: Builtin) -> Shape {
    let (min, max): (i128, i128) = match builtin {
        Builtin::Str => return Shape::String,
        Builtin::Number => return Shape::Number,
        Builtin::Bool => return Shape::Bool,
        Builtin::Any => return Shape::Any,
        Builtin::Null => return Shape::Null,
        Builtin::Int8 => (i8::MIN.into(), i8::MAX.into()),
        Builtin::Int16 => (i16::MIN.into(), i16::MAX.into()),
        Builtin::Int32 => (i32::MIN.into(), i32::MAX.into()),
        Builtin::Int | Builtin::Int64 => (i64::MIN.into(), i64::MAX.into()),
        Builtin::Uint8 => (0, u8::MAX.into()),
        Builtin::Uint16 => (0, u16::MAX.into()),
        Builtin::Uint32 => (0, u32::MAX.into()),
        Builtin::Uint64 | Builtin::Size => (0, u64::MAX.into()),
    };
    Shape::Integer(Some((min, max)))
}
