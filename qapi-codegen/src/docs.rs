//! Documentation comments: from the schema's markup, which is reST, to rustdoc's, which is
//! Markdown.
//!
//! Only what schemas use: `@name`, double backquotes, roles, examples, notes, literal blocks,
//! lists. What Markdown or rustdoc would take for something else (brackets, angle brackets,
//! indented text) is made harmless.

use qapi_schema::model::{Doc, Feature, SectionKind};

/// The paragraphs of a definition's documentation, or a line that says at least what it is.
pub(crate) fn definition(doc: Option<&Doc>, otherwise: &str) -> Vec<String> {
    let Some(doc) = doc.filter(|doc| !doc.body.trim().is_empty()) else {
        return vec![otherwise.to_owned()];
    };
    vec![markdown(&doc.body)]
}

/// What stands below the documentation of what may still change.
pub(crate) fn unstable(features: &[Feature], doc: Option<&Doc>) -> Option<String> {
    let held = features.iter().any(|feature| feature.name == "unstable");
    held.then(|| {
        let texts = doc.map(|doc| doc.features.as_slice()).unwrap_or_default();
        let text = texts.iter().find(|(name, _)| name == "unstable");
        let text = text.map(|(_, text)| markdown(text)).unwrap_or_default();
        format!("**Unstable**: {}", if text.is_empty() { "this may change" } else { &text })
    })
}

/// The paragraphs of a command's documentation.
pub(crate) fn command(doc: Option<&Doc>, otherwise: &str) -> Vec<String> {
    let mut paragraphs = definition(doc, otherwise);
    let Some(doc) = doc else { return paragraphs };
    // Text after a section: examples, mostly.
    let later = doc.sections.iter().skip_while(|(kind, _)| *kind == SectionKind::Plain);
    let later = later.filter(|(kind, _)| *kind == SectionKind::Plain);
    paragraphs.extend(later.map(|(_, text)| markdown(text)));
    if let Some(returns) = &doc.returns {
        paragraphs.push(format!("Returns: {}", markdown(returns)));
    }
    if let Some(errors) = &doc.errors {
        paragraphs.push("# Errors".into());
        paragraphs.push(markdown(errors));
    }
    paragraphs
}

/// The first paragraph as one line of plain text, for programs to show.
pub(crate) fn summary(text: &str) -> String {
    let paragraph = text.trim().split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let mut plain = String::new();
    let line = words.join(" ").replace("``", "'");
    let mut before = ' ';
    for c in line.chars() {
        if c != '@' || before.is_alphanumeric() {
            plain.push(c);
        }
        before = c;
    }
    plain
}

/// The first sentence of a documentation, as Markdown; empty without one.
pub(crate) fn first_sentence(doc: Option<&Doc>) -> String {
    let paragraph = doc.map(|doc| doc.body.trim()).unwrap_or_default();
    let paragraph = paragraph.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.find(". ").map_or(line.len(), |end| end + 1);
    inline(line.get(..end).unwrap_or(&line))
}

/// The summary of a documentation; empty without one.
pub(crate) fn summary_of(doc: Option<&Doc>) -> String {
    doc.map(|doc| summary(&doc.body)).unwrap_or_default()
}

/// What the next lines belong to.
enum Block {
    /// Text.
    Text,
    /// An item of a list, whose further lines are indented by this much.
    Item(usize),
    /// A literal block: lines deeper than the line that announced it.
    Literal { outer: usize, inner: Option<usize>, blanks: usize },
}

/// Markdown for reST.
pub(crate) fn markdown(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut block = Block::Text;
    for line in text.lines() {
        let body = line.trim();
        let indent = line.len() - line.trim_start().len();
        if let Block::Literal { outer, inner, blanks } = &mut block {
            if body.is_empty() {
                *blanks += 1;
                continue;
            }
            if indent > *outer {
                literal_line(&mut out, line, inner, *blanks, indent);
                *blanks = 0;
                continue;
            }
            if inner.is_some() {
                out.push("```".into());
                out.push(String::new());
            }
            block = Block::Text;
        }
        if body.is_empty() {
            out.push(String::new());
            block = Block::Text;
        } else if let Some(directive) = body.strip_prefix(".. ") {
            match directive.split_once("::") {
                Some(("qmp-example" | "code-block" | "code", _)) => {
                    block = Block::Literal { outer: indent, inner: None, blanks: 0 };
                }
                Some((kind, rest)) => {
                    let kind = camel_word(kind);
                    out.push(format!("{kind}: {}", inline(rest.trim())).trim_end().to_owned());
                }
                // A label or a comment: nothing to show.
                None => {}
            }
        } else if let Some(before) = body.strip_suffix("::") {
            if !before.is_empty() {
                out.push(format!("{}:", inline(before)));
            }
            block = Block::Literal { outer: indent, inner: None, blanks: 0 };
        } else if let Some(marker) = list_marker(body) {
            out.push(format!("{marker} {}", inline(body[marker.len()..].trim_start())));
            block = Block::Item(marker.len() + 1);
        } else if let Block::Item(width) = block {
            out.push(format!("{:width$}{}", "", inline(body)));
        } else {
            out.push(inline(body));
        }
    }
    if let Block::Literal { inner: Some(_), .. } = block {
        out.push("```".into());
    }
    out.dedup_by(|next, previous| next.is_empty() && previous.is_empty());
    out.join("\n").trim_matches('\n').to_owned()
}

