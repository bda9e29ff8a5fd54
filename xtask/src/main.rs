//! `cargo xtask VERB`: the project's own tasks, one file each.

mod codegen;

use std::process::ExitCode;

/// A task: its name, what it takes, what it does, and the function.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(lexopt::Parser) -> anyhow::Result<ExitCode>,
}

/// All tasks, by name.
const VERBS: &[Verb] = &[Verb {
    name: "codegen",
    about: "check the schema, show what it becomes, write the generated Rust",
    run: codegen::run,
}];

fn main() -> ExitCode {
    run(lexopt::Parser::from_env()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(mut arguments: lexopt::Parser) -> anyhow::Result<ExitCode> {
    let verb = match arguments.next()? {
        Some(lexopt::Arg::Value(verb)) => verb.to_string_lossy().into_owned(),
        _ => String::new(),
    };
    match VERBS.iter().find(|known| known.name == verb) {
        Some(known) => (known.run)(arguments),
        None => {
            eprintln!("usage: cargo xtask VERB [OPTIONS]\n");
            for Verb { name, about, .. } in VERBS {
                eprintln!("    {name:<10} {about}");
            }
            Ok(ExitCode::from(2))
        }
    }
}
