//! Tokens to values, incrementally and without recursion.
//!
//! A value is complete when its braces and its brackets balance, each kind counted apart, or when
//! either count goes below zero. A syntax error is therefore remembered and reported at that
//! point, which keeps one mistake to one answer; a lexical error or an exceeded limit is reported
//! at once and drops what came before.

use std::collections::VecDeque;

use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::error::ParseError;
use super::lexer::{Kind, Lexer};
use super::literal;

/// How many braces and brackets may be open at once.
pub const MAX_NESTING: i64 = 1024;
/// How many tokens one value may have.
pub const MAX_TOKEN_COUNT: usize = 2 << 20;
/// How many bytes one token, and all tokens of one value together, may have.
pub const MAX_TOKEN_SIZE: usize = 64 << 20;

/// What one piece of input amounts to.
type Message = Result<Value, ParseError>;

/// A streaming reader of JSON values.
///
/// Either [`feed`](Self::feed) it and take messages from the iterator, or drive it with
/// [`step`](Self::step), which stops after each message and so lets the caller stop reading.
/// The iterator is not fused: after `None` it goes on when more was fed.
#[derive(Debug)]
pub struct Parser {
    lexer: Lexer,
    building: Building,
    ready: VecDeque<Message>,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser with nothing read.
    #[must_use]
    pub fn new() -> Self {
        let lexer = Lexer::new(MAX_TOKEN_SIZE);
        Self { lexer, building: Building::default(), ready: VecDeque::new() }
    }

    /// Reads all of `bytes`; what they complete can be had from the iterator.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(message) = self.step(&mut bytes) {
            self.ready.push_back(message);
        }
    }

    /// Reads up to the end of one message and moves `input` past it. `None` means that all of
    /// `input` was read and the value is not complete yet.
    pub fn step(&mut self, input: &mut &[u8]) -> Option<Message> {
        while let Some(kind) = self.lexer.advance(input) {
            let message = self.building.token(kind, self.lexer.text());
            if message.is_some() {
                return message;
            }
        }
        None
    }

    /// The input is over: queues what a number or keyword at its end amounts to, or the error
    /// that a cut-off value is.
    pub fn finish(&mut self) {
        if let Some(kind) = self.lexer.end()
            && let Some(message) = self.building.token(kind, self.lexer.text())
        {
            self.ready.push_back(message);
        }
        if self.building.tokens > 0 {
            let error = self.building.error.take().unwrap_or(ParseError::PrematureEnd);
            self.building = Building::default();
            self.ready.push_back(Err(error));
        }
    }
}

impl Iterator for Parser {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }
}

/// Reads a text that is one JSON value and nothing else.
///
/// # Errors
///
/// The first thing that is wrong, or that there is nothing, or more than one value.
pub fn parse(text: &[u8]) -> Result<Value, ParseError> {
    let mut parser = Parser::new();
    let mut rest = text;
    let first = match parser.step(&mut rest) {
        Some(message) => message?,
        None => {
            parser.finish();
            return parser.next().unwrap_or(Err(ParseError::PrematureEnd));
        }
    };
    match rest.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
        None => Ok(first),
        Some(at) => Err(ParseError::Stray(literal::quote(rest.get(at..).unwrap_or_default()))),
    }
}

/// A container that is not closed yet.
#[derive(Debug)]
enum Frame {
    Array(Vec<Value>),
    /// The key is there from its string to its value.
    Object(Map<String, Value>, Option<String>),
}

/// What may come next. `First` positions also take the closing character.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Expect {
    #[default]
    Value,
    First,
    Colon,
    Separator,
}

/// One value under construction.
#[derive(Debug, Default)]
struct Building {
    frames: Vec<Frame>,
    expect: Expect,
    /// The first syntax error; tokens are only counted from then on.
    error: Option<ParseError>,
    /// The value, once its last token was seen.
    value: Option<Value>,
    braces: i64,
    brackets: i64,
    tokens: usize,
    size: usize,
}

