//! From text to entries: runs the grammar and builds expression trees.

use indexmap::map::Entry as Slot;
use pest::Parser;
use pest::iterators::Pair;
use pest_derive::Parser;

use crate::expr::{Entry as Property, Node, Object, Value};
use crate::model::Span;
use crate::source::Place;

/// How deep expressions may nest. The parser recurses, and no schema comes near this.
pub(crate) const MAX_DEPTH: usize = 400;

/// The parser that pest makes from the grammar.
#[derive(Parser)]
#[grammar = "grammar.pest"]
pub(crate) struct Grammar;

/// One entry of a file.
#[derive(Debug)]
pub(crate) enum Entry {
    /// An expression.
    Expression(Node),
    /// An expression in which a key stands twice.
    Repeated(RepeatedKey),
    /// A documentation comment.
    Doc(RawDoc),
    /// Text that is no entry, from here on.
    Fault(usize),
}

/// A key that an object has already.
#[derive(Debug)]
pub(crate) struct RepeatedKey {
    pub(crate) name: String,
    pub(crate) first: Span,
    pub(crate) value: Span,
}

/// The lines of a documentation comment, as byte ranges that begin at the `#`.
#[derive(Debug)]
pub(crate) struct RawDoc {
    pub(crate) lines: Vec<Span>,
    /// Whether the closing line is there; it is then the last one.
    pub(crate) closed: bool,
}

/// Parses a whole file. Expressions nested too deep end it: the second value says where.
pub(crate) fn entries(text: &str, file: usize) -> (Vec<Entry>, Option<usize>) {
    let limit = too_deep(text);
    let text = limit.and_then(|limit| text.get(..limit)).unwrap_or(text);
    let Ok(pairs) = Grammar::parse(Rule::schema, text) else {
        // The grammar accepts every text; should it not, everything is one fault.
        return (vec![Entry::Fault(0)], limit);
    };
    let pairs = pairs.flat_map(Pair::into_inner);
    (pairs.filter_map(|pair| entry(pair, file)).collect(), limit)
}

fn entry(pair: Pair<'_, Rule>, file: usize) -> Option<Entry> {
    Some(match pair.as_rule() {
        Rule::EOI => return None,
        Rule::fault => Entry::Fault(pair.as_span().start()),
        Rule::doc_comment => {
            let lines: Vec<_> = pair.into_inner().collect();
            let marks = lines.iter().filter(|line| line.as_rule() == Rule::doc_mark).count();
            let lines = lines.iter().map(|line| span(line, file)).collect();
            Entry::Doc(RawDoc { lines, closed: marks > 1 })
        }
        _ => node(pair, file).map_or_else(Entry::Repeated, Entry::Expression),
    })
}

fn node(pair: Pair<'_, Rule>, file: usize) -> Result<Node, RepeatedKey> {
    let span = span(&pair, file);
    let value = match pair.as_rule() {
        Rule::object => Value::Object(object(pair, file)?),
        Rule::array => {
            Value::Array(pair.into_inner().map(|pair| node(pair, file)).collect::<Result<_, _>>()?)
        }
        Rule::string => Value::String(unquote(pair.as_str())),
        _ => Value::Boolean(pair.as_str() == "true"),
    };
    Ok(Node { value, span })
}

fn object(pair: Pair<'_, Rule>, file: usize) -> Result<Object, RepeatedKey> {
    let mut object = Object::new();
    for member in pair.into_inner() {
        let mut parts = member.into_inner();
        let (Some(key), Some(value)) = (parts.next(), parts.next()) else { continue };
        match object.entry(unquote(key.as_str())) {
            Slot::Occupied(slot) => {
                return Err(RepeatedKey {
                    name: slot.key().clone(),
                    first: slot.get().key,
                    value: span(&value, file),
                });
            }
            Slot::Vacant(slot) => {
                slot.insert(Property { key: span(&key, file), node: node(value, file)? });
            }
        }
    }
    Ok(object)
}

fn span(pair: &Pair<'_, Rule>, file: usize) -> Span {
    let span = pair.as_span();
    Place { file, offset: span.start() }.span(span.end() - span.start())
}

/// The text of a string token.
pub(crate) fn unquote(token: &str) -> String {
    let inner = token.get(1..token.len().saturating_sub(1)).unwrap_or("");
    inner.replace("\\\\", "\\")
}

/// Finds the first bracket that opens one level too many. Strings and comments are skipped just
/// well enough for well-formed text; in other text an earlier error is found anyway.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' | b'[' if depth == MAX_DEPTH => return Some(at),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'#' => {
                bytes.find(|(_, byte)| *byte == b'\n');
            }
            b'\'' => {
                bytes.find(|(_, byte)| matches!(byte, b'\n' | b'\''));
            }
            _ => {}
        }
    }
    None
}
