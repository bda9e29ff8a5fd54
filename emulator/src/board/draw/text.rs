//! Words of a drawing: how wide they are, how they are cut short, numbers for people.

use std::fmt::Write as _;

/// How a text looks; the style sheet has a class of the same name for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The name of a drawing or of one of its parts.
    Title,
    /// What a thing is called.
    Name,
    /// What kind of thing it is, and other words beside a name.
    Note,
    /// An address, a port, an instruction set: what one compares letter by letter.
    Code,
}

impl Style {
    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Name => "name",
            Self::Note => "note",
            Self::Code => "code",
        }
    }

    /// The width of a character in tenths of a pixel. No font is at hand, so all of it is as wide
    /// as the widest of the usual fixed-width fonts, which proportional ones stay below.
    fn advance(self) -> i32 {
        match self {
            Self::Title => 92,
            Self::Name => 79,
            Self::Note | Self::Code => 68,
        }
    }
}

/// The width of a text in pixels, rounded up.
pub fn width(style: Style, text: &str) -> i32 {
    let columns: i32 = text.chars().map(columns).sum();
    (columns * style.advance()).div_euclid(10) + 1
}

/// The columns a character takes: two for those of East Asian scripts and for pictures.
fn columns(c: char) -> i32 {
    let wide = matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}' | '\u{1f000}'..='\u{3ffff}');
    if wide { 2 } else { 1 }
}

/// As much of a text as fits, with an ellipsis where there is more; nothing where not even three
/// characters fit.
pub fn fit(style: Style, text: &str, most: i32) -> String {
    if width(style, text) <= most {
        return text.into();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(style, &kept) + width(style, "…") > most {
            kept.pop();
            break;
        }
    }
    if kept.chars().count() < 3 { String::new() } else { kept.trim_end().to_owned() + "…" }
}

/// The same for a list, which is cut short after a comma.
pub fn fit_list(style: Style, text: &str, most: i32) -> String {
    if width(style, text) <= most {
        return text.into();
    }
    let mut kept = String::new();
    for word in text.split_inclusive(", ") {
        if width(style, &kept) + width(style, word) + width(style, "…") > most {
            break;
        }
        kept.push_str(word);
    }
    kept + "…"
}

/// A text broken after `_` and spaces into lines that fit.
pub fn wrap(style: Style, text: &str, most: i32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(['_', ' ']) {
        let line = lines.last().map_or("", String::as_str);
        if !line.is_empty() && width(style, line) + width(style, word.trim_end()) > most {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
    }
    lines
}

/// What can stand in a document: control characters, which XML forbids, and those that turn the
/// direction of what follows are replaced.
pub fn clean(text: &str) -> String {
    let forbidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
    };
    text.chars().map(|c| if forbidden(c) { '\u{fffd}' } else { c }).collect()
}

/// A number of bytes: `16 MiB`, `256 B`, `≈ 30.9 MiB` where it is not exact.
pub fn bytes(size: u128) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let exponent = (0..UNITS.len()).rev().find(|power| size >> (10 * power) != 0).unwrap_or(0);
    let (unit, name) = (1_u128 << (10 * exponent), UNITS[exponent]);
    if size.is_multiple_of(unit) {
        return format!("{} {name}", size / unit);
    }
    let tenths = size * 10 / unit;
    let exact = if (size * 10).is_multiple_of(unit) { "" } else { "≈ " };
    match tenths % 10 {
        0 => format!("{exact}{} {name}", tenths / 10),
        tenth => format!("{exact}{}.{tenth} {name}", tenths / 10),
    }
}

/// A number with its thousands apart.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts, in the singular or with an `s`.
pub fn counted(number: usize, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// An address, as long as it has to be and not shorter than 32 bits.
pub fn address(addr: u64) -> String {
    format!("{addr:#010x}")
}

/// Numbers as runs: `0-3, 7`. They need not be sorted; each counts once.
pub fn runs(numbers: &[u32], dash: char) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut text = String::new();
    for run in sorted.chunk_by(|a, b| a + 1 == *b) {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = match run {
            [only] => write!(text, "{separator}{only}"),
            [first, second] => write!(text, "{separator}{first}, {second}"),
            [first, .., last] => write!(text, "{separator}{first}{dash}{last}"),
            [] => Ok(()),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        let cases: [(u128, &str); 9] = [
            (0, "0 B"),
            (1, "1 B"),
            (256, "256 B"),
            (4096, "4 KiB"),
            (1536, "1.5 KiB"),
            (0x1ef_f000, "≈ 30.9 MiB"),
            ((256 << 20) + 1, "≈ 256 MiB"),
            (1 << 64, "16 EiB"),
            ((1 << 64) - 1, "≈ 15.9 EiB"),
        ];
        for (size, expected) in cases {
            assert_eq!(bytes(size), expected);
        }
        assert_eq!((count(7), count(1_234_567)), ("7".into(), "1,234,567".into()));
    }

    #[test]
    fn numbers_are_told_as_runs() {
        let cases: [(&[u32], &str); 5] = [
            (&[], ""),
            (&[5], "5"),
            (&[2, 1], "1, 2"),
            (&[3, 1, 2, 2], "1–3"),
            (&[0, 1, 2, 3, 7, 9, 10, 11], "0–3, 7, 9–11"),
        ];
        for (numbers, expected) in cases {
            assert_eq!(runs(numbers, '–'), expected, "{numbers:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_short() {
        for (text, columns, expected) in [
            ("uart", 4, "uart"),
            ("riscv.sifive.uart", 8, "riscv.s…"),
            ("uart", 2, ""),
            ("漢字漢字漢字", 8, "漢字漢…"),
        ] {
            assert_eq!(fit(Style::Code, text, columns * 68 / 10 + 2), expected, "{text}");
        }
        assert_eq!(fit_list(Style::Code, "1, 3, 5–9, 12", 70), "1, 3, …");
        assert_eq!(wrap(Style::Code, "rv64imac_zicsr_zba", 90), ["rv64imac_", "zicsr_zba"]);
    }

    #[test]
    fn what_xml_forbids_is_replaced() {
        assert_eq!(clean("a\u{1}b\u{202e}c\nd"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
    }
}
