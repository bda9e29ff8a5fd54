//! Device trees as files: read in either form, written as what a guest is given.

use std::path::Path;

use boardwright_devicetree::Tree;
use qapi_runtime::QmpError;

use crate::backends::char::Plain;

/// Reads a tree, source or binary.
///
/// # Errors
/// It cannot be read; the message names the place in it.
pub fn read(path: &str) -> Result<Tree, QmpError> {
    Tree::read(Path::new(path)).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| match cause.downcast_ref() {
            Some(host) => format!(": {}", Plain(host)),
            None => format!(": {cause}"),
        });
        let text = error.to_string();
        let cause = cause.filter(|cause| !text.contains(cause.trim_start_matches(": ")));
        QmpError::generic(format!("{text}{}", cause.unwrap_or_default()))
    })
}

/// Writes a blob to a file.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &str, blob: &[u8]) -> Result<(), QmpError> {
    std::fs::write(path, blob)
        .map_err(|error| QmpError::generic(format!("Cannot write '{path}': {}", Plain(&error))))
}

/// The tree as a flattened blob.
///
/// # Errors
/// A name in it cannot be written.
pub fn to_blob(tree: &Tree) -> Result<Vec<u8>, QmpError> {
    tree.to_blob()
        .map_err(|error| QmpError::generic(format!("Cannot write the device tree: {error}")))
}

/// The tree as source.
///
/// # Errors
/// A name in it cannot be written.
pub fn to_source(tree: &Tree) -> Result<String, QmpError> {
    tree.to_source()
        .map_err(|error| QmpError::generic(format!("Cannot write the device tree: {error}")))
}
