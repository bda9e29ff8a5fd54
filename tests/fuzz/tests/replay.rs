//! What the fuzz targets were started from and what once failed, again; and a few mutants of it,
//! the same ones every time.

use boardwright_fuzz::{TARGETS, mutants};

/// How many mutants of a target are tried.
const MUTANTS: usize = 2_000;

#[test]
fn corpus_and_mutants() {
    for target in TARGETS {
        let corpus = target.corpus().expect("the inputs");
        assert!(!corpus.is_empty(), "{} has nothing to start from", target.name);
        let mut inputs = Vec::new();
        for (path, input) in corpus {
            println!("{}", path.display());
            (target.run)(&input);
            inputs.push(input);
        }
        for input in mutants(target, &inputs, 1).take(MUTANTS) {
            // Printed when the test fails, and not otherwise.
            println!("{}: {}", target.name, input.escape_ascii());
            (target.run)(&input);
        }
    }
}
