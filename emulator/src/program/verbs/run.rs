//! Verb `run`: a board script, and the guest it starts.

use super::{Run, Verb};

pub(super) const VERB: Verb = Verb {
    name: "run",
    arguments: "SCRIPT [OPTION...] [NAME=VALUE...]",
    help: "executes a board script, one command a line, with the program's options",
    options: &[],
    run: Run::Program(crate::program::start),
};
