//! Says what is wrong with text that is no entry, in the reference's words and at its place.
//!
//! The reference reads one token ahead and stops at the first that does not fit. So does this: it
//! walks the grammar's tokens with a stack of open brackets.

use std::collections::HashSet;

use pest::Parser;

use crate::error::Problem;
use crate::syntax::{Grammar, MAX_DEPTH, Rule};

/// A problem and the offset at which it stands.
pub(crate) type Located = (usize, Problem);

/// A token as far as syntax is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Punctuation(char),
    String(&'t str),
    Boolean,
    Doc,
    End,
}

/// What may come next.
#[derive(Clone, Copy, Debug)]
enum State {
    Value,
    ValueOrClose,
    AfterElement,
    Key,
    KeyOrClose,
    Colon,
    AfterMember,
}

impl State {
    fn expected(self) -> Problem {
        Problem::Expected(match self {
            Self::Value => "'{', '[', string, or boolean",
            Self::ValueOrClose => "'{', '[', ']', string, or boolean",
            Self::AfterElement => "',' or ']'",
            Self::Key => "string",
            Self::KeyOrClose => "string or '}'",
            Self::Colon => "':'",
            Self::AfterMember => "',' or '}'",
        })
    }
}

/// An open bracket; objects remember their keys.
enum Open<'t> {
    Array,
    Object(HashSet<&'t str>),
}

/// The first error of the entry that starts at `start`. `cut` is where expressions nest too deep,
/// if they do; the text ends there.
pub(crate) fn explain(text: &str, start: usize, cut: Option<usize>) -> Located {
    let text = cut.and_then(|cut| text.get(..cut)).unwrap_or(text);
    let error = match walk(text, start) {
        Err(error) => error,
        // The grammar refused what this accepts, which must not happen; say at least where.
        Ok(()) => (start, State::Value.expected()),
    };
    match cut {
        Some(cut) if error.0 + 1 >= cut => (cut, Problem::NestingTooDeep(MAX_DEPTH)),
        _ => error,
    }
}

/// The error of the token after `start`, if it is none.
pub(crate) fn lexical_error(text: &str, start: usize) -> Option<Located> {
    next(text, start).err()
}

/// Where the token after `start` stands.
pub(crate) fn next_token(text: &str, start: usize) -> usize {
    match next(text, start) {
        Ok((at, _, _)) | Err((at, _)) => at,
    }
}

fn walk(text: &str, start: usize) -> Result<(), Located> {
    let mut position = start;
    let mut state = State::Value;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut key = "";
    loop {
        let (at, token, end) = next(text, position)?;
        position = end;
        if matches!(state, State::Value | State::ValueOrClose)
            && let Some(Open::Object(keys)) = open.last_mut()
            && !keys.insert(key)
        {
            return Err((at, Problem::DuplicateKey(crate::syntax::unquote(key))));
        }
        let closed = match (state, token) {
            (State::Value | State::ValueOrClose, Token::Punctuation('{')) => {
                open.push(Open::Object(HashSet::new()));
                state = State::KeyOrClose;
                false
            }
            (State::Value | State::ValueOrClose, Token::Punctuation('[')) => {
                open.push(Open::Array);
                state = State::ValueOrClose;
                false
            }
            (State::Value | State::ValueOrClose, Token::String(_) | Token::Boolean) => true,
            (State::ValueOrClose | State::AfterElement, Token::Punctuation(']'))
            | (State::KeyOrClose | State::AfterMember, Token::Punctuation('}')) => {
                open.pop();
                true
            }
            (State::AfterElement, Token::Punctuation(',')) => {
                state = State::Value;
                false
            }
            (State::AfterMember, Token::Punctuation(',')) => {
                state = State::Key;
                false
            }
            (State::Key | State::KeyOrClose, Token::String(name)) => {
                key = name;
                state = State::Colon;
                false
            }
            (State::Colon, Token::Punctuation(':')) => {
                state = State::Value;
                false
            }
            _ => return Err((at, state.expected())),
        };
        if closed {
            state = match open.last() {
                None => return Ok(()),
                Some(Open::Array) => State::AfterElement,
                Some(Open::Object(_)) => State::AfterMember,
            };
        }
    }
}

/// The token after `start`: its place, what it is, and where it ends.
fn next(text: &str, start: usize) -> Result<(usize, Token<'_>, usize), Located> {
    // The reference's end of input is the newline that ends the text.
    let last = text.len().saturating_sub(1);
    let rest = text.get(start..).unwrap_or("");
    let pair = Grammar::parse(Rule::next, rest).ok().and_then(|mut pairs| pairs.next());
    let Some(pair) = pair else { return Ok((last, Token::End, text.len())) };
    let reached = start + pair.as_span().end();
    let Some(found) = pair.into_inner().next() else {
        return Err((reached, bad_token(text.get(reached..).unwrap_or(""))));
    };
    let Some(token) = found.into_inner().next() else {
        return Ok((last, Token::End, text.len()));
    };
    let kind = match token.as_rule() {
        Rule::string => Token::String(token.as_str()),
        Rule::boolean => Token::Boolean,
        Rule::doc_mark => Token::Doc,
        _ => Token::Punctuation(token.as_str().chars().next().unwrap_or(' ')),
    };
    Ok((start + token.as_span().start(), kind, reached))
}

/// What is wrong with text that no token matches.
fn bad_token(text: &str) -> Problem {
    let Some(string) = text.strip_prefix('\'') else {
        let stops = |c: char| "[]{}:,'".contains(c) || is_space(c);
        return Problem::Stray(text.split(stops).next().unwrap_or("").to_owned());
    };
    let mut characters = string.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('\\') => {}
                Some('\n') | None => break,
                Some(other) => return Problem::UnknownEscape(other),
            },
            '\n' => break,
            ' '..='~' => {}
            _ => return Problem::FunnyCharacter,
        }
    }
    Problem::UnterminatedString
}

/// What Python's `str.isspace` accepts.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1C}'..='\u{1F}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Entry, entries};

    /// What the grammar refuses, the walk refuses, too, and at no earlier place.
    #[test]
    fn agrees_with_the_grammar() {
        let text = "{ 'a': [ true, 'b\\\\', {} ], # c\n 'd': { 'e': false } }\n{ 'f': [] }\n";
        let pieces =
            ["", "{", "}", "[", "]", ":", ",", "'", "'x'", "true", "##\n", "#", "\\", "\n"];
        for start in 0..text.len() {
            for end in start..text.len().min(start + 3) {
                for piece in pieces {
                    let damaged = format!("{}{piece}{}\n", &text[..start], &text[end..]);
                    let (found, cut) = entries(&damaged, 0);
                    assert_eq!(cut, None);
                    for entry in found {
                        let Entry::Fault(start) = entry else { continue };
                        let error = walk(&damaged, start).expect_err(&damaged);
                        assert!(error.0 >= start && error.0 < damaged.len(), "{damaged}");
                    }
                }
            }
        }
    }
}
