//! Timers and software interrupts.

mod aclint_mtimer;
mod aclint_swi;
mod nodes;
mod sifive_clint;
