//! Numbers as people write them: `42`, `0x8000_0000`, `16K`, `64MiB`, `10MHz`.

/// Suffixes of decimal numbers and what they multiply by.
const UNITS: &[(&str, i128)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kHz", 1_000),
    ("MHz", 1_000_000),
    ("GHz", 1_000_000_000),
    ("Hz", 1),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
];

/// A word's number: `None` if it is none, `Some(None)` if it does not fit 64 bits.
pub(super) fn number(word: &str) -> Option<Option<i128>> {
    let (negative, rest) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    let hexadecimal = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X"));
    let (radix, digits, factor) = match hexadecimal {
        Some(digits) => (16, digits, 1),
        None => {
            let unit =
                UNITS.iter().find_map(|(unit, factor)| Some((rest.strip_suffix(unit)?, *factor)));
            let (digits, factor) = unit.unwrap_or((rest, 1));
            (10, digits, factor)
        }
    };
    let grouped = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    let known = |char: char| char == '_' || char.is_digit(radix);
    // As in Python, a decimal number does not begin with 0: `007` is a name.
    let padded = radix == 10 && digits.len() > 1 && digits.starts_with('0');
    if digits.is_empty() || !grouped || padded || !digits.chars().all(known) {
        return None;
    }
    let magnitude = u64::from_str_radix(&digits.replace('_', ""), radix).ok();
    let value = magnitude
        .map(|magnitude| i128::from(magnitude) * factor * if negative { -1 } else { 1 })
        .filter(|value| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(value));
    Some(value)
}
