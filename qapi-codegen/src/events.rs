//! Events become structs that know their name and how they travel.

use qapi_schema::model::{Entity, EntityId, Event, Kind, ObjectMeta};

use crate::code::{Code, literal};
use crate::context::{Scope, cfg, feature_names};
use crate::names::{camel, distinct};
use crate::structs::{self, Struct};
use crate::{Side, docs};

/// The struct of an event and everything it implements.
pub(crate) fn emit(scope: &Scope<'_>, id: EntityId, event: &Event, code: &mut Code) {
    let entity = scope.cx.schema.get(id);
    let (ident, cfg) = (scope.named(id), cfg(entity.cond.as_ref()));
    let doc = entity.doc.as_ref();
    let mut docs = docs::definition(doc, &format!("`{}`.", entity.name));
    docs.extend(docs::unstable(&entity.features, doc));
    let data = event.data.filter(|data| {
        scope.cx.object(*data).is_some_and(|object| object.meta != ObjectMeta::Empty)
    });
    let inline = |data: EntityId| {
        scope.cx.object(data).is_some_and(|object| object.meta == ObjectMeta::Implicit)
    };
    match data {
        None => without_data(&entity.name, &ident, docs, cfg.as_deref(), code),
        Some(id) if inline(id) => {
            let name = &entity.name;
            let what = Struct { id, ident: ident.clone(), name, docs, doc, cfg: cfg.clone() };
            structs::emit_as(scope, &what, code);
        }
        Some(data) => around(&scope.ty(data), &ident, docs, cfg.as_deref(), code),
    }
    code.implement(cfg.as_deref(), &format!("impl rt::Event for {ident}"), |code| {
        code.line(format!("const NAME: &'static str = {};", literal(&entity.name)));
        if scope.cx.side == Side::Server {
            info(entity, code);
        }
    });
}

fn info(entity: &Entity, code: &mut Code) {
    code.line("const INFO: rt::EventInfo = rt::EventInfo {");
    code.indented(|code| {
        code.line("name: Self::NAME,");
        code.line(format!("features: &[{}],", feature_names(&entity.features)));
        code.text("doc: ", &docs::summary_of(entity.doc.as_ref()), ",");
    });
    code.line("};");
}

fn without_data(name: &str, ident: &str, docs: Vec<String>, cfg: Option<&str>, code: &mut Code) {
    code.gap();
    code.docs(docs);
    code.attribute(cfg);
    code.line("#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]");
    code.line(format!("pub struct {ident};"));
    code.implement(cfg, &format!("impl rt::Object for {ident}"), |code| {
        code.line(format!("const NAME: &'static str = {};", literal(name)));
        code.line("const MEMBERS: &'static [rt::MemberInfo] = &[];");
        code.gap();
        code.block(&structs::read_head("_object"), "", |code| code.line("Ok(Self)"));
        code.gap();
        code.block(&structs::write_head("_object"), "", |_| {});
    });
}

/// An event whose data is a type of the schema.
fn around(data: &str, ident: &str, docs: Vec<String>, cfg: Option<&str>, code: &mut Code) {
    code.gap();
    code.docs(docs);
    code.attribute(cfg);
    code.line("#[derive(Clone, Debug, PartialEq)]");
    code.line(format!("pub struct {ident}("));
    code.indented(|code| {
        code.line("/// The event's data.");
        code.line(format!("pub {data},"));
    });
    code.line(");");
    code.implement_line(cfg, format!("rt::around_on_the_wire!({ident});"));
}

/// The enum of all events, for clients.
pub(crate) fn all(scope: &Scope<'_>, code: &mut Code) {
    let cx = scope.cx;
    let events: Vec<_> =
        cx.entities().filter(|(_, entity)| matches!(entity.kind, Kind::Event(_))).collect();
    let spelled = events.iter().map(|(_, entity)| entity.name.as_str());
    let mut idents = distinct(spelled.chain(["unknown"]), camel);
    let unknown = idents.pop().unwrap_or_default();
    let rows: Vec<_> = events
        .iter()
        .zip(&idents)
        .map(|((id, entity), ident)| (*id, *entity, ident, cfg(entity.cond.as_ref())))
        .collect();
    code.gap();
    code.line("/// What the server tells without being asked.");
    code.line("#[derive(Clone, Debug, PartialEq)]");
    code.line("#[allow(clippy::large_enum_variant, reason = \"sizes are the schema's\")]");
    code.block("pub enum Event", "", |code| {
        for (id, entity, ident, cfg) in &rows {
            let about = docs::first_sentence(entity.doc.as_ref());
            code.docs([format!("`{}`: {about}", entity.name).trim_end_matches(": ")]);
            code.attribute(cfg.as_deref());
            code.line(format!("{ident}({}),", scope.named(*id)));
        }
        code.line("/// An event that the schema does not have.");
        code.line(format!("{unknown}(rt::UnknownEvent),"));
    });
    code.implement(None, "impl rt::AnyEvent for Event", |code| {
        code.block(
            "fn read(name: &str, data: &rt::Value) -> Result<Self, rt::QmpError>",
            "",
            |code| {
                code.block("Ok(match name", ")", |code| {
                    for (_, entity, ident, cfg) in &rows {
                        code.attribute(cfg.as_deref());
                        code.arm(
                            &literal(&entity.name),
                            &format!("Self::{ident}(rt::event_data(data)?)"),
                        );
                    }
                    code.line(format!("_ => Self::{unknown}(rt::AnyEvent::read(name, data)?),"));
                });
            },
        );
        code.gap();
        code.block("fn name(&self) -> &str", "", |code| {
            code.block("match self", "", |code| {
                for (_, entity, ident, cfg) in &rows {
                    code.attribute(cfg.as_deref());
                    code.arm(&format!("Self::{ident}(_)"), &literal(&entity.name));
                }
                code.line(format!("Self::{unknown}(event) => &event.name,"));
            });
        });
    });
}
