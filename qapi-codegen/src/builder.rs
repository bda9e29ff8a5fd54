//! Generation from a build script.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use qapi_schema::{Diagnostics, load};

use crate::{Options, Side, generate};

/// Why a build script has nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The schema is wrong; the text is the whole explanation.
    #[error("the schema has errors\n\n{0}")]
    Schema(Box<Diagnostics>),
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Neither `out_dir` nor cargo says where to write.
    #[error("no output directory: this is no build script, and none is set")]
    NoOutDir,
}

/// Generates from a build script, in one expression:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// qapi_codegen::Builder::new("qapi/qapi-schema.json").build()?;
/// # Ok(())
/// # }
/// ```
///
/// and in the crate:
///
/// ```text
/// pub mod qapi {
///     include!(concat!(env!("OUT_DIR"), "/qapi.rs"));
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `build`"]
pub struct Builder {
    schema: PathBuf,
    out_dir: Option<PathBuf>,
    options: Options,
}

impl Builder {
    /// Generates from a schema, given by its root file.
    pub fn new(schema: impl Into<PathBuf>) -> Self {
        Self { schema: schema.into(), out_dir: None, options: Options::default() }
    }

    /// Writes to this directory instead of cargo's `OUT_DIR`.
    pub fn out_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(dir.into());
        self
    }

    /// Generates what a client of the protocol needs, in `client.rs`, instead of a server's code.
    pub fn client(mut self) -> Self {
        self.options.side = Side::Client;
        self
    }

    /// Defines what the cargo features of the crate that is built say: `CONFIG_LINUX` for
    /// `config-linux`. Cargo runs the build script again when they change.
    pub fn cargo_features(mut self) -> Self {
        let features = env::vars_os().filter_map(|(name, _)| {
            let name = name.into_string().ok()?;
            Some(name.strip_prefix("CARGO_FEATURE_")?.to_owned())
        });
        self.options.defines.extend(features);
        self
    }

    /// Makes choices that are not the schema's.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Reads the schema, tells cargo which files it consists of, and writes the Rust.
    ///
    /// An error's text is meant to be seen whole, so it goes to standard error as well: cargo shows
    /// that, whereas returning the error from `main` shows it in its debug form.
    pub fn build(&self) -> Result<(), BuildError> {
        let built = self.try_build();
        if let Err(error) = &built {
            eprintln!("{error}");
        }
        built
    }

    fn try_build(&self) -> Result<(), BuildError> {
        let schema = match load(&self.schema) {
            Ok(schema) => schema,
            Err(diagnostics) => {
                watch(diagnostics.files());
                return Err(BuildError::Schema(Box::new(diagnostics)));
            }
        };
        watch(schema.files.iter().map(|file| file.path.as_path()));
        let out_dir = match &self.out_dir {
            Some(dir) => dir.clone(),
            None => env::var_os("OUT_DIR").map(PathBuf::from).ok_or(BuildError::NoOutDir)?,
        };
        for (name, text) in generate(&schema, &self.options) {
            write(&out_dir.join(name), &text)?;
        }
        Ok(())
    }
}

fn watch<'a>(files: impl Iterator<Item = &'a Path>) {
    for file in files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
}

/// Writes a file unless it has that text already: an untouched file builds nothing again.
/// Returns whether it wrote.
pub(crate) fn write(path: &Path, text: &str) -> Result<bool, BuildError> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(false);
    }
    let created = path.parent().map_or(Ok(()), fs::create_dir_all);
    created
        .and_then(|()| fs::write(path, text))
        .map(|()| true)
        .map_err(|cause| BuildError::Write { path: path.to_owned(), cause })
}
