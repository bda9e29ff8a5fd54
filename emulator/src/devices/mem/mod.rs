//! Memory.

mod sysbus_memory;
