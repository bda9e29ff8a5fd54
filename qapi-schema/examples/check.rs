//! Checks a schema as the reference generator does: `check FILE` prints its error text and exits
//! with 1, `check --dump FILE` prints the schema, `check --human FILE` and `check --json FILE`
//! print all errors.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(file) = arguments.pop() else {
        eprintln!("usage: check [--dump | --human | --json] FILE");
        return ExitCode::from(2);
    };
    let mode = arguments.pop().unwrap_or_default();
    match qapi_schema::load(Path::new(&file)) {
        Ok(schema) => {
            if mode == "--dump" {
                print!("{}", qapi_schema::dump(&schema));
            }
            ExitCode::SUCCESS
        }
        Err(errors) => {
            match mode.as_str() {
                "--human" => eprintln!("{errors}"),
                "--json" => eprintln!("{:#}", errors.json()),
                _ => eprintln!("{}", errors.qemu()),
            }
            ExitCode::FAILURE
        }
    }
}
