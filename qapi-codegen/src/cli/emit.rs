//! What can be made of a schema, and the files that it becomes.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use qapi_schema::{Schema, dump, nearest};

use super::Failure;
use super::report::Wrong;
use crate::builder::write as write_file;
use crate::{
    Options, Output, Side, check_examples, generate, html, introspect, json_schema, markdown,
};

/// A kind of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emit {
    Rust,
    Client,
    Introspect,
    Dump,
    Html,
    Markdown,
    JsonSchema,
}

impl Emit {
    /// All of them: the name, and what it is.
    pub(super) const ALL: [(&str, Self, &str); 7] = [
        ("rust", Self::Rust, "a server's Rust: qapi.rs and qapi/"),
        ("client", Self::Client, "a client's Rust: client.rs and client/"),
        ("introspect", Self::Introspect, "the answer to query-qmp-schema: introspection.json"),
        ("dump", Self::Dump, "the checked schema as QEMU's tests print it: schema.out"),
        ("html", Self::Html, "the reference manual: manual.html"),
        ("markdown", Self::Markdown, "the same: manual.md"),
        ("json-schema", Self::JsonSchema, "JSON Schema, draft 2020-12: schema.json"),
    ];

    /// The kind of that name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        if let Some((_, emit, _)) = Self::ALL.iter().find(|(known, ..)| *known == name) {
            return Ok(*emit);
        }
        let names = Self::ALL.map(|(name, ..)| name);
        Err(match nearest(name, names.into_iter()) {
            Some(near) => format!("--emit {name}: there is no such output; there is {near}"),
            None => {
                format!("--emit {name}: there is no such output; there are {}", names.join(", "))
            }
        })
    }

    /// Whether it is a single file.
    pub(super) fn is_one_file(self) -> bool {
        !matches!(self, Self::Rust | Self::Client)
    }

    /// Whether it shows the schema's examples to people.
    fn is_manual(self) -> bool {
        matches!(self, Self::Html | Self::Markdown)
    }

    fn files(self, schema: &Schema, options: &Options) -> Output {
        let one = |name: &str, text: String| Output::from([(name.to_owned(), text)]);
        let side = |side| generate(schema, &Options { side, ..options.clone() });
        match self {
            Self::Rust => side(Side::Server),
            Self::Client => side(Side::Client),
            Self::Introspect => one("introspection.json", introspection(schema, options)),
            Self::Dump => one("schema.out", dump(schema)),
            Self::Html => one("manual.html", html(schema)),
            Self::Markdown => one("manual.md", markdown(schema)),
            Self::JsonSchema => one("schema.json", format!("{:#}\n", json_schema(schema, options))),
        }
    }

    /// The text of what is one file.
    pub(super) fn text(self, schema: &Schema, options: &Options) -> String {
        self.files(schema, options).into_values().collect()
    }
}

fn introspection(schema: &Schema, options: &Options) -> String {
    let lines: Vec<_> = introspect(schema, options).iter().map(|it| it.to_string()).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// All files of some kinds.
pub(super) fn files(emits: &[Emit], schema: &Schema, options: &Options) -> Output {
    emits.iter().flat_map(|emit| emit.files(schema, options)).collect()
}

/// A manual with a wrong example is made nevertheless; whoever makes it shall know.
pub(super) fn warn_of_examples(emits: &[Emit], schema: &Schema) {
    if emits.iter().any(|emit| emit.is_manual()) {
        for error in check_examples(schema).errors {
            eprintln!("warning: {error}");
        }
    }
}

/// Writes what differs from what is there, and prints the names of all files.
pub(super) fn write(files: &Output, out: &Path) -> Result<usize, Failure> {
    let mut written = 0;
    for (name, text) in files {
        let path = out.join(name);
        let changed = write_file(&path, text).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            Failure(format!("{error}{}", cause.unwrap_or_default()))
        })?;
        written += usize::from(changed);
        println!("{}", path.display());
    }
    Ok(written)
}

/// What is there and differs, is missing, or would not be written any more.
pub(super) fn compare(files: &Output, out: &Path) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut folders = BTreeSet::new();
    for (name, text) in files {
        let path = out.join(name);
        let what = match fs::read(&path) {
            Ok(present) if present == text.as_bytes() => None,
            Ok(_) => Some("out of date"),
            Err(error) if error.kind() == ErrorKind::NotFound => Some("missing"),
            Err(_) => Some("not readable"),
        };
        wrong.extend(what.map(|what| Wrong::stale(&path, what)));
        // Folders belong to the generator; the directory itself is the user's.
        folders.extend(Path::new(name).parent().filter(|folder| *folder != Path::new("")));
    }
    for folder in folders {
        let entries = fs::read_dir(out.join(folder)).into_iter().flatten().flatten();
        for entry in entries {
            let name = folder.join(entry.file_name());
            if !files.contains_key(&*name.to_string_lossy()) {
                wrong.push(Wrong::stale(&entry.path(), "no longer generated"));
            }
        }
    }
    wrong.sort_by(|a, b| a.text.cmp(&b.text));
    wrong
}
