//! Interrupt controllers.

mod nodes;
mod sifive_plic;
