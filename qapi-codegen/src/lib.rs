//! Rust from a checked QAPI schema.
//!
//! What goes through this crate, in this order:
//!
//! 1. [`conditions`] takes out what the build's defines leave out; nothing later sees an `if`.
//! 2. [`names`] gives every definition its Rust name; [`context`] answers questions about types.
//! 3. One emitter a kind of definition turns entities into text: [`enums`], [`structs`],
//!    [`unions`], [`alternates`], [`commands`], [`events`]; [`docs`] writes their comments.
//! 4. [`dispatch`] and [`root`] write what spans all modules; [`mod@introspect`] the answer to
//!    query-qmp-schema. For a client there are [`requests`] instead, and [`open`] enumerations.
//! 5. [`code`] is what they all write with: it knows where rustfmt breaks lines.
//!
//! [`generate`] does all that without touching a file; [`Builder`] is for build scripts; [`show()`]
//! tells all there is about one name.

#![forbid(unsafe_code)]

mod alternates;
mod boxes;
mod builder;
pub mod cli;
mod code;
mod commands;
mod conditions;
mod context;
pub mod diff;
mod dispatch;
mod docs;
mod enums;
mod events;
mod example;
mod introspect;
mod json_schema;
mod manual;
mod names;
mod open;
mod options;
mod requests;
mod root;
mod show;
mod structs;
mod transcript;
mod unions;

use std::collections::BTreeMap;

pub use builder::{BuildError, Builder};
pub use introspect::introspect;
pub use json_schema::json_schema;
pub use manual::{html, markdown};
pub use options::{Options, Side};
use qapi_schema::model::Schema;
pub use show::{Shown, show};
pub use transcript::{ExampleError, Examples, check_examples};

/// The generated files: name relative to the output directory, and text.
pub type Output = BTreeMap<String, String>;

/// Generates everything for a schema. Nothing is read or written.
pub fn generate(schema: &Schema, options: &Options) -> Output {
    let configured = conditions::configure(schema, options);
    let context = context::Context::new(&configured, options.side);
    let stem = options.side.stem();
    let mut output = Output::new();
    for module in context.modules() {
        output.insert(format!("{stem}/{}.rs", module.file), root::module(&context, &module));
    }
    match options.side {
        Side::Server => {
            output.insert(format!("{stem}.rs"), root::server(&context, options));
            if options.cfg {
                let pieces = introspect::to_pieces(schema, options);
                output.insert(format!("{stem}/introspection.rs"), root::introspection(&pieces));
            } else {
                let introspection = introspect::to_text(schema, options);
                output.insert(format!("{stem}/introspection.json"), introspection);
            }
        }
        Side::Client => {
            output.insert(format!("{stem}.rs"), root::client(&context));
            output.insert(format!("{stem}/request.rs"), requests::emit(&context));
        }
    }
    output
}
