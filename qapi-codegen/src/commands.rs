//! Commands become the methods of two traits a module: in band, with `&mut self`, and out of
//! band, with `&self` and beside them. No method has a body of its own, so a command without an
//! implementation does not build. What the schema says about a command is a static of its own.

use qapi_schema::model::{Command, Entity, EntityId, Kind};

use crate::code::{Code, literal};
use crate::context::{Arguments, ModuleOut, Scope, cfg, deprecated, feature_names, keyval};
use crate::docs;
use crate::names::snake;
use crate::structs::{self, Struct};

/// The structs of inline arguments.
pub(crate) fn arguments(scope: &Scope<'_>, id: EntityId, command: &Command, code: &mut Code) {
    let Arguments::Inline(object) = scope.cx.arguments(command) else { return };
    let entity = scope.cx.schema.get(id);
    let what = Struct {
        id: object,
        ident: scope.named(id),
        name: &entity.name,
        docs: vec![format!("The arguments of `{}`.", entity.name)],
        doc: entity.doc.as_ref(),
        cfg: cfg(entity.cond.as_ref()),
    };
    structs::emit_as(scope, &what, code);
}

/// The traits of a module, and what there is to know about its commands.
pub(crate) fn traits(scope: &Scope<'_>, module: &ModuleOut, code: &mut Code) {
    let commands = module.entities.iter().filter_map(|id| match &scope.cx.schema.get(*id).kind {
        Kind::Command(command) => Some((*id, command)),
        _ => None,
    });
    let commands: Vec<_> = commands.collect();
    let (in_band, out_of_band) = scope.cx.names.traits(module.id);
    for (name, oob) in [(in_band, false), (out_of_band, true)] {
        let methods: Vec<_> =
            commands.iter().filter(|(_, command)| command.allow_oob == oob).collect();
        if methods.is_empty() {
            continue;
        }
        let beside = if oob { " that may run beside all others" } else { "" };
        code.gap();
        code.line(format!("/// The commands of `{}`{beside}.", module.name));
        code.block(&format!("pub trait {name}"), "", |code| {
            for (id, command) in methods {
                code.gap();
                method(scope, *id, command, code);
            }
        });
    }
    commands.iter().for_each(|(id, command)| info(scope, *id, command, code));
}

/// The declaration of a command's method.
pub(crate) fn method(scope: &Scope<'_>, id: EntityId, command: &Command, code: &mut Code) {
    let entity = scope.cx.schema.get(id);
    let doc = entity.doc.as_ref();
    let docs = docs::command(doc, &format!("`{}`.", entity.name));
    code.docs(docs.into_iter().chain(docs::unstable(&entity.features, doc)));
    code.attribute(cfg(entity.cond.as_ref()).as_deref());
    deprecated(&entity.features, doc, code);
    let receiver = if command.allow_oob { "&self" } else { "&mut self" };
    let arguments = match scope.cx.arguments(command) {
        Arguments::None => None,
        Arguments::Inline(_) => Some(scope.named(id)),
        Arguments::Named(id) => Some(scope.ty(id)),
        Arguments::Raw => Some("&rt::Map".into()),
    };
    let parameters: Vec<_> = [receiver.to_owned()]
        .into_iter()
        .chain(arguments.map(|ty| format!("arguments: {ty}")))
        .collect();
    let reply = match (command.generate, command.returns) {
        (false, _) => "rt::Value".into(),
        (true, Some(id)) => scope.ty(id),
        (true, None) => "()".into(),
    };
    let result = format!("Result<{reply}, rt::QmpError>");
    let result = if command.coroutine {
        format!(" -> impl Future<Output = {result}> + Send;")
    } else {
        format!(" -> {result};")
    };
    code.signature(&format!("fn {}", snake(&entity.name)), &parameters, &result);
}

/// What the schema says about a command.
fn info(scope: &Scope<'_>, id: EntityId, command: &Command, code: &mut Code) {
    let (cx, entity) = (scope.cx, scope.cx.schema.get(id));
    let arguments = match cx.arguments(command) {
        Arguments::None | Arguments::Raw => "None".into(),
        Arguments::Inline(_) => format!("Some(<{} as rt::Object>::INFO)", scope.named(id)),
        Arguments::Named(id) => format!("Some(<{} as rt::Object>::INFO)", scope.ty(id)),
    };
    let returns =
        command.returns.map_or("None".into(), |id| format!("Some({})", literal(&cx.spelling(id))));
    code.gap();
    code.line(format!("/// What the schema says about `{}`.", entity.name));
    code.attribute(cfg(entity.cond.as_ref()).as_deref());
    let head = format!("pub static {}: rt::CommandInfo = rt::CommandInfo", cx.names.info(id));
    code.block(&head, ";", |code| {
        code.line(format!("name: {},", literal(&entity.name)));
        code.line(format!("arguments: {arguments},"));
        code.line(format!("returns: {returns},"));
        code.line(format!("allow_oob: {},", command.allow_oob));
        code.line(format!("coroutine: {},", command.coroutine));
        phases(scope, command, code);
        code.line(format!("keyval: {},", keyval(entity)));
        code.line(format!("success_response: {},", command.success_response));
        code.line(format!("features: &[{}],", feature_names(&entity.features)));
        code.text("doc: ", &docs::summary_of(entity.doc.as_ref()), ",");
    });
}

fn phases(scope: &Scope<'_>, command: &Command, code: &mut Code) {
    let schema = scope.cx.schema;
    let Some((id, phases)) = schema.phase_enum.and_then(|id| Some((id, scope.cx.enumeration(id)?)))
    else {
        return code.line("phases: rt::PhaseSet::ALL,");
    };
    let permitted = schema.phases_of(command);
    let idents = scope.cx.value_idents(phases);
    if permitted.len() == phases.values.len() {
        return code.line("phases: rt::PhaseSet::ALL,");
    }
    let phase = scope.named(id);
    let permitted =
        phases.values.iter().zip(idents).filter(|(it, _)| permitted.contains(&it.name.as_str()));
    let elements: Vec<_> = permitted
        .map(|(value, ident)| (cfg(value.cond.as_ref()), format!("{phase}::{ident} as u32")))
        .collect();
    code.array("phases: rt::PhaseSet::of(&", &elements, "),");
}

/// The row of a command in the dispatch table.
pub(crate) fn row(scope: &Scope<'_>, id: EntityId, entity: &Entity, command: &Command) -> String {
    let kind = match command {
        Command { allow_oob: true, .. } => "out_of_band",
        Command { coroutine: true, .. } => "coroutine",
        _ => "in_band",
    };
    let arguments = match scope.cx.arguments(command) {
        Arguments::None => "",
        Arguments::Inline(_) | Arguments::Named(_) => "arguments",
        Arguments::Raw => "raw",
    };
    let reply = if command.generate && command.returns.is_none() { "empty" } else { "reply" };
    let (name, info) = (literal(&entity.name), scope.cx.names.info(id));
    format!("{name} => {info}, {kind} {}({arguments}) {reply};", snake(&entity.name))
}
