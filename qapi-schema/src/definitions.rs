//! Checks the shape of each kind of definition, without looking at any other definition.
//!
//! The order of the checks decides which error is the first: name, documentation, keys, values,
//! `if`, features, flags.

use crate::ast::{Body, Branch, Data, Definition, Flags, TypeName};
use crate::diagnostics::{Definition as Context, Diagnostic};
use crate::docs::DocComment;
use crate::error::Problem;
use crate::expr::{Node, Object};
use crate::model::{EnumValue, SectionKind, Span};
use crate::names::{self, Permit};
use crate::parse::DocState;
use crate::pragma::Pragmas;
use crate::shape::Shape;
use crate::source::Place;

/// A kind of definition and its keys.
struct Meta {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

const METAS: [Meta; 6] = [
    Meta { name: "enum", required: &["enum", "data"], optional: &["if", "features", "prefix"] },
    Meta { name: "struct", required: &["struct", "data"], optional: &["base", "if", "features"] },
    Meta {
        name: "union",
        required: &["union", "base", "discriminator", "data"],
        optional: &["if", "features"],
    },
    Meta { name: "alternate", required: &["alternate", "data"], optional: &["if", "features"] },
    Meta {
        name: "command",
        required: &["command"],
        optional: &[
            "data",
            "returns",
            "boxed",
            "if",
            "features",
            "gen",
            "success-response",
            "allow-oob",
            "allow-preconfig",
            "allow-init-config",
            "allowed-phases",
            "coroutine",
        ],
    },
    Meta { name: "event", required: &["event"], optional: &["data", "boxed", "if", "features"] },
];

/// A definition to check.
pub(crate) struct Input<'i> {
    pub(crate) object: &'i Object,
    pub(crate) span: Span,
    pub(crate) doc: DocState,
    pub(crate) comment: Option<&'i DocComment>,
}

/// Checks one definition. `None` comes with at least one error.
pub(crate) fn check(
    input: &Input<'_>,
    pragmas: &Pragmas,
    errors: &mut Vec<Diagnostic>,
) -> Option<Definition> {
    let anchor = Place::start(input.span);
    let mut shape = Shape { pragmas, anchor, context: None, errors: Vec::new() };
    let definition = shape.definition(input);
    let definition = definition.filter(|_| shape.errors.is_empty());
    errors.append(&mut shape.errors);
    definition
}