impl Building {
    /// Takes one token; returns the message that it completes.
    fn token(&mut self, kind: Kind, text: &[u8]) -> Option<Message> {
        match kind {
            Kind::Stray => return self.give_up(ParseError::Stray(literal::quote(text))),
            Kind::Oversized => return self.give_up(ParseError::TokenSizeLimit),
            Kind::OpenBrace => self.braces += 1,
            Kind::CloseBrace => self.braces -= 1,
            Kind::OpenBracket => self.brackets += 1,
            Kind::CloseBracket => self.brackets -= 1,
            _ => {}
        }
        if self.size + text.len() + 1 > MAX_TOKEN_SIZE {
            return self.give_up(ParseError::TokenSizeLimit);
        }
        if self.tokens + 1 > MAX_TOKEN_COUNT {
            return self.give_up(ParseError::TokenCountLimit);
        }
        if self.braces + self.brackets > MAX_NESTING {
            return self.give_up(ParseError::NestingLimit);
        }
        self.size += text.len();
        self.tokens += 1;

        if self.error.is_none()
            && let Err(error) = self.accept(kind, text)
        {
            self.error = Some(error);
            self.frames.clear();
        }
        let open = self.braces > 0 || self.brackets > 0;
        if open && self.braces >= 0 && self.brackets >= 0 {
            return None;
        }
        let Building { error, value, .. } = std::mem::take(self);
        Some(match (error, value) {
            (None, Some(value)) => Ok(value),
            (error, _) => Err(error.unwrap_or(ParseError::PrematureEnd)),
        })
    }

    fn give_up(&mut self, error: ParseError) -> Option<Message> {
        *self = Self::default();
        Some(Err(error))
    }

    /// One step of the grammar.
    fn accept(&mut self, kind: Kind, text: &[u8]) -> Result<(), ParseError> {
        match (self.expect, kind) {
            (Expect::Value | Expect::First, Kind::OpenBrace) => {
                self.open(Frame::Object(Map::new(), None));
                Ok(())
            }
            (Expect::Value | Expect::First, Kind::OpenBracket) => {
                self.open(Frame::Array(Vec::new()));
                Ok(())
            }
            // A key is read like any value and then has to be a string.
            (Expect::Value | Expect::First, Kind::String) => {
                self.complete(Value::String(literal::string(text)?))
            }
            (Expect::Value | Expect::First, Kind::Keyword) => {
                self.complete(literal::keyword(text)?)
            }
            (Expect::Value | Expect::First, Kind::Integer | Kind::Float) => {
                self.complete(literal::number(text, kind == Kind::Integer)?)
            }
            (Expect::Colon, Kind::Colon) | (Expect::Separator, Kind::Comma) => {
                self.expect = Expect::Value;
                Ok(())
            }
            (Expect::Colon, _) => Err(ParseError::MissingColon),
            (Expect::First | Expect::Separator, Kind::CloseBrace | Kind::CloseBracket) => {
                self.close(kind)
            }
            (Expect::Separator, _) => Err(self.misplaced()),
            (Expect::Value | Expect::First, _) => Err(ParseError::ExpectingValue),
        }
    }

    fn open(&mut self, frame: Frame) {
        self.frames.push(frame);
        self.expect = Expect::First;
    }

    fn close(&mut self, kind: Kind) -> Result<(), ParseError> {
        match (self.frames.pop(), kind) {
            (Some(Frame::Object(map, _)), Kind::CloseBrace) => self.complete(Value::Object(map)),
            (Some(Frame::Array(list)), Kind::CloseBracket) => self.complete(Value::Array(list)),
            (Some(frame), _) => {
                self.frames.push(frame);
                Err(self.misplaced())
            }
            (None, _) => Err(ParseError::ExpectingValue),
        }
    }

    /// The error for a token that neither separates nor closes.
    fn misplaced(&self) -> ParseError {
        match (self.expect, self.frames.last()) {
            (Expect::Separator, Some(Frame::Object(..))) => ParseError::ObjectSeparator,
            (Expect::Separator, Some(Frame::Array(_))) => ParseError::ArraySeparator,
            _ => ParseError::ExpectingValue,
        }
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, value: Value) -> Result<(), ParseError> {
        match self.frames.last_mut() {
            None => self.value = Some(value),
            Some(Frame::Array(list)) => {
                list.push(value);
                self.expect = Expect::Separator;
            }
            Some(Frame::Object(map, key)) => match (key.take(), value) {
                (None, Value::String(name)) => {
                    *key = Some(name);
                    self.expect = Expect::Colon;
                }
                (None, _) => return Err(ParseError::KeyNotString),
                (Some(name), value) => match map.entry(name) {
                    Entry::Occupied(_) => return Err(ParseError::DuplicateKey),
                    Entry::Vacant(place) => {
                        place.insert(value);
                        self.expect = Expect::Separator;
                    }
                },
            },
        }
        Ok(())
    }
}
