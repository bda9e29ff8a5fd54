//! Fuzz targets: the schema language and the wire, guests' drivers and frames, users' files.
//!
//! A target is a plain function that takes any bytes and panics when something does not hold: it
//! fits `cargo xtask fuzz TARGET --seconds N` on stable Rust, libFuzzer's `fuzz_target!`, and an
//! ordinary test. `corpus/TARGET` has inputs to start from and those that once failed; the tests
//! replay all of them, and a fixed set of their mutants.

mod choices;
mod drive;
mod driver;
mod files;
mod frames;
mod schema;
mod sentence;
mod wire;

/// What the target `visitor` decodes, generated from `schema.json`.
pub mod qapi {
    include!(concat!(env!("OUT_DIR"), "/qapi.rs"));
}

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

pub use drive::{Failure, Fault, Summary, fuzz, mutants};

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
    Target {
        name: "driver",
        about: "virtio devices under a driver that keeps no rule",
        run: driver::driver,
        dictionary: &[],
    },
    Target {
        name: "frames",
        about: "the user-mode network under frames of a guest",
        run: frames::frames,
        dictionary: &[],
    },
    Target {
        name: "disk",
        about: "disk images, raw and qcow2, opened, read and written",
        run: files::disk,
        dictionary: files::DISKS,
    },
    Target {
        name: "kernel",
        about: "kernels: ELF, Image, compressed",
        run: files::kernel,
        dictionary: files::KERNELS,
    },
    Target {
        name: "tree",
        about: "device trees, source and binary, and the boards that they describe",
        run: files::tree,
        dictionary: files::TREES,
    },
];

/// What has to be there for a run at all.
fn must<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| unreachable!("{error:?}"))
}

/// The name of a file for a thread's runs.
fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("bw-fuzz-{name}-{}-{number}", std::process::id()))
}

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
