//! JSON as QMP speaks it: a streaming reader that recovers from anything, and an ASCII writer.
//!
//! Values are [`serde_json::Value`]; the text is handled here because QMP is not quite RFC 8259.
//! A request ends at its closing brace, not at a line end; strings may be single-quoted; numbers
//! are integers while they fit 64 bits; broken input is answered by one error and a defined place
//! to start again; and what is written is ASCII with C's `%.17g` for doubles.
//!
//! Reading goes bytes -> [`lexer`] (tokens, resynchronisation) -> [`parser`] (values, limits),
//! with the inside of string and number tokens in [`literal`]. Nothing recurses on nesting depth,
//! and nothing here can panic on what a client sends.

#![forbid(unsafe_code)]

mod error;
mod lexer;
mod literal;
mod parser;
mod writer;

#[cfg(test)]
mod tests;

pub use error::ParseError;
pub use parser::{MAX_NESTING, MAX_TOKEN_COUNT, MAX_TOKEN_SIZE, Parser, parse};
pub use writer::{to_string, to_string_pretty};
