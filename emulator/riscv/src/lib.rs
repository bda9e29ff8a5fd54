//! A RISC-V hart: the unprivileged instruction set (volume I of the RISC-V manual), the
//! privileged architecture (volume II), virtual memory, and an interpreter for them.
//!
//! The crate knows a memory interface ([`Bus`]), interrupt inputs ([`Interrupts`]) and a clock
//! ([`Clock`]); it knows nothing of devices, boards, threads or QMP. Whoever owns a [`Hart`]
//! calls [`Hart::run`] with an instruction budget and decides what to do when it returns.
//!
//! ```text
//!   cpu, config,
//!   extension,
//!   property         what a hart is made of, as data
//!   memory           the bus, guest RAM (the unsafe code)
//!   interrupts       level inputs, exit and flush requests, sleeping
//!   isa/             one record an instruction, one file an extension
//!   float/           floating-point arithmetic on bit patterns
//!   csr/             one record a control and status register
//!   mmu/             page-table walk, physical memory protection, TLB
//!   trap             exceptions, interrupts, delegation, return
//!   core             the architectural state all of these work on
//!   debug            breakpoints, watchpoints
//!   interp/          decoded blocks and the loop that runs them
//!   snapshot         the state of a hart, saved and restored
//!   hart             the public face
//! ```

mod config;
mod core;
mod cpu;
mod csr;
mod debug;
mod dump;
mod extension;
mod float;
mod hart;
mod interp;
mod interrupts;
pub mod isa;
mod memory;
mod mmu;
mod observe;
mod property;
mod snapshot;
mod trap;

pub use config::{ConfigError, HartConfig, Mmu, Modes, PrivilegedSpec, Xlen};
pub use cpu::{CPU_MODELS, CpuModel};
pub use csr::{Csr, Family, csrs};
pub use debug::{DebugStop, WatchKind, Watchpoint};
pub use extension::{Extension, ExtensionSet};
pub use hart::{Clock, Exit, Hart, Standstill};
pub use interrupts::{Bell, Interrupts};
pub use memory::{Bus, BusError, OutOfRange, PAGE_SIZE, Ram, RamPage, Requester, Word};
pub use observe::{Commit, Detail, Observer, Touched, TracedInstruction, TrapEvent, Written};
pub use property::{CpuProperty, CpuValue, Feature, PropertyError};
pub use snapshot::HartState;
pub use trap::{Exception, Mode, cause_name};
