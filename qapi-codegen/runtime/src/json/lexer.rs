//! Bytes to tokens, one state a byte, so that input may be cut anywhere.
//!
//! The lexer knows what a token looks like and nothing of how tokens combine. A byte that fits
//! no token is an error at once; the lexer then skips to a byte that plausibly starts something
//! new: a structural character, a control character other than tab, or 0xFE / 0xFF, which no
//! text contains and which clients send to force a known state.

/// What a token is; its text is [`Lexer::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// A string with its quotes, escapes not yet looked into.
    String,
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Float,
    /// `[a-z]+`
    Keyword,
    /// No token: the bytes collected, with the one that does not fit.
    Stray,
    /// No token: it outgrew the limit.
    Oversized,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Recovery,
    String { quote: u8 },
    Escape { quote: u8 },
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Keyword,
}

/// What one byte does to a state.
enum Step {
    /// The byte belongs to the token; go on in this state.
    Take(State),
    /// The byte is passed over.
    Skip(State),
    /// The byte completes the token.
    End(Kind),
    /// The token ended before this byte, which is looked at afresh.
    EndBefore(Kind),
    /// Recovery is over; the byte is looked at afresh.
    Restart,
}

/// The state between two bytes.
#[derive(Debug)]
pub(super) struct Lexer {
    state: State,
    token: Vec<u8>,
    /// The token in `token` was handed out; the next byte begins another.
    done: bool,
    limit: usize,
}

impl Lexer {
    /// A lexer that gives up on tokens of more than `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { state: State::Start, token: Vec::new(), done: false, limit }
    }

    /// The text of the token that [`advance`](Self::advance) has just returned.
    pub(super) fn text(&self) -> &[u8] {
        &self.token
    }

    /// Moves `input` past what was used; `None` when all of it was and no token is complete.
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> Option<Kind> {
        if self.done {
            self.forget();
        }
        while let Some((&byte, rest)) = input.split_first() {
            if let State::String { quote } = self.state {
                // Most of a large request is inside strings: move whole runs.
                let room = (self.limit + 1).saturating_sub(self.token.len());
                let run = input.iter().take(room).take_while(|&&b| is_plain(b, quote)).count();
                if run > 0 {
                    let (plain, rest) = input.split_at(run);
                    self.token.extend_from_slice(plain);
                    *input = rest;
                    if self.token.len() > self.limit {
                        return Some(self.finish(Kind::Oversized));
                    }
                    continue;
                }
            }
            match step(self.state, byte) {
                Step::Take(state) => {
                    self.token.push(byte);
                    self.state = state;
                    *input = rest;
                    if self.token.len() > self.limit {
                        return Some(self.finish(Kind::Oversized));
                    }
                }
                Step::Skip(state) => {
                    self.state = state;
                    *input = rest;
                }
                Step::End(kind) => {
                    self.token.push(byte);
                    *input = rest;
                    return Some(self.finish(kind));
                }
                Step::EndBefore(kind) => return Some(self.finish(kind)),
                Step::Restart => self.state = State::Start,
            }
        }
        None
    }

    /// The input is over: what the bytes collected so far amount to.
    pub(super) fn end(&mut self) -> Option<Kind> {
        if self.done {
            self.forget();
        }
        match self.state {
            State::Start | State::Recovery => {
                self.state = State::Start;
                None
            }
            state => Some(match complete(state) {
                Some(kind) => self.finish(kind),
                None => {
                    self.finish(Kind::Stray);
                    self.state = State::Start;
                    Kind::Stray
                }
            }),
        }
    }

    fn finish(&mut self, kind: Kind) -> Kind {
        self.done = true;
        self.state = if kind == Kind::Stray { State::Recovery } else { State::Start };
        kind
    }

    fn forget(&mut self) {
        self.done = false;
        if self.token.capacity() > KEEP {
            self.token = Vec::new();
        } else {
            self.token.clear();
        }
    }
}

/// A buffer up to this size is kept for the next token; a larger one is given back.
const KEEP: usize = 64 * 1024;

/// The kind of token a state stands for if nothing more comes.
fn complete(state: State) -> Option<Kind> {
    match state {
        State::Zero | State::Digits => Some(Kind::Integer),
        State::Fraction | State::ExponentDigits => Some(Kind::Float),
        State::Keyword => Some(Kind::Keyword),
        _ => None,
    }
}

/// Whether a byte may stand in a string, before or after a backslash. Whether it is UTF-8 is
/// looked at when the string is complete.
fn is_text(byte: u8) -> bool {
    matches!(byte, 0x20..=0xFD)
}

fn is_plain(byte: u8, quote: u8) -> bool {
    is_text(byte) && byte != quote && byte != b'\\'
}

/// The transition table.
fn step(state: State, byte: u8) -> Step {
    use Step::{End, EndBefore, Restart, Skip, Take};
    let taken = match (state, byte) {
        (State::Start, b' ' | b'\t' | b'\r' | b'\n') => return Skip(State::Start),
        (State::Start, b'{') => return End(Kind::OpenBrace),
        (State::Start, b'}') => return End(Kind::CloseBrace),
        (State::Start, b'[') => return End(Kind::OpenBracket),
        (State::Start, b']') => return End(Kind::CloseBracket),
        (State::Start, b':') => return End(Kind::Colon),
        (State::Start, b',') => return End(Kind::Comma),
        (State::Start, b'"' | b'\'') => State::String { quote: byte },
        (State::Start, b'-') => State::Minus,
        (State::Start | State::Minus, b'0') => State::Zero,
        (State::Start | State::Minus, b'1'..=b'9') => State::Digits,
        (State::Start | State::Keyword, b'a'..=b'z') => State::Keyword,

        (State::Recovery, b'\t') => return Skip(State::Recovery),
        (State::Recovery, 0x00..=0x1F | 0xFE..=0xFF) => return Restart,
        (State::Recovery, b'{' | b'}' | b'[' | b']' | b':' | b',') => return Restart,
        (State::Recovery, _) => return Skip(State::Recovery),

        (State::String { quote }, _) if byte == quote => return End(Kind::String),
        (State::String { quote }, b'\\') => State::Escape { quote },
        (State::String { quote } | State::Escape { quote }, _) if is_text(byte) => {
            State::String { quote }
        }

        // Octal is not JSON: `01` is an error, not two numbers.
        (State::Zero, b'0'..=b'9') => return End(Kind::Stray),
        (State::Zero | State::Digits, b'.') => State::Point,
        (State::Zero | State::Digits | State::Fraction, b'e' | b'E') => State::Exponent,
        (State::Digits, b'0'..=b'9') => State::Digits,
        (State::Point | State::Fraction, b'0'..=b'9') => State::Fraction,
        (State::Exponent, b'+' | b'-') => State::ExponentSign,
        (State::Exponent | State::ExponentSign | State::ExponentDigits, b'0'..=b'9') => {
            State::ExponentDigits
        }
        _ => return complete(state).map_or(End(Kind::Stray), EndBefore),
    };
    Take(taken)
}
