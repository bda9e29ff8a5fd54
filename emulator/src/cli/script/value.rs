//! The values of a command, as qmp-shell reads them and a little more.
//!
//! | written | is |
//! |---|---|
//! | `42`, `-1`, `0x8000_0000` | a number |
//! | `16K`, `64M`, `16KiB`, `10MHz` | a number with a unit |
//! | `true`, `False` | a boolean, in any case |
//! | `"two words"`, `'two words'` | a string, with JSON's escapes |
//! | `{...}`, `[...]` | JSON, or Python's form of it, on one line; words in it as above |
//! | `$x`, `${x + 1}` | the value of a variable or an expression, with its type |
//! | `uart$x`, `"uart$x"` | text with a variable in it; in single quotes there are none |
//! | anything else | a string |

use qapi_runtime::{Map, Value};

use super::ast::{Piece, Template};
use super::expression::deeper;
use super::number::number;
use super::source::{Cursor, Fault};
use super::text;

/// The value that begins here; it ends with white space.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Template, Fault> {
    if !matches!(cursor.peek(), Some('"' | '\'' | '{' | '[')) {
        let start = cursor.offset();
        // A `\` that goes on in the next line belongs to no value.
        let pieces = bare(cursor, |char| !char.is_whitespace())?;
        return word(start, pieces);
    }
    let value = nested(cursor, 0)?;
    match cursor.peek() {
        Some(char) if !char.is_whitespace() && !cursor.skip_continuation() => {
            let message = format!("expected white space, found '{char}'");
            Err(Fault::new(cursor.offset(), message))
        }
        _ => Ok(value),
    }
}

/// The pieces of a word without quotes.
fn bare(cursor: &mut Cursor<'_>, wanted: impl Fn(char) -> bool) -> Result<Vec<Piece>, Fault> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    loop {
        literal.push_str(cursor.take_while(|char| wanted(char) && char != '\\' && char != '$'));
        match cursor.peek() {
            Some('\\') if wanted('\\') && !ends_line(cursor) => literal.extend(cursor.bump()),
            Some('$') => {
                cursor.bump();
                match text::dollar(cursor, 0)? {
                    Piece::Literal(text) => literal.push_str(&text),
                    variable => {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                        pieces.push(variable);
                    }
                }
            }
            _ => break,
        }
    }
    pieces.push(Piece::Literal(literal));
    if pieces.len() > 1 {
        pieces.retain(|piece| *piece != Piece::Literal(String::new()));
    }
    Ok(pieces)
}

/// Whether a `\` is the last of its line.
fn ends_line(cursor: &Cursor<'_>) -> bool {
    let rest = cursor.rest().strip_prefix('\\').unwrap_or_default();
    rest.trim_start_matches(|char: char| char != '\n' && char.is_whitespace()).starts_with('\n')
}

/// What a word without quotes is.
fn word(start: usize, mut pieces: Vec<Piece>) -> Result<Template, Fault> {
    if let Some(text) = text::constant(&pieces) {
        return scalar(&text).map(Template::Constant).map_err(|problem| Fault::new(start, problem));
    }
    // Whoever writes `$base+0x1000` wants a sum, and would get a text.
    if let [Piece::Expression(_), Piece::Literal(next), ..] = pieces.as_slice()
        && next.starts_with(['+', '*'])
    {
        let problem = format!("arithmetic stands in braces, as in ${{base{}1}}", &next[..1]);
        return Err(Fault::new(start, problem));
    }
    match (pieces.pop(), pieces.is_empty()) {
        (Some(Piece::Expression(expression)), true) => Ok(Template::Expression(expression)),
        (last, _) => {
            pieces.extend(last);
            Ok(Template::Text { pieces, quoted: false })
        }
    }
}

/// What the text of a word without quotes is.
pub(super) fn scalar(word: &str) -> Result<Value, String> {
    if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") {
        return Ok(Value::Bool(word.eq_ignore_ascii_case("true")));
    }
    match number(word) {
        Some(Some(number)) => Ok(integer(number).unwrap_or_default()),
        Some(None) => Err(format!("{word} does not fit 64 bits; a string is put in quotes")),
        None => Ok(word.into()),
    }
}

/// A number as JSON has it, if it fits 64 bits.
pub(super) fn integer(number: i128) -> Option<Value> {
    let signed = i64::try_from(number).map(Value::from);
    signed.or_else(|_| u64::try_from(number).map(Value::from)).ok()
}

