//! Timers and software interrupts.

mod aclint_mtimer;
mod aclint_swi;
pub(super) mod counter;
mod goldfish_rtc;
mod ibex_timer;
mod nodes;
mod sifive_clint;
mod sifive_pwm;
