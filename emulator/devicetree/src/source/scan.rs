//! A first look at source text before the grammar sees it: what would make the parser recurse
//! without bound, and what is better refused by a message of its own.

use std::rc::Rc;

use super::error::{Place, Source, SourceError};
use crate::MAX_DEPTH;

/// The words that begin a line meant for a C preprocessor.
const DIRECTIVES: [&str; 12] = [
    "include", "define", "undef", "if", "ifdef", "ifndef", "elif", "else", "endif", "error",
    "pragma", "warning",
];

/// Refuses unbounded nesting, preprocessor lines and what never ends.
pub(super) fn check(source: &Rc<Source>) -> Result<(), SourceError> {
    let text = source.text.as_bytes();
    let place = |offset| Place { source: Rc::clone(source), offset };
    let mut depth: usize = 0;
    // The depth at which each open parenthesis began: a `?` nests until its parenthesis closes.
    let mut parentheses = Vec::new();
    let mut at = 0;
    let mut line_is_blank = true;
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..];
        let mut step = 1;
        match byte {
            b'/' if rest.starts_with(b"/*") => match find(&rest[2..], b"*/") {
                Some(length) => step = length + 4,
                None => return place(at).fail("this comment never ends"),
            },
            b'/' if rest.starts_with(b"//") => step = find(rest, b"\n").unwrap_or(rest.len()),
            b'"' => match string_length(rest) {
                Some(length) => step = length,
                None => return place(at).fail("this string never ends"),
            },
            b'#' if line_is_blank => match directive(rest) {
                Some(word) => {
                    return place(at).fail(format!(
                        "`#{word}` is for the C preprocessor, which is not part of this reader: \
                         run `cpp -nostdinc -undef -x assembler-with-cpp` on the file first"
                    ));
                }
                None if is_line_marker(rest) => step = find(rest, b"\n").unwrap_or(rest.len()),
                None => {}
            },
            // A character literal may hold a brace, a quote or a parenthesis.
            b'\'' => step = character_length(rest),
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'(' => {
                parentheses.push(depth);
                depth += 1;
            }
            b')' => depth = parentheses.pop().unwrap_or(depth),
            b'?' if !parentheses.is_empty() => depth += 1,
            _ => {}
        }
        // The root counts as one, its own braces included.
        if depth > MAX_DEPTH {
            return place(at).fail(format!("nested deeper than {MAX_DEPTH}"));
        }
        line_is_blank = byte == b'\n' || (line_is_blank && byte.is_ascii_whitespace());
        at += step;
    }
    Ok(())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn character_length(text: &[u8]) -> usize {
    match text {
        [_, b'\\', _, ..] => 3,
        [_, other, ..] if other.is_ascii() => 2,
        _ => 1,
    }
}

fn directive(line: &[u8]) -> Option<&'static str> {
    let word = line[1..].trim_ascii_start();
    // A property such as `#define-cells` begins like a directive and goes on.
    let ends = |length: usize| {
        word.get(length).is_none_or(|c| c.is_ascii_whitespace() || b"<\"(".contains(c))
    };
    DIRECTIVES.into_iter().find(|name| word.starts_with(name.as_bytes()) && ends(name.len()))
}

fn is_line_marker(line: &[u8]) -> bool {
    let line = line[1..].strip_prefix(b"line").unwrap_or(&line[1..]);
    line.first() == Some(&b' ') && line.trim_ascii_start().first().is_some_and(u8::is_ascii_digit)
}
