//! The markup of documentation comments as blocks: the part of reStructuredText that schemas use.
//!
//! Paragraphs, lists, definition lists, literal blocks, directives (examples, code, notes),
//! headings in both spellings, indented quotes. Nothing is refused: what has no meaning here is
//! text. The reference manual of reStructuredText is the Docutils markup specification; `= Title`
//! is QAPI's own.

use super::inline::{Inline, inline};

/// How deep blocks may stand in one another; beyond it, markup is text.
const DEPTH: usize = 12;

/// A piece of documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Paragraph(Vec<Inline>),
    /// A heading with its level, from 1.
    Heading(usize, Vec<Inline>),
    List {
        ordered: bool,
        items: Vec<Vec<Block>>,
    },
    /// Terms, each with what it means.
    Definitions(Vec<(Vec<Inline>, Vec<Block>)>),
    /// Text to be shown as it is, with the name of its language where that is known.
    Literal {
        language: String,
        text: String,
    },
    /// `.. qmp-example::` with its title.
    Example {
        title: Vec<Inline>,
        blocks: Vec<Block>,
    },
    /// `.. note::` and its kind, with what stands above it.
    Admonition {
        title: String,
        blocks: Vec<Block>,
    },
    Quote(Vec<Block>),
}

/// Reads a text.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    parse(&lines, 0)
}

/// Reads the text of a tagged section or description: its first line stands beside the tag, so
/// only the others tell the indentation.
pub(crate) fn section(text: &str) -> Vec<Block> {
    let mut lines: Vec<&str> = text.lines().collect();
    // An unindented line starts the section's text; `Errors:` with nothing beside it has none.
    let skip = usize::from(lines.first().is_some_and(|line| indentation(line) == 0));
    let common = common_indentation(lines.get(skip..).unwrap_or_default());
    for line in lines.iter_mut().skip(skip) {
        *line = cut(line, common);
    }
    parse(&lines, 0)
}

/// The first sentence of a text, for lists.
pub(crate) fn summary(blocks: &[Block]) -> Vec<Inline> {
    let Some(Block::Paragraph(spans)) = blocks.iter().find(|it| matches!(it, Block::Paragraph(_)))
    else {
        return Vec::new();
    };
    let mut sentence = Vec::new();
    for span in spans {
        if let Inline::Text(text) = span
            && let Some(end) = text.find(". ")
        {
            sentence.push(Inline::Text(text.get(..=end).unwrap_or(text).to_owned()));
            return sentence;
        }
        sentence.push(span.clone());
    }
    sentence
}

fn parse(lines: &[&str], depth: usize) -> Vec<Block> {
    if depth > DEPTH {
        let text = lines.join(" ");
        return if text.trim().is_empty() { Vec::new() } else { vec![paragraph(&[&text])] };
    }
    let mut reader = Reader { lines, at: 0, depth };
    let mut blocks = Vec::new();
    while let Some(line) = reader.peek() {
        if line.trim().is_empty() {
            reader.at += 1;
        } else {
            reader.block(line, &mut blocks);
        }
    }
    blocks
}

/// Goes through lines.
struct Reader<'l, 't> {
    lines: &'l [&'t str],
    at: usize,
    depth: usize,
}

