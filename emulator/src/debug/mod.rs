//! Looking into a machine from outside: the debugger's protocol, and memory as harts see it.

pub mod gdb;
pub mod memory;
