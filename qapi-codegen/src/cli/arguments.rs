//! The command line, read and made sense of before anything else is touched.

use std::fs;
use std::path::{Path, PathBuf};

use lexopt::Arg::{Long, Short, Value};
use lexopt::ValueExt;
use qapi_schema::nearest;

use super::emit::Emit;
use super::report::Format;
use super::{Failure, Tool};
use crate::Options;

/// What is asked for.
pub(super) struct Arguments {
    pub(super) schema: PathBuf,
    pub(super) defines: Option<PathBuf>,
    pub(super) phases: bool,
    pub(super) format: Format,
    pub(super) watch: bool,
    pub(super) action: Action,
}

/// The one thing to do.
pub(super) enum Action {
    /// Look for errors in the schema.
    Check,
    /// Compare the examples with the schema.
    Examples,
    Show(Vec<String>),
    Diff(PathBuf),
    /// Print what is one file.
    Print(Emit),
    Write {
        emits: Vec<Emit>,
        out: PathBuf,
    },
    /// Compare what is there with what would be written.
    Compare {
        emits: Vec<Emit>,
        out: PathBuf,
    },
}

/// What `--help` prints.
pub(super) fn usage(tool: &Tool) -> String {
    let default = match &tool.schema {
        Some(schema) => format!(" (default: {})", schema.display()),
        None => String::new(),
    };
    let emits =
        Emit::ALL.map(|(name, _, about)| format!("                     {name:<12} {about}\n"));
    format!(
        "\
usage: {} [OPTIONS] ACTION

Actions, one of:
    --check          look for errors in the schema
    --out DIR        write files: what --emit says, by default rust
    --check --out DIR
                     compare the files in DIR with what would be written
    --emit NAME      print one of: introspect, dump, html, markdown, json-schema
    --show NAME      a command, a type or an event: its schema, its JSON, its Rust
    --examples       compare the examples in the documentation with the schema
    --diff OLD       what changed for a client since OLD: a schema's root file,
                     or an answer to query-qmp-schema (the message or its array)

Options:
    --schema FILE    the schema's root{default}
    --emit LIST      with --out, separated by commas:
{}    --defines FILE   macros that hold, one a line; without it none does, and manuals
                     and --diff take everything conditional as being there
    --no-phases      introspection without the phases of commands
    --format FORMAT  of errors: human, qemu (the first error, as QEMU's generator words
                     it) or json; of --diff: human or json
    --watch          do it again whenever a file that was read changes

Exit status:
    0   done: no errors, files up to date, no incompatible change
    1   the answer is no: errors in the schema (a schema file that cannot be read is
        one), wrong examples, files out of date, an incompatible change, no such name
    2   no answer: wrong usage, another file that cannot be read or written; what is
        wrong is one line of text in every format

Errors go to standard error, answers to standard output.  As JSON, errors are one
object: {{ \"errors\": [ {{ \"code\", \"message\", \"place\": {{ \"file\", \"line\", ... }}, ... }} ],
\"total\": N, \"files\": [...] }}.
",
        tool.command,
        emits.concat()
    )
}

/// Options as they come, before they are compared with each other.
#[derive(Default)]
struct Given {
    schema: Option<PathBuf>,
    defines: Option<PathBuf>,
    out: Option<PathBuf>,
    diff: Option<PathBuf>,
    emits: Vec<Emit>,
    show: Vec<String>,
    format: Option<Format>,
    check: bool,
    examples: bool,
    watch: bool,
    no_phases: bool,
}

/// The names of all options, for those who mistype one.
const NAMES: [&str; 12] = [
    "check",
    "defines",
    "diff",
    "emit",
    "examples",
    "format",
    "help",
    "no-phases",
    "out",
    "schema",
    "show",
    "watch",
];

/// Reads the command line; nothing when it asks for help.
pub(super) fn parse(tool: &Tool, parser: lexopt::Parser) -> Result<Option<Arguments>, Failure> {
    let Some(given) = read(parser).map_err(|error| hint(tool, error))? else { return Ok(None) };
    decide(tool, given).map(Some).map_err(|error| hint(tool, error))
}

fn hint(tool: &Tool, message: String) -> Failure {
    Failure(format!("{message}\n{} --help tells the usage", tool.command))
}

fn read(mut parser: lexopt::Parser) -> Result<Option<Given>, String> {
    let mut given = Given::default();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        let name = match argument {
            Short('h') => return Ok(None),
            Short(other) => return Err(format!("there is no option -{other}")),
            Value(value) => {
                let value = value.to_string_lossy();
                return Err(format!("'{value}' is no option; --schema FILE names a schema"));
            }
            Long(name) => name.to_owned(),
        };
        let name = name.as_str();
        match name {
            "help" => return Ok(None),
            "check" => given.check = true,
            "examples" => given.examples = true,
            "watch" => given.watch = true,
            "no-phases" => given.no_phases = true,
            "schema" => once(&mut given.schema, value(&mut parser, name)?.into(), name)?,
            "defines" => once(&mut given.defines, value(&mut parser, name)?.into(), name)?,
            "out" => once(&mut given.out, value(&mut parser, name)?.into(), name)?,
            "diff" => once(&mut given.diff, value(&mut parser, name)?.into(), name)?,
            "show" => given.show.push(value(&mut parser, name)?),
            "emit" => {
                for part in value(&mut parser, name)?.split(',') {
                    let emit = Emit::named(part.trim())?;
                    if !given.emits.contains(&emit) {
                        given.emits.push(emit);
                    }
                }
            }
            "format" => {
                let format = Format::named(&value(&mut parser, name)?)?;
                once(&mut given.format, format, name)?;
            }
            other => {
                let near = nearest(other, NAMES.into_iter());
                let near = near.map(|near| format!("; there is --{near}")).unwrap_or_default();
                return Err(format!("there is no option --{other}{near}"));
            }
        }
    }
    Ok(Some(given))
}

fn once<T>(slot: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("--{name} is given twice")),
    }
}