impl Shape<'_> {
    fn definition(&mut self, input: &Input<'_>) -> Option<Definition> {
        let object = input.object;
        let mut metas = METAS.iter().filter(|meta| object.contains_key(meta.name));
        let (Some(meta), None) = (metas.next(), metas.next()) else {
            return self.fail(Problem::NoMeta, input.span);
        };
        let name_node = object.get(meta.name).map(|entry| &entry.node)?;
        let name = self.string(name_node, &format!("'{}'", meta.name))?.to_owned();
        self.context = Some(Context { meta: meta.name, name: name.clone() });
        // A wrong name or comment does not keep the rest from being judged.
        self.definition_name(meta.name, &name, name_node.span);
        self.documentation(input, &name, name_node.span);
        self.keys(object, input.span, meta.name, meta.required, meta.optional)?;
        let body = match meta.name {
            "enum" => self.enumeration(object, &name),
            "struct" => self.structure(object, &name),
            "union" => self.union(object, &name),
            "alternate" => self.alternate(object),
            "command" => self.command(object),
            _ => self.event(object),
        };
        let cond = self.condition(object, meta.name);
        let features = self.features(object);
        let flags = self.flags(object);
        let mut body = body?;
        if let Body::Command { flags: slot, .. } = &mut body {
            *slot = flags?;
        }
        Some(Definition {
            meta: meta.name,
            name,
            name_span: name_node.span,
            span: input.span,
            doc: input.doc,
            cond: cond?,
            features: features?,
            body,
        })
    }

    fn definition_name(&mut self, meta: &str, name: &str, span: Span) {
        let result = match meta {
            "event" => names::check_upper(name, meta),
            "command" => {
                let underscore = self.pragmas.command_names.contains(name);
                names::check_lower(name, meta, Permit { underscore, ..Permit::default() })
            }
            _ => names::check_camel(name, meta),
        };
        self.name(result, span);
    }

    fn documentation(&mut self, input: &Input<'_>, name: &str, span: Span) {
        let Some(comment) = input.comment else {
            if input.doc == DocState::None && self.pragmas.doc_required {
                self.fail::<()>(Problem::DocRequired, span);
            }
            return;
        };
        let symbol = comment.symbol.as_deref().unwrap_or_default();
        if symbol != name {
            self.fail::<()>(Problem::DocForOther(symbol.to_owned()), comment.span);
            return;
        }
        let is_command = input.object.contains_key("command");
        let problem = |kind: &SectionKind, problem| {
            comment.section(kind).map(|section| {
                Diagnostic::semantic(problem, Place::start(section.span), section.span)
            })
        };
        let (returns, errors) = (SectionKind::Returns, SectionKind::Errors);
        let error = if !is_command {
            problem(&returns, Problem::DocOnlyForCommands("Returns"))
                .or_else(|| problem(&errors, Problem::DocOnlyForCommands("Errors")))
        } else if !input.object.contains_key("returns") {
            problem(&returns, Problem::DocReturnsNothing)
        } else {
            None
        };
        self.errors.extend(error);
    }

    fn enumeration(&mut self, object: &Object, name: &str) -> Option<Body> {
        let data = node(object, "data")?;
        let Some(elements) = data.array() else {
            return self.fail(Problem::DataNotArray, data.span);
        };
        let prefix = match node(object, "prefix") {
            None => None,
            Some(prefix) => match prefix.string() {
                Some(prefix) => Some(prefix.to_owned()),
                None => return self.fail(Problem::PrefixNotString, prefix.span),
            },
        };
        let mut permit = Permit::exception(self.pragmas.member_names.contains(name));
        permit.dot = self.pragmas.value_names.contains(name);
        let mut values = Vec::new();
        for element in elements {
            values.extend(self.value(element, permit));
        }
        Some(Body::Enum { values, prefix })
    }

    fn value(&mut self, element: &Node, permit: Permit) -> Option<EnumValue> {
        let what = "'data' member";
        let long = self.long_form(element, "name", what, &["if", "features"])?;
        let name = self.string(long.value, what)?;
        let what = format!("{what} '{name}'");
        // Values may start with a digit, other names may not.
        let digit = name.starts_with(|c: char| c.is_ascii_digit());
        let checked = if digit { format!("d{name}") } else { name.to_owned() };
        self.name(names::check_lower(&checked, &what, permit), long.value.span)?;
        let cond = long.condition(self, &what)?;
        let features = long.features(self)?;
        Some(EnumValue { name: name.to_owned(), cond, features, span: element.span })
    }

    fn structure(&mut self, object: &Object, name: &str) -> Option<Body> {
        let data = node(object, "data")?;
        let members = self.members(data, "'data'", Some(name));
        let base = match node(object, "base") {
            Some(base) => self.type_name(base, "'base'")?.unless_empty(),
            None => None,
        };
        Some(Body::Struct { base, members: members? })
    }

    fn union(&mut self, object: &Object, name: &str) -> Option<Body> {
        let base = self.data(node(object, "base")?, "'base'", Some(name));
        let tag_node = node(object, "discriminator")?;
        let tag = self.string(tag_node, "'discriminator'");
        let data = node(object, "data")?;
        let Some(listed) = data.object() else {
            return self.fail(Problem::DataNotObject, data.span);
        };
        let mut branches = Vec::new();
        for (key, entry) in listed {
            let what = format!("'data' member '{key}'");
            branches.extend(self.branch(key, entry.key, &entry.node, &what, Self::type_name));
        }
        Some(Body::Union { base: base?, tag: tag?.to_owned(), tag_span: tag_node.span, branches })
    }

    fn alternate(&mut self, object: &Object) -> Option<Body> {
        let data = node(object, "data")?;
        if !data.is_truthy() {
            return self.fail(Problem::DataEmpty, data.span);
        }
        let Some(listed) = data.object() else {
            return self.fail(Problem::DataNotObject, data.span);
        };
        let mut branches = Vec::new();
        for (key, entry) in listed {
            let what = format!("'data' member '{key}'");
            let name = names::check_lower(key, &what, Permit::default());
            if self.name(name, entry.key).is_some() {
                let ty = Self::type_or_array;
                branches.extend(self.branch(key, entry.key, &entry.node, &what, ty));
            }
        }
        Some(Body::Alternate { branches })
    }

    fn branch(
        &mut self,
        name: &str,
        span: Span,
        node: &Node,
        what: &str,
        ty: fn(&mut Self, &Node, &str) -> Option<TypeName>,
    ) -> Option<Branch> {
        let long = self.long_form(node, "type", what, &["if"])?;
        let cond = long.condition(self, what)?;
        let ty = ty(self, long.value, what)?;
        Some(Branch { name: name.to_owned(), ty, cond, span })
    }

    fn command(&mut self, object: &Object) -> Option<Body> {
        let data = self.arguments(object);
        let returns = match node(object, "returns") {
            Some(returns) => self.type_or_array(returns, "'returns'")?.unless_empty(),
            None => None,
        };
        Some(Body::Command { data: data?, returns, flags: Flags::default() })
    }

    fn event(&mut self, object: &Object) -> Option<Body> {
        let data = self.arguments(object)?;
        Some(Body::Event { data, boxed: object.contains_key("boxed") })
    }

    /// The `data` of a command or event, which `boxed` restricts to a type name.
    fn arguments(&mut self, object: &Object) -> Option<Data> {
        let data = node(object, "data");
        match (node(object, "boxed").filter(|boxed| boxed.is_truthy()), data) {
            (Some(boxed), None) => self.fail(Problem::BoxedNothing, boxed.span),
            (Some(_), Some(data)) => self.type_name(data, "'data'").map(Data::named),
            (None, Some(data)) => self.data(data, "'data'", None),
            (None, None) => Some(Data::None),
        }
    }

    /// The flags. They are looked for in every definition, though only some may have them.
    fn flags(&mut self, object: &Object) -> Option<Flags> {
        let known = self.errors.len();
        let flags = Flags {
            no_gen: self.flag(object, "gen", false),
            no_success_response: self.flag(object, "success-response", false),
            boxed: self.flag(object, "boxed", true),
            allow_oob: self.flag(object, "allow-oob", true),
            allow_preconfig: self.flag(object, "allow-preconfig", true),
            coroutine: self.flag(object, "coroutine", true),
            allow_init_config: self.flag(object, "allow-init-config", true),
            phases: None,
        };
        if flags.allow_oob
            && flags.coroutine
            && let Some(entry) = object.get("coroutine")
        {
            self.fail::<()>(Problem::OutOfBandCoroutine, entry.key);
        }
        let phases = self.phases(object);
        (self.errors.len() == known).then_some(Flags { phases, ..flags })
    }

    /// Whether a flag is there, which has to have the one value that is not the default.
    fn flag(&mut self, object: &Object, name: &'static str, only: bool) -> bool {
        let Some(entry) = object.get(name) else { return false };
        if entry.node.boolean() != Some(only) {
            self.fail::<()>(Problem::FlagValue(name, only), entry.node.span);
        }
        true
    }

    /// The phases as listed. Whether they exist is decided when the phase enum is known.
    fn phases(&mut self, object: &Object) -> Option<Vec<(String, Span)>> {
        let entry = object.get("allowed-phases")?;
        if self.pragmas.phase_enum.is_none() {
            return self.fail(Problem::PhasesWithoutEnum, entry.key);
        }
        let Some(elements) = entry.node.array() else {
            return self.fail(Problem::PhasesNotArray, entry.node.span);
        };
        if elements.is_empty() {
            return self.fail(Problem::PhasesEmpty, entry.node.span);
        }
        let mut phases = Vec::new();
        for element in elements {
            let phase = self.string(element, "'allowed-phases' member");
            phases.extend(phase.map(|phase| (phase.to_owned(), element.span)));
        }
        Some(phases)
    }
}

fn node<'o>(object: &'o Object, key: &str) -> Option<&'o Node> {
    object.get(key).map(|entry| &entry.node)
}
