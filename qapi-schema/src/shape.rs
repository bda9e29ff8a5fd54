//! Checks that all kinds of definition share: keys, conditions, features, types as written.
//!
//! Everything here looks at one definition only. An error is recorded and the part in question
//! dropped; its neighbours are still checked, so that one run shows all context-free errors.

use crate::ast::{Data, Member, TypeName};
use crate::diagnostics::{Definition as Context, Diagnostic};
use crate::error::Problem;
use crate::expr::{Entry, Node, Object, Value};
use crate::model::{Cond, Feature, Span};
use crate::names::{self, Permit};
use crate::pragma::Pragmas;
use crate::source::Place;
use crate::suggest::nearest;

/// Checks one definition.
pub(crate) struct Shape<'p> {
    pub(crate) pragmas: &'p Pragmas,
    pub(crate) anchor: Place,
    pub(crate) context: Option<Context>,
    pub(crate) errors: Vec<Diagnostic>,
}

impl Shape<'_> {
    /// Records an error; the result is for `return self.fail(...)`.
    pub(crate) fn fail<T>(&mut self, problem: Problem, span: Span) -> Option<T> {
        let error = Diagnostic::semantic(problem, self.anchor, span);
        self.errors.push(error.within(self.context.clone()));
        None
    }

    /// Records the error of a naming rule.
    pub(crate) fn name(&mut self, result: Result<(), Problem>, span: Span) -> Option<()> {
        match result {
            Ok(()) => Some(()),
            Err(problem) => self.fail(problem, span),
        }
    }

    /// The text of a string that has to be there.
    pub(crate) fn string<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match node.string() {
            Some(text) => Some(text),
            None => self.fail(Problem::NameNotString { what: what.to_owned() }, node.span),
        }
    }

    /// Checks that all required keys and no unknown ones are there. With unknown ones only, the
    /// rest can be judged all the same.
    pub(crate) fn keys(
        &mut self,
        object: &Object,
        span: Span,
        what: &str,
        required: &[&str],
        optional: &[&str],
    ) -> Option<()> {
        let missing = required.iter().filter(|key| !object.contains_key(**key));
        let missing = sorted(missing.copied());
        let valid = sorted(required.iter().chain(optional).copied());
        let unknown = object.iter().filter(|(key, _)| !valid.contains(key));
        let unknown: Vec<_> = unknown.map(|(key, entry)| (key.as_str(), entry.key)).collect();
        let what = what.to_owned();
        if !missing.is_empty() {
            // A required key is missing where it is misspelt.
            let near = |(key, place): &(&str, Span)| {
                let near = nearest(key, missing.iter().map(String::as_str))?;
                Some((*place, format!("this may be meant to be '{near}'")))
            };
            let related: Vec<_> = unknown.iter().filter_map(near).collect();
            let problem = Problem::MissingKeys { what, names: missing };
            let mut error = Diagnostic::semantic(problem, self.anchor, span);
            error.related = related;
            self.errors.push(error.within(self.context.clone()));
            return None;
        }
        let Some((first, place)) = unknown.first() else { return Some(()) };
        let free = valid.iter().map(String::as_str).filter(|key| !object.contains_key(*key));
        let near = nearest(first, free).map(str::to_owned);
        let names = sorted(unknown.iter().map(|(key, _)| *key));
        let problem = Problem::UnknownKeys { what, names, valid };
        let mut error = Diagnostic::semantic(problem, self.anchor, *place);
        for (_, place) in unknown.iter().skip(1) {
            error = error.relate(Some(*place), "nor is this");
        }
        self.errors.push(error.within(self.context.clone()).suggest("key", near.as_deref()));
        Some(())
    }

    /// An `if`. `None` is for an error, `Some(None)` for no condition.
    pub(crate) fn condition(&mut self, object: &Object, what: &str) -> Option<Option<Cond>> {
        match object.get("if") {
            Some(entry) => self.cond(&entry.node, what).map(Some),
            None => Some(None),
        }
    }

    fn cond(&mut self, node: &Node, what: &str) -> Option<Cond> {
        let what_owned = || what.to_owned();
        let object = match &node.value {
            Value::String(name) => {
                let starts = name.starts_with(|c: char| c.is_ascii_uppercase());
                let inner = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                if starts && name.chars().all(inner) {
                    return Some(Cond::If(name.clone()));
                }
                let problem = Problem::CondIdentifier { cond: name.clone(), what: what_owned() };
                return self.fail(problem, node.span);
            }
            Value::Object(object) => object,
            _ => return self.fail(Problem::CondForm { what: what_owned() }, node.span),
        };
        let title = format!("'if' condition of {what}");
        let known = self.errors.len();
        self.keys(object, node.span, &title, &[], &["all", "any", "not"])?;
        if self.errors.len() > known {
            return None;
        }
        match (object.len(), object.first()) {
            (1, Some((key, entry))) => match key.as_str() {
                "all" => Some(Cond::All(self.operands("all", &entry.node, what)?)),
                "any" => Some(Cond::Any(self.operands("any", &entry.node, what)?)),
                _ => Some(Cond::Not(Box::new(self.cond(&entry.node, what)?))),
            },
            _ => self.fail(Problem::CondKeys { what: what_owned() }, node.span),
        }
    }

    fn operands(&mut self, operator: &'static str, node: &Node, what: &str) -> Option<Vec<Cond>> {
        let what_owned = || what.to_owned();
        match node.array() {
            None => {
                let problem = Problem::CondNotArray { operator, what: what_owned() };
                self.fail(problem, node.span)
            }
            Some([]) => self.fail(Problem::CondUseless { what: what_owned() }, node.span),
            Some(operands) => operands.iter().map(|operand| self.cond(operand, what)).collect(),
        }
    }

    /// The features of a definition, member or value.
    pub(crate) fn features(&mut self, object: &Object) -> Option<Vec<Feature>> {
        let Some(entry) = object.get("features") else { return Some(Vec::new()) };
        let Some(elements) = entry.node.array() else {
            return self.fail(Problem::FeaturesNotArray, entry.node.span);
        };
        let mut features = Vec::new();
        let mut complete = true;
        for element in elements {
            match self.feature(element) {
                Some(feature) => features.push(feature),
                None => complete = false,
            }
        }
        complete.then_some(features)
    }

    fn feature(&mut self, node: &Node) -> Option<Feature> {
        let what = "'features' member";
        let long = self.long_form(node, "name", what, &["if"])?;
        let name = self.string(long.value, what)?.to_owned();
        let what = format!("{what} '{name}'");
        self.name(names::check_lower(&name, &what, Permit::default()), long.value.span)?;
        let cond = long.condition(self, &what)?;
        Some(Feature { name, cond, span: node.span })
    }

    /// Reads `{ KEY: value, ... }`, or `value` alone as an abbreviation of it.
    pub(crate) fn long_form<'n>(
        &mut self,
        node: &'n Node,
        key: &str,
        what: &str,
        optional: &[&str],
    ) -> Option<LongForm<'n>> {
        let Some(object) = node.object() else {
            return Some(LongForm { value: node, object: None });
        };
        self.keys(object, node.span, what, &[key], optional)?;
        object.get(key).map(|entry| LongForm { value: &entry.node, object: Some(object) })
    }

    /// A type name.
    pub(crate) fn type_name(&mut self, node: &Node, what: &str) -> Option<TypeName> {
        match node.string() {
            Some(name) => Some(TypeName { name: name.to_owned(), array: false, span: node.span }),
            None => self.fail(Problem::NotTypeName { what: what.to_owned() }, node.span),
        }
    }

    /// A type name, or an array of one.
    pub(crate) fn type_or_array(&mut self, node: &Node, what: &str) -> Option<TypeName> {
        let elements = match &node.value {
            Value::String(_) => return self.type_name(node, what),
            Value::Array(elements) => elements,
            _ => {
                return self.fail(Problem::NotTypeNameOrArray { what: what.to_owned() }, node.span);
            }
        };
        match elements.as_slice() {
            [Node { value: Value::String(name), span }] => {
                Some(TypeName { name: name.clone(), array: true, span: *span })
            }
            _ => self.fail(Problem::NotSingleElement { what: what.to_owned() }, node.span),
        }
    }

    /// A type name, or members in its place. `owner` is the type that `member-name-exceptions`
    /// may name; commands and events have none.
    pub(crate) fn data(&mut self, node: &Node, what: &str, owner: Option<&str>) -> Option<Data> {
        match &node.value {
            Value::String(_) => self.type_name(node, what).map(Data::named),
            _ => self.members(node, what, owner).map(Data::Inline),
        }
    }

    /// The members of a struct, inline arguments or an inline base.
    pub(crate) fn members(
        &mut self,
        node: &Node,
        what: &str,
        owner: Option<&str>,
    ) -> Option<Vec<Member>> {
        let Some(object) = node.object() else {
            return self.fail(Problem::NotObjectOrTypeName { what: what.to_owned() }, node.span);
        };
        let granted = owner.is_some_and(|owner| self.pragmas.member_names.contains(owner));
        let mut members = Vec::new();
        let mut complete = true;
        for (key, entry) in object {
            let what = format!("{what} member '{key}'");
            match self.member(key, entry, &what, Permit::exception(granted)) {
                Some(member) => members.push(member),
                None => complete = false,
            }
        }
        complete.then_some(members)
    }

    fn member(&mut self, key: &str, entry: &Entry, what: &str, permit: Permit) -> Option<Member> {
        let (name, optional) = match key.strip_prefix('*') {
            Some(name) => (name, true),
            None => (key, false),
        };
        self.name(names::check_lower(name, what, permit), entry.key)?;
        if names::is_reserved(name) {
            return self.fail(Problem::ReservedName { what: what.to_owned() }, entry.key);
        }
        let long = self.long_form(&entry.node, "type", what, &["if", "features"])?;
        let cond = long.condition(self, what)?;
        let features = long.features(self)?;
        let ty = self.type_or_array(long.value, what)?;
        Some(Member { name: name.to_owned(), ty, optional, cond, features, span: entry.key })
    }
}

/// A member, branch, value or feature, which may be abbreviated to its most important key.
pub(crate) struct LongForm<'n> {
    /// That key's value.
    pub(crate) value: &'n Node,
    object: Option<&'n Object>,
}

impl LongForm<'_> {
    /// Its condition; see [`Shape::condition`].
    pub(crate) fn condition(&self, shape: &mut Shape<'_>, what: &str) -> Option<Option<Cond>> {
        self.object.map_or(Some(None), |object| shape.condition(object, what))
    }

    /// Its features.
    pub(crate) fn features(&self, shape: &mut Shape<'_>) -> Option<Vec<Feature>> {
        self.object.map_or(Some(Vec::new()), |object| shape.features(object))
    }
}

fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    names
}
