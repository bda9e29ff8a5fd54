//! Compares documentation comments with what they document, and turns them into the model's form.

use std::collections::HashSet;

use crate::ast::{Body, Data, Definition, Member};
use crate::diagnostics::Diagnostic;
use crate::docs::DocComment;
use crate::error::Problem;
use crate::model::{Doc, Feature, SectionKind, Span};
use crate::pragma::Pragmas;
use crate::source::Place;
use crate::suggest::nearest;

/// Something of a definition that its comment has to describe.
enum Part<'d> {
    Member { role: &'static str, name: &'d str, span: Span },
    Feature(&'d Feature),
}

/// Everything that a comment has to describe, in the order in which it is looked for.
fn parts(definition: &Definition) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = definition.features.iter().map(Part::Feature).collect();
    let mut add = |role, name, span, features| {
        parts.push(Part::Member { role, name, span });
        parts.extend(<[Feature]>::iter(features).map(Part::Feature));
    };
    let members: &[Member] = match &definition.body {
        Body::Enum { values, .. } => {
            for value in values {
                add("value", value.name.as_str(), value.span, &value.features);
            }
            &[]
        }
        Body::Alternate { branches } => {
            for branch in branches {
                add("branch", branch.name.as_str(), branch.span, &[]);
            }
            &[]
        }
        Body::Struct { members, .. } => members,
        Body::Union { base: data, .. } | Body::Command { data, .. } | Body::Event { data, .. } => {
            match data {
                Data::Inline(members) => members,
                Data::Named(_) | Data::None => &[],
            }
        }
    };
    for member in members {
        add("member", member.name.as_str(), member.span, &member.features);
    }
    parts
}

/// Complains about what a comment does not describe.
pub(crate) fn undocumented(
    definition: &Definition,
    comment: &DocComment,
    pragmas: &Pragmas,
) -> Vec<Diagnostic> {
    let excepted = pragmas.documentation.contains(&definition.name);
    let missing = parts(definition).into_iter().filter_map(|part| match part {
        Part::Member { role, name, span } => {
            let found = comment.section(&SectionKind::Member(name.to_owned())).is_some();
            let problem = Problem::Undocumented { role, name: name.to_owned() };
            (!found && !excepted).then_some((problem, span))
        }
        Part::Feature(Feature { name, span, .. }) => {
            let found = comment.section(&SectionKind::Feature(name.clone())).is_some();
            let problem = Problem::Undocumented { role: "feature", name: name.clone() };
            (!found).then_some((problem, *span))
        }
    });
    let error = |(problem, span)| {
        Diagnostic::semantic(problem, definition.anchor(), span)
            .within(definition.context())
            .relate(Some(comment.span), "in this documentation comment")
    };
    missing.map(error).collect()
}

/// Complains about what a comment describes and the definition does not have.
pub(crate) fn nonexistent(definition: &Definition, comment: &DocComment) -> Vec<Diagnostic> {
    let (mut members, mut features) = (HashSet::new(), HashSet::new());
    for part in parts(definition) {
        match part {
            Part::Member { name, .. } => members.insert(name),
            Part::Feature(feature) => features.insert(feature.name.as_str()),
        };
    }
    let member = |kind: &SectionKind| match kind {
        SectionKind::Member(name) => Some(name.clone()),
        _ => None,
    };
    let feature = |kind: &SectionKind| match kind {
        SectionKind::Feature(name) => Some(name.clone()),
        _ => None,
    };
    let members = bogus(comment, "member", &members, member);
    members.into_iter().chain(bogus(comment, "feature", &features, feature)).collect()
}

fn bogus(
    comment: &DocComment,
    what: &'static str,
    existing: &HashSet<&str>,
    name_of: impl Fn(&SectionKind) -> Option<String>,
) -> Option<Diagnostic> {
    let named = comment.sections.iter().filter_map(|it| Some((name_of(&it.kind)?, it.span)));
    let bogus: Vec<_> = named.filter(|(name, _)| !existing.contains(name.as_str())).collect();
    let (name, span) = bogus.first()?;
    let span = *span;
    let help = nearest(name, existing.iter().copied());
    let help = help.map(|near| format!("there is a {what} '{near}'"));
    let names = bogus.iter().map(|(name, _)| name.clone()).collect();
    let problem = Problem::DocumentedNothing { what, names };
    let mut error = Diagnostic::semantic(problem, Place::start(span), span).advise(help);
    for (name, span) in bogus.iter().skip(1) {
        error = error.relate(Some(*span), format!("'{name}' neither"));
    }
    Some(error)
}

/// The model's form of a comment. Members that need no description get an empty one.
pub(crate) fn model(definition: &Definition, comment: &DocComment) -> Doc {
    let mut doc = Doc::default();
    for (index, section) in comment.sections.iter().enumerate() {
        let text = section.text.clone();
        match &section.kind {
            SectionKind::Plain if index == 0 => doc.body.clone_from(&text),
            SectionKind::Plain => {}
            SectionKind::Member(name) => doc.members.push((name.clone(), text.clone())),
            SectionKind::Feature(name) => doc.features.push((name.clone(), text.clone())),
            SectionKind::Returns => doc.returns = Some(text.clone()),
            SectionKind::Errors => doc.errors = Some(text.clone()),
            SectionKind::Since => doc.since = Some(text.clone()),
            SectionKind::Todo => doc.todo.push(text.clone()),
        }
        if index > 0 || !text.is_empty() {
            doc.sections.push((section.kind.clone(), text));
        }
    }
    for part in parts(definition) {
        if let Part::Member { name, .. } = part
            && comment.section(&SectionKind::Member(name.to_owned())).is_none()
        {
            doc.members.push((name.to_owned(), String::new()));
        }
    }
    doc
}
