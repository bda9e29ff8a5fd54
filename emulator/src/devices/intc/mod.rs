//! Interrupt controllers.

mod sifive_plic;
