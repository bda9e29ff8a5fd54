//! qapi-codegen
