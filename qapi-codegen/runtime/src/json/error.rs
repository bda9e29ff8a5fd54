//! What can be wrong with JSON input, with the texts that QEMU answers.

use std::fmt;

/// Why a piece of input is not a JSON value.
///
/// The `Display` text is the `desc` of the `GenericError` that a monitor sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParseError {
    /// Bytes that begin no token; the text is what was collected, up to and with the culprit.
    Stray(String),
    /// A word other than `true`, `false`, `null`.
    InvalidKeyword(String),
    /// A `\u` escape, quoted as written, that names no character.
    NotACharacter(String),
    /// A number that no finite double can hold. QEMU would go on with `inf`, which is not JSON.
    NumberRange(String),
    /// Something else stands where a value has to be.
    ExpectingValue,
    /// An object key is not a string.
    KeyNotString,
    /// The colon after a key is missing.
    MissingColon,
    /// Neither comma nor closing brace after a member.
    ObjectSeparator,
    /// Neither comma nor closing bracket after an element.
    ArraySeparator,
    /// The same key twice in one object.
    DuplicateKey,
    /// A backslash followed by a letter that means nothing.
    InvalidEscape,
    /// Raw bytes in a string that are not UTF-8, or are a noncharacter.
    InvalidUtf8,
    /// The input ended inside a value.
    PrematureEnd,
    /// More brackets open than [`MAX_NESTING`](super::MAX_NESTING).
    NestingLimit,
    /// More tokens in one value than [`MAX_TOKEN_COUNT`](super::MAX_TOKEN_COUNT).
    TokenCountLimit,
    /// More bytes in one token or value than [`MAX_TOKEN_SIZE`](super::MAX_TOKEN_SIZE).
    TokenSizeLimit,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Stray(bytes) => return write!(f, "JSON parse error, stray '{bytes}'"),
            Self::InvalidKeyword(word) => {
                return write!(f, "JSON parse error, invalid keyword '{word}'");
            }
            Self::NotACharacter(escape) => {
                return write!(f, "JSON parse error, {escape} is not a valid Unicode character");
            }
            Self::NumberRange(number) => {
                return write!(f, "JSON parse error, number '{number}' is out of range");
            }
            Self::ExpectingValue => "JSON parse error, expecting value",
            Self::KeyNotString => "JSON parse error, key is not a string in object",
            Self::MissingColon => "JSON parse error, missing : in object pair",
            Self::ObjectSeparator => "JSON parse error, expected separator in dict",
            Self::ArraySeparator => "JSON parse error, expected separator in list",
            Self::DuplicateKey => "JSON parse error, duplicate key",
            Self::InvalidEscape => "JSON parse error, invalid escape sequence in string",
            Self::InvalidUtf8 => "JSON parse error, invalid UTF-8 sequence in string",
            Self::PrematureEnd => "JSON parse error, premature EOI",
            Self::NestingLimit => "JSON nesting depth limit exceeded",
            Self::TokenCountLimit => "JSON token count limit exceeded",
            Self::TokenSizeLimit => "JSON token size limit exceeded",
        };
        f.write_str(text)
    }
}

impl std::error::Error for ParseError {}
