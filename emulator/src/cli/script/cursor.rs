//! A place in a script's text that moves on: white space, comments, words.

/// Something wrong at an offset of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

/// Line and column of an offset, both counted from 1, columns in characters.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].chars().count() + 1)
}

/// How far a text has been read.
pub(super) struct Cursor<'t> {
    text: &'t str,
    offset: usize,
    /// An offset whose line is known: lines are counted once, not from the top for each command.
    counted: usize,
    line: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        // Some editors begin a file with a byte order mark.
        let offset = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, offset, counted: 0, line: 1 }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'t str {
        &self.text[start..end]
    }

    /// Line and column of an offset, as [`place`]; offsets that grow from call to call cost little.
    pub(super) fn place(&mut self, offset: usize) -> (usize, usize) {
        let Some(between) = self.text.get(self.counted..offset) else {
            return place(self.text, offset);
        };
        self.line += between.matches('\n').count();
        self.counted = offset;
        let start = self.text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
        (self.line, self.text[start..offset].chars().count() + 1)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.offset..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.offset += char.len_utf8();
        Some(char)
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

    /// Goes to the next word of this command: over white space, ends of line after `\`, and a
    /// comment. To be called only where a word may begin, as a comment begins nowhere else.
    pub(super) fn skip_blanks(&mut self) {
        loop {
            self.take_while(|char| char != '\n' && char.is_whitespace());
            if !self.skip_continuation() {
                break;
            }
        }
        if self.rest().starts_with('#') || self.rest().starts_with("//") {
            self.take_while(|char| char != '\n');
        }
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
