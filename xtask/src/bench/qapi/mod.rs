//! `cargo xtask bench qapi`: what reading a schema and generating from it costs, and dispatching a
//! command.
//!
//! Times are those of the processor, so that what else the machine does matters less; everything
//! here runs in one thread.

mod synthetic;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, bail, ensure};
use lexopt::prelude::*;
use qapi_codegen::{Options, Side, generate, html, introspect, json_schema, markdown};
use qapi_schema::{Schema, dump, load};
use rustix::time::{ClockId, clock_gettime};

use super::show;
use crate::guest::Scratch;
use crate::tidy::root;

const USAGE: &str = "\
usage: cargo xtask bench qapi [--schema FILE] [--reference DIR]

    --schema FILE    measure this schema as well, such as QEMU's qapi/qapi-schema.json
    --reference DIR  a QEMU source tree: measure its generator on the same schemas
";

/// Runs of which the best counts.
const RUNS: u32 = 5;

/// How many times QEMU's size the large schema has.
const LARGE: usize = 10;

/// Runs the verb.
pub(crate) fn run(mut parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let (mut schema, mut reference) = (None::<PathBuf>, None::<PathBuf>);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("schema") => schema = Some(parser.value()?.into()),
            Long("reference") => reference = Some(parser.value()?.into()),
            Short('h') | Long("help") => {
                print!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            other => bail!("{}\n{USAGE}", other.unexpected()),
        }
    }
    if cfg!(debug_assertions) {
        return optimised(schema.as_deref(), reference.as_deref());
    }
    let scratch = Scratch::new()?;
    let mut subjects = Vec::new();
    for (name, units) in [("as large as QEMU's", 1), ("ten times that", LARGE)] {
        let folder = scratch.0.join(units.to_string());
        subjects.push((name.to_owned(), write(&synthetic::files(units), &folder)?));
    }
    subjects.extend(schema.map(|path| (path.display().to_string(), path)));
    for (name, path) in &subjects {
        measure(name, path, reference.as_deref(), &scratch.0)?;
    }
    dispatch()
}

/// Lets the emulator measure what it costs to dispatch a command.
fn dispatch() -> anyhow::Result<ExitCode> {
    let status = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["run", "--quiet", "--release", "--package", "boardwright", "--example", "dispatch"])
        .current_dir(root())
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the same in the release profile: figures of another one mean nothing.
fn optimised(schema: Option<&Path>, reference: Option<&Path>) -> anyhow::Result<ExitCode> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(["run", "--quiet", "--release", "--package", "xtask", "--", "bench", "qapi"]);
    for (option, value) in [("--schema", schema), ("--reference", reference)] {
        // Relative to where the user stands, not to the workspace.
        let value = value.map(std::path::absolute).transpose()?;
        command.args(value.iter().flat_map(|value| [option.as_ref(), value.as_os_str()]));
    }
    let status = command.current_dir(root()).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes the files of a schema and returns the root's path.
fn write(files: &[(String, String)], folder: &Path) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for (name, text) in files {
        fs::write(folder.join(name), text)?;
    }
    let (root, _) = files.first().context("a schema has a root")?;
    Ok(folder.join(root))
}

/// Something that is made of a schema; the length keeps the work from being optimised away.
type Make = fn(&Schema, &Options) -> usize;

const MAKES: [(&str, Make); 7] = [
    ("rust", |schema, options| total(generate(schema, options))),
    ("client", |schema, options| {
        total(generate(schema, &Options { side: Side::Client, ..options.clone() }))
    }),
    ("introspect", |schema, options| introspect(schema, options).len()),
    ("dump", |schema, _| dump(schema).len()),
    ("html", |schema, _| html(schema).len()),
    ("markdown", |schema, _| markdown(schema).len()),
    ("json-schema", |schema, options| json_schema(schema, options).to_string().len()),
];

fn total(output: qapi_codegen::Output) -> usize {
    output.values().map(String::len).sum()
}

/// Measures one schema and prints a table.
fn measure(
    name: &str,
    path: &Path,
    reference: Option<&Path>,
    scratch: &Path,
) -> anyhow::Result<()> {
    let schema = load(path).map_err(|errors| anyhow::anyhow!("{errors}"))?;
    let lines: usize = schema.files.iter().map(|file| file.text.lines().count()).sum();
    let bytes: usize = schema.files.iter().map(|file| file.text.len()).sum();
    println!("A schema {name}: {lines} lines, {} kB\n", bytes / 1000);
    println!("| step | processor time |\n|---|--:|");
    let options = Options::default();
    let reading = best(|| load(path).map_or(0, |schema| schema.entities.len()));
    println!("| parse and check | {} |", show(reading));
    for (name, make) in MAKES {
        println!("| {name} | {} |", show(best(|| make(&schema, &options))));
    }
    if let Some(source) = reference {
        println!("| QEMU's generator, everything | {} |", show(generator(source, path, scratch)?));
    }
    println!();
    Ok(())
}

/// The least processor time of several runs.
fn best(mut work: impl FnMut() -> usize) -> Duration {
    let one = |_| {
        let before = processor_time();
        std::hint::black_box(work());
        processor_time().saturating_sub(before)
    };
    (0..RUNS).map(one).min().unwrap_or_default()
}

/// The time that this thread has had a processor for.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Wall time of the reference generator: it does nothing but compute.
fn generator(source: &Path, schema: &Path, scratch: &Path) -> anyhow::Result<Duration> {
    let begin = std::time::Instant::now();
    let output = Command::new("python3")
        .arg(source.join("scripts/qapi-gen.py"))
        .arg("-o")
        .arg(scratch.join("reference"))
        .arg(schema)
        .output()
        .context("cannot run python3")?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the reference generator: {messages}");
    Ok(begin.elapsed())
}
