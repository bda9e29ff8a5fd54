//! Structs, inline arguments and inline event data become Rust structs. Base members stand first,
//! as if the schema had spelled them here.

use qapi_schema::model::{Doc, EntityId};

use crate::code::{Code, literal};
use crate::context::{Field, Scope, cfg, deprecated, feature_names, policed};
use crate::docs;

/// More required members than this, and a constructor would be harder to read than a literal.
const CONSTRUCTOR_ARGUMENTS: usize = 7;

/// A struct to emit.
pub(crate) struct Struct<'a> {
    /// The object of the schema.
    pub(crate) id: EntityId,
    /// The struct's name.
    pub(crate) ident: String,
    /// The name to give in reflection.
    pub(crate) name: &'a str,
    /// The paragraphs above it.
    pub(crate) docs: Vec<String>,
    /// Describes the members spelled inline.
    pub(crate) doc: Option<&'a Doc>,
    /// The attribute that every item of it has.
    pub(crate) cfg: Option<String>,
}

/// The struct of a definition of the schema.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, code: &mut Code) {
    let entity = scope.cx.schema.get(id);
    let what = Struct {
        id,
        ident: scope.named(id),
        name: &entity.name,
        docs: docs::definition(entity.doc.as_ref(), &format!("`{}`.", entity.name)),
        doc: entity.doc.as_ref(),
        cfg: cfg(entity.cond.as_ref()),
    };
    emit_as(scope, &what, code);
}

/// A struct and everything it implements.
pub(crate) fn emit_as(scope: &Scope<'_>, what: &Struct<'_>, code: &mut Code) {
    let fields = scope.cx.fields(what.id, what.doc);
    let Struct { id, ident, name, docs, doc, cfg } = what;
    code.gap();
    code.docs(docs);
    code.attribute(cfg.as_deref());
    let default = if fields.iter().all(|field| field.member.optional) { "Default, " } else { "" };
    code.line(format!("#[derive(Clone, Debug, {default}PartialEq)]"));
    code.block(&format!("pub struct {ident}"), "", |code| {
        fields.iter().for_each(|field| declaration(scope, *id, field, *doc, code));
    });
    constructor(scope, *id, ident, &fields, None, cfg.as_deref(), code);
    code.implement(cfg.as_deref(), &format!("impl rt::Object for {ident}"), |code| {
        code.line(format!("const NAME: &'static str = {};", literal(name)));
        members(scope, &fields, code);
        code.gap();
        let object = if fields.is_empty() { "_object" } else { "object" };
        code.block(&read_head(object), "", |code| {
            if fields.is_empty() {
                return code.line("Ok(Self {})");
            }
            fields.iter().for_each(|field| admit(field, code));
            code.block("Ok(Self", ")", |code| {
                fields.iter().for_each(|field| {
                    code.attribute(crate::context::cfg(field.member.cond.as_ref()).as_deref());
                    set(scope, field, code);
                });
            });
        });
        code.gap();
        code.block(&write_head(object), "", |code| {
            fields.iter().for_each(|field| write(field, code));
        });
    });
}

pub(crate) fn read_head(object: &str) -> String {
    format!("fn read({object}: &mut rt::ObjectReader<'_>) -> Result<Self, rt::QmpError>")
}

pub(crate) fn write_head(object: &str) -> String {
    format!("fn write(&self, {object}: &mut rt::ObjectWriter)")
}

/// A field with its documentation; `doc` has the reasons why one is deprecated.
pub(crate) fn declaration(
    scope: &Scope<'_>,
    owner: EntityId,
    field: &Field<'_>,
    doc: Option<&Doc>,
    code: &mut Code,
) {
    let Field { member, ident, doc: text } = field;
    let text = docs::markdown(text);
    let text = if text.trim().is_empty() { format!("`{}`.", member.name) } else { text };
    code.docs([text].into_iter().chain(docs::unstable(&member.features, doc)));
    code.attribute(cfg(member.cond.as_ref()).as_deref());
    deprecated(&member.features, doc, code);
    code.line(format!("pub {ident}: {},", scope.field(owner, member)));
}

