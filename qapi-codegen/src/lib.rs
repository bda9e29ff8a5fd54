//! Rust from a checked QAPI schema.
//!
//! What goes through this crate, in this order:
//!
//! 1. [`conditions`] takes out what the build's defines leave out (see below).
//! 2. [`names`] gives every definition its Rust name; [`context`] answers questions about types.
//! 3. One emitter a kind of definition turns entities into text: [`enums`], [`structs`],
//!    [`unions`], [`alternates`], [`commands`], [`events`]; [`docs`] writes their comments.
//! 4. [`dispatch`] and [`root`] write what spans all modules; [`mod@introspect`] the answer to
//!    query-qmp-schema. For a client there are [`requests`] instead, and [`open`] enumerations.
//! 5. [`code`] is what they all write with: it knows where rustfmt breaks lines.
//!
//! # Conditions
//!
//! A schema's `if` is decided before anything runs, in one of two ways:
//!
//! - when the code is generated (the default), from [`Options::defines`]. What does not hold is not
//!   there at all. A build script can take them from cargo: with [`Builder::cargo_features`] the
//!   feature `config-linux` of the crate that is built defines `CONFIG_LINUX`.
//! - when it is compiled ([`Options::cfg`]), for those who commit what is generated: everything
//!   is generated, and what is conditional has `#[cfg(feature = "config-linux")]` before it. The
//!   compiler tells which features `Cargo.toml` has to declare.
//!
//! Introspection follows in both: it is made from the same conditions. There is no set of
//! conditions at run time, on purpose. A type would then have to hold what may not be there, every
//! conditional member would be an `Option`, and every `match` would have arms that cannot happen;
//! and a server cannot offer what was not compiled into it anyway. What can change at run time is
//! the policy about what is deprecated or unstable: see `qapi_runtime::Policy`.
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