impl<'t> Reader<'_, 't> {
    fn peek(&self) -> Option<&'t str> {
        self.lines.get(self.at).copied()
    }

    /// Reads the block that begins with this line.
    fn block(&mut self, line: &'t str, blocks: &mut Vec<Block>) {
        if indentation(line) > 0 {
            let quoted = self.indented();
            blocks.push(Block::Quote(parse(&quoted, self.depth + 1)));
        } else if let Some(rest) = line.strip_prefix("..").filter(|it| starts_blank(it)) {
            self.at += 1;
            let body = self.indented();
            blocks.extend(self.explicit(rest.trim(), &body));
        } else if line.trim_end() == "::" {
            self.at += 1;
            blocks.extend(self.literal());
        } else if let Some(ordered) = marker(line).map(|(_, ordered)| ordered) {
            let mut items = Vec::new();
            while let Some((width, _)) =
                self.peek().and_then(marker).filter(|(_, other)| *other == ordered)
            {
                items.push(self.item(width));
            }
            blocks.push(Block::List { ordered, items });
        } else if let Some((level, title)) = self.heading(line) {
            blocks.push(Block::Heading(level, inline(title)));
        } else if self.lines.get(self.at + 1).is_some_and(|next| indentation(next) > 0) {
            blocks.push(self.definitions());
        } else {
            self.paragraph(blocks);
        }
    }

    /// The indented lines from here on, without their common indentation. Blank lines between
    /// them belong to them, blank lines after them do not.
    fn indented(&mut self) -> Vec<&'t str> {
        let start = self.at;
        let mut end = start;
        while let Some(line) = self.lines.get(self.at) {
            let blank = line.trim().is_empty();
            if !blank && indentation(line) == 0 {
                break;
            }
            self.at += 1;
            if !blank {
                end = self.at;
            }
        }
        let taken = self.lines.get(start..end).unwrap_or_default();
        let common = common_indentation(taken);
        taken.iter().map(|line| cut(line, common)).collect()
    }

    /// An item of a list whose marker has this width.
    fn item(&mut self, width: usize) -> Vec<Block> {
        let first = self.peek().and_then(|line| line.get(width..)).unwrap_or("");
        self.at += 1;
        let mut lines = vec![first.trim_start()];
        lines.extend(self.indented());
        parse(&lines, self.depth + 1)
    }

    /// What follows a `::`.
    fn literal(&mut self) -> Option<Block> {
        let lines = self.indented();
        literal("", &lines)
    }

    /// A heading: QAPI's `= Title`, or a line underlined with punctuation.
    fn heading(&mut self, line: &'t str) -> Option<(usize, &'t str)> {
        let level = line.bytes().take_while(|byte| *byte == b'=').count();
        if level > 0
            && let Some(title) = line.get(level..).filter(|rest| rest.starts_with(' '))
        {
            self.at += 1;
            return Some((level, title.trim()));
        }
        let under = self.lines.get(self.at + 1)?.trim_end();
        let mark = under.chars().next().filter(char::is_ascii_punctuation)?;
        let length = line.trim_end().chars().count();
        if under.len() < length.max(3) || under.chars().any(|c| c != mark) {
            return None;
        }
        self.at += 2;
        let level = match mark {
            '*' | '#' => 1,
            '=' => 2,
            _ => 3,
        };
        Some((level, line.trim()))
    }

    /// A run of terms, each followed by an indented block.
    fn definitions(&mut self) -> Block {
        let mut list = Vec::new();
        while let Some(term) = self.peek().filter(|line| indentation(line) == 0)
            && self.lines.get(self.at + 1).is_some_and(|next| indentation(next) > 0)
            && marker(term).is_none()
            && !term.starts_with("..")
            && !term.trim().is_empty()
        {
            self.at += 1;
            let meaning = self.indented();
            let (term, meaning) = match term.trim_end().strip_suffix("::") {
                // Not a term: a paragraph of one line with a literal block right after it.
                Some(text) => (format!("{text}:"), literal("", &meaning).into_iter().collect()),
                None => (term.to_owned(), parse(&meaning, self.depth + 1)),
            };
            list.push((inline(&term), meaning));
            while self.peek().is_some_and(|line| line.trim().is_empty()) {
                self.at += 1;
            }
        }
        Block::Definitions(list)
    }

    /// Lines up to a blank one, and the literal block that a final `::` announces.
    fn paragraph(&mut self, blocks: &mut Vec<Block>) {
        let start = self.at;
        while self.peek().is_some_and(|line| !line.trim().is_empty()) {
            self.at += 1;
        }
        let lines = self.lines.get(start..self.at).unwrap_or_default();
        let Some((last, before)) = lines.split_last() else { return };
        let Some(text) = last.trim_end().strip_suffix("::") else {
            blocks.push(paragraph(lines));
            return;
        };
        let text = if text.ends_with(' ') { text.to_owned() } else { format!("{text}:") };
        let mut lines = before.to_vec();
        lines.push(&text);
        blocks.push(paragraph(&lines));
        blocks.extend(self.literal());
    }

    /// What stands after `..`: a directive with its body; anything else is a comment or a target.
    fn explicit(&self, head: &str, body: &[&str]) -> Option<Block> {
        let (name, argument) = head.split_once("::")?;
        let argument = argument.trim();
        let options = body.iter().take_while(|line| line.starts_with(':')).count();
        let (options, rest) = body.split_at(options);
        let option =
            |name: &str| options.iter().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let nested = |first: &str| {
            let mut lines = vec![first];
            lines.extend(rest);
            parse(&lines, self.depth + 1)
        };
        match name.trim() {
            "qmp-example" => Some(Block::Example {
                title: inline(option(":title:").unwrap_or("")),
                blocks: match option(":annotated:") {
                    Some(_) => nested(""),
                    None => literal("qmp", rest).into_iter().collect(),
                },
            }),
            "code-block" | "code" | "parsed-literal" => {
                literal(&argument.to_ascii_lowercase(), rest)
            }
            "table" => {
                let mut blocks = vec![paragraph(&[argument])];
                blocks.extend(literal("", rest));
                Some(Block::Quote(blocks))
            }
            "admonition" => {
                Some(Block::Admonition { title: argument.to_owned(), blocks: nested("") })
            }
            kind @ ("attention" | "caution" | "danger" | "error" | "hint" | "important"
            | "note" | "seealso" | "tip" | "warning" | "todo" | "versionadded"
            | "deprecated") => {
                let mut title = kind.replace("seealso", "see also");
                if let Some(first) = title.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                Some(Block::Admonition { title, blocks: nested(argument) })
            }
            // An unknown directive loses its name, not its text.
            _ => Some(Block::Quote(nested(argument))),
        }
    }
}

