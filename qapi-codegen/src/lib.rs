//! Rust from a checked QAPI schema.
//!
//! What goes through this crate, in this order:
//!
//! 1. [`conditions`] takes out what the build's defines leave out; nothing later sees an `if`.
//! 2. [`names`] gives every definition its Rust name; [`context`] answers questions about types.
//! 3. One emitter a kind of definition turns entities into tokens: [`enums`], [`structs`],
//!    [`unions`], [`alternates`], [`commands`], [`events`]; [`docs`] writes their comments.
//! 4. [`dispatch`] and [`root`] write what spans all modules; [`mod@introspect`] the answer to
//!    query-qmp-schema.
//! 5. [`layout`] turns tokens into text.
//!
//! [`generate`] does all that without touching a file; [`Builder`] is for build scripts; [`show()`]
//! tells all there is about one name.

#![forbid(unsafe_code)]

mod alternates;
mod builder;
mod commands;
mod conditions;
mod context;
mod dispatch;
mod docs;
mod enums;
mod events;
mod example;
mod introspect;
mod layout;
mod names;
mod options;
mod root;
mod show;
mod structs;
mod unions;

use std::collections::BTreeMap;

pub use builder::{BuildError, Builder};
pub use introspect::introspect;
pub use options::Options;
use qapi_schema::model::Schema;
pub use show::{Shown, show};

/// The generated files: name relative to the output directory, and text.
pub type Output = BTreeMap<String, String>;

/// Generates everything for a schema. Nothing is read or written.
pub fn generate(schema: &Schema, options: &Options) -> Output {
    let configured = conditions::configure(schema, options);
    let context = context::Context::new(&configured);
    let mut output = Output::new();
    for module in context.modules() {
        output.insert(format!("qapi/{}.rs", module.file), root::module(&context, &module));
    }
    output.insert("qapi.rs".into(), root::root(&context));
    output.insert("qapi/introspection.json".into(), introspect::to_text(schema, options));
    output
}
