//! Verb `fmt`: lays board scripts out.

use super::{Arguments, Flag, Run, Verb};
use crate::cli::script;
use crate::program::{Failure, host, script::read};

pub(super) const VERB: Verb = Verb {
    name: "fmt",
    arguments: "[--check] FILE...",
    help: "lays board scripts out, in place; - is standard input, laid out to standard output",
    options: &[Flag {
        name: "check",
        value: None,
        help: "change nothing; name the files that would change, with status 1",
    }],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    if given.operands.is_empty() {
        return Err(given.misuse("fmt needs a file"));
    }
    let check = given.has("check");
    // All are understood before one is changed.
    let mut changed = Vec::new();
    for name in &given.operands {
        let (name, text) = match name.as_str() {
            "-" => {
                ("standard input", std::io::read_to_string(std::io::stdin()).map_err(host(name))?)
            }
            name => (name, read(name.as_ref()).map_err(Failure::Misuse)?),
        };
        let laid_out = script::format(name, text.clone())
            .map_err(|error| Failure::Misuse(error.to_string()))?;
        if laid_out != text || (name == "standard input" && !check) {
            changed.push((name, laid_out));
        }
    }
    for (name, text) in &changed {
        match *name {
            name if check => drop(super::print(&format!("{name}\n"))),
            "standard input" => drop(super::print(text)),
            name => std::fs::write(name, text).map_err(host(format!("Cannot write '{name}'")))?,
        }
    }
    Ok(u8::from(check && !changed.is_empty()))
}
