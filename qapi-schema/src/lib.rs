//! The QAPI schema language: text in, checked schema out.
#![forbid(unsafe_code)]

pub mod model;
