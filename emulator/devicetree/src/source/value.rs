//! The value of a property: strings, cells, bytes and references, one after the other.

use pest::iterators::Pair;

use super::Rule;
use super::draft::{DraftProperty, Hole};
use super::error::SourceError;
use super::expression::{macro_error, number, primary, unescape};
use super::parse::{Reader, inner};

/// Appends one part of a value.
pub(super) fn append(
    reader: &Reader,
    value: Pair<'_, Rule>,
    property: &mut DraftProperty,
) -> Result<(), SourceError> {
    for part in value.into_inner() {
        match part.as_rule() {
            // A label inside a value has a meaning for assembly output only.
            Rule::label => {}
            Rule::string => {
                property.bytes.extend(unescape(reader, &part)?);
                property.bytes.push(0);
            }
            Rule::reference => {
                let (at, place) = (property.bytes.len(), reader.place(&part));
                let target = reader.target(&part)?;
                property.holes.push(Hole { at, is_path: true, target, place });
            }
            Rule::bytes => {
                // The grammar lets only pairs of digits through; the closing mark is no such pair.
                let digits = part.into_inner().filter(|byte| byte.as_rule() == Rule::byte);
                let bytes = digits.filter_map(|byte| u8::from_str_radix(byte.as_str(), 16).ok());
                property.bytes.extend(bytes);
            }
            Rule::cells => cells(reader, part, property)?,
            _ => return reader.refuse(&part),
        }
    }
    Ok(())
}

fn cells(
    reader: &Reader,
    cells: Pair<'_, Rule>,
    property: &mut DraftProperty,
) -> Result<(), SourceError> {
    let mut bits = 32;
    for part in cells.into_inner() {
        match part.as_rule() {
            Rule::width => {
                let (place, literal) = (reader.place(&part), inner(reader, part)?);
                bits = number(reader, &literal)?;
                if ![8, 16, 32, 64].contains(&bits) {
                    return place.fail("`/bits/` takes 8, 16, 32 or 64");
                }
            }
            Rule::cell => cell(reader, inner(reader, part)?, bits, property)?,
            _ => {}
        }
    }
    Ok(())
}

fn cell(
    reader: &Reader,
    content: Pair<'_, Rule>,
    bits: u64,
    property: &mut DraftProperty,
) -> Result<(), SourceError> {
    let place = reader.place(&content);
    match content.as_rule() {
        Rule::reference if bits != 32 => place.fail("a reference stands among 32-bit cells only"),
        Rule::reference => {
            let (at, target) = (property.bytes.len(), reader.target(&content)?);
            property.holes.push(Hole { at, is_path: false, target, place });
            property.bytes.extend([0; 4]);
            Ok(())
        }
        Rule::primary => {
            let text = content.as_str().trim();
            let value = primary(reader, content)?;
            // What does not fit is let through where it is the two's complement of what does: an
            // expression such as `(-1)` comes here as 64 ones.
            let unused = u64::MAX.checked_shl(bits as u32).unwrap_or(0);
            if value & unused != 0 && value | !unused != u64::MAX {
                return place.fail(format!("`{text}` does not fit {bits} bits"));
            }
            let bytes = value.to_be_bytes();
            property.bytes.extend(&bytes[8 - bits as usize / 8..]);
            Ok(())
        }
        _ => Err(macro_error(reader, &content)),
    }
}
