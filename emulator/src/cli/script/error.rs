//! An error in a script, with its place and the line it is in.

use std::fmt;

use super::cursor::{Fault, place};

/// What is wrong with a script, or with a command of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// The file.
    pub file: String,
    /// The number of the line, the first being 1.
    pub line: usize,
    /// The column in the file, the first being 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The line, as it is shown.
    pub source_line: String,
    /// The column of `source_line` that the caret points to, the first being 1.
    pub caret: usize,
}

impl ScriptError {
    /// The error for a fault in a text.
    pub(super) fn in_text(file: &str, text: &str, fault: Fault) -> Self {
        let (line, column) = place(text, fault.offset);
        Self {
            file: file.into(),
            line,
            column,
            message: fault.message,
            source_line: text.lines().nth(line - 1).unwrap_or_default().trim_end().into(),
            caret: column,
        }
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        writeln!(f, "{}", self.source_line)?;
        // Tabs stay tabs, so that the caret stands where the terminal puts the line's text.
        let before = self.source_line.chars().chain(std::iter::repeat(' '));
        let indent: String =
            before.take(self.caret - 1).map(|char| if char == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "{indent}^")
    }
}

impl std::error::Error for ScriptError {}
