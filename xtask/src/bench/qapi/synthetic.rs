//! A schema of the size and shape of QEMU's, made up: the same number of commands, events and
//! types, as many members, and documentation of the same length. Always the same text.

use std::fmt::Write;

/// Files of one unit, each with the same mix of definitions. With them a unit has about 26,000
/// lines and 740 kB, as QEMU 10 has.
const FILES: usize = 37;

/// Definitions of a file, by kind; beside them a union and an event.
const COMMANDS: usize = 6;
const STRUCTS: usize = 10;
const ENUMS: usize = 4;

/// The words that documentation is made of.
const WORDS: [&str; 16] = [
    "the",
    "block",
    "device",
    "guest",
    "number",
    "of",
    "bytes",
    "that",
    "migration",
    "stream",
    "host",
    "memory",
    "is",
    "when",
    "value",
    "path",
];

/// Scalar types that members take in turns.
const SCALARS: [&str; 6] = ["str", "int", "bool", "uint32", "size", "number"];

/// The files of a schema `units` times as large as QEMU's: names and texts, the root first.
pub(super) fn files(units: usize) -> Vec<(String, String)> {
    let count = FILES * units;
    let mut root = String::from("{ 'pragma': { 'doc-required': true } }\n\n");
    let mut files = vec![(String::from("schema.json"), String::new())];
    for file in 0..count {
        let name = format!("part-{file}.json");
        put(&mut root, format_args!("{{ 'include': '{name}' }}\n"));
        files.push((name, Part { file, out: String::new(), next: file }.text()));
    }
    if let Some((_, text)) = files.first_mut() {
        *text = root;
    }
    files
}

/// Adds to a text; that cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

struct Part {
    file: usize,
    out: String,
    /// What the next word is taken from.
    next: usize,
}

impl Part {
    fn text(mut self) -> String {
        put(&mut self.out, format_args!("##\n# = Part {}\n##\n\n", self.file));
        for index in 0..ENUMS {
            self.enumeration(index);
        }
        for index in 0..STRUCTS {
            self.structure(index);
        }
        self.union();
        for index in 0..COMMANDS {
            self.command(index);
        }
        self.event();
        self.out
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        put(&mut self.out, text);
        self.out.push('\n');
    }

    /// A sentence over one or two lines of a comment, the second indented.
    fn sentence(&mut self, indent: &str, lines: usize) {
        for line in 0..lines {
            if line > 0 {
                put(&mut self.out, format_args!("# {indent}"));
            }
            for _ in 0..7 {
                self.next = (self.next * 7 + 3) % 8191;
                let word = WORDS.get(self.next % WORDS.len()).unwrap_or(&"it");
                put(&mut self.out, format_args!("{word} "));
            }
            self.out.truncate(self.out.trim_end().len());
            self.out.push('\n');
        }
    }

    /// The documentation of a definition; `more` adds sections.
    fn doc(&mut self, name: &str, members: &[String], more: &str) {
        self.line(format_args!("##\n# @{name}:\n#"));
        self.out.push_str("# ");
        self.sentence("", 2);
        for member in members {
            put(&mut self.out, format_args!("#\n# @{member}: "));
            self.sentence("    ", 2);
        }
        self.line(format_args!("#{more}\n# Since: 10.0\n##"));
    }

    fn enumeration(&mut self, index: usize) {
        let name = format!("Kind{}x{index}", self.file);
        let values: Vec<_> = (0..6).map(|value| format!("value-{value}")).collect();
        self.doc(&name, &values, "");
        let list: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
        self.line(format_args!("{{ 'enum': '{name}',\n  'data': [ {} ] }}\n", list.join(", ")));
    }

    /// A struct with members of scalar types, of an enumeration and of other structs.
    fn structure(&mut self, index: usize) {
        let (file, name) = (self.file, format!("Info{}x{index}", self.file));
        let members: Vec<_> = (0..7).map(|member| format!("member-{member}")).collect();
        self.doc(&name, &members, "");
        let types: Vec<_> = (0..7)
            .map(|member| match (member, index) {
                (5, _) => format!("'Kind{file}x{}'", index % ENUMS),
                (6, 1..) => format!("[ 'Info{file}x{}' ]", index - 1),
                _ => {
                    format!("'{}'", SCALARS.get((member + index) % SCALARS.len()).unwrap_or(&"str"))
                }
            })
            .collect();
        self.members(&format!("{{ 'struct': '{name}',\n  'data': {{"), &members, &types, "} }\n");
    }

    fn members(&mut self, open: &str, members: &[String], types: &[String], close: &str) {
        let list: Vec<_> = members
            .iter()
            .zip(types)
            .enumerate()
            .map(|(at, (name, ty))| format!("'{}{name}': {ty}", if at % 2 == 0 { "" } else { "*" }))
            .collect();
        self.line(format_args!("{open} {} {close}", list.join(",\n            ")));
    }

    fn union(&mut self) {
        let (file, name) = (self.file, format!("Options{}", self.file));
        self.doc(&name, &["kind".into()], "");
        let branches: Vec<_> =
            (1..5).map(|branch| format!("'value-{branch}': 'Info{file}x{branch}'")).collect();
        self.line(format_args!(
            "{{ 'union': '{name}',\n  'base': {{ 'kind': 'Kind{file}x0' }},\n  \
             'discriminator': 'kind',\n  'data': {{ {} }} }}\n",
            branches.join(",\n            ")
        ));
    }

    fn command(&mut self, index: usize) {
        let (file, name) = (self.file, format!("do-part{}-{index}", self.file));
        let members: Vec<_> = (0..4).map(|member| format!("argument-{member}")).collect();
        let example = format!(
            "\n# Returns: what there is\n#\n# .. qmp-example::\n#\n#     -> {{ \"execute\": \"{name}\", \
             \"arguments\": {{ ... }} }}\n#     <- {{ \"return\": {{ ... }} }}\n#"
        );
        self.doc(&name, &members, &example);
        let types =
            ["'str'".to_owned(), "'int'".into(), format!("'Kind{file}x1'"), "'bool'".into()];
        let close = format!("}},\n  'returns': 'Info{file}x{index}' }}\n");
        self.members(&format!("{{ 'command': '{name}',\n  'data': {{"), &members, &types, &close);
    }

    fn event(&mut self) {
        let name = format!("PART{}_CHANGED", self.file);
        self.doc(&name, &["id".into()], "");
        self.line(format_args!("{{ 'event': '{name}', 'data': {{ 'id': 'str' }} }}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within a tenth of what QEMU's schema has, and right.
    #[test]
    fn size_and_shape() {
        let files = files(1);
        let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
        let lines: usize = files.iter().map(|(_, text)| text.lines().count()).sum();
        assert!(bytes.abs_diff(737_000) < 74_000, "{bytes} bytes");
        assert!(lines.abs_diff(26_116) < 2_612, "{lines} lines");
        let scratch = crate::guest::Scratch::new().unwrap();
        let root = super::super::write(&files, &scratch.0).unwrap();
        let schema = qapi_schema::load(&root).unwrap_or_else(|errors| panic!("{errors}"));
        let found = qapi_codegen::check_examples(&schema);
        assert_eq!((found.examples, found.errors.len()), (FILES * COMMANDS, 0));
    }
}
