//! Resolves type names and checks what definitions demand of each other.
//!
//! Entities are checked in registration order, but checking an object first checks the objects
//! that it contains (its base, the branches of a union), because it needs their members. What
//! contains something wrong is wrong silently.

use std::collections::HashMap;
use std::rc::Rc;

use crate::ast::{Body, Branch, Data, Definition, Member as AstMember, TypeName};
use crate::diagnostics::Diagnostic;
use crate::error::Problem;
use crate::model::{
    self, Cond, EntityId, Enum, EnumValue, Feature, Kind, Object, ObjectMeta, Span,
};
use crate::names::spelling;
use crate::pragma::Pragmas;
use crate::register::{RawKind, Registry, SPECIAL_FEATURES};
use crate::suggest::nearest;

/// The values of the predefined enum `QType`.
const QTYPES: [&str; 7] = ["none", "qnull", "qnum", "qstring", "qdict", "qlist", "qbool"];

/// How many errors come with a name that was probably meant.
const MAX_ADVICE: usize = 50;

/// How far the checks of an entity have come.
#[derive(Clone, Debug, Default)]
pub(crate) enum State {
    #[default]
    Unchecked,
    /// Being checked; meeting it again means that it contains itself.
    Open,
    Wrong,
    Done(Checked),
}

/// A checked entity.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) kind: Kind,
    /// The members of an object with those of its base, without those of branches.
    pub(crate) members: Rc<[Flat]>,
    /// How many levels of bases and branches are below it.
    pub(crate) depth: usize,
}

/// A member, and which type has it.
#[derive(Clone, Debug)]
pub(crate) struct Flat {
    pub(crate) name: String,
    /// The object type that declares it.
    pub(crate) holder: EntityId,
    pub(crate) ty: EntityId,
    pub(crate) optional: bool,
    pub(crate) cond: Option<Cond>,
    pub(crate) span: Span,
}

/// The state of all checks.
pub(crate) struct Checker<'r> {
    pub(crate) registry: &'r Registry,
    pub(crate) pragmas: &'r Pragmas,
    pub(crate) phase_enum: Option<EntityId>,
    pub(crate) states: Vec<State>,
    pub(crate) errors: Vec<Diagnostic>,
}

impl<'r> Checker<'r> {
    pub(crate) fn new(registry: &'r Registry, pragmas: &'r Pragmas) -> Self {
        let states = vec![State::default(); registry.raws.len()];
        Self { registry, pragmas, phase_enum: None, states, errors: Vec::new() }
    }

