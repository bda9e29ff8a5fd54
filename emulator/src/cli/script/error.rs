//! An error in a script, with its place, the line it is in, and how the reader came there.

use std::fmt;

use super::source::{Fault, File};

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
    /// The loops and files around it, the innermost first: `in iteration i=3 of the loop at ...`.
    pub around: Vec<String>,
    /// Whether the text ends too early: more of it could mend it.
    pub unfinished: bool,
}

impl ScriptError {
    /// The error for a fault in a file.
    pub(super) fn in_file(file: &File, fault: Fault) -> Self {
        let (line, column) = file.place(fault.offset);
        Self {
            file: file.name.clone(),
            line,
            column,
            message: fault.message,
            source_line: file.line(line).into(),
            caret: column,
            around: Vec::new(),
            unfinished: fault.unfinished,
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
        write!(f, "{indent}^")?;
        self.around.iter().try_for_each(|step| write!(f, "\n{step}"))
    }
}

impl std::error::Error for ScriptError {}
