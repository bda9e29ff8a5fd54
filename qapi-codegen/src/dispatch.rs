//! The command table: all commands, all events, and what finds a command by its name.

use qapi_schema::model::Kind;

use crate::code::Code;
use crate::commands;
use crate::context::{Context, Scope, cfg};

/// The tables of all commands and events, and the function that finds a command.
pub(crate) fn emit(cx: &Context<'_>, code: &mut Code) {
    let scope = Scope::new(cx, None);
    let commands: Vec<_> = cx.commands().collect();
    let infos: Vec<_> = commands
        .iter()
        .map(|(id, entity, _)| (cfg(entity.cond.as_ref()), format!("&{}", cx.names.info(*id))))
        .collect();
    code.gap();
    code.line("/// What the schema says about each command, in schema order.");
    code.array("pub static COMMANDS: &[&rt::CommandInfo] = &", &infos, ";");
    let events = cx.entities().filter(|(_, entity)| matches!(entity.kind, Kind::Event(_)));
    let events: Vec<_> = events
        .map(|(id, entity)| {
            (cfg(entity.cond.as_ref()), format!("<{} as rt::Event>::INFO", scope.named(id)))
        })
        .collect();
    code.gap();
    code.line("/// What the schema says about each event, in schema order.");
    code.array("pub static EVENTS: &[rt::EventInfo] = &", &events, ";");
    code.gap();
    code.block("rt::dispatch!", "", |code| {
        code.line("/// Finds a command by its name on the wire.");
        code.line("pub fn command(Commands, OobCommands);");
        code.gap();
        for (id, entity, command) in commands {
            code.attribute(cfg(entity.cond.as_ref()).as_deref());
            code.line(commands::row(&scope, id, entity, command));
        }
    });
}
