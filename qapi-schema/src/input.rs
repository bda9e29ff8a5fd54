//! Reads files and turns their bytes into text.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// How many bytes all files of a schema may have together: twenty times what QEMU's have. Beyond
/// it something else was meant, and checking it would take more memory than anybody expects.
const MAX_BYTES: usize = 16 << 20;

/// Gives the contents of a file.
pub(crate) type Read<'r> = &'r mut dyn FnMut(&Path) -> io::Result<Vec<u8>>;

/// Where files come from, and how much may still come.
pub(crate) struct Input<'r> {
    read: Read<'r>,
    left: usize,
}

impl<'r> Input<'r> {
    pub(crate) fn new(read: Read<'r>) -> Self {
        Self { read, left: MAX_BYTES }
    }

    /// The contents of a file, or why there are none.
    pub(crate) fn read(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let bytes = (self.read)(Path::new(path)).map_err(|error| reason(&error))?;
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            return Err(format!("the schema is larger than {} MiB", MAX_BYTES >> 20));
        };
        self.left = left;
        Ok(bytes)
    }
}

/// Reads a file, but not much more than a schema may have: it may be a device without end.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The operating system's message without the error number that the standard library appends.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

/// Decodes a file: newlines normalised, one at the end. The second value is where UTF-8 ends.
pub(crate) fn decode(bytes: Vec<u8>) -> (String, Option<usize>) {
    let (mut text, invalid) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or(&[]);
            let valid = normalise(String::from_utf8_lossy(valid).into_owned());
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, Some(valid.len()))
        }
    };
    text = normalise(text);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    (text, invalid)
}

/// Turns CR LF and lone CR into LF.
fn normalise(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}
