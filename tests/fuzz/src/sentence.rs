//! Makes schemas that are right by the grammar, and often enough by the checks, too: few names,
//! so that they meet.

use crate::choices::Choices;

const TYPES: &[&str] =
    &["Sa", "Sb", "Ea", "Ua", "Aa", "str", "int", "bool", "null", "any", "QType"];
const MEMBERS: &[&str] = &["a", "b", "kind", "*c", "*x-d", "a-b", "type", "*__org.x_e"];
/// Names that are wrong somewhere or everywhere.
const ODD: &[&str] =
    &["", "*", "u", "has-a", "A_b", "q_empty", "SaList", "EVENT", "cmd", "Nope", "-1"];

/// A whole schema.
pub(crate) fn schema(choices: &mut Choices<'_>) -> String {
    let mut text = String::from(
        "{ 'pragma': { 'phase-enum': 'Ea', 'command-returns-exceptions': [ 'cmd-a' ] } }\n",
    );
    while !choices.is_empty() {
        text.push_str(&definition(choices));
        text.push('\n');
    }
    text
}

fn definition(choices: &mut Choices<'_>) -> String {
    let mut keys = match choices.below(6) {
        0 => {
            let base = if choices.rarely(3) {
                format!("'base': {}, ", ty(choices))
            } else {
                String::new()
            };
            format!(
                "'struct': {}, {base}'data': {}",
                name(choices, &["Sa", "Sb"]),
                members(choices)
            )
        }
        1 => {
            let values = choices.list(5, |it| {
                let name = name(it, &["a", "b", "kind", "1a", "on", "x-d"]);
                long(it, "name", name)
            });
            format!("'enum': {}, 'data': [ {values} ]", name(choices, &["Ea"]))
        }
        2 => {
            let extra = choices.list(3, member);
            let comma = if extra.is_empty() { "" } else { ", " };
            let branches = choices.list(3, |it| {
                let (name, ty) = (name(it, &["a", "b", "on"]), ty(it));
                format!("{name}: {}", long(it, "type", ty))
            });
            let title = name(choices, &["Ua"]);
            format!(
                "'union': {title}, 'base': {{ 'kind': 'Ea'{comma}{extra} }}, \
                 'discriminator': 'kind', 'data': {{ {branches} }}"
            )
        }
        3 => {
            let branches =
                choices.list(4, |it| format!("{}: {}", name(it, &["a", "b", "c"]), ty(it)));
            format!("'alternate': {}, 'data': {{ {branches} }}", name(choices, &["Aa"]))
        }
        4 => {
            let returns = if choices.rarely(2) {
                format!(", 'returns': {}", ty(choices))
            } else {
                String::new()
            };
            let flags = [
                ", 'boxed': true",
                ", 'gen': false",
                ", 'success-response': false",
                ", 'allow-oob': true",
                ", 'allow-preconfig': true",
                ", 'allow-init-config': true",
                ", 'coroutine': true",
                ", 'allowed-phases': [ 'a' ]",
            ];
            let flags: String = flags.iter().filter(|_| choices.rarely(8)).copied().collect();
            let title = name(choices, &["cmd-a", "cmd-b"]);
            format!("'command': {title}, 'data': {}{returns}{flags}", data(choices))
        }
        _ => {
            let boxed = if choices.rarely(4) { ", 'boxed': true" } else { "" };
            format!(
                "'event': {}, 'data': {}{boxed}",
                name(choices, &["EVENT", "X_EV"]),
                data(choices)
            )
        }
    };
    keys.push_str(&extras(choices));
    format!("{{ {keys} }}")
}

/// A quoted name: mostly one of these.
fn name(choices: &mut Choices<'_>, usual: &[&'static str]) -> String {
    let words = if choices.rarely(30) { ODD } else { usual };
    format!("'{}'", choices.word(words))
}

fn ty(choices: &mut Choices<'_>) -> String {
    let name = name(choices, TYPES);
    if choices.rarely(4) { format!("[ {name} ]") } else { name }
}

fn member(choices: &mut Choices<'_>) -> String {
    let (name, ty) = (name(choices, MEMBERS), ty(choices));
    format!("{name}: {}", long(choices, "type", ty))
}

fn members(choices: &mut Choices<'_>) -> String {
    // An object must not have a key twice, or the parser has the last word.
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..choices.below(4) {
        let member = member(choices);
        let key = member.split(':').next().map(str::to_owned);
        if !seen.iter().any(|other| other.split(':').next().map(str::to_owned) == key) {
            seen.push(member);
        }
    }
    format!("{{ {} }}", seen.join(", "))
}

fn data(choices: &mut Choices<'_>) -> String {
    if choices.rarely(2) { ty(choices) } else { members(choices) }
}

/// A member, branch or value, sometimes in its long form.
fn long(choices: &mut Choices<'_>, key: &str, value: String) -> String {
    if choices.rarely(4) { format!("{{ '{key}': {value}{} }}", extras(choices)) } else { value }
}

/// A condition and features.
fn extras(choices: &mut Choices<'_>) -> String {
    let mut text = String::new();
    if choices.rarely(8) {
        text.push_str(&format!(", 'if': {}", condition(choices, 3)));
    }
    if choices.rarely(8) {
        let features = choices.list(3, |it| {
            let name = name(it, &["f", "g", "deprecated", "unstable"]);
            if it.rarely(4) {
                format!("{{ 'name': {name}, 'if': {} }}", condition(it, 1))
            } else {
                name
            }
        });
        text.push_str(&format!(", 'features': [ {features} ]"));
    }
    text
}

fn condition(choices: &mut Choices<'_>, depth: usize) -> String {
    match choices.below(if depth == 0 { 2 } else { 5 }) {
        0 => "'CONFIG_A'".to_owned(),
        1 => name(choices, &["B", "C1", "D_"]),
        2 => format!("{{ 'not': {} }}", condition(choices, depth - 1)),
        3 => format!("{{ 'all': [ {} ] }}", choices.list(3, |it| condition(it, depth - 1))),
        _ => format!("{{ 'any': [ {} ] }}", choices.list(3, |it| condition(it, depth - 1))),
    }
}
