//! What is inside string, number and keyword tokens.
//!
//! Strings are modified UTF-8 as QEMU reads it: NUL may be written C0 80, and the 66 code points
//! that Unicode sets aside as noncharacters are refused, raw and escaped.

use serde_json::{Number, Value};

use super::error::ParseError;

/// Longest word quoted back in an error.
const QUOTED: usize = 1000;

/// The value of a complete keyword token.
pub(super) fn keyword(text: &[u8]) -> Result<Value, ParseError> {
    match text {
        b"true" => Ok(Value::Bool(true)),
        b"false" => Ok(Value::Bool(false)),
        b"null" => Ok(Value::Null),
        _ => Err(ParseError::InvalidKeyword(quote(text.get(..QUOTED).unwrap_or(text)))),
    }
}

/// The value of a number token: a signed integer, else an unsigned one, else a finite double.
pub(super) fn number(text: &[u8], integer: bool) -> Result<Value, ParseError> {
    let out_of_range = || ParseError::NumberRange(quote(text.get(..QUOTED).unwrap_or(text)));
    let digits = std::str::from_utf8(text).map_err(|_| out_of_range())?;
    if integer {
        if let Ok(value) = digits.parse::<i64>() {
            return Ok(Value::from(value));
        }
        if let Ok(value) = digits.parse::<u64>() {
            return Ok(Value::from(value));
        }
    }
    let value: f64 = digits.parse().map_err(|_| out_of_range())?;
    // `from_f64` refuses what is not finite.
    Number::from_f64(value).map(Value::Number).ok_or_else(out_of_range)
}

/// The characters of a string token, which comes with its quotes.
pub(super) fn string(token: &[u8]) -> Result<String, ParseError> {
    let inside = token.get(1..token.len().saturating_sub(1)).unwrap_or_default();
    let mut out = String::with_capacity(inside.len());
    let mut at = 0;
    while let Some(rest) = inside.get(at..).filter(|rest| !rest.is_empty()) {
        let run = rest.iter().position(|&b| b == b'\\').unwrap_or(rest.len());
        let (plain, rest) = rest.split_at(run);
        push_raw(&mut out, plain)?;
        at += run;
        let letter = match rest.get(1) {
            Some(&letter) => letter,
            None if rest.is_empty() => break,
            None => return Err(ParseError::InvalidEscape),
        };
        at += 2;
        match letter {
            b'"' | b'\'' | b'\\' | b'/' => out.push(char::from(letter)),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                // The digits are looked for in the token with its closing quote, so that a
                // short escape is quoted back together with it, as QEMU does.
                let written = token.get(at - 1..).unwrap_or_default();
                let (character, length) = unicode(written).ok_or_else(|| {
                    ParseError::NotACharacter(quote(written.get(..6).unwrap_or(written)))
                })?;
                out.push(character);
                at += length - 2;
            }
            _ => return Err(ParseError::InvalidEscape),
        }
    }
    Ok(out)
}

/// The character a `\uXXXX` at the start of `text` stands for, and the length of the escape, or
/// of the two that make a surrogate pair.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let first = hex4(text.get(2..6)?)?;
    let (code, length) = match (first, text.get(6..8)) {
        (0xD800..=0xDBFF, Some(b"\\u")) => {
            let second = hex4(text.get(8..12)?)?;
            if !(0xDC00..=0xDFFF).contains(&second) {
                return None;
            }
            (0x1_0000 + ((first & 0x3FF) << 10) + (second & 0x3FF), 12)
        }
        _ => (first, 6),
    };
    // Lone surrogates are no `char`.
    char::from_u32(code).filter(|&c| !is_noncharacter(c)).map(|c| (c, length))
}

fn hex4(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, &d| Some(value << 4 | char::from(d).to_digit(16)?))
}

fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

/// Appends raw bytes without backslashes.
fn push_raw(out: &mut String, bytes: &[u8]) -> Result<(), ParseError> {
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => return push_checked(out, text),
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                push_checked(out, std::str::from_utf8(good).unwrap_or_default())?;
                rest = bad.strip_prefix(b"\xC0\x80").ok_or(ParseError::InvalidUtf8)?;
                out.push('\0');
            }
        }
    }
}

fn push_checked(out: &mut String, text: &str) -> Result<(), ParseError> {
    // Every noncharacter begins with EF or a four-byte lead; ASCII and Latin text skip the scan.
    if text.bytes().any(|b| b >= 0xEF) && text.chars().any(is_noncharacter) {
        return Err(ParseError::InvalidUtf8);
    }
    out.push_str(text);
    Ok(())
}

/// Input bytes as an error text shows them: up to the first NUL, what is not UTF-8 replaced.
pub(super) fn quote(bytes: &[u8]) -> String {
    let shown = bytes.split(|&b| b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(shown).into_owned()
}