    /// The definition that an entity is, or for which it was made.
    pub(crate) fn owner(&self, id: EntityId) -> Option<&'r Definition> {
        let registry = self.registry;
        let owner = registry.raws.get(id.0)?.owner?;
        registry.definitions.get(owner)
    }

    pub(crate) fn done(&self, id: EntityId) -> Option<&Checked> {
        match self.states.get(id.0) {
            Some(State::Done(checked)) => Some(checked),
            _ => None,
        }
    }

    /// Records an error of a definition; the result is for `return self.fail(...)`.
    pub(crate) fn fail<T>(&mut self, at: &Definition, problem: Problem, span: Span) -> Option<T> {
        self.report(at, Diagnostic::semantic(problem, at.anchor(), span))
    }

    pub(crate) fn report<T>(&mut self, at: &Definition, error: Diagnostic) -> Option<T> {
        self.errors.push(error.within(at.context()));
        None
    }

    /// Checks the pragma `phase-enum`.
    pub(crate) fn phases(&mut self) {
        let Some(phases) = &self.pragmas.phase_enum else { return };
        let problem = match self.find_type(&phases.name) {
            None => Problem::UnknownPhaseEnum(phases.name.clone()),
            Some(id) if self.enum_values(id).is_some() => {
                self.phase_enum = Some(id);
                return;
            }
            Some(id) => Problem::PhaseEnumIsNoEnum(self.describe(id)),
        };
        self.errors.push(Diagnostic::semantic(problem, phases.anchor, phases.span));
    }

    /// The type of that name; commands and events are none.
    pub(crate) fn find_type(&self, name: &str) -> Option<EntityId> {
        let id = *self.registry.names.get(name)?;
        self.is_type(id).then_some(id)
    }

    fn is_type(&self, id: EntityId) -> bool {
        let raw = self.registry.raws.get(id.0);
        let is_definition = raw.is_some_and(|raw| matches!(raw.kind, RawKind::Definition));
        let not_a_type = |body: &Body| matches!(body, Body::Command { .. } | Body::Event { .. });
        !is_definition || self.owner(id).is_none_or(|owner| !not_a_type(&owner.body))
    }

    /// Finds a type that a definition uses.
    pub(crate) fn resolve(
        &mut self,
        at: &Definition,
        name: &str,
        user: impl Into<String>,
        span: Span,
    ) -> Option<EntityId> {
        match self.find_type(name) {
            Some(id) => Some(id),
            None => self.unknown(at, name.to_owned(), user.into(), span),
        }
    }

    /// Records that there is no such type.
    fn unknown<T>(&mut self, at: &Definition, name: String, user: String, span: Span) -> Option<T> {
        let problem = Problem::UnknownType { user, name: name.clone() };
        let error = Diagnostic::semantic(problem, at.anchor(), span);
        if let Some(other) = self.registry.names.get(&name).and_then(|id| self.owner(*id)) {
            let help = format!("'{name}' is not a type, but a {}", other.meta);
            return self.report(at, error.advise(Some(help)));
        }
        // Looking for similar names takes time, and nobody reads so much advice.
        if self.errors.len() > MAX_ADVICE {
            return self.report(at, error);
        }
        let names = self.registry.raws.iter().enumerate().filter_map(|(index, raw)| {
            let written = matches!(raw.kind, RawKind::Builtin(_) | RawKind::QType)
                || matches!(raw.kind, RawKind::Definition) && self.is_type(EntityId(index));
            written.then_some(raw.name.as_str())
        });
        let near = nearest(&name, names);
        self.report(at, error.suggest("type", near))
    }

    /// The values of an enum type, checked or not.
    pub(crate) fn enum_values(&self, id: EntityId) -> Option<Vec<EnumValue>> {
        let value = |name: &str| EnumValue {
            name: name.to_owned(),
            cond: None,
            features: Vec::new(),
            span: Span { file: 0, start: 0, end: 0 },
        };
        match self.registry.raws.get(id.0)?.kind {
            RawKind::QType => Some(QTYPES.map(value).to_vec()),
            RawKind::Definition => match &self.owner(id)?.body {
                Body::Enum { values, .. } => Some(values.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// How messages call a type.
    pub(crate) fn describe(&self, id: EntityId) -> String {
        let Some(raw) = self.registry.raws.get(id.0) else { return String::new() };
        let meta = match &raw.kind {
            RawKind::Array(element) => return format!("array type ['{}']", element.name),
            RawKind::Builtin(_) => "built-in",
            RawKind::QType => "enum",
            RawKind::Empty | RawKind::Arguments | RawKind::Base => "struct",
            RawKind::Definition => self.owner(id).map_or("", |owner| owner.meta),
        };
        format!("{meta} type '{}'", raw.name)
    }

    /// Whether a type has members: a struct, a union or an implicit object.
    pub(crate) fn is_object(&self, id: EntityId) -> bool {
        let Some(raw) = self.registry.raws.get(id.0) else { return false };
        match &raw.kind {
            RawKind::Empty | RawKind::Arguments | RawKind::Base => true,
            RawKind::Definition => self.owner(id).is_some_and(|owner| {
                matches!(owner.body, Body::Struct { .. } | Body::Union { .. })
            }),
            _ => false,
        }
    }

    /// Whether a type has branches.
    pub(crate) fn is_union(&self, id: EntityId) -> bool {
        let raw = self.registry.raws.get(id.0);
        raw.is_some_and(|raw| matches!(raw.kind, RawKind::Definition))
            && self.owner(id).is_some_and(|owner| matches!(owner.body, Body::Union { .. }))
    }

    /// Checks an entity, if that has not been done, and says whether it is right.
    pub(crate) fn check(&mut self, id: EntityId, level: usize) -> bool {
        match self.states.get_mut(id.0) {
            Some(state @ State::Unchecked) => *state = State::Open,
            Some(State::Done(_)) => return true,
            _ => return false,
        }
        let known = self.errors.len();
        let checked = self.entity(id, level);
        // Something may be wrong although there is a result.
        let checked = checked.filter(|_| self.errors.len() == known);
        let right = checked.is_some();
        if let Some(state) = self.states.get_mut(id.0) {
            *state = checked.map_or(State::Wrong, State::Done);
        }
        right
    }

    fn entity(&mut self, id: EntityId, level: usize) -> Option<Checked> {
        let registry = self.registry;
        let raw = registry.raws.get(id.0)?;
        let plain = |kind| Some(Checked { kind, members: Rc::new([]), depth: 0 });
        let owner = self.owner(id);
        match (&raw.kind, owner) {
            (RawKind::Builtin(builtin), _) => plain(Kind::Builtin(*builtin)),
            (RawKind::QType, _) => {
                let values = self.enum_values(id)?;
                plain(Kind::Enum(Enum { values, prefix: None }))
            }
            (RawKind::Empty, _) => {
                let meta = ObjectMeta::Empty;
                plain(Kind::Object(Object { meta, base: None, members: vec![], variants: None }))
            }
            (RawKind::Array(element), None) => {
                plain(Kind::Array(*registry.names.get(&element.name)?))
            }
            (RawKind::Array(element), Some(owner)) => {
                let found = self.resolve(owner, &element.name, owner.meta, element.span)?;
                let kind = registry.raws.get(found.0).map(|raw| &raw.kind);
                if let Some(RawKind::Array(_)) = kind {
                    let (user, element_name) = (owner.meta.to_owned(), self.describe(found));
                    let problem = Problem::ArrayOfArray { user, element: element_name };
                    return self.fail(owner, problem, element.span);
                }
                plain(Kind::Array(found))
            }
            (RawKind::Arguments | RawKind::Base, Some(owner)) => {
                let (Body::Union { base: data, .. }
                | Body::Command { data, .. }
                | Body::Event { data, .. }) = &owner.body
                else {
                    return None;
                };
                let Data::Inline(members) = data else { return None };
                self.object(id, owner, ObjectMeta::Implicit, None, members, None, level)
            }
            (RawKind::Definition, Some(owner)) => self.definition(id, owner, level),
            (_, None) => None,
        }
    }

    fn definition(&mut self, id: EntityId, at: &Definition, level: usize) -> Option<Checked> {
        let plain = |kind| Checked { kind, members: Rc::new([]), depth: 0 };
        let features = self.feature_clashes(at, &at.features, &at.name);
        let is_type = !matches!(at.body, Body::Command { .. } | Body::Event { .. });
        let special = at.features.iter().find(|it| SPECIAL_FEATURES.contains(&it.name.as_str()));
        if is_type && let Some(feature) = special {
            return self.fail(at, Problem::FeatureOfType(feature.name.clone()), feature.span);
        }
        let checked = match &at.body {
            Body::Enum { values, prefix } => {
                self.value_clashes(at, values)?;
                plain(Kind::Enum(Enum { values: values.clone(), prefix: prefix.clone() }))
            }
            Body::Struct { base, members } => {
                let base = match base {
                    Some(base) => Some(self.base(at, base)?),
                    None => None,
                };
                self.object(id, at, ObjectMeta::Struct, base, members, None, level)?
            }
            Body::Union { base, branches, .. } => {
                let base = match base {
                    Data::Named(base) => Some(self.base(at, base)?),
                    // Without members there is no such type.
                    _ => self.find_type(&Registry::implicit(&at.name, "base")),
                };
                self.object(id, at, ObjectMeta::Union, base, &[], Some(branches), level)?
            }
            Body::Alternate { branches } => plain(Kind::Alternate(self.alternate(at, branches)?)),
            Body::Command { data, returns, flags } => {
                plain(Kind::Command(self.command(at, data, returns.as_ref(), flags)?))
            }
            Body::Event { data, boxed } => {
                let data = self.arguments(at, data, *boxed);
                plain(Kind::Event(model::Event { data: data?, boxed: *boxed }))
            }
        };
        features.map(|()| checked)
    }

    fn base(&mut self, at: &Definition, base: &TypeName) -> Option<EntityId> {
        let found = self.resolve(at, &base.entity(), "'base'", base.span)?;
        if !self.is_object(found) || self.is_union(found) {
            let problem = Problem::BaseNotStruct(self.describe(found));
            return self.fail(at, problem, base.span);
        }
        Some(found)
    }

    /// Finds features that stand twice in one place. The reference calls the holder of a member's
    /// feature a type, whatever it is.
    pub(crate) fn feature_clashes(
        &mut self,
        at: &Definition,
        features: &[Feature],
        holder: &str,
    ) -> Option<()> {
        let foreign =
            if holder == at.name { String::new() } else { format!(" of type '{holder}'") };
        let mut seen: HashMap<String, &Feature> = HashMap::new();
        for feature in features {
            if let Some(other) = seen.insert(spelling(&feature.name), feature) {
                let problem = Problem::Collision {
                    one: format!("feature '{}'{foreign}", feature.name),
                    other: format!("feature '{}'{foreign}", other.name),
                };
                let error = Diagnostic::semantic(problem, at.anchor(), feature.span);
                return self.report(at, error.relate(Some(other.span), "the other one"));
            }
        }
        Some(())
    }

    /// Finds values with the same spelling in C.
    fn value_clashes(&mut self, at: &Definition, values: &[EnumValue]) -> Option<()> {
        let mut seen: HashMap<String, &EnumValue> = HashMap::new();
        let mut right = Some(());
        for value in values {
            if let Some(other) = seen.insert(spelling(&value.name), value) {
                let (one, other) = ((&*value.name, value.span), (&*other.name, other.span));
                right = self.collision(at, "value", one, other);
            }
        }
        right
    }

    /// Records that two names of one kind have the same spelling in C.
    pub(crate) fn collision<T>(
        &mut self,
        at: &Definition,
        role: &str,
        (one, span): (&str, Span),
        (other, place): (&str, Span),
    ) -> Option<T> {
        let (one, other) = (format!("{role} '{one}'"), format!("{role} '{other}'"));
        let error = Diagnostic::semantic(Problem::Collision { one, other }, at.anchor(), span);
        self.report(at, error.relate(Some(place), "the other one"))
    }

    /// Resolves the types of members.
    pub(crate) fn member(
        &mut self,
        at: &Definition,
        holder: EntityId,
        member: &AstMember,
    ) -> Option<model::Member> {
        let name = member.ty.entity();
        let ty = match self.find_type(&name) {
            Some(ty) => ty,
            None => {
                let user = self.describe_member(&member.name, holder, &at.name);
                return self.unknown(at, name, user, member.ty.span);
            }
        };
        self.feature_clashes(at, &member.features, &member.name)?;
        Some(model::Member {
            name: member.name.clone(),
            ty,
            optional: member.optional,
            cond: member.cond.clone(),
            features: member.features.clone(),
            span: member.span,
        })
    }

    /// How messages call a member, seen from a definition.
    pub(crate) fn describe_member(&self, name: &str, holder: EntityId, from: &str) -> String {
        let Some(raw) = self.registry.raws.get(holder.0) else { return String::new() };
        let owner = self.owner(holder).map_or(raw.name.as_str(), |owner| owner.name.as_str());
        let (role, meta) = match raw.kind {
            RawKind::Arguments => ("parameter", "command"),
            RawKind::Base => ("base member", "type"),
            _ => ("member", "type"),
        };
        if owner == from {
            format!("{role} '{name}'")
        } else {
            format!("{role} '{name}' of {meta} '{owner}'")
        }
    }

    /// The type of a branch.
    pub(crate) fn branch_type(&mut self, at: &Definition, branch: &Branch) -> Option<EntityId> {
        let user = format!("branch '{}'", branch.name);
        self.resolve(at, &branch.ty.entity(), user, branch.ty.span)
    }
}
