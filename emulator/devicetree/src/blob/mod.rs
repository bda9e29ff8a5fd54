//! The flattened form, `.dtb` (chapter 5): header, memory reservations, structure, strings.

mod read;
mod write;

pub use read::BlobError;
pub use write::WriteError;

/// The first word of a blob.
pub const MAGIC: u32 = 0xd00d_feed;

/// The version written here, and the newest that the specification knows.
const VERSION: u32 = 17;
/// The oldest version whose structure block reads the same.
const COMPATIBLE_VERSION: u32 = 16;
/// Length of a version 17 header. Version 16 lacks the last word, the size of the structure block.
const HEADER: usize = 40;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;
