//! Fuzz targets of the QAPI crates.
//!
//! A target is a plain function that takes any bytes and panics when something does not hold: it
//! fits `cargo xtask fuzz TARGET --seconds N` on stable Rust, libFuzzer's `fuzz_target!`, and an
//! ordinary test. `corpus/TARGET` has inputs to start from and those that once failed; the tests
//! replay all of them, and a fixed set of their mutants.

mod choices;
mod drive;
mod schema;
mod sentence;
mod wire;

/// What the target `visitor` decodes, generated from `schema.json`.
pub mod qapi {
    include!(concat!(env!("OUT_DIR"), "/qapi.rs"));
}

use std::io;
use std::path::{Path, PathBuf};

pub use drive::{Failure, Summary, fuzz, mutants};

/// Something to fuzz.
pub struct Target {
    /// Its name, and its folder's in `corpus`.
    pub name: &'static str,
    /// What it tries.
    pub about: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
    /// Pieces that mutants are made with, besides those of the corpus.
    dictionary: &'static [&'static str],
}

/// All targets, in the order in which what they try is used.
pub const TARGETS: &[Target] = &[
    Target {
        name: "parser",
        about: "schema text through lexer, parser and checks",
        run: schema::parser,
        dictionary: schema::DICTIONARY,
    },
    Target {
        name: "checker",
        about: "well-formed schemas, made of the input's bytes, through checks and generator",
        run: schema::checker,
        dictionary: &[],
    },
    Target {
        name: "json",
        about: "the wire's JSON through reader and writer",
        run: wire::json,
        dictionary: wire::DICTIONARY,
    },
    Target {
        name: "visitor",
        about: "the wire's JSON through generated decoders",
        run: wire::visitor,
        dictionary: wire::DICTIONARY,
    },
];

impl Target {
    /// The folder of its inputs.
    pub fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name)
    }

    /// Its inputs with their paths, in the order of these.
    ///
    /// # Errors
    ///
    /// The folder or a file in it cannot be read.
    pub fn corpus(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut inputs = Vec::new();
        for entry in std::fs::read_dir(self.folder())? {
            let path = entry?.path();
            let bytes = std::fs::read(&path)?;
            inputs.push((path, bytes));
        }
        inputs.sort();
        Ok(inputs)
    }
}
