//! Device trees as values: build one, ask it questions, read and write it as source and as a blob.
//!
//! A [`Tree`] is plain data. It can be cloned, compared and edited, and it knows nothing of boards
//! or devices: what a `compatible` string means is decided by whoever reads the tree. The terms and
//! the numbers of chapters in the comments are those of the Devicetree Specification v0.4.
//!
//! Reading order: [`Node`] and [`Tree`] (`model`) are the value; [`NodeRef`] (`query`) is a node
//! together with its place, and answers what needs the place: its path, `reg` translated to what
//! the hart sees (`address`), interrupts with their controller (`interrupts`). `blob` is the
//! flattened form, `source` the text form, `print` writes the text form.
//!
//! ```
//! use boardwright_devicetree::{Node, Tree};
//!
//! let uart = Node::new("uart@10013000")
//!     .with_str("compatible", "sifive,uart0")
//!     .with_cells("reg", &[0x1001_3000, 0x1000]);
//! let root = Node::root().with_u32("#address-cells", 1).with_u32("#size-cells", 1).with_child(uart);
//! let tree = Tree::new(root);
//!
//! let blob = tree.to_blob().unwrap();
//! assert_eq!(Tree::from_blob(&blob).unwrap(), tree);
//! assert_eq!(tree.find("/uart").unwrap().reg().unwrap()[0].address, 0x1001_3000);
//! ```
#![forbid(unsafe_code)]

mod address;
mod blob;
mod error;
mod interrupts;
mod model;
mod print;
mod property;
mod query;
mod source;

use std::path::Path;

pub use address::Region;
pub use blob::{BlobError, MAGIC, WriteError};
pub use error::{Problem, TreeError};
pub use interrupts::Interrupt;
pub use model::{Node, Reservation, Tree};
pub use property::Property;
pub use query::{NodeRef, Phandles, Walk};
pub use source::SourceError;

/// How deep nodes may nest, in every form. Real trees stay below ten; the bound keeps a hostile
/// file from exhausting the stack of whoever walks the tree.
pub const MAX_DEPTH: usize = 64;

/// How long the name of a node or property may be. The specification says 31, real trees exceed it;
/// the bound keeps a small blob from growing into a large tree by sharing one enormous name.
pub const MAX_NAME: usize = 255;

/// Why a file could not be read as a device tree.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file itself could not be read.
    #[error("{path}: cannot read the device tree")]
    Io {
        /// The file.
        path: String,
        /// What the host said.
        #[source]
        source: std::io::Error,
    },
    /// It begins like a blob, and is not a valid one.
    #[error("{path}: {source}")]
    Blob {
        /// The file.
        path: String,
        /// What is wrong, and at which byte.
        source: BlobError,
    },
    /// It is source, with an error in it.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Tree {
    /// Reads a device tree from a file, source or blob: the first four bytes tell which.
    pub fn read(path: impl AsRef<Path>) -> Result<Tree, ReadError> {
        let path = path.as_ref();
        let bytes = load(path)
            .map_err(|source| ReadError::Io { path: path.display().to_string(), source })?;
        if bytes.starts_with(&MAGIC.to_be_bytes()) {
            return Tree::from_blob(&bytes)
                .map_err(|source| ReadError::Blob { path: path.display().to_string(), source });
        }
        Ok(source::read_file(path, bytes)?)
    }
}

/// The most bytes of a file that are read. Trees of real boards have a hundredth of it; a disk
/// image, or a device that never ends, is refused before it fills the memory.
const MOST_BYTES: u64 = 16 << 20;

/// What a file has.
fn load(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Error, ErrorKind, Read as _};
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let text = "it has more than 16 MiB, so it is no device tree";
        return Err(Error::new(ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}
