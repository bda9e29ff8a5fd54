//! Devices of no family.

mod loader;
mod sifive_test;
mod unimplemented;
