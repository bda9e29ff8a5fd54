//! `--show NAME`: all there is about a name.

use qapi_schema::{Schema, nearest};

use super::report::print;
use crate::Options;

/// Prints all there is about names; `false` if there is nothing of one.
pub(super) fn show(schema: &Schema, options: &Options, names: &[String]) -> bool {
    for name in names {
        let Some(shown) = crate::show(schema, options, name) else {
            eprintln!("{}", unknown(schema, name));
            return false;
        };
        let introspection = match &shown.introspection {
            Some(entry) => format!("{entry:#}"),
            None => "(reached by no command and no event)".to_owned(),
        };
        let sections = [
            ("Schema", &shown.source),
            ("Wire", &shown.wire),
            ("Rust", &shown.rust),
            ("Introspection", &introspection),
        ];
        for (title, text) in sections {
            print(&format!("--- {title} ---\n\n{}\n\n", text.trim_end()));
        }
    }
    true
}

fn unknown(schema: &Schema, name: &str) -> String {
    let defined = schema.entities.iter().filter(|entity| entity.span.is_some());
    match nearest(name, defined.map(|entity| entity.name.as_str())) {
        None => format!("nothing in the schema is called {name}"),
        Some(near) => format!("nothing in the schema is called {name}; there is {near}"),
    }
}