/// An option's value; another option is none.
fn value(parser: &mut lexopt::Parser, name: &str) -> Result<String, String> {
    let value = parser.value().ok().and_then(|value| value.string().ok());
    value
        .filter(|value| !value.starts_with("--") && !value.is_empty())
        .ok_or_else(|| format!("--{name} needs a value"))
}

/// Finds the one action.
fn decide(tool: &Tool, given: Given) -> Result<Arguments, String> {
    let asked = [
        ("--show", !given.show.is_empty()),
        ("--diff", given.diff.is_some()),
        ("--examples", given.examples),
        ("--emit and --out", given.out.is_some() || !given.emits.is_empty()),
    ];
    let asked: Vec<_> = asked.iter().filter(|(_, asked)| *asked).map(|(name, _)| *name).collect();
    if let [one, other, ..] = asked.as_slice() {
        return Err(format!("{one} and {other} are different actions: ask for one"));
    }
    if given.check && (!given.show.is_empty() || given.diff.is_some()) {
        return Err(format!("--check and {} are different actions: ask for one", asked.concat()));
    }
    let action = if !given.show.is_empty() {
        Action::Show(given.show)
    } else if let Some(old) = given.diff {
        Action::Diff(old)
    } else if given.examples {
        Action::Examples
    } else {
        match (given.out, given.emits.as_slice()) {
            (None, []) if given.check => Action::Check,
            (None, []) => return Err("what shall be done?".into()),
            (None, _) if given.check => {
                return Err("--check with --emit needs --out DIR: what to compare with".into());
            }
            (None, [one]) if one.is_one_file() => Action::Print(*one),
            (None, _) => return Err("several files need --out DIR".into()),
            (Some(out), emits) => {
                let emits = if emits.is_empty() { vec![Emit::Rust] } else { emits.to_vec() };
                if out.is_file() {
                    return Err(format!("--out {}: this is a file, no directory", out.display()));
                }
                match given.check {
                    true => Action::Compare { emits, out },
                    false => Action::Write { emits, out },
                }
            }
        }
    };
    if given.watch && matches!(action, Action::Show(_) | Action::Diff(_) | Action::Print(_)) {
        return Err("--watch goes with --check, --examples and --out only".into());
    }
    let schema = given.schema.or_else(|| tool.schema.clone()).ok_or("--schema FILE is missing")?;
    Ok(Arguments {
        schema,
        defines: given.defines,
        phases: !given.no_phases,
        format: given.format.unwrap_or(Format::Human),
        watch: given.watch,
        action,
    })
}

impl Arguments {
    /// The options of generation, with the defines as their file has them now.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let options = Options { phases: self.phases, ..Options::default() };
        match &self.defines {
            Some(path) => Ok(options.define(defines(path)?)),
            None => Ok(options),
        }
    }
}

/// The macros in a file: one a line, `#` begins a remark.
fn defines(path: &Path) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|cause| Failure(format!("cannot read {}: {cause}", path.display())))?;
    let mut macros = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let name = line.split('#').next().unwrap_or("").trim();
        let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !name.chars().all(legal) || name.starts_with(|c: char| c.is_ascii_digit()) {
            let path = path.display();
            return Err(Failure(format!("{path}:{number}: '{name}' is no macro name")));
        }
        if !name.is_empty() {
            macros.push(name.to_owned());
        }
    }
    Ok(macros)
}
