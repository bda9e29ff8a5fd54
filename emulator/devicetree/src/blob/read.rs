//! Reads a flattened tree. The input may be anything: every length is checked before use, nesting
//! and names are bounded, and an error says at which byte what was expected.

use std::collections::HashSet;

use super::{BEGIN_NODE, COMPATIBLE_VERSION, END, END_NODE, HEADER, MAGIC, NOP, PROP, VERSION};
use crate::model::{Node, Reservation, Tree, name_is_writable};
use crate::{MAX_DEPTH, MAX_NAME};

/// Why a blob is not a device tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset:#x}: expected {expected}, found {found}")]
pub struct BlobError {
    /// The byte of the blob where it went wrong.
    pub offset: usize,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

type Result<T> = std::result::Result<T, BlobError>;

fn fail<T>(offset: usize, expected: impl Into<String>, found: impl Into<String>) -> Result<T> {
    Err(BlobError { offset, expected: expected.into(), found: found.into() })
}

impl Tree {
    /// Reads the flattened form. Bytes after the size that the header names are ignored.
    pub fn from_blob(data: &[u8]) -> Result<Tree> {
        let header = Header::read(data)?;
        // From here on nothing beyond the blob's own idea of its end can be seen.
        let blob = Blob { data: &data[..header.total], header: &header };
        Ok(Tree {
            reservations: blob.reservations()?,
            root: blob.structure()?,
            boot_cpu: header.boot_cpu,
        })
    }
}

/// The header, checked: the blocks lie within `total`, which lies within the data.
struct Header {
    total: usize,
    structure: usize,
    structure_end: usize,
    strings: usize,
    strings_end: usize,
    reservations: usize,
    boot_cpu: u32,
}

impl Header {
    fn read(data: &[u8]) -> Result<Header> {
        let word = |offset, what| word(data, offset, data.len(), what);
        let magic = word(0, "the magic number 0xd00dfeed")?;
        if magic != MAGIC {
            return fail(0, "the magic number 0xd00dfeed", format!("{magic:#010x}"));
        }
        let (version, oldest) =
            (word(20, "the version")?, word(24, "the last compatible version")?);
        if version < COMPATIBLE_VERSION {
            return fail(20, "version 16 or later", version.to_string());
        }
        if oldest > VERSION {
            return fail(24, "compatibility with version 17", format!("version {oldest} at least"));
        }
        let length = if version < VERSION { HEADER - 4 } else { HEADER };
        let total = word(4, "the total size")? as usize;
        if total < length || total > data.len() {
            let expected = format!("a total size from {length:#x} to {:#x}", data.len());
            return fail(4, expected, format!("{total:#x}"));
        }
        let block = |at: usize, align: usize, what: &'static str| {
            let start = word(at, what)? as usize;
            if start < length || start > total || !start.is_multiple_of(align) {
                let expected = format!(
                    "the offset of {what}, a multiple of {align} from {length:#x} to {total:#x}"
                );
                return fail(at, expected, format!("{start:#x}"));
            }
            Ok(start)
        };
        let structure = block(8, 4, "the structure block")?;
        let strings = block(12, 1, "the strings block")?;
        // The specification asks for a multiple of 8, some tools in the field keep to 4 only.
        let reservations = block(16, 4, "the memory reservation block")?;
        let end = |at: usize, start: usize, what: &'static str| {
            let size = word(at, what)? as usize;
            if size > total - start {
                let expected = format!("{what} of at most {:#x}", total - start);
                return fail(at, expected, format!("{size:#x}"));
            }
            Ok(start + size)
        };
        Ok(Header {
            total,
            structure,
            structure_end: match version {
                0..VERSION => total,
                VERSION.. => end(36, structure, "a size of the structure block")?,
            },
            strings,
            strings_end: end(32, strings, "a size of the strings block")?,
            reservations,
            boot_cpu: word(28, "the id of the boot hart")?,
        })
    }
}

/// A node whose end has not come yet. The sets keep a large node from taking quadratic time.
struct Open<'b> {
    node: Node,
    properties: HashSet<&'b str>,
    children: HashSet<&'b str>,
}

struct Blob<'b> {
    data: &'b [u8],
    header: &'b Header,
}

impl<'b> Blob<'b> {
    fn reservations(&self) -> Result<Vec<Reservation>> {
        let mut list = Vec::new();
        let mut offset = self.header.reservations;
        loop {
            let what = "a memory reservation or the end of the list";
            let word = |at| word(self.data, offset + at, self.data.len(), what).map(u64::from);
            let address = word(0)? << 32 | word(4)?;
            let size = word(8)? << 32 | word(12)?;
            if (address, size) == (0, 0) {
                return Ok(list);
            }
            list.push(Reservation { address, size });
            offset += 16;
        }
    }

