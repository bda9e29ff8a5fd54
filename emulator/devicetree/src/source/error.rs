//! What can be wrong with source text, shown with the line it stands in.

use std::fmt;
use std::rc::Rc;

/// One source file, kept for the messages.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

/// A place in a source file.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) source: Rc<Source>,
    pub(super) offset: usize,
}

impl Place {
    /// An error at this place.
    pub(super) fn error(&self, message: impl Into<String>) -> SourceError {
        SourceError::new(&self.source.name, &self.source.text, self.offset, message.into())
    }

    /// An error at this place, ready to be returned.
    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Result<T, SourceError> {
        Err(self.error(message))
    }
}

/// An error in source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line itself.
    pub text: String,
}

impl SourceError {
    pub(super) fn new(file: &str, text: &str, offset: usize, message: String) -> SourceError {
        // An error at the end of a file is shown at its last line that says something.
        let offset = offset.min(text.trim_end().len());
        let before = text.get(..offset).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text.get(start..).unwrap_or_default();
        SourceError {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
            message,
            text: rest.lines().next().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SourceError { file, line, column, message, text } = self;
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{line:>5} | {text}")?;
        // A tab in the line must push the mark as far as it pushes the text.
        let pad: String =
            text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "      | {pad}^")
    }
}

impl std::error::Error for SourceError {}
