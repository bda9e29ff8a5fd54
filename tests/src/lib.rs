//! A typed harness: the program as a process, a QMP client, the guest's console.
//!
//! Everything is real: the built program, unix sockets, pipes. Waiting always has an end
//! ([`PATIENCE`]), which is there to fail a hung test, not to time anything.

pub mod asm;
pub mod client;
pub mod gdb;
pub mod initramfs;
pub mod linux;
pub mod program;
pub mod transcript;

use std::time::Duration;

/// How long anything may take before the test fails: generous, for a loaded machine that boots Linux.
pub const PATIENCE: Duration = Duration::from_secs(150);
