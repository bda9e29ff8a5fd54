//! The checks of alternates, commands and events: which types they can use.

use std::collections::HashMap;

use crate::ast::{Branch as AstBranch, Data, Definition, Flags, TypeName};
use crate::check::Checker;
use crate::diagnostics::Diagnostic;
use crate::error::Problem;
use crate::model::{Branch, Builtin, Command, EntityId, Span};
use crate::names::spelling;
use crate::register::{RawKind, Registry};
use crate::suggest::nearest;

/// What JSON tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Json {
    Null,
    String,
    Number,
    Boolean,
    Array,
    Object,
}

impl Checker<'_> {
    /// The branches of an alternate, which have to differ in what they are in JSON.
    pub(crate) fn alternate(
        &mut self,
        at: &Definition,
        branches: &[AstBranch],
    ) -> Option<Vec<Branch>> {
        let mut resolved = Vec::new();
        for branch in branches {
            resolved.extend(self.branch_type(at, branch).map(|ty| Branch {
                name: branch.name.clone(),
                ty,
                cond: branch.cond.clone(),
            }));
        }
        if resolved.len() < branches.len() {
            return None;
        }
        let mut seen: HashMap<String, &AstBranch> = HashMap::new();
        let mut taken: HashMap<Json, &AstBranch> = HashMap::new();
        let mut right = true;
        for (branch, Branch { name, ty, .. }) in branches.iter().zip(&resolved) {
            if let Some(other) = seen.insert(spelling(name), branch) {
                right = false;
                self.collision::<()>(at, "branch", (name, branch.span), (&other.name, other.span));
            }
            let claims = self.claims(*ty);
            if claims.is_empty() {
                let problem = Problem::BranchType { branch: name.clone(), ty: self.describe(*ty) };
                right = false;
                self.fail::<()>(at, problem, branch.ty.span);
            }
            if let Some(other) = claims.iter().find_map(|claim| taken.get(claim)) {
                let other_name = other.name.clone();
                let problem = Problem::BranchAmbiguous { branch: name.clone(), other: other_name };
                let error = Diagnostic::semantic(problem, at.anchor(), branch.span);
                right = false;
                self.report::<()>(at, error.relate(Some(other.span), "the other branch"));
            }
            for claim in claims {
                taken.entry(claim).or_insert(branch);
            }
        }
        right.then_some(resolved)
    }

    /// What values of a type may be in JSON, seen by an alternate. A string may also have to be
    /// read as a number or a boolean, because the command line knows only strings.
    fn claims(&self, id: EntityId) -> Vec<Json> {
        if self.is_object(id) {
            return vec![Json::Object];
        }
        if let Some(values) = self.enum_values(id) {
            let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(&value.name));
            let mut claims = vec![Json::String];
            if any(&|name| name == "on" || name == "off") {
                claims.push(Json::Boolean);
            }
            if any(&|name| name.starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c))) {
                claims.push(Json::Number);
            }
            return claims;
        }
        match self.registry.raws.get(id.0).map(|raw| &raw.kind) {
            Some(RawKind::Array(_)) => vec![Json::Array],
            Some(RawKind::Builtin(builtin)) => match builtin {
                Builtin::Str => vec![Json::String, Json::Number, Json::Boolean],
                Builtin::Bool => vec![Json::Boolean],
                Builtin::Null => vec![Json::Null],
                Builtin::Any => vec![],
                _ => vec![Json::Number],
            },
            // Alternates cannot nest.
            _ => vec![],
        }
    }

    pub(crate) fn command(
        &mut self,
        at: &Definition,
        data: &Data,
        returns: Option<&TypeName>,
        flags: &Flags,
    ) -> Option<Command> {
        let arguments = self.arguments(at, data, flags.boxed);
        let returns = match returns {
            Some(returns) => self.returns(at, returns).map(Some),
            None => Some(None),
        };
        let allowed_phases = match &flags.phases {
            Some(phases) => self.allowed_phases(at, phases, flags).map(Some),
            None => Some(None),
        };
        Some(Command {
            arguments: arguments?,
            returns: returns?,
            boxed: flags.boxed,
            generate: !flags.no_gen,
            success_response: !flags.no_success_response,
            allow_oob: flags.allow_oob,
            allow_preconfig: flags.allow_preconfig,
            allow_init_config: flags.allow_init_config,
            coroutine: flags.coroutine,
            allowed_phases: allowed_phases?,
        })
    }

    /// The type of arguments or event data. `None` is for an error, `Some(None)` for no data.
    pub(crate) fn arguments(
        &mut self,
        at: &Definition,
        data: &Data,
        boxed: bool,
    ) -> Option<Option<EntityId>> {
        let (name, span) = match data {
            Data::None => return Some(None),
            Data::Inline(members) if members.is_empty() => return Some(None),
            Data::Inline(_) => (Registry::implicit(&at.name, "arg"), at.name_span),
            Data::Named(ty) => (ty.entity(), ty.span),
        };
        let meta = at.meta;
        let id = self.resolve(at, &name, format!("{meta}'s 'data'"), span)?;
        if !self.is_object(id) {
            let problem = Problem::CannotTake { meta, key: "data", ty: self.describe(id) };
            return self.fail(at, problem, span);
        }
        if self.is_union(id) && !boxed {
            let problem = Problem::OnlyBoxed { meta, ty: self.describe(id) };
            return self.fail(at, problem, span);
        }
        if !self.check(id, 0) {
            return None;
        }
        let members = self.done(id).map(|checked| checked.members.clone())?;
        let conditional = members.iter().find(|member| member.cond.is_some());
        if let Some(member) = conditional.filter(|_| !boxed) {
            let problem = Problem::ConditionalArguments(meta);
            let error = Diagnostic::semantic(problem, at.anchor(), span);
            return self.report(at, error.relate(Some(member.span), "conditional"));
        }
        Some(Some(id))
    }

    fn returns(&mut self, at: &Definition, returns: &TypeName) -> Option<EntityId> {
        let id = self.resolve(at, &returns.entity(), "command's 'returns'", returns.span)?;
        if self.pragmas.command_returns.contains(&at.name) {
            return Some(id);
        }
        let element = match self.registry.raws.get(id.0).map(|raw| &raw.kind) {
            // Spelled as a name, an array type exists from where it is first spelled as an array.
            Some(RawKind::Array(element)) if self.done(id).is_none() && !returns.array => {
                let (user, name) = ("command's 'returns'".to_owned(), returns.name.clone());
                let help = format!("write ['{}']", element.name);
                let problem = Problem::UnknownType { user, name };
                let error = Diagnostic::semantic(problem, at.anchor(), returns.span);
                return self.report(at, error.advise(Some(help)));
            }
            Some(RawKind::Array(element)) => self.find_type(&element.name),
            _ => Some(id),
        };
        if !element.is_some_and(|element| self.is_object(element)) {
            let (meta, key) = ("command", "returns");
            let problem = Problem::CannotTake { meta, key, ty: self.describe(id) };
            let help = "the pragma 'command-returns-exceptions' can permit it".to_owned();
            let error = Diagnostic::semantic(problem, at.anchor(), returns.span);
            return self.report(at, error.advise(Some(help)));
        }
        Some(id)
    }

    /// The phases that a command lists. Without the phase enum there is an error already.
    fn allowed_phases(
        &mut self,
        at: &Definition,
        listed: &[(String, Span)],
        flags: &Flags,
    ) -> Option<Vec<String>> {
        let phases = self.phase_enum?;
        let values = self.enum_values(phases)?;
        let mut names: Vec<String> = Vec::new();
        for (phase, span) in listed {
            if !values.iter().any(|value| value.name == *phase) {
                let near = nearest(phase, values.iter().map(|value| value.name.as_str()));
                let phases = self.pragmas.phase_enum.as_ref()?.name.clone();
                let problem = Problem::PhaseUnknown { phase: phase.clone(), phases };
                let error = Diagnostic::semantic(problem, at.anchor(), *span);
                self.report::<()>(at, error.suggest("value", near));
            } else if names.contains(phase) {
                self.fail::<()>(at, Problem::PhaseRepeated(phase.clone()), *span);
            }
            names.push(phase.clone());
        }
        let span = listed.first().map_or(at.name_span, |(_, span)| *span);
        if flags.allow_preconfig {
            self.fail::<()>(at, Problem::PhasesAndFlag("allow-preconfig"), span);
        }
        if flags.allow_init_config {
            self.fail::<()>(at, Problem::PhasesAndFlag("allow-init-config"), span);
        }
        Some(names)
    }
}
