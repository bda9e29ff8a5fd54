//! What the fuzz targets were started from and what once failed, again; and a few mutants of it,
//! the same ones every time.

use boardwright_fuzz::{TARGETS, mutants};

/// How many mutants of a target are tried.
const MUTANTS: usize = 2_000;

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let corpus = target.and_then(|target| target.corpus().ok()).unwrap_or_default();
    assert!(!corpus.is_empty(), "there is nothing to start from");
    let Some(target) = target else { return };
    let mut inputs = Vec::new();
    for (path, input) in corpus {
        println!("{}", path.display());
        (target.run)(&input);
        inputs.push(input);
    }
    for input in mutants(target, &inputs, 1).take(MUTANTS) {
        // Printed when the test fails, and not otherwise.
        println!("{}", input.escape_ascii());
        (target.run)(&input);
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn no_target_is_left_out() {
            let here = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), here);
        }
    };
}

targets!(parser checker json visitor driver frames disk kernel tree);
