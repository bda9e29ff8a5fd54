//! A property together with its place: its bytes read as what they mean (chapter 2.2.4).

use crate::error::{Problem, TreeError};

/// A property of a node in a tree. Its methods fail with an error that names node and property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property<'t> {
    pub(crate) path: String,
    pub(crate) name: &'t str,
    pub(crate) bytes: &'t [u8],
}

impl<'t> Property<'t> {
    /// The property's name.
    pub fn name(&self) -> &'t str {
        self.name
    }

    /// The path of its node.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value as it is.
    pub fn bytes(&self) -> &'t [u8] {
        self.bytes
    }

    /// The value as one cell.
    pub fn u32(&self) -> Result<u32, TreeError> {
        let bytes = self.bytes.try_into().map_err(|_| self.length("one cell (4)"))?;
        Ok(u32::from_be_bytes(bytes))
    }

    /// The value as cells.
    pub fn u32s(&self) -> Result<Vec<u32>, TreeError> {
        let (cells, rest) = self.bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(self.length("a multiple of 4"));
        }
        Ok(cells.iter().map(|cell| u32::from_be_bytes(*cell)).collect())
    }

    /// The value as one number of one or two cells: both are met in `timebase-frequency` and others.
    pub fn u64(&self) -> Result<u64, TreeError> {
        if let Ok(bytes) = self.bytes.try_into() {
            return Ok(u64::from_be_bytes(bytes));
        }
        let bytes = self.bytes.try_into().map_err(|_| self.length("one or two cells (4 or 8)"))?;
        Ok(u64::from(u32::from_be_bytes(bytes)))
    }

    /// The value as one string.
    pub fn str(&self) -> Result<&'t str, TreeError> {
        match self.strings()?.as_slice() {
            [one] => Ok(one),
            many => Err(self.error(Problem::ManyStrings(many.len()))),
        }
    }

    /// The value as a list of strings.
    pub fn strings(&self) -> Result<Vec<&'t str>, TreeError> {
        let text = std::str::from_utf8(self.bytes).map_err(|_| self.error(Problem::NotText))?;
        let text = text.strip_suffix('\0').ok_or_else(|| self.error(Problem::NotText))?;
        Ok(text.split('\0').collect())
    }

    /// An error about this property.
    pub fn error(&self, problem: Problem) -> TreeError {
        TreeError { path: self.path.clone(), property: self.name.to_owned(), problem }
    }

    pub(crate) fn length(&self, expected: impl Into<String>) -> TreeError {
        self.error(Problem::Length { found: self.bytes.len(), expected: expected.into() })
    }
}
