//! What a line may go on with.

use qapi_runtime::client::{SchemaCommand, SchemaMember, ServerSchema};

use super::live::Live;

/// The words of the shell itself.
pub(super) const OWN: [&str; 2] = ["exit", "help"];

/// A way to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// What stands in the place of the word then.
    pub(super) text: String,
    /// What is shown for it.
    pub(super) shown: String,
}

impl Candidate {
    fn new(text: impl Into<String>, shown: impl Into<String>) -> Self {
        Self { text: text.into(), shown: shown.into() }
    }

    fn plain(text: &str) -> Self {
        Self::new(text, text)
    }
}

/// What the word that ends where the cursor is may become; with the offset at which it begins.
pub(super) fn complete(
    line: &str,
    schema: &ServerSchema,
    live: &dyn Live,
) -> (usize, Vec<Candidate>) {
    // A line may hold several commands in braces: the last one is the one being typed.
    let from = line.rfind(['{', '}']).filter(|_| is_block(line)).map_or(0, |brace| brace + 1);
    let start = line.rfind(char::is_whitespace).map_or(0, |space| space + 1).max(from);
    let word = line.get(start..).unwrap_or_default();
    let before: Vec<&str> = line.get(from..start).unwrap_or_default().split_whitespace().collect();
    let (start, mut found) = match before.as_slice() {
        [] => (start, names(schema, word, true)),
        ["help" | "?"] => (start, names(schema, word, false)),
        [command, given @ ..] => match schema.command(command) {
            Some(command) => argument(command, given, word, start, live),
            None => (start, Vec::new()),
        },
    };
    found.sort_by(|one, other| one.text.cmp(&other.text));
    found.dedup();
    (start, found)
}

/// Whether braces in a line belong to a block, rather than to a value.
fn is_block(line: &str) -> bool {
    matches!(line.split_whitespace().next(), Some("for" | "if"))
}

fn names(schema: &ServerSchema, begun: &str, own: bool) -> Vec<Candidate> {
    let own = OWN.iter().copied().filter(|_| own);
    let names = schema.commands().chain(own).filter(|name| name.starts_with(begun));
    names.map(|name| Candidate::new(format!("{name} "), name)).collect()
}

fn argument(
    command: SchemaCommand<'_>,
    given: &[&str],
    word: &str,
    start: usize,
    live: &dyn Live,
) -> (usize, Vec<Candidate>) {
    let value_of = |name: &str| {
        let given = given.iter().filter_map(|word| word.split_once('='));
        given.filter(|(key, _)| *key == name).map(|(_, value)| value.to_string()).next_back()
    };
    let Some((key, begun)) = word.split_once('=') else {
        return (start, keys(command, given, word, &value_of));
    };
    let start = start + key.len() + 1;
    // A value in quotes is completed like one without.
    let (start, begun) = match begun.strip_prefix('"') {
        Some(begun) => (start + 1, begun),
        None => (start, begun),
    };
    let known = member(command, key, &value_of);
    let values = known.map(|member| member.values()).unwrap_or_default();
    let offers: Vec<String> = if !values.is_empty() {
        values.into_iter().map(String::from).collect()
    } else {
        let last = key.rsplit('.').next().unwrap_or(key);
        match last {
            "chardev" => live.chardevs(),
            "property" => value_of("path").map(|path| live.properties(&path)).unwrap_or_default(),
            "path" | "qom-path" | "device" | "bus" => live.paths(begun, false),
            // In device_add it is the name of what is not there yet.
            "id" if !given.iter().any(|word| word.starts_with("driver=")) => {
                live.paths(begun, false)
            }
            "from" | "to" | "value" | "input-device" | "output-device" => live.paths(begun, true),
            _ => Vec::new(),
        }
    };
    let offers = offers.into_iter().filter(|value| value.starts_with(begun));
    (start, offers.map(|value| Candidate::plain(&value)).collect())
}

/// Names of arguments that are not given yet; behind a dot, those of the member before it.
fn keys(
    command: SchemaCommand<'_>,
    given: &[&str],
    begun: &str,
    value_of: &dyn Fn(&str) -> Option<String>,
) -> Vec<Candidate> {
    let (parent, last) = match begun.rsplit_once('.') {
        Some((parent, last)) => (Some(parent), last),
        None => (None, begun),
    };
    let members = match parent {
        None => command.arguments(value_of),
        Some(parent) => {
            let below = |name: &str| value_of(&format!("{parent}.{name}"));
            command.argument(parent).map(|member| member.members(&below)).unwrap_or_default()
        }
    };
    let taken = |key: &str| given.iter().any(|word| word.split('=').next() == Some(key));
    let mut found = Vec::new();
    for (name, member) in members.into_iter().filter(|(name, _)| name.starts_with(last)) {
        let key = parent.map_or_else(|| name.to_string(), |parent| format!("{parent}.{name}"));
        if taken(&key) {
            continue;
        }
        let end = if member.what() == "object" { '.' } else { '=' };
        let optional = if member.is_optional() { ", optional" } else { "" };
        found.push(Candidate {
            text: format!("{key}{end}"),
            shown: format!("{key}{end}<{}{optional}>", member.what()),
        });
    }
    found
}

