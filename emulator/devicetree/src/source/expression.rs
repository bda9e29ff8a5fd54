//! Numbers in source text: literals, characters and arithmetic. As in `dtc`, everything is computed
//! in 64 bits without sign, and an overflow wraps.

use std::sync::LazyLock;

use pest::iterators::Pair;
use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::Rule;
use super::error::SourceError;
use super::parse::{Reader, inner};

/// The binary operators of C, loosest first.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let levels: [&[Rule]; 10] = [
        &[Rule::or],
        &[Rule::and],
        &[Rule::bit_or],
        &[Rule::bit_xor],
        &[Rule::bit_and],
        &[Rule::equal, Rule::unequal],
        &[Rule::below, Rule::above, Rule::at_most, Rule::at_least],
        &[Rule::shift_left, Rule::shift_right],
        &[Rule::plus, Rule::minus],
        &[Rule::times, Rule::divide, Rule::modulo],
    ];
    levels.iter().fold(PrattParser::new(), |parser, rules| {
        let operators = rules.iter().map(|&rule| Op::infix(rule, Assoc::Left));
        match operators.reduce(|one, other| one | other) {
            Some(level) => parser.op(level),
            None => parser,
        }
    })
});

/// The value of a `primary`: a literal or a parenthesis.
pub(super) fn primary(reader: &Reader, pair: Pair<'_, Rule>) -> Result<u64, SourceError> {
    let content = inner(reader, pair)?;
    match content.as_rule() {
        Rule::number => number(reader, &content),
        Rule::character => character(reader, &content),
        Rule::conditional => conditional(reader, content),
        _ => Err(macro_error(reader, &content)),
    }
}

/// A bare word where a number belongs.
pub(super) fn macro_error(reader: &Reader, pair: &Pair<'_, Rule>) -> SourceError {
    reader.place(pair).error(format!(
        "`{}` is no number; if it is a macro: run the C preprocessor on the file first",
        pair.as_str().trim()
    ))
}

fn conditional(reader: &Reader, pair: Pair<'_, Rule>) -> Result<u64, SourceError> {
    // `a ? b : c ? d : e` comes as a, b, c, d, e: each condition but the last with its consequence.
    let mut parts = pair.into_inner();
    let mut value = 0;
    while let Some(part) = parts.next() {
        value = operation(reader, part)?;
        let Some(consequence) = parts.next() else { break };
        if value != 0 {
            return conditional(reader, consequence);
        }
    }
    Ok(value)
}

fn operation(reader: &Reader, pair: Pair<'_, Rule>) -> Result<u64, SourceError> {
    PRECEDENCE
        .map_primary(|operand| unary(reader, operand))
        .map_infix(|left, operator, right| {
            let (left, right) = (left?, right?);
            binary(left, operator.as_rule(), right)
                .ok_or_else(|| reader.place(&operator).error("division by zero"))
        })
        .parse(pair.into_inner())
}

fn unary(reader: &Reader, pair: Pair<'_, Rule>) -> Result<u64, SourceError> {
    let mut signs = Vec::new();
    for part in pair.into_inner() {
        if part.as_rule() == Rule::sign {
            signs.push(part.as_str());
            continue;
        }
        let value = primary(reader, part)?;
        return Ok(signs.iter().rev().fold(value, |value, &sign| match sign {
            "-" => value.wrapping_neg(),
            "~" => !value,
            _ => u64::from(value == 0),
        }));
    }
    Ok(0)
}

/// `None` is a division by zero.
fn binary(left: u64, by: Rule, right: u64) -> Option<u64> {
    let truth = u64::from;
    Some(match by {
        Rule::or => truth(left != 0 || right != 0),
        Rule::and => truth(left != 0 && right != 0),
        Rule::bit_or => left | right,
        Rule::bit_xor => left ^ right,
        Rule::bit_and => left & right,
        Rule::equal => truth(left == right),
        Rule::unequal => truth(left != right),
        Rule::below => truth(left < right),
        Rule::above => truth(left > right),
        Rule::at_most => truth(left <= right),
        Rule::at_least => truth(left >= right),
        // A shift by the width or more leaves nothing, as in `dtc`.
        Rule::shift_left => shift(left, right, u64::checked_shl),
        Rule::shift_right => shift(left, right, u64::checked_shr),
        Rule::plus => left.wrapping_add(right),
        Rule::minus => left.wrapping_sub(right),
        Rule::times => left.wrapping_mul(right),
        Rule::divide => left.checked_div(right)?,
        _ => left.checked_rem(right)?,
    })
}

fn shift(left: u64, right: u64, by: fn(u64, u32) -> Option<u64>) -> u64 {
    u32::try_from(right).ok().and_then(|right| by(left, right)).unwrap_or(0)
}

/// A literal: decimal, hexadecimal after `0x`, octal after `0`; C's suffixes mean nothing here.
pub(super) fn number(reader: &Reader, pair: &Pair<'_, Rule>) -> Result<u64, SourceError> {
    let text = pair.as_str().trim_end_matches(['u', 'U', 'l', 'L']);
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    u64::from_str_radix(digits, radix).map_err(|_| {
        let why = if radix == 8 && digits.contains(['8', '9']) {
            "is octal, as it begins with 0"
        } else {
            "does not fit 64 bits"
        };
        reader.place(pair).error(format!("`{}` {why}", pair.as_str()))
    })
}

fn character(reader: &Reader, pair: &Pair<'_, Rule>) -> Result<u64, SourceError> {
    match unescape(reader, pair)?.as_slice() {
        [one] => Ok(u64::from(*one)),
        _ => reader.place(pair).fail("a character literal stands for one byte"),
    }
}

/// The bytes of a quoted text, with C's escapes resolved.
pub(super) fn unescape(reader: &Reader, pair: &Pair<'_, Rule>) -> Result<Vec<u8>, SourceError> {
    let text = pair.as_str();
    let text = text.get(1..text.len().saturating_sub(1)).unwrap_or_default().as_bytes();
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += 1;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some(&escape) = text.get(at) else { break };
        at += 1;
        bytes.push(match escape {
            b'a' => 0x07,
            b'b' => 0x08,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 0x0b,
            b'f' => 0x0c,
            b'r' => b'\r',
            b'0'..=b'7' => digits(text, at - 1, 3, 8, &mut at),
            b'x' => {
                let start = at;
                let value = digits(text, start, 2, 16, &mut at);
                if at == start {
                    return reader.place(pair).fail("`\\x` without hexadecimal digits");
                }
                value
            }
            other => other,
        });
    }
    Ok(bytes)
}

/// Reads up to `most` digits from `start` and leaves `at` behind them.
fn digits(text: &[u8], start: usize, most: usize, radix: u32, at: &mut usize) -> u8 {
    let digits = text.iter().skip(start).take(most);
    let digits = digits.map_while(|&byte| char::from(byte).to_digit(radix));
    let (count, value) = digits.fold((0, 0), |(n, value), digit| (n + 1, value * radix + digit));
    *at = start + count;
    // Three octal digits may exceed a byte; C keeps the low bits.
    (value & 0xff) as u8
}
