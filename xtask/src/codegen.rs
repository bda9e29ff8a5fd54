//! `cargo xtask codegen`: what the build does with the schema, where one can see it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::Context;
use lexopt::prelude::*;
use qapi_codegen::Options;
use qapi_runtime::nearest;
use qapi_schema::model::Schema;
use qapi_schema::{Diagnostics, load};

const USAGE: &str = "\
usage: cargo xtask codegen [--schema FILE] [--defines FILE] [--no-phases] ACTION

    --check          only look for errors in the schema
    --show NAME      a command, a type or an event: its schema, its JSON, its Rust
    --out DIR        write the generated files

    --schema FILE    the schema's root (default: emulator/qapi/qapi-schema.json)
    --defines FILE   macros that hold, one a line
    --no-phases      introspection without the phases of commands
    --format FORMAT  of errors: human, qemu or json
";

/// How errors in the schema are told.
#[derive(Clone, Copy)]
enum Format {
    Human,
    Qemu,
    Json,
}

struct Arguments {
    schema: Option<PathBuf>,
    options: Options,
    format: Format,
    check: bool,
    show: Vec<String>,
    out: Option<PathBuf>,
}

/// Runs the verb.
pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let Some(arguments) = parse(parser)? else {
        eprint!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    let path = arguments.schema.clone().unwrap_or_else(default_schema);
    let schema = match load(&path) {
        Ok(schema) => schema,
        Err(diagnostics) => {
            eprintln!("{}", render(&diagnostics, arguments.format)?);
            return Ok(ExitCode::FAILURE);
        }
    };
    for name in &arguments.show {
        if !show(&schema, &arguments.options, name) {
            return Ok(ExitCode::FAILURE);
        }
    }
    if let Some(dir) = &arguments.out {
        write(&schema, &arguments.options, dir)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The arguments, or nothing if they ask for help or for nothing at all.
fn parse(mut parser: lexopt::Parser) -> anyhow::Result<Option<Arguments>> {
    let mut arguments = Arguments {
        schema: None,
        options: Options::default(),
        format: Format::Human,
        check: false,
        show: Vec::new(),
        out: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("schema") => arguments.schema = Some(parser.value()?.into()),
            Long("out") => arguments.out = Some(parser.value()?.into()),
            Long("show") => arguments.show.push(parser.value()?.string()?),
            Long("check") => arguments.check = true,
            Long("no-phases") => arguments.options.phases = false,
            Long("defines") => {
                let macros = defines(Path::new(&parser.value()?))?;
                arguments.options = arguments.options.define(macros);
            }
            Long("format") => {
                arguments.format = match parser.value()?.string()?.as_str() {
                    "human" => Format::Human,
                    "qemu" => Format::Qemu,
                    "json" => Format::Json,
                    other => anyhow::bail!("no such format: {other}; there are human, qemu, json"),
                }
            }
            Short('h') | Long("help") => return Ok(None),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let asked = arguments.check || arguments.out.is_some() || !arguments.show.is_empty();
    Ok(asked.then_some(arguments))
}

/// The emulator's own schema, whatever the working directory.
fn default_schema() -> PathBuf {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../emulator/qapi/qapi-schema.json");
    // Shorter and clickable in messages where the working directory is the workspace.
    let relative = Path::new("emulator/qapi/qapi-schema.json");
    if relative.exists() { relative.to_owned() } else { schema }
}

fn defines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(String::from).collect())
}

fn render(diagnostics: &Diagnostics, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Human => diagnostics.to_string(),
        Format::Qemu => diagnostics.qemu(),
        Format::Json => serde_json::to_string_pretty(&diagnostics.json())?,
    })
}

/// Prints all there is about a name; `false` if there is nothing of that name.
fn show(schema: &Schema, options: &Options, name: &str) -> bool {
    let Some(shown) = qapi_codegen::show(schema, options, name) else {
        eprintln!("{}", unknown(schema, name));
        return false;
    };
    let introspection = match &shown.introspection {
        Some(entry) => format!("{entry:#}"),
        None => "(reached by no command and no event)".to_owned(),
    };
    let sections = [
        ("Schema", &shown.source),
        ("Wire", &shown.wire),
        ("Rust", &shown.rust),
        ("Introspection", &introspection),
    ];
    for (title, text) in sections {
        println!("--- {title} ---\n\n{}\n", text.trim_end());
    }
    true
}

fn unknown(schema: &Schema, name: &str) -> String {
    let defined = schema.entities.iter().filter(|entity| entity.span.is_some());
    match nearest(name, defined.map(|entity| entity.name.as_str())).as_slice() {
        [] => format!("nothing in the schema is called {name}"),
        alike => format!("nothing in the schema is called {name}; there is {}", alike.join(", ")),
    }
}

fn write(schema: &Schema, options: &Options, dir: &Path) -> anyhow::Result<()> {
    for (name, text) in qapi_codegen::generate(schema, options) {
        let path = dir.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
