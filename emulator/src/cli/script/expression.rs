//! Expressions: `let`, `for`, `if` and `${...}` have them.
//!
//! The operators are C's, with its precedence save that `&`, `|` and `^` bind tighter than
//! comparisons; a range `a..b` (without `b`), `a..=b` (with it), `a..b step n` binds least. A name is
//! a variable, with or without `$`; text stands in quotes.

use super::ast::{Binary, Expression, ExpressionKind as Kind, Unary};
use super::number::number;
use super::source::{Cursor, Fault};
use super::text;

/// How deep expressions and brackets may nest: far more than anybody needs, far less than the stack
/// holds.
pub(super) const DEPTH: usize = 64;

/// The expression that begins here; white space before it is passed over.
pub(super) fn expression(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Fault> {
    let from = choice(cursor, depth)?;
    cursor.skip_inner_blanks();
    let offset = cursor.offset();
    if !cursor.eat("..") {
        return Ok(from);
    }
    let closed = cursor.eat("=");
    let to = choice(cursor, depth)?;
    cursor.skip_inner_blanks();
    let step = match cursor.rest().strip_prefix("step") {
        Some(rest) if !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => {
            cursor.eat("step");
            Some(Box::new(choice(cursor, depth)?))
        }
        _ => None,
    };
    let kind = Kind::Range { from: Box::new(from), to: Box::new(to), closed, step };
    Ok(Expression { offset, kind })
}

fn choice(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Fault> {
    let condition = binary(cursor, 0, depth)?;
    cursor.skip_inner_blanks();
    let offset = cursor.offset();
    if !cursor.eat("?") {
        return Ok(condition);
    }
    let depth = deeper(cursor, depth)?;
    let one = choice(cursor, depth)?;
    cursor.skip_inner_blanks();
    if !cursor.eat(":") {
        return Err(Fault::new(cursor.offset(), "expected ':' of '? :'"));
    }
    let other = choice(cursor, depth)?;
    Ok(Expression { offset, kind: Kind::Choice(Box::new([condition, one, other])) })
}

/// Operators that bind tighter than `least`.
fn binary(cursor: &mut Cursor<'_>, least: u8, depth: usize) -> Result<Expression, Fault> {
    let mut left = unary(cursor, depth)?;
    // Each operator is a level of the tree.
    let mut levels = depth;
    loop {
        cursor.skip_inner_blanks();
        if cursor.at_comment() {
            return Ok(left);
        }
        let offset = cursor.offset();
        let found = Binary::ALL.iter().find(|(sign, ..)| cursor.rest().starts_with(sign));
        let Some((sign, operator, tight)) = found.filter(|(.., tight)| *tight > least) else {
            return Ok(left);
        };
        cursor.eat(sign);
        levels = deeper(cursor, levels)?;
        let right = binary(cursor, *tight, levels)?;
        let kind = Kind::Binary(*operator, Box::new(left), Box::new(right));
        left = Expression { offset, kind };
    }
}

fn unary(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Fault> {
    cursor.skip_inner_blanks();
    let offset = cursor.offset();
    let operator = match cursor.peek() {
        Some('-') => Unary::Minus,
        Some('!') => Unary::Not,
        Some('~') => Unary::Complement,
        _ => return postfix(cursor, depth),
    };
    cursor.bump();
    let operand = unary(cursor, deeper(cursor, depth)?)?;
    Ok(Expression { offset, kind: Kind::Unary(operator, Box::new(operand)) })
}

fn postfix(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Fault> {
    let mut value = primary(cursor, depth)?;
    // So is each pair of brackets.
    let mut levels = depth;
    while cursor.peek() == Some('[') {
        let offset = cursor.offset();
        levels = deeper(cursor, levels)?;
        let mut index = list(cursor, ']', levels)?;
        let Some(index) = index.pop().filter(|_| index.is_empty()) else {
            return Err(Fault::new(offset, "expected one index in brackets"));
        };
        let kind = Kind::Index(Box::new(value), Box::new(index));
        value = Expression { offset, kind };
    }
    Ok(value)
}

fn primary(cursor: &mut Cursor<'_>, depth: usize) -> Result<Expression, Fault> {
    let offset = cursor.offset();
    let kind = match cursor.peek() {
        Some(quote @ ('"' | '\'')) => Kind::Text(text::quoted(cursor, quote, depth)?),
        Some('(') => {
            let mut inner = list(cursor, ')', deeper(cursor, depth)?)?;
            return match inner.pop().filter(|_| inner.is_empty()) {
                Some(inner) => Ok(inner),
                None => Err(Fault::new(offset, "expected one value in parentheses")),
            };
        }
        Some('[') => Kind::List(list(cursor, ']', deeper(cursor, depth)?)?),
        Some('$') => {
            cursor.bump();
            return variable(cursor, depth)?
                .ok_or_else(|| Fault::new(offset, "expected the name of a variable after $"));
        }
        Some(char) if char.is_ascii_digit() => {
            let word = cursor.take_while(|char| char.is_ascii_alphanumeric() || char == '_');
            match number(word) {
                Some(Some(number)) => Kind::Number(number),
                Some(None) => {
                    return Err(Fault::new(offset, format!("{word} does not fit 64 bits")));
                }
                None => {
                    let problem = format!("'{word}' is no number: 42, 0x2a, 16KiB and 10MHz are");
                    return Err(Fault::new(offset, problem));
                }
            }
        }
        _ => match cursor.name() {
            "" => return Err(Fault::new(offset, expected_value(cursor))),
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            name if cursor.peek() == Some('(') => {
                Kind::Call(name.into(), list(cursor, ')', deeper(cursor, depth)?)?)
            }
            name => Kind::Name(name.into()),
        },
    };
    Ok(Expression { offset, kind })
}

fn expected_value(cursor: &Cursor<'_>) -> String {
    match cursor.peek() {
        None | Some('\n') => "expected a value, found the end of the line".into(),
        Some(char) => format!("expected a value, found '{char}'"),
    }
}

/// What follows `$`: a name, or an expression in braces; none for a dollar sign that is one.
pub(super) fn variable(cursor: &mut Cursor<'_>, depth: usize) -> Result<Option<Expression>, Fault> {
    let offset = cursor.offset();
    if cursor.eat("{") {
        let value = expression(cursor, deeper(cursor, depth)?)?;
        cursor.skip_inner_blanks();
        if !cursor.eat("}") {
            return Err(Fault::new(cursor.offset(), "expected the '}' of '${'"));
        }
        return Ok(Some(value));
    }
    let name = cursor.name();
    let kind = || Kind::Name(name.into());
    Ok((!name.is_empty()).then(|| Expression { offset, kind: kind() }))
}

/// Expressions between commas, from the opening bracket to the closing one.
fn list(cursor: &mut Cursor<'_>, close: char, depth: usize) -> Result<Vec<Expression>, Fault> {
    let open = cursor.offset();
    cursor.bump();
    let mut items = Vec::new();
    loop {
        cursor.skip_inner_blanks();
        if cursor.peek() == Some(close) {
            cursor.bump();
            return Ok(items);
        }
        items.push(expression(cursor, depth)?);
        cursor.skip_inner_blanks();
        match cursor.peek() {
            Some(',') => drop(cursor.bump()),
            Some(char) if char == close => {}
            Some(char) if char != '\n' => {
                let problem = format!("expected ',' or '{close}', found '{char}'");
                return Err(Fault::new(cursor.offset(), problem));
            }
            _ => {
                let problem = format!(r"no '{close}' on this line (a \ at its end goes on)");
                return Err(Fault::new(open, problem));
            }
        }
    }
}

/// One level further down.
pub(super) fn deeper(cursor: &Cursor<'_>, depth: usize) -> Result<usize, Fault> {
    if depth == DEPTH {
        return Err(Fault::new(cursor.offset(), "brackets nest too deep"));
    }
    Ok(depth + 1)
}
