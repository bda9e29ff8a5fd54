//! Text with variables in it: `$name`, `${expression}`; `$$` is a dollar sign.

use super::ast::Piece;
use super::expression::variable;
use super::source::{Cursor, Fault};

/// A string in quotes of either kind. The escapes are JSON's, and the other quote needs none.
/// Variables are put into double quotes only.
pub(super) fn quoted(
    cursor: &mut Cursor<'_>,
    quote: char,
    depth: usize,
) -> Result<Vec<Piece>, Fault> {
    let start = cursor.offset();
    let unclosed = || Fault::new(start, format!("no closing {quote} on this line"));
    cursor.bump();
    let mut pieces = Vec::new();
    // JSON has double quotes only, so the text is brought into that form.
    let mut json = String::new();
    loop {
        match cursor.bump() {
            Some(char) if char == quote => break,
            None | Some('\n') => return Err(unclosed()),
            Some('$') if quote == '"' => match dollar(cursor, depth)? {
                Piece::Literal(text) => json.push_str(&text),
                variable => {
                    pieces.push(Piece::Literal(unescape(&std::mem::take(&mut json), start)?));
                    pieces.push(variable);
                }
            },
            Some('"') => json.push_str(r#"\""#),
            Some('\t') => json.push_str(r"\t"),
            Some('\\') => match cursor.bump() {
                Some(plain @ ('\'' | '$')) => json.push(plain),
                Some('\n') | None => return Err(unclosed()),
                Some(escaped) => json.extend(['\\', escaped]),
            },
            Some(char) => json.push(char),
        }
    }
    pieces.push(Piece::Literal(unescape(&json, start)?));
    pieces.retain(|piece| *piece != Piece::Literal(String::new()));
    Ok(pieces)
}

/// What a dollar sign that was just read begins.
pub(super) fn dollar(cursor: &mut Cursor<'_>, depth: usize) -> Result<Piece, Fault> {
    if cursor.eat("$") {
        return Ok(Piece::Literal("$".into()));
    }
    Ok(variable(cursor, depth)?.map_or_else(|| Piece::Literal("$".into()), Piece::Expression))
}

fn unescape(json: &str, start: usize) -> Result<String, Fault> {
    serde_json::from_str(&format!("\"{json}\"")).map_err(|_| {
        let message = r#"unknown escape in this string: JSON has \" \\ \/ \b \f \n \r \t \uXXXX"#;
        Fault::new(start, message)
    })
}

/// The text, if it has no variables.
pub(super) fn constant(pieces: &[Piece]) -> Option<String> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_str()),
            Piece::Expression(_) => None,
        })
        .collect()
}
