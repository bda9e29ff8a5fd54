//! A hart in a small machine, seen from outside: programs of a few words and what they do.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrap, helpers included")]

mod arithmetic;
mod atomics;
mod common;
mod counted;
mod counters;
mod debug;
mod float;
mod memory;
mod newer;
mod nmi;
mod paging;
mod protection;
mod random;
mod run;
mod traps;
mod vectors;
