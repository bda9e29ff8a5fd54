//! Alternates become enums of which the JSON kind decides; nothing is tried out.

use qapi_schema::model::{Branch, Builtin, EntityId, Kind};

use crate::code::{Code, literal};
use crate::context::{Scope, cfg, described};
use crate::docs;
use crate::names::{camel, distinct};

/// The kinds of JSON value, as far as the language tells branches apart.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Json {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

fn json_kind(scope: &Scope<'_>, id: EntityId) -> Json {
    match &scope.cx.schema.get(id).kind {
        Kind::Builtin(Builtin::Null) => Json::Null,
        Kind::Builtin(Builtin::Bool) => Json::Bool,
        Kind::Builtin(Builtin::Str) | Kind::Enum(_) => Json::String,
        Kind::Builtin(_) => Json::Number,
        Kind::Array(_) => Json::Array,
        _ => Json::Object,
    }
}

/// The kind's pattern: the variants of the value type have the same names.
fn pattern(kind: Json) -> String {
    let held = if kind == Json::Null { "" } else { "(_)" };
    format!("rt::Value::{kind:?}{held}")
}

/// The expression that reads a branch.
fn decode(scope: &Scope<'_>, ty: EntityId, variant: &str) -> String {
    let reader = scope.reader(ty).unwrap_or("rt::Decode::decode");
    format!("{reader}(value, at, mode).map(Self::{variant})")
}

/// The alternate and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, branches: &[Branch], code: &mut Code) {
    let entity = scope.cx.schema.get(id);
    let (name, doc) = (&entity.name, entity.doc.as_ref());
    let (ident, entity_cfg) = (scope.named(id), cfg(entity.cond.as_ref()));
    let idents = distinct(branches.iter().map(|branch| branch.name.as_str()), camel);
    let kinds: Vec<_> = branches.iter().map(|branch| json_kind(scope, branch.ty)).collect();
    code.gap();
    code.docs(docs::definition(doc, &format!("`{name}`.")));
    code.attribute(entity_cfg.as_deref());
    code.line("#[derive(Clone, Debug, PartialEq)]");
    code.block(&format!("pub enum {ident}"), "", |code| {
        for (branch, variant) in branches.iter().zip(&idents) {
            let text = doc.and_then(|doc| described(doc, &branch.name)).map(docs::markdown);
            let text = text.filter(|text| !text.is_empty());
            code.docs([text.unwrap_or_else(|| format!("`{}`.", branch.name))]);
            code.attribute(cfg(branch.cond.as_ref()).as_deref());
            code.line(format!("{variant}({}),", scope.held(id, branch.ty)));
        }
    });
    code.implement(entity_cfg.as_deref(), &format!("impl rt::Decode for {ident}"), |code| {
        decode_head(code);
        code.indented(|code| {
            code.block("match value", "", |code| {
                for ((branch, variant), kind) in branches.iter().zip(&idents).zip(&kinds) {
                    code.attribute(cfg(branch.cond.as_ref()).as_deref());
                    code.arm(&pattern(*kind), &decode(scope, branch.ty, variant));
                }
                if let Some((branch, variant)) = spelled(branches, &idents, &kinds) {
                    code.attribute(cfg(branch.cond.as_ref()).as_deref());
                    let body = decode(scope, branch.ty, variant);
                    code.arm("rt::Value::String(_) if mode.takes_strings()", &body);
                }
                code.line(format!("_ => Err(rt::invalid_type(at, {})),", literal(name)));
            });
        });
        code.line("}");
    });
    code.implement(entity_cfg.as_deref(), &format!("impl rt::Encode for {ident}"), |code| {
        code.block("fn encode_under(&self, policy: rt::Policy) -> rt::Value", "", |code| {
            code.block("match self", "", |code| {
                for (branch, variant) in branches.iter().zip(&idents) {
                    code.attribute(cfg(branch.cond.as_ref()).as_deref());
                    let body = "rt::Encode::encode_under(value, policy)";
                    code.arm(&format!("Self::{variant}(value)"), body);
                }
            });
        });
    });
}

/// The head of `decode`, which is too long for one line.
fn decode_head(code: &mut Code) {
    let parameters = ["value: &rt::Value", "at: &rt::Path<'_>", "mode: rt::Mode"].map(String::from);
    code.signature("fn decode", &parameters, " -> Result<Self, rt::QmpError> {");
}

/// The one scalar among the branches that a string can stand for, where strings stand for scalars
/// and no branch takes strings as they are.
fn spelled<'a>(
    branches: &'a [Branch],
    idents: &'a [String],
    kinds: &[Json],
) -> Option<(&'a Branch, &'a String)> {
    let scalar = |kind: &Json| matches!(kind, Json::Bool | Json::Number);
    let lone = kinds.iter().filter(|kind| scalar(kind)).count() == 1;
    let index = kinds.iter().position(scalar).filter(|_| lone && !kinds.contains(&Json::String))?;
    Some((branches.get(index)?, idents.get(index)?))
}
