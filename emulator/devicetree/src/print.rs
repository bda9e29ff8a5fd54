//! Writes the source form. What a property means is not known here, so the form of its value is
//! guessed from the bytes; reading the text back gives the same tree whatever was guessed.

use std::fmt::{self, Write};

use crate::blob::WriteError;
use crate::model::{Node, Tree};

impl Tree {
    /// The source form, as `dtc -O dts` would write it. The boot hart's id has no place in it.
    pub fn to_source(&self) -> Result<String, WriteError> {
        self.check()?;
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.print(&mut text);
        Ok(text)
    }

    fn print(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "/dts-v1/;\n")?;
        for reservation in &self.reservations {
            let (address, size) = (reservation.address, reservation.size);
            writeln!(out, "/memreserve/ {address:#018x} {size:#018x};")?;
        }
        if !self.reservations.is_empty() {
            writeln!(out)?;
        }
        print_node(out, &self.root, "/", 0)
    }
}

fn print_node(out: &mut String, node: &Node, name: &str, depth: usize) -> fmt::Result {
    let indent = "\t".repeat(depth);
    writeln!(out, "{indent}{name} {{")?;
    for (name, value) in node.properties() {
        writeln!(out, "{indent}\t{name}{};", Value(value, depth))?;
    }
    for (index, child) in node.children().iter().enumerate() {
        if index > 0 || node.properties().len() > 0 {
            writeln!(out)?;
        }
        print_node(out, child, child.name(), depth + 1)?;
    }
    writeln!(out, "{indent}}};")
}

/// The longest text that others stand beside.
const LONG: usize = 32;

/// The value of a property with its equals sign, or nothing for an empty one; it stands in a node of
/// this depth.
struct Value<'v>(&'v [u8], usize);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str(" = ")?;
        if let Some(texts) = as_texts(self.0) {
            // Sentences, unlike names, are easier to read and to compare with each in a line.
            let between = match self.0.split(|&byte| byte == 0).any(|text| text.len() > LONG) {
                true => format!(",\n{}", "\t".repeat(self.1 + 2)),
                false => ", ".into(),
            };
            for (index, text) in texts.enumerate() {
                f.write_str(if index > 0 { &between } else { "" })?;
                f.write_char('"')?;
                for &byte in text {
                    match byte {
                        b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                        b'\n' => f.write_str("\\n")?,
                        b'\t' => f.write_str("\\t")?,
                        byte => f.write_char(char::from(byte))?,
                    }
                }
                f.write_char('"')?;
            }
            return Ok(());
        }
        let (cells, rest) = self.0.as_chunks::<4>();
        if rest.is_empty() {
            write_list(f, '<', cells.iter().map(|&cell| u32::from_be_bytes(cell)), 4, '>')
        } else {
            write_list(f, '[', self.0.iter().map(|&byte| byte.into()), 2, ']')
        }
    }
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    open: char,
    numbers: impl Iterator<Item = u32>,
    width: usize,
    close: char,
) -> fmt::Result {
    f.write_char(open)?;
    for (index, number) in numbers.enumerate() {
        f.write_str(if index > 0 { " " } else { "" })?;
        match width {
            4 => write!(f, "{number:#04x}")?,
            _ => write!(f, "{number:02x}")?,
        }
    }
    f.write_char(close)
}

/// The strings that the bytes are, if they look like strings: printable, terminated, none empty.
/// An empty one is more likely to be the zero bytes of a small number.
fn as_texts(bytes: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let (&last, body) = bytes.split_last()?;
    let printable = |c: &u8| c.is_ascii_graphic() || b" \t\n".contains(c);
    let texts = || body.split(|&byte| byte == 0);
    let likely = last == 0 && texts().all(|text| !text.is_empty() && text.iter().all(printable));
    likely.then(texts)
}
