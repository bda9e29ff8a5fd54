//! Interrupt controllers.

mod gateways;
mod ibex_plic;
mod nodes;
mod sifive_plic;
