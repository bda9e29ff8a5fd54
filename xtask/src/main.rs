//! `cargo xtask VERB`: the project's own tasks, one file each.

mod bench;
mod checks;
mod codegen;
mod conform;
mod differ;
mod fuzz;
mod guest;
mod linux;
mod tidy;
mod vectors;

use std::process::ExitCode;

/// A task: its name, what it takes, what it does, and the function.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(lexopt::Parser) -> anyhow::Result<ExitCode>,
}

/// All tasks, by name.
const VERBS: &[Verb] = &[
    Verb {
        name: "bench",
        about: "measure boards and guests beside QEMU, or the generator (bench qapi)",
        run: bench::run,
    },
    Verb {
        name: "codegen",
        about: "check the schema, show what it becomes, write Rust and manuals, compare",
        run: codegen::run,
    },
    Verb {
        name: "conform",
        about: "run conformance tests from a folder, and say how many of each extension pass",
        run: conform::run,
    },
    Verb {
        name: "differ",
        about: "run random code on our harts and on QEMU's, and compare them at every trap",
        run: differ::run,
    },
    Verb {
        name: "fuzz",
        about: "mutate schemas, requests, guests and files, and see that nothing breaks",
        run: fuzz::run,
    },
    Verb {
        name: "guest",
        about: "assemble the example guest, or compare it with what is committed (--check)",
        run: guest::run,
    },
    Verb {
        name: "linux",
        about: "fetch Debian's kernel and make a file system: what boards/linux.qmp starts",
        run: linux::run,
    },
    Verb {
        name: "test",
        about: "set up, then run every check and every test (--no-setup: without setting up)",
        run: checks::run,
    },
    Verb {
        name: "tidy",
        about: "check what no compiler checks: headers, lengths, lists, links",
        run: tidy::run,
    },
    Verb {
        name: "vectors",
        about: "have QEMU try the instructions of the hart's vectors (--check: only compare)",
        run: vectors::run,
    },
];

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