/// The constant with the reflection of all members.
pub(crate) fn members(scope: &Scope<'_>, fields: &[Field<'_>], code: &mut Code) {
    const HEAD: &str = "const MEMBERS: &'static [rt::MemberInfo] =";
    if fields.is_empty() {
        return code.line(format!("{HEAD} &[];"));
    }
    code.block(&format!("{HEAD} rt::members!"), ";", |code| {
        for Field { member, doc, .. } in fields {
            code.attribute(cfg(member.cond.as_ref()).as_deref());
            let kind = if member.optional { "optional" } else { "required" };
            let ty = literal(&scope.cx.spelling(member.ty));
            let features = match member.features.as_slice() {
                [] => String::new(),
                features => format!(" [{}]", feature_names(features)),
            };
            let row = format!("{kind} {}: {ty}{features}", literal(&member.name));
            match docs::summary(doc) {
                doc if doc.is_empty() => code.line(format!("{row};")),
                doc => code.text(&format!("{row}, "), &doc, ";"),
            }
        }
    });
}

/// The statement that asks whether a member with features may be used.
pub(crate) fn admit(field: &Field<'_>, code: &mut Code) {
    let Field { member, .. } = field;
    let features = policed(&member.features);
    if features.is_empty() {
        return;
    }
    code.attribute(cfg(member.cond.as_ref()).as_deref());
    let name = literal(&member.name);
    let head = if member.optional { "object.admit" } else { "object.admit_required" };
    code.call(head, &[name, format!("&[{features}]")], "?;");
}

/// A field of a struct literal with the expression that takes it out of an object.
pub(crate) fn set(scope: &Scope<'_>, field: &Field<'_>, code: &mut Code) {
    code.chain(&format!("{}: object", field.ident), &read(scope, field), ",");
}

/// The call on an object that takes a member out of it.
pub(crate) fn read(scope: &Scope<'_>, field: &Field<'_>) -> String {
    let name = literal(&field.member.name);
    let kind = if field.member.optional { "optional" } else { "required" };
    match scope.reader(field.member.ty) {
        None => format!(".{kind}({name})?"),
        Some(reader) => format!(".{kind}_with({name}, {reader})?"),
    }
}

/// The statement that puts a member into an object.
pub(crate) fn write(field: &Field<'_>, code: &mut Code) {
    let Field { member, ident, .. } = field;
    let put = if member.optional { "object.put_some" } else { "object.put" };
    put_value(field, put, &format!("&self.{ident}"), code);
}

/// The same for a value of one's own making.
pub(crate) fn put_value(field: &Field<'_>, put: &str, value: &str, code: &mut Code) {
    let member = field.member;
    let arguments = [literal(&member.name), value.to_owned()];
    code.attribute(cfg(member.cond.as_ref()).as_deref());
    let features = policed(&member.features);
    if features.is_empty() {
        return code.call(put, &arguments, ";");
    }
    let shows = format!("if object.shows(&[{features}])");
    code.block(&shows, "", |code| code.call(put, &arguments, ";"));
}

/// `new`, which takes what is required and leaves out the rest; only where there is both. `branch`
/// is the field that holds a union's branch, with its type.
pub(crate) fn constructor(
    scope: &Scope<'_>,
    owner: EntityId,
    name: &str,
    fields: &[Field<'_>],
    branch: Option<(&str, &str)>,
    cfg: Option<&str>,
    code: &mut Code,
) {
    let required = fields.iter().filter(|field| !field.member.optional);
    let count = required.clone().count();
    let conditional = fields.iter().any(|field| field.member.cond.is_some());
    if count == 0 || count == fields.len() || count > CONSTRUCTOR_ARGUMENTS || conditional {
        return;
    }
    let arguments = required.map(|Field { member, ident, .. }| match branch {
        Some((tag, ty)) if tag == ident => format!("{ident}: {ty}"),
        _ => format!("{ident}: {}", scope.held(owner, member.ty)),
    });
    let arguments: Vec<_> = arguments.collect();
    let value = |field: &Field<'_>| {
        let none = if field.member.optional { ": None" } else { "" };
        format!("{}{none}", field.ident)
    };
    code.implement(cfg, &format!("impl {name}"), |code| {
        code.line("/// Has what is required and nothing else.");
        code.signature("pub fn new", &arguments, " -> Self {");
        code.indented(|code| code.literal("Self", &fields.iter().map(value).collect::<Vec<_>>()));
        code.line("}");
    });
}