fn paragraph(lines: &[&str]) -> Block {
    Block::Paragraph(inline(&lines.join(" ")))
}

/// Lines shown as they are, without blank ones around them; nothing if there is none.
fn literal(language: &str, lines: &[&str]) -> Option<Block> {
    let blank = |line: &&&str| line.trim().is_empty();
    let start = lines.iter().take_while(blank).count();
    let end = lines.len() - lines.iter().rev().take_while(blank).count();
    let lines = lines.get(start..end).filter(|lines| !lines.is_empty())?;
    let common = common_indentation(lines);
    let lines: Vec<&str> = lines.iter().map(|line| cut(line, common)).collect();
    Some(Block::Literal { language: language.to_owned(), text: lines.join("\n") })
}

/// The width of a list marker with the blank after it, and whether it counts.
fn marker(line: &str) -> Option<(usize, bool)> {
    let end = line.find(' ')?;
    let mark = line.get(..end)?;
    if matches!(mark, "-" | "*" | "+" | "•") {
        return Some((end + 1, false));
    }
    let number = mark.strip_suffix(['.', ')'])?;
    let counts = !number.is_empty()
        && number.len() < 4
        && (number == "#" || number.chars().all(|c| c.is_ascii_digit()));
    counts.then_some((end + 1, true))
}

fn starts_blank(text: &str) -> bool {
    text.is_empty() || text.starts_with(' ')
}

fn indentation(line: &str) -> usize {
    if line.trim().is_empty() { 0 } else { line.len() - line.trim_start().len() }
}

fn common_indentation(lines: &[&str]) -> usize {
    let indented = lines.iter().filter(|line| !line.trim().is_empty());
    indented.map(|line| indentation(line)).min().unwrap_or(0)
}

