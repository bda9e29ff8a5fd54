//! The instruction set of a hart's node: `riscv,isa-base` with `riscv,isa-extensions`, or the older
//! `riscv,isa`, a text by the naming conventions of volume I (chapter "ISA Extension Naming
//! Conventions"), which older trees stretch: version numbers, letters for privilege modes.

use boardwright_devicetree::{NodeRef, TreeError};
use boardwright_riscv::Extension;

/// Letters of an ISA string that stand for privilege modes in older trees, not for extensions.
const MODES: &[char] = &['s', 'u'];

/// Width and extensions of a hart.
pub(super) fn read(node: &NodeRef<'_>) -> Result<(u32, Vec<String>), TreeError> {
    if let (Some(base), Some(extensions)) =
        (node.property("riscv,isa-base"), node.property("riscv,isa-extensions"))
    {
        return Ok((
            width(base.str()?),
            extensions.strings()?.into_iter().map(String::from).collect(),
        ));
    }
    let text = node.require("riscv,isa")?.str()?.to_ascii_lowercase();
    Ok((width(&text), parse(text.get(4..).unwrap_or_default())))
}

fn width(text: &str) -> u32 {
    if text.starts_with("rv32") { 32 } else { 64 }
}

/// What follows `rv64`: letters, then names, which begin with `_`, `z` or `x`.
fn parse(text: &str) -> Vec<String> {
    let mut parts = text.split('_');
    let mut extensions = Vec::new();
    let mut letters = parts.next().unwrap_or_default();
    while let Some(letter) = letters.chars().next() {
        let name = without_version(letters);
        // `s` begins a name only where it makes one: `rv64imsu` is of another time.
        let begins_name = matches!(letter, 'z' | 'x') || Extension::find(name).is_some();
        if begins_name && name.len() > 1 {
            extensions.push(name.into());
            break;
        }
        letters = after_version(letters.get(letter.len_utf8()..).unwrap_or_default());
        match letter {
            'g' => extensions.extend(["i", "m", "a", "f", "d"].map(String::from)),
            mode if MODES.contains(&mode) => {}
            other => extensions.push(other.into()),
        }
    }
    extensions
        .extend(parts.filter(|part| !part.is_empty()).map(|part| without_version(part).into()));
    extensions
}

/// `zicsr2p0` without its version. A number alone belongs to the name: `zve32`.
fn without_version(name: &str) -> &str {
    let is_digit = |c: char| c.is_ascii_digit();
    let before = name.trim_end_matches(is_digit);
    let major = before.strip_suffix('p').filter(|_| before.len() < name.len());
    let rest = major.map(|major| (major, major.trim_end_matches(is_digit)));
    rest.filter(|(major, rest)| rest.len() < major.len()).map_or(name, |(_, rest)| rest)
}

/// The text behind a version that may stand at its beginning, `2p0` or `2`.
fn after_version(text: &str) -> &str {
    let is_digit = |c: char| c.is_ascii_digit();
    let rest = text.trim_start_matches(is_digit);
    let minor = rest.strip_prefix('p').filter(|minor| minor.starts_with(is_digit));
    match minor {
        Some(minor) if rest.len() < text.len() => minor.trim_start_matches(is_digit),
        _ => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isa_strings_of_all_times_are_read() {
        for (text, expected) in [
            ("imac", "i m a c"),
            ("gc", "i m a f d c"),
            ("imafdcsu", "i m a f d c"),
            ("imafdch_zicsr", "i m a f d c h zicsr"),
            ("imac_zicsr_zifencei_xacme", "i m a c zicsr zifencei xacme"),
            ("imaczicsr_zba", "i m a c zicsr zba"),
            ("imacsstc", "i m a c sstc"),
            ("i2p1_m2p0_a2p1_zicsr2p0_zve32x1p0", "i m a zicsr zve32x"),
            ("i2p0m2p0ac", "i m a c"),
            ("imac__zba_", "i m a c zba"),
            ("e", "e"),
            ("", ""),
        ] {
            assert_eq!(parse(text).join(" "), expected, "{text}");
        }
    }
}