    fn structure(&self) -> Result<Node> {
        let mut offset = self.header.structure;
        let mut open: Vec<Open<'b>> = Vec::new();
        loop {
            let at = offset;
            let token = self.word(&mut offset, "a token")?;
            match (token, open.last_mut()) {
                (NOP, _) => {}
                (BEGIN_NODE, parent) => {
                    let name = self.node_name(&mut offset, parent.is_none())?;
                    if parent.is_some_and(|parent| !parent.children.insert(name)) {
                        return fail(at + 4, "a new node name", format!("a second `{name}`"));
                    }
                    if open.len() >= MAX_DEPTH {
                        let expected = format!("at most {MAX_DEPTH} nested nodes");
                        return fail(at, expected, "one more");
                    }
                    open.push(Open {
                        node: Node::new(name),
                        properties: HashSet::new(),
                        children: HashSet::new(),
                    });
                }
                (PROP, Some(parent)) => {
                    if !parent.node.children().is_empty() {
                        return fail(at, "properties before child nodes", "one after a child");
                    }
                    let (name, value) = self.property(&mut offset)?;
                    if !parent.properties.insert(name) {
                        return fail(at + 8, "a new property name", format!("a second `{name}`"));
                    }
                    parent.node.push_property(name.to_owned(), value.to_vec());
                }
                (END_NODE, Some(_)) => {
                    let node = open.pop().map(|open| open.node).unwrap_or_default();
                    match open.last_mut() {
                        Some(parent) => parent.node.push(node),
                        None => return self.end(offset).map(|()| node),
                    }
                }
                (other, None) => {
                    return fail(at, "the start of the root node (1)", format!("token {other:#x}"));
                }
                (END, Some(_)) => {
                    let found = "the end of the tree (9)";
                    return fail(at, format!("the end of {} open nodes", open.len()), found);
                }
                (other, Some(_)) => {
                    return fail(at, "a token (1, 2, 3, 4 or 9)", format!("{other:#x}"));
                }
            }
        }
    }

    /// What follows the root node: the end, and nothing of weight before it.
    fn end(&self, mut offset: usize) -> Result<()> {
        loop {
            let at = offset;
            match self.word(&mut offset, "the end of the tree (9)")? {
                NOP => {}
                END => return Ok(()),
                other => return fail(at, "the end of the tree (9)", format!("token {other:#x}")),
            }
        }
    }

    fn node_name(&self, offset: &mut usize, is_root: bool) -> Result<&'b str> {
        let (start, end) = (*offset, self.header.structure_end);
        let name = self.text(start, end, "a node name")?;
        // The root's name is empty; blobs older than the specification say `/`.
        let name = if is_root && name == "/" { "" } else { name };
        let fits = if is_root { name.is_empty() } else { name_is_writable(name) };
        if !fits {
            let expected = if is_root { "the root's empty name" } else { "a node name" };
            return fail(start, expected, format!("{name:?}"));
        }
        *offset = aligned(start + self.text(start, end, "a node name")?.len() + 1);
        Ok(name)
    }

    fn property(&self, offset: &mut usize) -> Result<(&'b str, &'b [u8])> {
        let at = *offset;
        let length = self.word(offset, "the length of a property")? as usize;
        let name_at = self.word(offset, "the name of a property")? as usize;
        let left = self.header.structure_end.saturating_sub(*offset);
        if length > left {
            let expected = format!("a property of at most {left:#x} bytes");
            return fail(at, expected, format!("{length:#x}"));
        }
        let value = &self.data[*offset..*offset + length];
        *offset = aligned(*offset + length);

        let size = self.header.strings_end - self.header.strings;
        if name_at >= size {
            let expected = format!("a name's offset below {size:#x}");
            return fail(at + 4, expected, format!("{name_at:#x}"));
        }
        let name_at = self.header.strings + name_at;
        let name = self.text(name_at, self.header.strings_end, "a property name")?;
        if !name_is_writable(name) {
            return fail(name_at, "a property name", format!("{name:?}"));
        }
        Ok((name, value))
    }

    /// A zero-terminated text that begins at `start` and ends before `end`.
    fn text(&self, start: usize, end: usize, what: &str) -> Result<&'b str> {
        let bytes = self.data.get(start..end).unwrap_or_default();
        // No further than a name may go: a blob full of one long name must stay cheap.
        let bytes = &bytes[..bytes.len().min(MAX_NAME + 1)];
        let Some(length) = bytes.iter().position(|&byte| byte == 0) else {
            let expected = format!("{what} of at most {MAX_NAME} bytes that ends in a zero byte");
            return fail(start, expected, "no end");
        };
        match std::str::from_utf8(&bytes[..length]) {
            Ok(text) => Ok(text),
            Err(error) => fail(start + error.valid_up_to(), what, "a byte that is no text"),
        }
    }

    fn word(&self, offset: &mut usize, what: &str) -> Result<u32> {
        let value = word(self.data, *offset, self.header.structure_end, what)?;
        *offset += 4;
        Ok(value)
    }
}

fn word(data: &[u8], offset: usize, end: usize, what: &str) -> Result<u32> {
    let bytes = data[..end].get(offset..).and_then(|rest| rest.first_chunk());
    match bytes {
        Some(bytes) => Ok(u32::from_be_bytes(*bytes)),
        None => fail(offset, what, format!("the end at {end:#x}")),
    }
}

fn aligned(offset: usize) -> usize {
    offset.next_multiple_of(4)
}
