//! The command line: options become commands.
//!
//! An option is one transport of the commands in the schema, beside QMP clients and board scripts,
//! so this module knows the structure of options and nothing of what the commands accept. Values
//! stay strings (the dispatcher decodes them for commands marked `keyval-values`), unknown members
//! are passed on and refused there. [`parse()`] does no input or output: what it returns says what
//! is to be done.
//!
//! The options are QEMU's, because its clients pass them. Parsers such as lexopt and clap follow
//! POSIX, where `-machine none` is seven short options in a row; QEMU's long options have a
//! single dash. The loop they would save is the smallest part of this module.
//!
//! [`script`] reads board scripts: the same commands, one a line.

mod chars;
mod device;
mod drives;
mod error;
mod invocation;
mod keyval;
mod machine;
mod net;
mod options;
mod parse;
pub mod script;
mod shares;

#[cfg(test)]
mod tests;

pub(crate) use chars::{GDB, GDB_ID};
pub use error::CliError;
pub use invocation::{Ask, Invocation};
pub(crate) use options::options_text;
pub use parse::{instructions, parse, text};
