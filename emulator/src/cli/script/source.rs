//! A script's text: places in it, and the cursor that reads it.

use std::path::PathBuf;

/// A file with where its lines begin, so that a place is found without reading it again.
#[derive(Debug)]
pub(super) struct File {
    /// As it is shown.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) text: String,
    starts: Vec<usize>,
}

impl File {
    pub(super) fn new(path: impl Into<PathBuf>, text: String) -> Self {
        let path = path.into();
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(newline, _)| newline + 1))
            .collect();
        Self { name: path.display().to_string(), path, text, starts }
    }

    /// Line and column of an offset, both counted from 1, columns in characters.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied();
        let before = self.text.get(start.unwrap_or(0)..offset).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// A line without its end.
    pub(super) fn line(&self, number: usize) -> &str {
        let start = number.checked_sub(1).and_then(|index| self.starts.get(index));
        let rest = start.and_then(|start| self.text.get(*start..)).unwrap_or_default();
        rest.lines().next().unwrap_or_default().trim_end()
    }
}

/// Something wrong at an offset of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
    /// Whether more text could mend it.
    pub(super) unfinished: bool,
}

impl Fault {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), unfinished: false }
    }

    /// The text ends too early.
    pub(super) fn unfinished(offset: usize, message: impl Into<String>) -> Self {
        Self { unfinished: true, ..Self::new(offset, message) }
    }
}

/// What a text consists of, for who lays it out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Something that is kept as written.
    Word(usize, usize),
    /// A comment, with the sign that begins it.
    Comment(usize, usize),
    /// A `\` and the end of the line.
    Break,
    /// The end of a line.
    Newline,
    /// `{` of a block.
    Open,
    /// `}` of a block.
    Close,
}

/// How far a text has been read.
pub(super) struct Cursor<'t> {
    text: &'t str,
    offset: usize,
    pub(super) tokens: Vec<Token>,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // Some editors begin a file with a byte order mark.
        let offset = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, offset, tokens: Vec::new() }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'t str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.offset += char.len_utf8();
        Some(char)
    }

    /// Goes over a text if it is what comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.offset += text.len();
        }
        found
    }

    /// Goes over what `wanted` accepts and returns it.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|char| !wanted(char)).unwrap_or(rest.len());
        self.offset += end;
        &rest[..end]
    }

    /// All up to the next white space.
    pub(super) fn word(&mut self) -> &'t str {
        self.take_while(|char| !char.is_whitespace())
    }

    /// A name, as variables have them; empty where there is none.
    pub(super) fn name(&mut self) -> &'t str {
        match self.peek() {
            Some(char) if char.is_ascii_alphabetic() || char == '_' => {
                self.take_while(|char| char.is_ascii_alphanumeric() || char == '_')
            }
            _ => "",
        }
    }

    /// Notes a word that goes from `start` to here.
    pub(super) fn note_word(&mut self, start: usize) {
        self.tokens.push(Token::Word(start, self.offset));
    }

    /// Goes to the next word of this line: over white space, ends of line after `\`, and a
    /// comment. To be called only where a word may begin, as a comment begins nowhere else.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            self.take_while(|char| char != '\n' && char.is_whitespace());
            if !self.skip_continuation() {
                break;
            }
            self.tokens.push(Token::Break);
        }
        if self.at_comment() {
            let start = self.offset;
            let text = self.take_while(|char| char != '\n').trim_end();
            self.tokens.push(Token::Comment(start, start + text.len()));
        }
    }

    /// White space within brackets and expressions, which are kept as they are written.
    pub(super) fn skip_inner_blanks(&mut self) {
        loop {
            self.take_while(|char| char != '\n' && char.is_whitespace());
            if !self.skip_continuation() {
                return;
            }
        }
    }

    pub(super) fn at_comment(&self) -> bool {
        self.rest().starts_with('#') || self.rest().starts_with("//")
    }

    /// Goes over a `\` that is the last of its line, and the line's end.
    pub(super) fn skip_continuation(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix('\\') else { return false };
        let Some(newline) = rest.find(|char: char| char == '\n' || !char.is_whitespace()) else {
            return false;
        };
        let ends = rest[newline..].starts_with('\n');
        if ends {
            self.offset += 1 + newline + 1;
        }
        ends
    }
}