/// The member that a key names, seen from what is given: of branches of a union, the chosen one.
fn member<'a>(
    command: SchemaCommand<'a>,
    key: &str,
    value_of: &dyn Fn(&str) -> Option<String>,
) -> Option<SchemaMember<'a>> {
    let chosen = command.arguments(value_of).into_iter().find(|(name, _)| *name == key);
    chosen.map(|(_, member)| member).or_else(|| command.argument(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Board;

    impl Live for Board {
        fn paths(&self, begun: &str, leaves: bool) -> Vec<String> {
            match (begun.starts_with("uart/"), leaves) {
                (true, true) => vec!["uart/sysbus-irq[0]".into()],
                (true, false) => vec![],
                _ => vec!["uart".into(), "ram".into(), "/machine".into()],
            }
        }

        fn properties(&self, path: &str) -> Vec<String> {
            vec![format!("of-{path}"), "size".into()]
        }

        fn chardevs(&self) -> Vec<String> {
            vec!["serial0".into()]
        }
    }

    fn schema() -> ServerSchema {
        let text = r#"[
            {"name": "device_add", "meta-type": "command", "arg-type": "0", "ret-type": "9"},
            {"name": "qom-get", "meta-type": "command", "arg-type": "5", "ret-type": "9"},
            {"name": "query-status", "meta-type": "command", "arg-type": "9", "ret-type": "9"},
            {"name": "0", "meta-type": "object", "tag": "driver",
             "members": [{"name": "driver", "type": "1"}, {"name": "id", "type": "str", "default": null}],
             "variants": [{"case": "ram", "type": "2"}, {"case": "uart", "type": "3"}]},
            {"name": "1", "meta-type": "enum", "members": [{"name": "ram"}, {"name": "uart"}]},
            {"name": "2", "meta-type": "object", "members": [
                {"name": "size", "type": "int"}, {"name": "readonly", "type": "bool", "default": null}]},
            {"name": "3", "meta-type": "object", "members": [
                {"name": "chardev", "type": "str", "default": null}, {"name": "tune", "type": "4"}]},
            {"name": "4", "meta-type": "object", "members": [{"name": "baud", "type": "int"}]},
            {"name": "5", "meta-type": "object", "members": [
                {"name": "path", "type": "str"}, {"name": "property", "type": "str"}]},
            {"name": "9", "meta-type": "object", "members": []},
            {"name": "str", "meta-type": "builtin", "json-type": "string"},
            {"name": "int", "meta-type": "builtin", "json-type": "int"},
            {"name": "bool", "meta-type": "builtin", "json-type": "boolean"}]"#;
        ServerSchema::new(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn what_a_line_may_go_on_with() {
        // A line, and what its last word may become.
        let rows = [
            ("", "device_add |exit |help |qom-get |query-status "),
            ("q", "qom-get |query-status "),
            ("help q", "qom-get |query-status "),
            ("nonesuch ", ""),
            ("query-status ", ""),
            ("device_add ", "driver=|id="),
            ("device_add d", "driver="),
            ("device_add driver=", "ram|uart"),
            ("device_add driver=u", "uart"),
            ("device_add driver=\"u", "uart"),
            ("device_add driver=ram ", "id=|readonly=|size="),
            ("device_add driver=ram size=1 ", "id=|readonly="),
            ("device_add driver=ram readonly=t", "true"),
            ("device_add driver=uart ", "chardev=|id=|tune."),
            ("device_add driver=uart chardev=", "serial0"),
            ("device_add driver=uart tune.", "tune.baud="),
            ("device_add driver=uart id=", ""),
            ("qom-get path=", "/machine|ram|uart"),
            ("qom-get path=u", "uart"),
            ("qom-get path=uart property=", "of-uart|size"),
            ("qom-get path=uart property=s", "size"),
            ("for i in 0..4 { dev", "device_add "),
            ("for i in 0..4 { device_add driver=r", "ram"),
        ];
        let schema = schema();
        for (line, expected) in rows {
            let (start, found) = complete(line, &schema, &Board);
            let texts: Vec<&str> = found.iter().map(|candidate| candidate.text.as_str()).collect();
            assert_eq!(texts.join("|"), expected, "{line}");
            let begun = &line[start..];
            assert!(texts.iter().all(|text| text.starts_with(begun)), "{line}: {begun}");
        }
    }

    #[test]
    fn no_line_makes_it_panic() {
        let schema = schema();
        for line in
            ["ä", "device_add ä=", "a=b=c", "\"", "for {", "}{", "device_add driver=ä x.ü.", "="]
        {
            complete(line, &schema, &Board);
        }
    }
}
