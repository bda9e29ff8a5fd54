//! Devices of no family.

mod irq_logic;
mod loader;
mod sifive_test;
mod unimplemented;
