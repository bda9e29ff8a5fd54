//! A client's enumerations: those of a server, and a variant for names that the schema does not
//! have.

use qapi_schema::model::{EntityId, Enum};

use crate::code::{Code, literal};
use crate::context::{Scope, cfg};
use crate::enums;

/// The enum and everything it implements; `unknown` is the variant for other names.
pub(crate) fn emit(
    scope: &Scope<'_>,
    id: EntityId,
    definition: &Enum,
    unknown: &str,
    code: &mut Code,
) {
    let entity = scope.cx.schema.get(id);
    let (ident, cfg) = (scope.named(id), cfg(entity.cond.as_ref()));
    let cfg = cfg.as_deref();
    let values = enums::values(scope, definition);
    code.gap();
    let derives = "Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord";
    enums::declaration(scope, id, derives, &values, code);
    code.indented(|code| {
        code.line("/// A value that the schema does not have.");
        code.line(format!("{unknown}(Box<str>),"));
    });
    code.line("}");
    code.implement(cfg, &format!("impl {ident}"), |code| {
        code.line("/// The values that the schema has, in its order.");
        enums::all("KNOWN", &values, code);
        code.gap();
        code.line("/// The value as spelled on the wire.");
        code.block("pub fn as_str(&self) -> &str", "", |code| {
            code.block("match self", "", |code| {
                enums::spellings(&values, code);
                code.line(format!("Self::{unknown}(name) => name,"));
            });
        });
    });
    code.implement(cfg, &format!("impl rt::OpenEnum for {ident}"), |code| {
        code.line(format!("const NAME: &'static str = {};", literal(&entity.name)));
        code.line("const KNOWN: &'static [Self] = Self::KNOWN;");
        code.gap();
        code.block("fn unknown(name: &str) -> Self", "", |code| {
            code.line(format!("Self::{unknown}(name.into())"));
        });
        code.gap();
        code.block("fn as_str(&self) -> &str", "", |code| code.line("self.as_str()"));
    });
    code.implement_line(cfg, format!("rt::open_enum_on_the_wire!({ident});"));
}
