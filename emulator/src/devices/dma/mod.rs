//! Devices that move memory by themselves.

mod sifive_pdma;
