//! `help`: what the server has, by its schema; what it is for, by the documentation of this program's.

use std::fmt::Write as _;

use qapi_runtime::client::{SchemaMember, ServerSchema};
use qapi_runtime::{CommandInfo, MemberInfo};

use crate::qapi;

/// The text about all commands, or about one.
///
/// # Errors
/// The server has no such command.
pub(super) fn answer(schema: &ServerSchema, topic: Option<&str>) -> Result<String, String> {
    match topic {
        None => Ok(all(schema)),
        Some(name) => one(schema, name),
    }
}

fn info(name: &str) -> Option<&'static CommandInfo> {
    qapi::COMMANDS.iter().copied().find(|command| command.name == name)
}

/// The first sentence, on one line.
fn brief(doc: &str) -> String {
    let line = doc.split_whitespace().collect::<Vec<_>>().join(" ");
    line.split_once(". ").map_or_else(|| line.clone(), |(first, _)| format!("{first}."))
}

fn all(schema: &ServerSchema) -> String {
    let mut text = String::from(
        "A line is COMMAND [KEY=VALUE...] or a request in JSON; help COMMAND tells about one, exit leaves.\n\n",
    );
    for name in schema.commands() {
        let about = info(name).map(|command| brief(command.doc)).unwrap_or_default();
        let _ = writeln!(text, "  {name:<30}  {about}");
    }
    text
}

fn one(schema: &ServerSchema, name: &str) -> Result<String, String> {
    let Some(command) = schema.command(name) else {
        let near = qapi_runtime::nearest(name, schema.commands());
        let hint = match near.as_slice() {
            [] => "help lists the commands".into(),
            near => format!("did you mean {}?", near.join(" or ")),
        };
        return Err(format!("there is no command '{name}': {hint}"));
    };
    let known = info(name);
    let mut text = format!("{name}\n");
    if let Some(known) = known.filter(|known| !known.doc.is_empty()) {
        let _ =
            writeln!(text, "    {}", known.doc.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let documented = |name: &str| {
        let members = known.and_then(|known| known.arguments).map_or(&[][..], |it| it.members);
        members.iter().find(|member| member.name == name)
    };
    let mut tag = None;
    for (name, member) in command.arguments(&|_| None) {
        let _ = writeln!(text, "  {}", argument(name, member, documented(name)));
        let more = |value: &&str| {
            let given = |key: &str| (key == name).then(|| (*value).to_string());
            command.arguments(&given).len() > command.arguments(&|_| None).len()
        };
        if member.values().iter().any(more) {
            tag = Some(name);
        }
    }
    if let Some(tag) = tag {
        let _ = writeln!(text, "  ... and more, by {tag}: {tag}=VALUE and the tabulator show them");
    }
    let features: Vec<&str> = ["deprecated", "unstable"]
        .into_iter()
        .filter(|feature| command.has_feature(feature))
        .collect();
    if !features.is_empty() {
        let _ = writeln!(text, "  ({})", features.join(", "));
    }
    Ok(text)
}

fn argument(name: &str, member: SchemaMember<'_>, documented: Option<&MemberInfo>) -> String {
    const SHOWN: usize = 8;
    let values = member.values();
    let what = match values.as_slice() {
        [] => format!("<{}>", member.what()),
        values if values.len() <= SHOWN => values.join("|"),
        values => format!("{}|...", values.get(..SHOWN).unwrap_or_default().join("|")),
    };
    let form = format!("{name}={what}");
    let form = if member.is_optional() { format!("[{form}]") } else { form };
    match documented.map(|member| brief(member.doc)).filter(|doc| !doc.is_empty()) {
        Some(doc) => format!("{form:<32}  {doc}"),
        None => form,
    }
}
