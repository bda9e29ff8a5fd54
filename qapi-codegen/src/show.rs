//! All there is about one name: what the schema says, how it looks on the wire, what it is in
//! Rust, what a client can ask about it.

use qapi_schema::model::{Entity, EntityId, Kind, Schema};
use serde_json::{Value, json};

use crate::code::Code;
use crate::conditions::configure;
use crate::context::{Arguments, Context, Scope};
use crate::example::{examples, spaced};
use crate::{Options, commands, introspect, root};

/// What [`show`] finds out.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The definition with its documentation, as spelled.
    pub source: String,
    /// Examples of JSON: arrows tell who sends what, as in QMP's own documentation.
    pub wire: String,
    /// The generated declarations, without what the types implement.
    pub rust: String,
    /// Its entry in introspection, with the names of types not hidden; `None` for a type that no
    /// command and no event reaches.
    pub introspection: Option<Value>,
}

/// Tells all there is about a command, a type or an event.
pub fn show(schema: &Schema, options: &Options, name: &str) -> Option<Shown> {
    let id = schema.find(name)?;
    let configured = configure(schema, options);
    let entity = configured.get(id);
    let context = Context::new(&configured, options.side);
    let unmasked = Options { mask: false, ..options.clone() };
    let introspection = introspect(schema, &unmasked).into_iter();
    Some(Shown {
        source: source(schema, entity),
        wire: wire(&configured, id),
        rust: rust(&context, id),
        introspection: introspection.into_iter().find(|entry| entry["name"] == name),
    })
}

/// The text of a definition with the comment before it.
fn source(schema: &Schema, entity: &Entity) -> String {
    let Some(span) = entity.span else { return "(predefined)".into() };
    let Some(file) = schema.files.get(span.file) else { return String::new() };
    let (before, rest) = file.text.split_at_checked(span.start).unwrap_or(("", &file.text));
    let definition = rest.get(..span.end.saturating_sub(span.start)).unwrap_or(rest);
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    let comment: Vec<&str> = before.lines().rev().take_while(is_comment).collect();
    // A free-form comment may touch the definition's own; that begins at the last `##` but one.
    let fences = comment.iter().enumerate().filter(|(_, line)| line.trim() == "##");
    let length = fences.map(|(index, _)| index + 1).nth(1).unwrap_or(comment.len());
    let mut lines: Vec<&str> = comment.into_iter().take(length).rev().collect();
    lines.extend(definition.lines());
    let line = before.matches('\n').count() + 1;
    format!("# {}:{line}\n{}\n", file.path.display(), lines.join("\n"))
}

fn wire(schema: &Schema, id: EntityId) -> String {
    let entity = schema.get(id);
    let name = &entity.name;
    let mut lines = Vec::new();
    match &entity.kind {
        Kind::Command(command) => {
            let execute = if command.allow_oob { "exec-oob" } else { "execute" };
            let requests = match command.arguments {
                Some(id) => examples(schema, id)
                    .into_iter()
                    .map(|arguments| json!({ execute: name, "arguments": arguments }))
                    .collect(),
                None => vec![json!({ execute: name })],
            };
            lines.extend(requests.iter().map(|request| format!("-> {}", spaced(request))));
            let replies = match command.returns {
                Some(id) => examples(schema, id),
                None if command.success_response => vec![json!({})],
                None => Vec::new(),
            };
            let replies = replies.into_iter().map(|reply| json!({ "return": reply }));
            lines.extend(replies.map(|reply| format!("<- {}", spaced(&reply))));
        }
        Kind::Event(event) => {
            let timestamp = json!({ "seconds": 0, "microseconds": 0 });
            let mut object = json!({ "timestamp": timestamp, "event": name });
            if let Some(data) = event.data.and_then(|id| examples(schema, id).into_iter().next()) {
                object["data"] = data;
            }
            lines.push(format!("<- {}", spaced(&object)));
        }
        _ => lines.extend(examples(schema, id).iter().map(spaced)),
    }
    lines.join("\n") + "\n"
}

/// The declarations: of a command also those of its arguments and of what it returns.
fn rust(context: &Context<'_>, id: EntityId) -> String {
    let scope = Scope::new(context, None);
    let mut code = Code::declarations_only();
    let entity = context.schema.get(id);
    let Kind::Command(command) = &entity.kind else {
        root::entity(&scope, id, &mut code);
        return code.finish();
    };
    let (in_band, out_of_band) = context.names.traits(entity.module);
    let name = if command.allow_oob { out_of_band } else { in_band };
    code.block(&format!("pub trait {name}"), "", |code| {
        commands::method(&scope, id, command, code);
    });
    let arguments = match context.arguments(command) {
        Arguments::Inline(_) => Some(id),
        Arguments::Named(named) => Some(named),
        Arguments::None | Arguments::Raw => None,
    };
    for ty in arguments.into_iter().chain(command.returns.map(|id| element(context, id))) {
        root::entity(&scope, ty, &mut code);
    }
    code.finish()
}

/// The innermost element of an array type.
fn element(context: &Context<'_>, id: EntityId) -> EntityId {
    match context.schema.get(id).kind {
        Kind::Array(inner) => element(context, inner),
        _ => id,
    }
}