fn literal_line(
    out: &mut Vec<String>,
    line: &str,
    inner: &mut Option<usize>,
    blanks: usize,
    indent: usize,
) {
    let start = match *inner {
        Some(inner) => {
            out.extend((0..blanks).map(|_| String::new()));
            inner
        }
        // Options of the directive are not part of the example.
        None if line.trim_start().starts_with(':') => return,
        None => {
            if out.last().is_some_and(|line| !line.is_empty()) {
                out.push(String::new());
            }
            out.push("```text".into());
            indent
        }
    };
    *inner = Some(start);
    out.push(line.get(start.min(indent)..).unwrap_or(line).trim_end().to_owned());
}

fn camel_word(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

fn list_marker(line: &str) -> Option<&str> {
    let end = line.find(' ')?;
    let marker = &line[..end];
    let number = marker.strip_suffix(['.', ')']);
    let counted = number.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()));
    (matches!(marker, "-" | "*" | "+") || counted).then_some(marker)
}

/// Markup inside a line.
fn inline(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 8);
    let mut rest = line;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let mut width = c.len_utf8();
        match c {
            '`' => {
                let ticks = if rest.starts_with("``") { 2 } else { 1 };
                let inside = &rest[ticks..];
                match inside.find(&rest[..ticks]) {
                    Some(end) if end > 0 => {
                        out.push_str(&format!("`{}`", &inside[..end]));
                        width = ticks * 2 + end;
                    }
                    _ => out.push_str("\\`"),
                }
            }
            ':' if role(rest).is_some() => width = role(rest).unwrap_or(1),
            '@' if !before.is_alphanumeric() => {
                let name = reference(&rest[1..]);
                if name.is_empty() {
                    out.push('@');
                } else {
                    out.push_str(&format!("`{name}`"));
                    width += name.len();
                }
            }
            'h' if rest.starts_with("http://") || rest.starts_with("https://") => {
                let end = rest.find(|c: char| c.is_whitespace() || ",;)>'\"".contains(c));
                let url = rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', ':']);
                out.push_str(&format!("<{url}>"));
                width = url.len();
            }
            // Two spaces after a full stop are one on a page.
            ' ' if before == ' ' => {}
            '[' | ']' | '<' | '>' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
        before = rest[..width].chars().next_back().unwrap_or(' ');
        rest = &rest[width..];
    }
    out
}

/// The length of a role such as `:ref:` before a backquote.
fn role(text: &str) -> Option<usize> {
    let end = text[1..].find(':')? + 1;
    let named = end > 1 && text[1..end].chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (named && text[end + 1..].starts_with('`')).then_some(end + 1)
}

/// The name after an `@`, without the full stop of the sentence.
fn reference(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'))
        .unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup() {
        let rows = [
            ("plain text.", "plain text."),
            ("enter @ready, or @no-machine.", "enter `ready`, or `no-machine`."),
            ("``-S`` and `x`", "`-S` and `x`"),
            ("One.  Two.", "One. Two."),
            ("harts[N] < 3", "harts\\[N\\] \\< 3"),
            ("see :ref:`board`", "see `board`"),
            ("mail a@b", "mail a@b"),
            ("at https://example.org/x.", "at <https://example.org/x>."),
            ("- one\n  more\n- two", "- one\n  more\n- two"),
            ("    - deep\n      more", "- deep\n  more"),
            (".. note:: careful\n   here", "Note: careful\nhere"),
            (
                "text\n\n.. qmp-example::\n   :title: t\n\n   -> a\n   <- b\n\nafter",
                "text\n\n```text\n-> a\n<- b\n```\n\nafter",
            ),
            ("so::\n\n    lit\n\n      deep\nend", "so:\n\n```text\nlit\n\n  deep\n```\n\nend"),
        ];
        for (rest, expected) in rows {
            assert_eq!(markdown(rest), expected, "{rest:?}");
        }
    }

    #[test]
    fn summaries_are_plain() {
        assert_eq!(summary("Enters @ready\nnow.\n\nMore."), "Enters ready now.");
    }
}
