//! Board scripts: the commands of the schema, one a line, in qmp-shell's syntax.
//!
//! ```text
//! # A board with memory and a UART.
//! device_add driver=sysbus-memory id=ram size=16MiB
//! sysbus-mmio-map device=ram addr=0x80000000   // where software is linked to
//! ```
//!
//! A line is a command's name and `key=value` pairs between white space. A `\` at the end of a line
//! goes on in the next. `#` and `//` begin a comment at the start of a line or after white space.
//! `value` says what values may look like.
//!
//! The reader goes over the text with one cursor, so that every error has its place in the file.
//! `Reader::statement` is where loops and includes will be told from commands by the first word,
//! and the values of `Reader::argument` are where variables will be put in.

mod cursor;
mod error;
mod value;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use qapi_runtime::Map;

use crate::board::Origin;
use crate::door::{Command, Step};
use crate::qapi::CommandOrigin;

use super::keyval;
use cursor::{Cursor, Fault};
pub use error::ScriptError;

/// A board script that is to be executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The file.
    pub path: PathBuf,
    /// Variables given with it, `NAME=VALUE`, in order.
    pub variables: Vec<(String, String)>,
}

/// A command of a script.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The number of its line, the first being 1; of the first one if it goes over several.
    pub number: usize,
    /// The column at which it begins, the first being 1.
    pub column: usize,
    /// Its text, without comment, on one line.
    pub text: String,
    /// The command.
    pub command: Command,
}

impl Script {
    /// A script in a file, without variables.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), variables: vec![] }
    }

    /// Reads all commands of a text that stands in `file`.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(text: &str, file: &str) -> Result<Vec<Line>, ScriptError> {
        let mut reader = Reader { cursor: Cursor::new(text), lines: vec![] };
        match reader.read() {
            Ok(()) => Ok(reader.lines),
            Err(fault) => Err(ScriptError::in_text(file, text, fault)),
        }
    }
}

impl Line {
    /// The command, from where it stands in `file`.
    pub fn step(&self, file: &str) -> Step {
        let origin = Origin::new(CommandOrigin::Script, format!("{file}:{}", self.number));
        Step { command: self.command.clone(), origin }
    }

    /// The error for a command that was understood and failed.
    pub fn error(&self, file: &str, message: impl Into<String>) -> ScriptError {
        ScriptError {
            file: file.into(),
            line: self.number,
            column: self.column,
            message: message.into(),
            source_line: self.text.clone(),
            caret: 1,
        }
    }
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    lines: Vec<Line>,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<(), Fault> {
        loop {
            self.cursor.skip_blanks();
            match self.cursor.peek() {
                None => return Ok(()),
                Some('\n') => drop(self.cursor.bump()),
                Some(_) => self.statement()?,
            }
        }
    }

    /// What begins with a word at the start of a line: so far, a command.
    fn statement(&mut self) -> Result<(), Fault> {
        let start = self.cursor.offset();
        let name = self.cursor.word();
        if !is_command_name(name) {
            let hint = match name.split_once('=') {
                Some(_) => r"; a command that goes on in the next line ends in \",
                None => "",
            };
            return Err(Fault::new(start, format!("expected a command, found '{name}'{hint}")));
        }
        let name = name.to_owned();
        let mut arguments = Map::new();
        let mut end = self.cursor.offset();
        loop {
            self.cursor.skip_blanks();
            if matches!(self.cursor.peek(), None | Some('\n')) {
                break;
            }
            self.argument(&mut arguments)?;
            end = self.cursor.offset();
        }
        let (number, column) = self.cursor.place(start);
        let text = one_line(self.cursor.slice(start, end));
        self.lines.push(Line { number, column, text, command: Command { name, arguments } });
        Ok(())
    }

    fn argument(&mut self, arguments: &mut Map) -> Result<(), Fault> {
        let start = self.cursor.offset();
        let key = self.cursor.take_while(|char| char != '=' && !char.is_whitespace()).to_owned();
        if self.cursor.peek() != Some('=') {
            return Err(Fault::new(start, format!("expected key=value, found '{key}'")));
        }
        self.cursor.bump();
        let value = value::value(&mut self.cursor)?;
        match keyval::insert(arguments, &key, value) {
            Ok(None) => Ok(()),
            Ok(Some(_)) => Err(Fault::new(start, format!("'{key}' is given twice"))),
            Err(problem) => Err(Fault::new(start, problem)),
        }
    }
}

fn is_command_name(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char))
}

/// A command's text with its continuation lines joined.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().peekable();
    let mut whole = String::new();
    while let Some(line) = lines.next() {
        let line = line.trim();
        match lines.peek() {
            Some(_) => {
                whole.push_str(line.trim_end_matches('\\').trim_end());
                whole.push(' ');
            }
            None => whole.push_str(line),
        }
    }
    whole
}
