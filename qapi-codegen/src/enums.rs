//! Enumerations become enums that know their spelling.

use qapi_schema::model::{EntityId, Enum, EnumValue};

use crate::code::{Code, literal};
use crate::context::{Scope, cfg, deprecated, described, feature_names};
use crate::{docs, open};

/// The enum and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, definition: &Enum, code: &mut Code) {
    if let Some(unknown) = scope.cx.unknown_ident(definition) {
        return open::emit(scope, id, definition, &unknown, code);
    }
    let entity = scope.cx.schema.get(id);
    let (ident, cfg) = (scope.named(id), cfg(entity.cond.as_ref()));
    let cfg = cfg.as_deref();
    let values = values(scope, definition);
    code.gap();
    declaration(
        scope,
        id,
        "Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord",
        &values,
        code,
    );
    code.line("}");
    code.implement(cfg, &format!("impl {ident}"), |code| {
        code.line("/// All values, in schema order.");
        all("ALL", &values, code);
        code.gap();
        code.line("/// The value as spelled on the wire.");
        code.block("pub const fn as_str(self) -> &'static str", "", |code| {
            code.block("match self", "", |code| spellings(&values, code));
        });
    });
    code.implement(cfg, &format!("impl rt::Enum for {ident}"), |code| {
        code.line(format!("const NAME: &'static str = {};", literal(&entity.name)));
        code.line("const ALL: &'static [Self] = Self::ALL;");
        code.gap();
        code.block("fn as_str(self) -> &'static str", "", |code| code.line("self.as_str()"));
        features(&values, code);
    });
    code.implement_line(cfg, format!("rt::enum_on_the_wire!({ident});"));
}

/// A value with its name in Rust and the attribute of its condition.
pub(crate) struct Valued<'a> {
    pub(crate) value: &'a EnumValue,
    pub(crate) ident: String,
    pub(crate) cfg: Option<String>,
}

pub(crate) fn values<'a>(scope: &Scope<'_>, definition: &'a Enum) -> Vec<Valued<'a>> {
    let idents = scope.cx.value_idents(definition);
    let valued = definition.values.iter().zip(idents).map(|(value, ident)| {
        let cfg = cfg(value.cond.as_ref());
        Valued { value, ident, cfg }
    });
    valued.collect()
}

/// The enum up to its last value.
pub(crate) fn declaration(
    scope: &Scope<'_>,
    id: EntityId,
    derives: &str,
    values: &[Valued<'_>],
    code: &mut Code,
) {
    let entity = scope.cx.schema.get(id);
    let doc = entity.doc.as_ref();
    code.docs(docs::definition(doc, &format!("`{}`.", entity.name)));
    code.attribute(cfg(entity.cond.as_ref()).as_deref());
    code.line(format!("#[derive({derives})]"));
    code.line(format!("pub enum {} {{", scope.named(id)));
    code.indented(|code| {
        for Valued { value, ident, cfg } in values {
            let text = doc.and_then(|doc| described(doc, &value.name)).map(docs::markdown);
            let text = text.filter(|text| !text.trim().is_empty());
            let text = text.unwrap_or_else(|| format!("`{}`.", value.name));
            code.docs([text].into_iter().chain(docs::unstable(&value.features, doc)));
            code.attribute(cfg.as_deref());
            deprecated(&value.features, doc, code);
            code.line(format!("{ident},"));
        }
    });
}

/// The constant with all values.
pub(crate) fn all(name: &str, values: &[Valued<'_>], code: &mut Code) {
    let elements: Vec<_> =
        values.iter().map(|value| (value.cfg.clone(), format!("Self::{}", value.ident))).collect();
    code.array(&format!("pub const {name}: &'static [Self] = &"), &elements, ";");
}

/// The arms from values to what is on the wire.
pub(crate) fn spellings(values: &[Valued<'_>], code: &mut Code) {
    for Valued { value, ident, cfg } in values {
        code.attribute(cfg.as_deref());
        code.arm(&format!("Self::{ident}"), &literal(&value.name));
    }
}

/// The method that tells the features of a value; none where no value has any.
fn features(values: &[Valued<'_>], code: &mut Code) {
    let (with, without): (Vec<_>, Vec<_>) =
        values.iter().partition(|value| !value.value.features.is_empty());
    if with.is_empty() {
        return;
    }
    code.gap();
    code.block("fn features(self) -> &'static [&'static str]", "", |code| {
        code.block("match self", "", |code| {
            for Valued { value, ident, cfg } in with {
                code.attribute(cfg.as_deref());
                let features = feature_names(&value.features);
                code.arm(&format!("Self::{ident}"), &format!("&[{features}]"));
            }
            if !without.is_empty() {
                code.line("_ => &[],");
            }
        });
    });
}
