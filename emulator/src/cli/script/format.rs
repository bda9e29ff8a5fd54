//! Lays a script out again: four spaces a block, one between words, one empty line at most, comments
//! behind consecutive lines in one column. Words and comments stay as they are written.

use super::ScriptError;
use super::parse;
use super::source::{File, Token};

/// What a line is moved by for each block.
const INDENT: &str = "    ";

/// A line of the output.
#[derive(Default)]
struct Row {
    indent: usize,
    code: String,
    comment: String,
    /// Whether it goes on in the next.
    goes_on: bool,
    /// Whether it begins a block.
    opens: bool,
}

/// The text of a script, laid out; `name` is for messages.
///
/// # Errors
/// It cannot be read.
pub fn format(name: &str, text: String) -> Result<String, Box<ScriptError>> {
    let file = File::new(name, text);
    let parsed =
        parse::parse(&file.text).map_err(|fault| Box::new(ScriptError::in_file(&file, fault)))?;
    let mut printer = Printer::default();
    parsed.tokens.iter().for_each(|token| printer.token(&file.text, *token));
    printer.newline();
    Ok(print(&printer.rows))
}

#[derive(Default)]
struct Printer {
    rows: Vec<Row>,
    row: Row,
    depth: usize,
    /// Ends of lines since something was printed.
    newlines: usize,
}

impl Printer {
    fn token(&mut self, text: &str, token: Token) {
        let slice = |start: usize, end: usize| text.get(start..end).unwrap_or_default();
        match token {
            Token::Word(start, end) => self.word(slice(start, end)),
            Token::Comment(start, end) => {
                // Behind `}` of a block on one line, it belongs to that line.
                self.begin();
                self.row.comment = slice(start, end).into();
                self.newline();
            }
            Token::Break if self.row.code.is_empty() => {}
            Token::Break => {
                self.row.goes_on = true;
                let indent = self.row.indent;
                let first = self.rows.last().is_none_or(|row| !row.goes_on);
                self.rows.push(std::mem::take(&mut self.row));
                self.row.indent = if first { indent + 1 } else { indent };
            }
            Token::Newline => {
                self.newline();
                self.newlines += 1;
            }
            Token::Open => {
                self.word("{");
                self.row.opens = true;
                self.depth += 1;
            }
            Token::Close => {
                self.newline();
                self.depth = self.depth.saturating_sub(1);
                // No empty line before it.
                self.newlines = 0;
                self.word("}");
            }
        }
    }

    /// Begins a row, after an empty one if there was one and something to separate.
    fn begin(&mut self) {
        if !self.row.code.is_empty() || self.goes_on() {
            return;
        }
        let first = self.rows.last().is_none_or(|row| row.opens);
        if self.newlines > 1 && !first {
            self.rows.push(Row::default());
        }
        self.newlines = 0;
        self.row.indent = self.depth;
    }

    fn goes_on(&self) -> bool {
        self.rows.last().is_some_and(|row| row.goes_on)
    }

    fn word(&mut self, word: &str) {
        // Of what follows a block's braces on their line, only `else` stays there.
        if self.row.opens || (self.row.code == "}" && word != "else") {
            self.newline();
        }
        self.begin();
        if !self.row.code.is_empty() && word != ":" {
            self.row.code.push(' ');
        }
        self.row.code.push_str(word);
    }

    fn newline(&mut self) {
        if !self.row.code.is_empty() || !self.row.comment.is_empty() {
            self.rows.push(std::mem::take(&mut self.row));
        } else if self.goes_on() {
            // A `\` with nothing behind it.
            if let Some(row) = self.rows.last_mut() {
                row.goes_on = false;
            }
            self.row = Row::default();
        }
    }
}

/// The rows as text, their comments in columns.
fn print(rows: &[Row]) -> String {
    let width = |row: &Row| {
        INDENT.len() * row.indent + row.code.chars().count() + if row.goes_on { 2 } else { 0 }
    };
    let aligned = |row: &Row| !row.code.is_empty() && !row.comment.is_empty();
    let mut text = String::new();
    for run in rows.chunk_by(|one, other| aligned(one) && aligned(other)) {
        let column = run.iter().map(width).max().unwrap_or(0) + 2;
        for row in run {
            if !row.code.is_empty() || !row.comment.is_empty() {
                text.push_str(&INDENT.repeat(row.indent));
            }
            text.push_str(&row.code);
            if row.goes_on {
                text.push_str(" \\");
            }
            if aligned(row) {
                text.push_str(&" ".repeat(column - width(row)));
            }
            text.push_str(&row.comment);
            text.push('\n');
        }
    }
    text
}