/// A value within brackets, or one that begins with a quote or a bracket.
fn nested(cursor: &mut Cursor<'_>, depth: usize) -> Result<Template, Fault> {
    let start = cursor.offset();
    match cursor.peek() {
        Some(quote @ ('"' | '\'')) => {
            let pieces = text::quoted(cursor, quote, depth)?;
            Ok(match text::constant(&pieces) {
                Some(text) => Template::Constant(text.into()),
                None => Template::Text { pieces, quoted: true },
            })
        }
        Some('{') => object(cursor, deeper(cursor, depth)?),
        Some('[') => array(cursor, deeper(cursor, depth)?),
        _ => {
            let pieces = bare(cursor, |char| !char.is_whitespace() && !",:]}[{\"'".contains(char))?;
            match word(start, pieces)? {
                Template::Constant(Value::String(word)) => {
                    exotic(&word, start).map(Template::Constant)
                }
                value => Ok(value),
            }
        }
    }
}

/// What is left of JSON: null, numbers with fractions and exponents.
fn exotic(word: &str, start: usize) -> Result<Value, Fault> {
    match word {
        "null" | "None" => Ok(Value::Null),
        "" => Err(Fault::new(start, "expected a value")),
        word => serde_json::from_str(word).map_err(|_| {
            Fault::new(start, format!("'{word}' is no number; a string is put in quotes"))
        }),
    }
}

fn object(cursor: &mut Cursor<'_>, depth: usize) -> Result<Template, Fault> {
    let mut members: Vec<(String, Template)> = Vec::new();
    bracketed(cursor, '}', |cursor| {
        let start = cursor.offset();
        let Some(quote @ ('"' | '\'')) = cursor.peek() else {
            return Err(Fault::new(start, "expected a name in quotes"));
        };
        let pieces = text::quoted(cursor, quote, depth)?;
        let name = text::constant(&pieces)
            .ok_or_else(|| Fault::new(start, "a name has no variables in it"))?;
        cursor.skip_inner_blanks();
        if cursor.peek() != Some(':') {
            return Err(Fault::new(cursor.offset(), format!("expected ':' after '{name}'")));
        }
        cursor.bump();
        cursor.skip_inner_blanks();
        let value = nested(cursor, depth)?;
        if members.iter().any(|(known, _)| *known == name) {
            return Err(Fault::new(start, format!("'{name}' is given twice")));
        }
        members.push((name, value));
        Ok(())
    })?;
    let constant: Option<Map> = members
        .iter()
        .map(|(name, value)| match value {
            Template::Constant(value) => Some((name.clone(), value.clone())),
            _ => None,
        })
        .collect();
    Ok(match constant {
        Some(members) => Template::Constant(Value::Object(members)),
        None => Template::Object(members),
    })
}

fn array(cursor: &mut Cursor<'_>, depth: usize) -> Result<Template, Fault> {
    let mut items = vec![];
    bracketed(cursor, ']', |cursor| {
        items.push(nested(cursor, depth)?);
        Ok(())
    })?;
    let constant: Option<Vec<Value>> = items
        .iter()
        .map(|item| match item {
            Template::Constant(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    Ok(match constant {
        Some(items) => Template::Constant(Value::Array(items)),
        None => Template::List(items),
    })
}

/// Items between commas up to the closing bracket.
fn bracketed(
    cursor: &mut Cursor<'_>,
    close: char,
    mut item: impl FnMut(&mut Cursor<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let open = cursor.offset();
    let unclosed =
        || Fault::new(open, format!(r"no '{close}' on this line (a \ at its end goes on)"));
    cursor.bump();
    cursor.skip_inner_blanks();
    if cursor.peek() == Some(close) {
        cursor.bump();
        return Ok(());
    }
    loop {
        if matches!(cursor.peek(), None | Some('\n')) {
            return Err(unclosed());
        }
        item(cursor)?;
        cursor.skip_inner_blanks();
        match cursor.bump() {
            Some(char) if char == close => return Ok(()),
            Some(',') => cursor.skip_inner_blanks(),
            None | Some('\n') => return Err(unclosed()),
            Some(char) => {
                let offset = cursor.offset() - char.len_utf8();
                let message = format!("expected ',' or '{close}', found '{char}'");
                return Err(Fault::new(offset, message));
            }
        }
    }
}