/// A line without so many blanks before it.
fn cut(line: &str, width: usize) -> &str {
    line.get(width.min(indentation(line))..).unwrap_or("").trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks in a notation of one line each, for rows.
    fn told(blocks: &[Block]) -> String {
        let parts = blocks.iter().map(|block| match block {
            Block::Paragraph(spans) => format!("p({})", plain(spans)),
            Block::Heading(level, spans) => format!("h{level}({})", plain(spans)),
            Block::List { ordered, items } => {
                let items: Vec<_> = items.iter().map(|item| told(item)).collect();
                format!("{}({})", if *ordered { "ol" } else { "ul" }, items.join("; "))
            }
            Block::Definitions(list) => {
                let list: Vec<_> =
                    list.iter().map(|(term, it)| format!("{}={}", plain(term), told(it))).collect();
                format!("dl({})", list.join("; "))
            }
            Block::Literal { language, text } => format!("pre:{language}({text})"),
            Block::Example { title, blocks } => format!("ex[{}]({})", plain(title), told(blocks)),
            Block::Admonition { title, blocks } => format!("{title}({})", told(blocks)),
            Block::Quote(blocks) => format!("q({})", told(blocks)),
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    fn plain(spans: &[Inline]) -> String {
        spans.iter().map(Inline::plain).collect()
    }

    #[test]
    fn markup() {
        let rows = [
            ("one\ntwo\n\nthree", "p(one two) p(three)"),
            ("- a\n  b\n- c\n\nd", "ul(p(a b); p(c)) p(d)"),
            ("- a\n\n  - b\n  - c", "ul(p(a) ul(p(b); p(c)))"),
            ("1. a\n2. b\n\n#. c", "ol(p(a); p(b); p(c))"),
            ("2020. was long ago", "p(2020. was long ago)"),
            ("term\n  meaning\n\nother\n  more", "dl(term=p(meaning); other=p(more))"),
            ("so::\n\n  lit\n\n    deep\n\nend", "p(so:) pre:(lit\n\n  deep) p(end)"),
            ("::\n\n  lit", "pre:(lit)"),
            (".. note:: careful\n   here\n\nafter", "Note(p(careful here)) p(after)"),
            (".. admonition:: Notes\n\n   1. a\n   2. b", "Notes(ol(p(a); p(b)))"),
            (".. qmp-example::\n\n   -> a\n   <- b", "ex[](pre:qmp(-> a\n<- b))"),
            (".. qmp-example::\n   :title: T\n\n   -> a", "ex[T](pre:qmp(-> a))"),
            (
                ".. qmp-example::\n   :annotated:\n\n   Text::\n\n     -> a\n\n   More.",
                "ex[](p(Text:) pre:(-> a) p(More.))",
            ),
            (".. code-block:: JSON\n\n   {}", "pre:json({})"),
            (".. _label:\n\ntext", "p(text)"),
            (".. a comment\n   still\n\ntext", "p(text)"),
            ("= One\n\n== Two", "h1(One) h2(Two)"),
            ("Title\n*****\n\ntext", "h1(Title) p(text)"),
            ("a\n\n   quoted\n\nb", "p(a) q(p(quoted)) p(b)"),
            (".. strange:: text", "q(p(text))"),
        ];
        for (text, expected) in rows {
            assert_eq!(told(&blocks(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn sections() {
        let rows = [
            ("first\n    second", "p(first second)"),
            ("    - a\n      b\n    - c", "ul(p(a b); p(c))"),
            ("first:\n\n    - a\n    - b", "p(first:) ul(p(a); p(b))"),
        ];
        for (text, expected) in rows {
            assert_eq!(told(&section(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = "- ".repeat(100_000);
        assert_eq!(blocks(&deep).len(), 1);
        let text: String = (0..500).map(|n| format!("{}- x\n\n", " ".repeat(n * 2))).collect();
        assert!(!blocks(&text).is_empty());
    }
}
