//! Boardwright: builds RISC-V boards by command and runs real software on them.
//!
//! Everything that changes a board is a command of the schema in `qapi/` and goes through one
//! door ([`door`]): options, script lines, device trees and QMP clients are transports of it.
//! ARCHITECTURE.md says what is where.

pub mod backends;
pub mod board;
pub mod boot;
pub mod cli;
mod commands;
pub mod debug;
pub mod devices;
pub mod door;
pub mod edit;
pub mod machine;
pub mod machines;
pub mod phase;
pub mod program;
pub mod qmp;
mod running;
pub mod shell;

/// The interface, generated from `qapi/`.
pub mod qapi {
    include!(concat!(env!("OUT_DIR"), "/qapi.rs"));
}

/// The version of QEMU whose interface this program speaks.
pub const QEMU_VERSION: (i64, i64, i64) = (10, 0, 2);

/// Name and version of this program.
pub const PACKAGE: &str = concat!("boardwright ", env!("CARGO_PKG_VERSION"));
