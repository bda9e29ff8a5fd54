//! The string forms of scalars, for commands with the feature `keyval-values`.
//!
//! Scripts in the wild send `"0x4000"`, `"53"`, `"on"` and `"True"` where the schema has numbers
//! and booleans. These forms are taken; whatever else comes is refused with a message that names
//! the property and the form expected.

use crate::{Path, QmpError};

/// An integer, decimal or with `0x` hexadecimal. Digits beyond 128 bits saturate: what is too
/// large for the type is then refused by its range check.
pub(crate) fn integer(text: &str, at: &Path<'_>) -> Result<i128, QmpError> {
    digits(text).ok_or_else(|| refuse(at, "an integer (decimal or 0x hexadecimal)", text))
}

/// A size: an integer and perhaps a binary suffix.
pub(crate) fn size(text: &str, at: &Path<'_>) -> Result<i128, QmpError> {
    const SUFFIXES: [(&str, u32); 9] = [
        ("KiB", 10),
        ("MiB", 20),
        ("GiB", 30),
        ("TiB", 40),
        ("k", 10),
        ("K", 10),
        ("M", 20),
        ("G", 30),
        ("T", 40),
    ];
    let (number, shift) = SUFFIXES
        .iter()
        .find_map(|(suffix, shift)| Some((text.strip_suffix(suffix)?, *shift)))
        .unwrap_or((text, 0));
    digits(number).map(|number| number.saturating_mul(1 << shift)).ok_or_else(|| {
        let form = "a size (decimal or 0x hexadecimal, perhaps with a suffix K, M, G or T)";
        refuse(at, form, text)
    })
}

/// A number with or without a fraction.
pub(crate) fn number(text: &str, at: &Path<'_>) -> Result<f64, QmpError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse() {
        Ok(number) if plain => Ok(number),
        _ => Err(refuse(at, "a decimal number", text)),
    }
}

/// A boolean.
pub(crate) fn boolean(text: &str, at: &Path<'_>) -> Result<bool, QmpError> {
    match text {
        "true" | "True" | "on" | "yes" => Ok(true),
        "false" | "False" | "off" | "no" => Ok(false),
        _ => Err(refuse(at, "'on' or 'off'", text)),
    }
}

fn refuse(at: &Path<'_>, form: &str, text: &str) -> QmpError {
    QmpError::generic(format!("Parameter '{at}' expects {form}, not '{text}'"))
}

fn digits(text: &str) -> Option<i128> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, text),
    };
    let (radix, digits) = match magnitude.strip_prefix("0x").or(magnitude.strip_prefix("0X")) {
        Some(digits) => (16, digits),
        None => (10, magnitude),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    // All digits are good, so the only failure left is overflow.
    let value = i128::from_str_radix(digits, radix).unwrap_or(i128::MAX);
    Some(if negative { -value } else { value })
}
