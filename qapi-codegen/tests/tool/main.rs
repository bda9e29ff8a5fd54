//! What `qapi-codegen` does beside Rust: the program, manuals, examples, JSON Schema, differences.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot go on fails the test")]

mod cli;
mod diff;
mod examples;
mod json_schema;
mod manual;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use qapi_schema::Schema;

/// A directory of its own that goes when its owner does.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("qapi-codegen-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn schema(&self, name: &str, text: &str) -> Schema {
        qapi_schema::load(&self.file(name, text)).unwrap_or_else(|errors| panic!("{errors}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the system's own directory is the system's to tidy up.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A schema out of its text.
fn schema(text: &str) -> Schema {
    Scratch::new().schema("schema.json", text)
}

/// A schema of the repository, by its path from this crate.
fn load(path: &str) -> Schema {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    qapi_schema::load(&path).unwrap_or_else(|errors| panic!("{errors}"))
}
