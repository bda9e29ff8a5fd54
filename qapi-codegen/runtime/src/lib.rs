//! qapi-codegen/runtime
