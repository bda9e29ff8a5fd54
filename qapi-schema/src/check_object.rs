//! The checks of structs and unions: bases, clashing members, discriminators, branches.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::ast::{Body, Branch, Definition, Member};
use crate::check::{Checked, Checker, Flat, State};
use crate::diagnostics::Diagnostic;
use crate::error::Problem;
use crate::model::{EntityId, EnumValue, Kind, Object, ObjectMeta, Span, Variant, Variants};
use crate::names::spelling;
use crate::register::{EMPTY, RawKind};
use crate::suggest::nearest;

/// How many levels of bases and branches an object may have; following them recurses.
const MAX_LEVELS: usize = 200;

/// The members that are on the wire together, by C spelling.
type Seen = IndexMap<String, Flat>;

/// The discriminator of a union.
struct Tag {
    ty: EntityId,
    values: Vec<EnumValue>,
}

impl Checker<'_> {
    /// Checks an object type; see the parameters' namesakes in the model.
    #[expect(clippy::too_many_arguments, reason = "structs, unions and inline members in one")]
    pub(crate) fn object(
        &mut self,
        id: EntityId,
        at: &Definition,
        meta: ObjectMeta,
        base: Option<EntityId>,
        own: &[Member],
        branches: Option<&[Branch]>,
        level: usize,
    ) -> Option<Checked> {
        let mut seen = Seen::new();
        let mut depth = 0;
        let mut right = true;
        if let Some(base) = base {
            match self.contained(at, base, level) {
                Some(below) => {
                    depth = below;
                    right &= self.add(at, base, &mut seen);
                }
                None => right = false,
            }
        }
        let mut members = Vec::new();
        for member in own {
            let Some(member) = self.member(at, id, member) else {
                right = false;
                continue;
            };
            let flat = Flat {
                name: member.name.clone(),
                holder: id,
                ty: member.ty,
                optional: member.optional,
                cond: member.cond.clone(),
                span: member.span,
            };
            right &= self.add_member(at, flat, &mut seen);
            members.push(member);
        }
        if !right {
            return None;
        }
        let flat = seen.values().cloned().collect();
        let variants = match branches {
            Some(branches) => {
                let (variants, below) = self.branches(at, branches, &seen, level)?;
                depth = depth.max(below);
                self.branches_clash(at, &variants, &mut seen)?;
                Some(variants)
            }
            None => None,
        };
        let kind = Kind::Object(Object { meta, base, members, variants });
        Some(Checked { kind, members: flat, depth })
    }

    /// Checks an object that `at` contains. The result is the depth that this makes for `at`.
    fn contained(&mut self, at: &Definition, id: EntityId, level: usize) -> Option<usize> {
        if let Some(State::Open) = self.states.get(id.0) {
            // Seen from the object that contains itself, this is where the circle closes.
            let owner = self.owner(id).unwrap_or(at);
            let problem = Problem::ContainsItself(owner.name.clone());
            let error = Diagnostic::semantic(problem, owner.anchor(), owner.name_span);
            let via = (at.name != owner.name).then_some(at.name_span);
            return self.report(owner, error.relate(via, "by way of this one"));
        }
        let right = level < MAX_LEVELS && self.check(id, level + 1);
        let depth = self.done(id).map_or(level, |checked| checked.depth) + 1;
        if depth > MAX_LEVELS {
            let problem = Problem::ContainsTooDeep { name: at.name.clone(), limit: MAX_LEVELS };
            return self.fail(at, problem, at.name_span);
        }
        right.then_some(depth)
    }

    /// Adds the members of an object, without those of its branches.
    fn add(&mut self, at: &Definition, id: EntityId, seen: &mut Seen) -> bool {
        let Some(members) = self.done(id).map(|checked| checked.members.clone()) else {
            return false;
        };
        members.iter().all(|member| self.add_member(at, member.clone(), seen))
    }

    fn add_member(&mut self, at: &Definition, member: Flat, seen: &mut Seen) -> bool {
        let key = spelling(&member.name);
        let Some(other) = seen.get(&key) else {
            seen.insert(key, member);
            return true;
        };
        let problem = Problem::Collision {
            one: self.describe_member(&member.name, member.holder, &at.name),
            other: self.describe_member(&other.name, other.holder, &at.name),
        };
        let mine = member.span.start >= at.span.start && member.span.end <= at.span.end;
        let error = if mine && member.span.file == at.span.file {
            Diagnostic::semantic(problem, at.anchor(), member.span)
        } else {
            let error = Diagnostic::semantic(problem, at.anchor(), at.name_span);
            error.relate(Some(member.span), "one")
        };
        let error = error.relate(Some(other.span), "the other one");
        self.report::<()>(at, error);
        false
    }

    fn branches(
        &mut self,
        at: &Definition,
        listed: &[Branch],
        seen: &Seen,
        level: usize,
    ) -> Option<(Variants, usize)> {
        let Body::Union { tag, tag_span, .. } = &at.body else { return None };
        let Tag { ty, values } = self.tag(at, tag, *tag_span, seen)?;
        let empty = self.find_type(EMPTY)?;
        let named: HashSet<&str> = listed.iter().map(|branch| branch.name.as_str()).collect();
        let rest = values.iter().filter(|value| !named.contains(value.name.as_str()));
        let rest = rest.map(|value| Variant {
            name: value.name.clone(),
            ty: empty,
            cond: value.cond.clone(),
            listed: false,
        });
        if listed.is_empty() && values.is_empty() {
            return self.fail(at, Problem::NoBranches, at.name_span);
        }
        let known: HashSet<&str> = values.iter().map(|value| value.name.as_str()).collect();
        let mut depth = 0;
        let mut cases = Vec::new();
        for branch in listed {
            let Some((variant, below)) = self.branch(at, branch, ty, &known, level) else {
                continue;
            };
            depth = depth.max(below);
            cases.push(variant);
        }
        if cases.len() < listed.len() {
            return None;
        }
        cases.extend(rest);
        Some((Variants { tag: tag.to_owned(), cases }, depth))
    }

    fn branch(
        &mut self,
        at: &Definition,
        branch: &Branch,
        tag: EntityId,
        known: &HashSet<&str>,
        level: usize,
    ) -> Option<(Variant, usize)> {
        let ty = self.branch_type(at, branch)?;
        if !known.contains(branch.name.as_str()) {
            let (name, tag) = (branch.name.clone(), self.describe(tag));
            let near = nearest(&name, known.iter().copied());
            let problem = Problem::BranchNotValue { branch: name, tag };
            let error = Diagnostic::semantic(problem, at.anchor(), branch.span);
            return self.report(at, error.suggest("value", near));
        }
        if !self.is_object(ty) {
            let (branch_name, ty) = (branch.name.clone(), self.describe(ty));
            let problem = Problem::BranchType { branch: branch_name, ty };
            return self.fail(at, problem, branch.ty.span);
        }
        let below = self.contained(at, ty, level)?;
        let (name, cond) = (branch.name.clone(), branch.cond.clone());
        Some((Variant { name, ty, cond, listed: true }, below))
    }

    /// The discriminator, which has to be a plain enum member of the base.
    fn tag(&mut self, at: &Definition, tag: &str, span: Span, seen: &Seen) -> Option<Tag> {
        let Some(member) = seen.get(&spelling(tag)).filter(|member| member.name == tag) else {
            let near = nearest(tag, seen.values().map(|it| it.name.as_str()));
            let problem = Problem::TagNotInBase { tag: tag.to_owned() };
            let error = Diagnostic::semantic(problem, at.anchor(), span);
            return self.report(at, error.suggest("member", near));
        };
        let base = match self.registry.raws.get(member.holder.0) {
            Some(raw) if !matches!(raw.kind, RawKind::Base | RawKind::Arguments) => {
                format!("base type '{}'", raw.name)
            }
            _ => "'base'".to_owned(),
        };
        let (ty, tag) = (member.ty, tag.to_owned());
        let problem = match self.enum_values(ty) {
            None => Problem::TagNotEnum { tag, base },
            Some(_) if member.optional => Problem::TagOptional { tag, base },
            Some(_) if member.cond.is_some() => Problem::TagConditional { tag, base },
            Some(values) => return Some(Tag { ty, values }),
        };
        let error = Diagnostic::semantic(problem, at.anchor(), span);
        self.report(at, error.relate(Some(member.span), "the discriminator"))
    }

    /// Finds members of branches, nested ones included, that clash with the common members.
    fn branches_clash(
        &mut self,
        at: &Definition,
        variants: &Variants,
        seen: &mut Seen,
    ) -> Option<()> {
        let mut right = Some(());
        let mut done = HashSet::new();
        let common = seen.len();
        for case in &variants.cases {
            // A second branch of the same type has nothing new to say.
            if !done.insert(case.ty) {
                continue;
            }
            if !self.add(at, case.ty, seen) {
                right = None;
            }
            let nested = self.done(case.ty).and_then(|checked| match &checked.kind {
                Kind::Object(object) => object.variants.clone(),
                _ => None,
            });
            if right.is_some()
                && let Some(nested) = nested
            {
                right = self.branches_clash(at, &nested, seen);
            }
            seen.truncate(common);
        }
        right
    }
}
