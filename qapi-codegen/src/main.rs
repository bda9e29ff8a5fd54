//! `qapi-codegen`: looks at a schema, generates from it, compares it with an older one.

use std::process::ExitCode;

use qapi_codegen::cli::{self, Tool};

fn main() -> ExitCode {
    let tool = Tool { command: "qapi-codegen", schema: None };
    cli::run(&tool, lexopt::Parser::from_env())
}
