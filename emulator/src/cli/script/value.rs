//! The values of a script, as qmp-shell reads them and a little more.
//!
//! | written | is |
//! |---|---|
//! | `42`, `-1`, `0x8000_0000` | a number |
//! | `16K`, `64M`, `1G`, `16KiB`, `1MiB` | a number of bytes |
//! | `true`, `False` | a boolean, in any case |
//! | `"two words"`, `'two words'` | a string, with JSON's escapes |
//! | `{...}`, `[...]` | JSON, or Python's form of it, on one line; words in it as above |
//! | anything else | a string |

use qapi_runtime::{Map, Value};

use super::cursor::{Cursor, Fault};

/// How deep brackets may nest: far more than any command needs, far less than the stack holds.
const DEPTH: usize = 64;

/// The value that begins here; it ends with white space.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Result<Value, Fault> {
    if !matches!(cursor.peek(), Some('"' | '\'' | '{' | '[')) {
        let start = cursor.offset();
        // A `\` that goes on in the next line belongs to no value.
        let mut text = cursor.take_while(|char| !char.is_whitespace() && char != '\\').to_owned();
        while cursor.peek() == Some('\\') && !cursor.skip_continuation() {
            text.extend(cursor.bump());
            text.push_str(cursor.take_while(|char| !char.is_whitespace() && char != '\\'));
        }
        return scalar(&text).map_err(|problem| Fault::new(start, problem));
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

/// What a bare word is.
fn scalar(word: &str) -> Result<Value, String> {
    if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") {
        return Ok(Value::Bool(word.eq_ignore_ascii_case("true")));
    }
    match number(word) {
        Some(Some(number)) => Ok(number),
        Some(None) => Err(format!("{word} does not fit 64 bits; a string is put in quotes")),
        None => Ok(word.into()),
    }
}

/// A word's number: `None` if it is none, `Some(None)` if it is too large.
fn number(word: &str) -> Option<Option<Value>> {
    const SUFFIXES: &[(&str, u32)] = &[
        ("KiB", 10),
        ("MiB", 20),
        ("GiB", 30),
        ("TiB", 40),
        ("K", 10),
        ("M", 20),
        ("G", 30),
        ("T", 40),
    ];
    let (negative, rest) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let hexadecimal = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
    let (radix, digits, shift) = match hexadecimal {
        Some(digits) => (16, digits, 0),
        None => {
            let suffixed = SUFFIXES
                .iter()
                .find_map(|(suffix, shift)| Some((rest.strip_suffix(suffix)?, *shift)));
            let (digits, shift) = suffixed.unwrap_or((rest, 0));
            (10, digits, shift)
        }
    };
    let grouped = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    let known = |char: char| char == '_' || char.is_digit(radix);
    // As in Python, a decimal number does not begin with 0: `007` is a name.
    let padded = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    if digits.is_empty() || !grouped || padded || !digits.chars().all(known) {
        return None;
    }
    let magnitude = u64::from_str_radix(&digits.replace('_', ""), radix)
        .ok()
        .and_then(|number| number.checked_mul(1 << shift));
    Some(match (magnitude, negative) {
        (Some(magnitude), true) => 0i64.checked_sub_unsigned(magnitude).map(Value::from),
        (magnitude, _) => magnitude.map(Value::from),
    })
}

/// A value within brackets, or one that begins with a quote or a bracket.
fn nested(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, Fault> {
    let start = cursor.offset();
    match cursor.peek() {
        Some(quote @ ('"' | '\'')) => string(cursor, quote).map(Value::String),
        Some('{' | '[') if depth == DEPTH => Err(Fault::new(start, "brackets nest too deep")),
        Some('{') => object(cursor, depth + 1),
        Some('[') => array(cursor, depth + 1),
        _ => {
            let word =
                cursor.take_while(|char| !char.is_whitespace() && !",:]}[{\"'".contains(char));
            match scalar(word).map_err(|problem| Fault::new(start, problem))? {
                Value::String(word) => match word.as_str() {
                    "null" | "None" => Ok(Value::Null),
                    "" => Err(Fault::new(start, "expected a value")),
                    // What is left of JSON are numbers with fractions and exponents.
                    word => serde_json::from_str(word).map_err(|_| {
                        Fault::new(
                            start,
                            format!("'{word}' is no number; a string is put in quotes"),
                        )
                    }),
                },
                value => Ok(value),
            }
        }
    }
}

fn object(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, Fault> {
    let mut members = Map::new();
    bracketed(cursor, '}', |cursor| {
        let start = cursor.offset();
        let Some(quote @ ('"' | '\'')) = cursor.peek() else {
            return Err(Fault::new(start, "expected a name in quotes"));
        };
        let name = string(cursor, quote)?;
        blanks(cursor);
        if cursor.peek() != Some(':') {
            return Err(Fault::new(cursor.offset(), format!("expected ':' after '{name}'")));
        }
        cursor.bump();
        blanks(cursor);
        let value = nested(cursor, depth)?;
        match members.insert(name.clone(), value) {
            None => Ok(()),
            Some(_) => Err(Fault::new(start, format!("'{name}' is given twice"))),
        }
    })?;
    Ok(Value::Object(members))
}

fn array(cursor: &mut Cursor<'_>, depth: usize) -> Result<Value, Fault> {
    let mut items = vec![];
    bracketed(cursor, ']', |cursor| {
        items.push(nested(cursor, depth)?);
        Ok(())
    })?;
    Ok(Value::Array(items))
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
    blanks(cursor);
    if cursor.peek() == Some(close) {
        cursor.bump();
        return Ok(());
    }
    loop {
        if matches!(cursor.peek(), None | Some('\n')) {
            return Err(unclosed());
        }
        item(cursor)?;
        blanks(cursor);
        match cursor.bump() {
            Some(char) if char == close => return Ok(()),
            Some(',') => blanks(cursor),
            None | Some('\n') => return Err(unclosed()),
            Some(char) => {
                let offset = cursor.offset() - char.len_utf8();
                let message = format!("expected ',' or '{close}', found '{char}'");
                return Err(Fault::new(offset, message));
            }
        }
    }
}

/// White space within brackets, where `#` and `//` mean nothing.
fn blanks(cursor: &mut Cursor<'_>) {
    loop {
        cursor.take_while(|char| char != '\n' && char.is_whitespace());
        if !cursor.skip_continuation() {
            return;
        }
    }
}

/// A string in quotes of either kind. The escapes are JSON's, and the other quote needs none.
fn string(cursor: &mut Cursor<'_>, quote: char) -> Result<String, Fault> {
    let start = cursor.offset();
    cursor.bump();
    // JSON has double quotes only, so the text is brought into that form.
    let mut json = String::from('"');
    loop {
        match cursor.bump() {
            Some(char) if char == quote => break,
            None | Some('\n') => {
                return Err(Fault::new(start, format!("no closing {quote} on this line")));
            }
            Some('"') => json.push_str(r#"\""#),
            Some('\t') => json.push_str(r"\t"),
            Some('\\') => match cursor.bump() {
                Some('\'') => json.push('\''),
                Some('\n') | None => {
                    return Err(Fault::new(start, format!("no closing {quote} on this line")));
                }
                Some(escaped) => json.extend(['\\', escaped]),
            },
            Some(char) => json.push(char),
        }
    }
    json.push('"');
    serde_json::from_str(&json).map_err(|_| {
        let message = r#"unknown escape in this string: JSON has \" \\ \/ \b \f \n \r \t \uXXXX"#;
        Fault::new(start, message)
    })
}
