//! Devices of no family.

pub mod loader;
mod sifive_test;
mod unimplemented;
