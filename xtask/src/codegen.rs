//! `cargo xtask codegen`: the program `qapi-codegen` with the emulator's schema, unless another is
//! given.

use std::path::Path;
use std::process::ExitCode;

use qapi_codegen::cli::{self, Tool};

use crate::tidy::root;

/// Runs the verb.
pub(crate) fn run(parser: lexopt::Parser) -> anyhow::Result<ExitCode> {
    // Shorter and clickable in messages where the working directory is the workspace.
    let relative = Path::new("emulator/qapi/qapi-schema.json");
    let schema = if relative.exists() { relative.into() } else { root().join(relative) };
    Ok(cli::run(&Tool { command: "cargo xtask codegen", schema: Some(schema) }, parser))
}
