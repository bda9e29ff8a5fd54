//! Values to text, byte for byte as QEMU writes them (members in the order they were inserted).
//!
//! The text is ASCII only, on one line, or indented by four spaces a level with an empty
//! container on two lines. Doubles are written like C's `%.17g`, which reads back exactly.

use std::fmt::Write;

use serde_json::{Number, Value, map};

/// The compact form: `{"a": 1, "b": [2, 3]}`.
#[must_use]
pub fn to_string(value: &Value) -> String {
    write(value, false)
}

/// The indented form, lines ended by `\n`, none after the last.
#[must_use]
pub fn to_string_pretty(value: &Value) -> String {
    write(value, true)
}

/// What is left to write of the containers around the current place.
enum Open<'a> {
    Array(std::slice::Iter<'a, Value>),
    Object(map::Iter<'a>),
}

fn write(root: &Value, pretty: bool) -> String {
    let mut out = String::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut value = root;
    loop {
        // Write one value, or its opening character.
        let mut first = false;
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(number) => push_number(&mut out, number),
            Value::String(text) => push_string(&mut out, text),
            Value::Array(list) => {
                out.push('[');
                open.push(Open::Array(list.iter()));
                first = true;
            }
            Value::Object(map) => {
                out.push('{');
                open.push(Open::Object(map.iter()));
                first = true;
            }
        }
        // Then find the next one, closing the containers that are exhausted.
        loop {
            let depth = open.len();
            let Some(top) = open.last_mut() else { return out };
            let (next, closer) = match top {
                Open::Array(list) => (list.next().map(|v| (None, v)), ']'),
                Open::Object(map) => (map.next().map(|(k, v)| (Some(k), v)), '}'),
            };
            let Some((key, member)) = next else {
                new_line(&mut out, pretty, depth - 1);
                out.push(closer);
                open.pop();
                first = false;
                continue;
            };
            if !first {
                out.push_str(if pretty { "," } else { ", " });
            }
            new_line(&mut out, pretty, depth);
            if let Some(key) = key {
                push_string(&mut out, key);
                out.push_str(": ");
            }
            value = member;
            break;
        }
    }
}

fn new_line(out: &mut String, pretty: bool, depth: usize) {
    if pretty {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", depth));
    }
}

fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c| !matches!(c, ' '..='~') || matches!(c, '"' | '\\')) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(other) => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

fn push_number(out: &mut String, number: &Number) {
    match number.as_f64() {
        Some(double) if number.is_f64() => push_double(out, double),
        _ => {
            let _ = write!(out, "{number}");
        }
    }
}

/// C's `%.17g`: seventeen significant digits without trailing zeros, in positional notation
/// while the decimal exponent is in -4..17.
fn push_double(out: &mut String, double: f64) {
    const PRECISION: i32 = 17;
    // `d.dddddddddddddddde<exponent>`, correctly rounded: all the digits `%.17g` works from.
    let scientific = format!("{double:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        significant => significant,
    };

    out.push_str(sign);
    let count = i32::try_from(digits.len()).unwrap_or(PRECISION);
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    if (-4..0).contains(&exponent) {
        out.push_str("0.");
        out.push_str(&zeros(-exponent - 1));
        out.push_str(digits);
    } else if (0..PRECISION).contains(&exponent) {
        let point = usize::try_from(exponent + 1).unwrap_or(1);
        match digits.split_at_checked(point).filter(|(_, fraction)| !fraction.is_empty()) {
            Some((whole, fraction)) => {
                out.push_str(whole);
                out.push('.');
                out.push_str(fraction);
            }
            None => {
                out.push_str(digits);
                out.push_str(&zeros(exponent + 1 - count));
            }
        }
    } else {
        let (first, fraction) = digits.split_at(1);
        out.push_str(first);
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(fraction);
        }
        let _ = write!(out, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
}
