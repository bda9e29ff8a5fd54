//! Devices of no family.

mod fw_cfg_mem;
mod irq_logic;
mod loader;
mod sifive_e_aon;
mod sifive_e_prci;
mod sifive_test;
mod sifive_u_l2cc;
mod sifive_u_otp;
mod sifive_u_prci;
mod unimplemented;
