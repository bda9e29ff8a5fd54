//! The checked schema as text, in the form of the reference's test dumps: modules with their
//! entities, then all documentation.

use std::fmt::{self, Write};

use crate::docs::tag;
use crate::model::{
    Cond, DocBlock, Entity, Feature, Item, Kind, Object, Schema, SectionKind, Variants,
};

/// The dump of a schema. Built-in types and their arrays are left out.
pub fn dump(schema: &Schema) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_schema(&mut text, schema);
    text
}

fn write_schema(out: &mut String, schema: &Schema) -> fmt::Result {
    for module in &schema.modules {
        writeln!(out, "module {}", module.name)?;
        for item in &module.items {
            match item {
                Item::Include(name) => writeln!(out, "include {name}")?,
                Item::Entity(id) => write_entity(out, schema, schema.get(*id))?,
            }
        }
    }
    for block in &schema.docs {
        match block {
            DocBlock::FreeForm { text, .. } => writeln!(out, "doc freeform\n    body=\n{text}")?,
            DocBlock::Entity(id) => write_doc(out, schema.get(*id))?,
        }
    }
    Ok(())
}

fn write_entity(out: &mut String, schema: &Schema, entity: &Entity) -> fmt::Result {
    let name = &entity.name;
    let named = |id: &Option<_>| id.map_or("None", |id| schema.get(id).name.as_str());
    match &entity.kind {
        Kind::Builtin(_) => return Ok(()),
        Kind::Array(_) if entity.span.is_none() => return Ok(()),
        Kind::Array(element) => writeln!(out, "array {name} {}", schema.get(*element).name)?,
        Kind::Enum(enumeration) => {
            writeln!(out, "enum {name}")?;
            if let Some(prefix) = enumeration.prefix.as_ref().filter(|it| !it.is_empty()) {
                writeln!(out, "    prefix {prefix}")?;
            }
            for value in &enumeration.values {
                writeln!(out, "    member {}", value.name)?;
                write_cond(out, value.cond.as_ref(), 8)?;
                write_features(out, &value.features, 8)?;
            }
        }
        Kind::Object(object) => write_object(out, schema, name, object)?,
        Kind::Alternate(branches) => {
            writeln!(out, "alternate {name}\n    tag type")?;
            for branch in branches {
                writeln!(out, "    case {}: {}", branch.name, schema.get(branch.ty).name)?;
                write_cond(out, branch.cond.as_ref(), 8)?;
            }
        }
        Kind::Command(command) => {
            let (arguments, returns) = (named(&command.arguments), named(&command.returns));
            writeln!(out, "command {name} {arguments} -> {returns}")?;
            writeln!(
                out,
                "    gen={} success_response={} boxed={} oob={} preconfig={}{}",
                python(command.generate),
                python(command.success_response),
                python(command.boxed),
                python(command.allow_oob),
                python(command.allow_preconfig),
                if command.coroutine { " coroutine=True" } else { "" }
            )?;
        }
        Kind::Event(event) => {
            writeln!(out, "event {name} {}", named(&event.data))?;
            writeln!(out, "    boxed={}", python(event.boxed))?;
        }
    }
    write_cond(out, entity.cond.as_ref(), 4)?;
    write_features(out, &entity.features, 4)
}

fn write_object(out: &mut String, schema: &Schema, name: &str, object: &Object) -> fmt::Result {
    writeln!(out, "object {name}")?;
    if let Some(base) = object.base {
        writeln!(out, "    base {}", schema.get(base).name)?;
    }
    for member in &object.members {
        let (ty, optional) = (&schema.get(member.ty).name, python(member.optional));
        writeln!(out, "    member {}: {ty} optional={optional}", member.name)?;
        write_cond(out, member.cond.as_ref(), 8)?;
        write_features(out, &member.features, 8)?;
    }
    let Some(Variants { tag, cases }) = &object.variants else { return Ok(()) };
    writeln!(out, "    tag {tag}")?;
    for case in cases {
        writeln!(out, "    case {}: {}", case.name, schema.get(case.ty).name)?;
        write_cond(out, case.cond.as_ref(), 8)?;
    }
    Ok(())
}

fn write_features(out: &mut String, features: &[Feature], indent: usize) -> fmt::Result {
    for feature in features {
        writeln!(out, "{:indent$}feature {}", "", feature.name)?;
        write_cond(out, feature.cond.as_ref(), indent + 4)?;
    }
    Ok(())
}

fn write_cond(out: &mut String, cond: Option<&Cond>, indent: usize) -> fmt::Result {
    match cond {
        None => Ok(()),
        Some(Cond::If(name)) => writeln!(out, "{:indent$}if {name}", ""),
        Some(cond) => writeln!(out, "{:indent$}if {}", "", literal(cond)),
    }
}

/// A condition as a Python literal.
fn literal(cond: &Cond) -> String {
    let list = |conds: &[Cond]| conds.iter().map(literal).collect::<Vec<_>>().join(", ");
    match cond {
        Cond::If(name) => format!("'{name}'"),
        Cond::All(conds) => format!("{{'all': [{}]}}", list(conds)),
        Cond::Any(conds) => format!("{{'any': [{}]}}", list(conds)),
        Cond::Not(cond) => format!("{{'not': {}}}", literal(cond)),
    }
}

fn python(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn write_doc(out: &mut String, entity: &Entity) -> fmt::Result {
    let Some(doc) = &entity.doc else { return Ok(()) };
    writeln!(out, "doc symbol={}\n    body=\n{}", entity.name, doc.body)?;
    for (name, text) in &doc.members {
        writeln!(out, "    arg={name}\n{text}")?;
    }
    for (name, text) in &doc.features {
        writeln!(out, "    feature={name}\n{text}")?;
    }
    // The body is a section, too, but has been written.
    for (kind, text) in doc.sections.iter().skip(usize::from(!doc.body.is_empty())) {
        if !matches!(kind, SectionKind::Member(_) | SectionKind::Feature(_)) {
            writeln!(out, "    section={}\n{text}", tag(kind))?;
        }
    }
    Ok(())
}
