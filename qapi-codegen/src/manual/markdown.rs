//! The manual as Markdown (CommonMark with tables left out, so that it reads well as text, too).

use super::content::{Badge, Entry, Manual, Part, Row, Table};
use super::inline::Inline;
use super::markup::Block;

/// The whole page.
pub(crate) fn page(manual: &Manual) -> String {
    let mut page = Page { manual, lines: vec![format!("# {}", escape(&manual.title))] };
    page.index();
    for chapter in &manual.chapters {
        page.anchor(&chapter.anchor);
        let title = page.spans(&chapter.title);
        page.line(format!("## {title}"));
        for part in &chapter.parts {
            match part {
                Part::Prose(blocks) => page.blocks(blocks, ""),
                Part::Entry(entry) => page.entry(entry),
            }
        }
    }
    let mut text = page.lines.join("\n");
    text.push('\n');
    text
}

struct Page<'m> {
    manual: &'m Manual,
    lines: Vec<String>,
}

impl Page<'_> {
    /// A line on its own, apart from what is before it.
    fn line(&mut self, text: impl Into<String>) {
        self.lines.push(String::new());
        self.lines.push(text.into());
    }

    fn anchor(&mut self, anchor: &str) {
        self.line(format!("<a id=\"{anchor}\"></a>"));
    }

    fn index(&mut self) {
        self.lines.push(String::new());
        for chapter in &self.manual.chapters {
            let title = self.spans(&chapter.title);
            self.lines.push(format!("- [{title}](#{})", chapter.anchor));
            for entry in chapter.parts.iter().filter_map(Part::entry) {
                let summary = self.spans(&entry.summary);
                let text = if summary.is_empty() { String::new() } else { format!(": {summary}") };
                self.lines.push(format!("  - [`{}`](#{}){text}", entry.name, entry.anchor));
            }
        }
    }

    fn entry(&mut self, entry: &Entry) {
        self.anchor(&entry.anchor);
        let badges = badges(&entry.badges);
        self.line(format!("### `{}` ({}{badges})", entry.name, entry.meta));
        if let Some(cond) = &entry.cond {
            self.line(format!("If `{cond}`."));
        }
        self.blocks(&entry.body, "");
        for table in &entry.tables {
            self.table(table);
        }
        if let Some(returns) = &entry.returns {
            let ty = self.spans(&returns.ty);
            self.line(format!("**Returns:** {ty}"));
            self.blocks(&returns.text, "");
        }
        if !entry.errors.is_empty() {
            self.line("**Errors:**");
            self.blocks(&entry.errors, "");
        }
        if !entry.features.is_empty() {
            self.line("**Features:**");
            self.lines.push(String::new());
            for (name, text) in &entry.features {
                self.item(&format!("- `{name}`"), text, "  ");
            }
        }
        if !entry.phases.is_empty() {
            let permitted = entry.phases.iter().filter(|(_, permitted)| *permitted);
            let permitted: Vec<_> = permitted.map(|(name, _)| format!("`{name}`")).collect();
            let all = permitted.len() == entry.phases.len();
            let phases = if all { "every phase".into() } else { permitted.join(", ") };
            self.line(format!("**Permitted in:** {phases}"));
        }
        if let Some(since) = &entry.since {
            self.line(format!("**Since:** {}", escape(since)));
        }
        self.blocks(&entry.rest, "");
        if !entry.used_by.is_empty() {
            let name = |name: &String| self.span(&Inline::Name(name.clone()));
            let users: Vec<_> = entry.used_by.iter().map(name).collect();
            self.line(format!("**Used by:** {}", users.join(", ")));
        }
    }

    fn table(&mut self, table: &Table) {
        self.line(format!("**{}:**", table.title));
        if !table.note.is_empty() {
            let note = self.spans(&table.note);
            self.line(format!("{note}:"));
        }
        self.lines.push(String::new());
        for row in &table.rows {
            let head = self.head(row);
            self.item(&head, &row.text, "  ");
        }
    }

    /// The line of a member, value or branch before its description.
    fn head(&self, row: &Row) -> String {
        let mut facts = Vec::new();
        if !row.ty.is_empty() {
            facts.push(self.spans(&row.ty));
        }
        if row.optional {
            facts.push("optional".into());
        }
        facts.extend(row.badges.iter().map(|badge| badge.text().to_owned()));
        facts.extend(row.cond.iter().map(|cond| format!("if `{cond}`")));
        let from = row.from.iter().map(|from| self.span(&Inline::Name(from.clone())));
        facts.extend(from.map(|from| format!("from {from}")));
        let facts =
            if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
        format!("- `{}`{facts}", row.name)
    }

    /// An item of a list: a head, then blocks, the first paragraph on the head's line.
    fn item(&mut self, head: &str, blocks: &[Block], indent: &str) {
        match blocks.split_first() {
            Some((Block::Paragraph(spans), rest)) => {
                let text = self.spans(spans);
                self.lines.push(format!("{head}: {text}"));
                self.blocks(rest, indent);
            }
            _ => {
                self.lines.push(head.to_owned());
                self.blocks(blocks, indent);
            }
        }
    }

    fn blocks(&mut self, blocks: &[Block], indent: &str) {
        for block in blocks {
            self.block(block, indent);
        }
    }

    fn block(&mut self, block: &Block, indent: &str) {
        match block {
            Block::Paragraph(spans) => {
                let text = self.spans(spans);
                self.line(format!("{indent}{text}"));
            }
            Block::Heading(level, spans) => {
                let text = self.spans(spans);
                self.line(format!("{indent}{} {text}", "#".repeat((level + 2).min(6))));
            }
            Block::List { ordered, items } => {
                self.lines.push(String::new());
                for (number, item) in (1..).zip(items) {
                    let marker = if *ordered { format!("{number}.") } else { "-".to_owned() };
                    let inner = format!("{indent}{}", " ".repeat(marker.len() + 1));
                    match item.split_first() {
                        Some((Block::Paragraph(spans), rest)) => {
                            let text = self.spans(spans);
                            self.lines.push(format!("{indent}{marker} {text}"));
                            self.blocks(rest, &inner);
                        }
                        _ => {
                            self.lines.push(format!("{indent}{marker}"));
                            self.blocks(item, &inner);
                        }
                    }
                }
            }
            Block::Definitions(list) => {
                self.lines.push(String::new());
                for (term, meaning) in list {
                    let head = format!("{indent}- {}", self.spans(term));
                    self.item(&head, meaning, &format!("{indent}  "));
                }
            }
            Block::Literal { language, text } => {
                // A fence longer than any in the text.
                let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
                let fence = "`".repeat(longest.max(2) + 1);
                let language = if language == "qmp" { "" } else { language };
                self.line(format!("{indent}{fence}{language}"));
                self.lines.extend(text.lines().map(|line| format!("{indent}{line}")));
                self.lines.push(format!("{indent}{fence}"));
            }
            Block::Example { title, blocks } => {
                let title = self.spans(title);
                let colon = if title.is_empty() { "" } else { ": " };
                self.line(format!("{indent}**Example{colon}{title}**"));
                self.blocks(blocks, indent);
            }
            Block::Admonition { title, blocks } => {
                self.line(format!("{indent}> **{}**", escape(title)));
                self.lines.push(format!("{indent}>"));
                self.quoted(blocks, indent);
            }
            Block::Quote(blocks) => {
                self.lines.push(String::new());
                self.quoted(blocks, indent);
            }
        }
    }

    fn quoted(&mut self, blocks: &[Block], indent: &str) {
        let mut inner = Page { manual: self.manual, lines: Vec::new() };
        inner.blocks(blocks, "");
        let lines = inner.lines.iter().skip_while(|line| line.is_empty());
        let lines: Vec<_> =
            lines.map(|line| format!("{indent}> {line}").trim_end().to_owned()).collect();
        self.lines.extend(lines);
    }

    fn spans(&self, spans: &[Inline]) -> String {
        spans.iter().map(|span| self.span(span)).collect()
    }

    fn span(&self, span: &Inline) -> String {
        match span {
            Inline::Text(text) => escape(text),
            Inline::Emphasis(text) => format!("*{}*", escape(text)),
            Inline::Strong(text) => format!("**{}**", escape(text)),
            Inline::Code(text) | Inline::Name(text) => match self.manual.anchors.get(text) {
                Some(anchor) => format!("[`{text}`](#{anchor})"),
                None => format!("`{text}`"),
            },
            Inline::Link { text, url } if text == url => format!("<{url}>"),
            Inline::Link { text, url } => format!("[{}]({url})", escape(text)),
        }
    }
}

fn badges(badges: &[Badge]) -> String {
    badges.iter().map(|badge| format!(", {}", badge.text())).collect()
}

/// Text in which Markdown finds nothing of its own.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#' | '|') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
