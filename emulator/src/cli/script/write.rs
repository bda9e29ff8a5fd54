//! A command as a line of a script, to be read again as the same command.

use std::fmt::Write as _;

use qapi_runtime::Value;
use serde_json::Number;

use crate::door::Command;

/// Multiples of this many read better as a number of bytes: `64KiB`.
const SIZES: &[(u64, &str)] = &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
/// Arguments that are a number of bytes.
const BYTES: &[&str] = &["size", "memory"];

/// The command's line.
pub fn line(command: &Command) -> String {
    let mut text = command.name.clone();
    for (key, value) in &command.arguments {
        argument(&mut text, key, value);
    }
    text
}

fn argument(text: &mut String, key: &str, value: &Value) {
    match value {
        // `a.b=1`
        Value::Object(members) if !members.is_empty() => {
            for (member, value) in members {
                argument(text, &format!("{key}.{member}"), value);
            }
        }
        _ => {
            let _ = write!(text, " {key}={}", datum(key, value));
        }
    }
}

fn datum(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        Value::Number(given) => number_text(key, given),
        other => other.to_string(),
    }
}

/// A number of an argument as people write it: addresses in hexadecimal, sizes with a unit.
pub fn number_text(key: &str, number: &Number) -> String {
    let Some(number) = number.as_u64() else { return number.to_string() };
    let unit = SIZES.iter().find(|(unit, _)| number != 0 && number.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) if BYTES.contains(&key) => format!("{}{name}", number / unit),
        _ if number != 0 && is_address(key) => format!("{number:#x}"),
        _ if number >= 0x1000 && (number.is_multiple_of(0x1000) || !number.is_multiple_of(100)) => {
            format!("{number:#x}")
        }
        _ => number.to_string(),
    }
}

/// Whether an argument is an address, or an offset of one, by its name.
fn is_address(key: &str) -> bool {
    const OTHERS: &[&str] = &["hartid-base"];
    let last = key.rsplit(['-', '.']).next().unwrap_or(key);
    ["addr", "base", "offset", "resetvec"].contains(&last) && !OTHERS.contains(&key)
}

/// Whether a text stands for itself and for nothing else.
fn is_plain(text: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || "_-./,@[]=:+".contains(char);
    let word = |char: char| char.is_ascii_alphabetic() || "_/.".contains(char);
    let boolean = ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    text.starts_with(word) && text.chars().all(plain) && !boolean && !text.contains("//")
}

/// In single quotes, in which nothing but the backslash means anything.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for char in text.chars() {
        match char {
            '\'' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('\'');
    quoted
}
