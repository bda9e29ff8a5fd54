//! The manual as HTML: one page with its style and script inside.
//!
//! The page reads well without the script, which only filters, remembers the choice of light or
//! dark, and opens the index.

use std::fmt::Write;

use super::content::{Badge, Chapter, Entry, Manual, Part, Row, Table};
use super::inline::Inline;
use super::markup::Block;

/// The whole page.
pub(crate) fn page(manual: &Manual) -> String {
    let mut page = Page { manual, out: String::with_capacity(1 << 16) };
    page.document();
    page.out
}

struct Page<'m> {
    manual: &'m Manual,
    out: String,
}

/// Writes to the page; writing to a string cannot fail.
macro_rules! put {
    ($page:expr, $($format:tt)*) => {
        let _ = write!($page.out, $($format)*);
    };
}

impl Page<'_> {
    fn document(&mut self) {
        let manual = self.manual;
        let title = escape(&manual.title);
        put!(
            self,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
            include_str!("page.css")
        );
        put!(
            self,
            "<header class=\"bar\">\n<button id=\"menu\" type=\"button\" aria-label=\"Index\" \
             aria-controls=\"index\">☰</button>\n<h1><a href=\"#top\">{title}</a></h1>\n\
             <input id=\"search\" type=\"search\" placeholder=\"Search (press /)\" \
             aria-label=\"Search\" autocomplete=\"off\" spellcheck=\"false\">\n\
             <select id=\"kind\" aria-label=\"Show\"><option value=\"\">everything</option>\
             <option value=\"command\">commands</option><option value=\"event\">events</option>\
             <option value=\"type\">types</option></select>\n\
             <button id=\"theme\" type=\"button\" aria-label=\"Light or dark\">◐</button>\n\
             </header>\n"
        );
        self.index();
        put!(self, "<main id=\"top\">\n<p id=\"found\" role=\"status\"></p>\n");
        for chapter in &manual.chapters {
            self.chapter(chapter);
        }
        put!(self, "</main>\n<script>\n{}</script>\n</body>\n</html>\n", include_str!("page.js"));
    }

    /// The index: by file, with a mark for the kind of each entry.
    fn index(&mut self) {
        put!(self, "<nav id=\"index\" aria-label=\"Index\">\n");
        for chapter in &self.manual.chapters {
            put!(self, "<details open>\n<summary><a href=\"#{}\">", escape(&chapter.anchor));
            self.spans(&chapter.title);
            put!(self, "</a></summary>\n<ul>\n");
            for entry in chapter.parts.iter().filter_map(Part::entry) {
                let (anchor, name) = (escape(&entry.anchor), escape(&entry.name));
                let kind = group(entry);
                put!(
                    self,
                    "<li><a class=\"{kind}\" href=\"#{anchor}\" title=\"{}\">{name}</a></li>\n",
                    entry.meta
                );
            }
            put!(self, "</ul>\n</details>\n");
        }
        put!(self, "</nav>\n");
    }

    fn chapter(&mut self, chapter: &Chapter) {
        put!(self, "<section class=\"chapter\" id=\"{}\">\n<h2>", escape(&chapter.anchor));
        self.spans(&chapter.title);
        put!(self, " <small>{}</small></h2>\n", escape(&chapter.file));
        for part in &chapter.parts {
            match part {
                Part::Prose(blocks) => {
                    put!(self, "<div class=\"prose\">\n");
                    self.blocks(blocks);
                    put!(self, "</div>\n");
                }
                Part::Entry(entry) => self.entry(entry),
            }
        }
        put!(self, "</section>\n");
    }

    fn entry(&mut self, entry: &Entry) {
        let (anchor, name) = (escape(&entry.anchor), escape(&entry.name));
        // What a search for names looks at: the entry's own and those of its parts.
        let rows = entry.tables.iter().flat_map(|table| &table.rows);
        let keys: Vec<_> = rows.map(|row| row.name.as_str()).collect();
        put!(
            self,
            "<article id=\"{anchor}\" class=\"{}\" data-name=\"{name}\" data-keys=\"{}\">\n\
             <header><h3><a href=\"#{anchor}\">{name}</a></h3> <span class=\"meta\">{}</span>",
            group(entry),
            escape(&keys.join(" ")),
            entry.meta
        );
        self.badges(&entry.badges);
        if let Some(since) = &entry.since {
            put!(self, "<span class=\"since\">since {}</span>", escape(since));
        }
        put!(self, "</header>\n");
        self.cond(entry.cond.as_deref());
        self.blocks(&entry.body);
        for table in &entry.tables {
            self.table(table);
        }
        if let Some(returns) = &entry.returns {
            put!(self, "<h4>Returns</h4>\n<p class=\"type\">");
            self.spans(&returns.ty);
            put!(self, "</p>\n");
            self.blocks(&returns.text);
        }
        if !entry.errors.is_empty() {
            put!(self, "<h4>Errors</h4>\n");
            self.blocks(&entry.errors);
        }
        if !entry.features.is_empty() {
            put!(self, "<h4>Features</h4>\n<dl>\n");
            for (name, text) in &entry.features {
                put!(self, "<dt><code>{}</code></dt>\n<dd>", escape(name));
                self.blocks(text);
                put!(self, "</dd>\n");
            }
            put!(self, "</dl>\n");
        }
        self.phases(&entry.phases);
        self.blocks(&entry.rest);
        self.users(&entry.used_by);
        put!(self, "</article>\n");
    }

    fn phases(&mut self, phases: &[(String, bool)]) {
        if phases.is_empty() {
            return;
        }
        put!(self, "<h4>Permitted in</h4>\n<ul class=\"phases\">");
        for (name, permitted) in phases {
            let (class, word) = if *permitted { ("yes", "") } else { ("no", "not in ") };
            put!(
                self,
                "<li class=\"{class}\"><span class=\"spoken\">{word}</span>{}</li>",
                escape(name)
            );
        }
        put!(self, "</ul>\n");
    }

    /// Where it is used; a long list is folded up.
    fn users(&mut self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let open = if names.len() <= 8 { " open" } else { "" };
        put!(self, "<details class=\"users\"{open}><summary>Used by</summary><p>");
        for (index, name) in names.iter().enumerate() {
            put!(self, "{}", if index == 0 { "" } else { ", " });
            self.span(&Inline::Name(name.clone()));
        }
        put!(self, "</p></details>\n");
    }

    fn badges(&mut self, badges: &[Badge]) {
        for badge in badges {
            put!(self, " <span class=\"badge\">{}</span>", badge.text());
        }
    }

    fn cond(&mut self, cond: Option<&str>) {
        if let Some(cond) = cond {
            put!(self, "<p class=\"cond\">If <code>{}</code></p>\n", escape(cond));
        }
    }

    fn table(&mut self, table: &Table) {
        put!(self, "<h4>{}</h4>\n", table.title);
        if !table.note.is_empty() {
            put!(self, "<p>");
            self.spans(&table.note);
            put!(self, ":</p>\n");
        }
        put!(self, "<dl class=\"rows\">\n");
        for row in &table.rows {
            self.row(row);
        }
        put!(self, "</dl>\n");
    }

    fn row(&mut self, row: &Row) {
        put!(self, "<dt><code>{}</code>", escape(&row.name));
        if !row.ty.is_empty() {
            put!(self, " <span class=\"type\">");
            self.spans(&row.ty);
            put!(self, "</span>");
        }
        if row.optional {
            put!(self, " <span class=\"optional\">optional</span>");
        }
        self.badges(&row.badges);
        put!(self, "</dt>\n<dd>");
        self.cond(row.cond.as_deref());
        self.blocks(&row.text);
        if let Some(from) = &row.from {
            put!(self, "<p class=\"from\">from ");
            self.span(&Inline::Name(from.clone()));
            put!(self, "</p>");
        }
        put!(self, "</dd>\n");
    }

    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.block(block);
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(spans) => {
                put!(self, "<p>");
                self.spans(spans);
                put!(self, "</p>\n");
            }
            Block::Heading(level, spans) => {
                // Below the chapter's own heading.
                let level = (level + 2).min(5);
                put!(self, "<h{level} class=\"within\">");
                self.spans(spans);
                put!(self, "</h{level}>\n");
            }
            Block::List { ordered, items } => {
                let tag = if *ordered { "ol" } else { "ul" };
                put!(self, "<{tag}>\n");
                for item in items {
                    put!(self, "<li>");
                    self.tight(item);
                    put!(self, "</li>\n");
                }
                put!(self, "</{tag}>\n");
            }
            Block::Definitions(list) => {
                put!(self, "<dl>\n");
                for (term, meaning) in list {
                    put!(self, "<dt>");
                    self.spans(term);
                    put!(self, "</dt>\n<dd>");
                    self.blocks(meaning);
                    put!(self, "</dd>\n");
                }
                put!(self, "</dl>\n");
            }
            Block::Literal { text, .. } => self.literal(text),
            Block::Example { title, blocks } => {
                put!(self, "<h4>Example");
                if !title.is_empty() {
                    put!(self, ": ");
                    self.spans(title);
                }
                put!(self, "</h4>\n");
                self.blocks(blocks);
            }
            Block::Admonition { title, blocks } => {
                put!(self, "<aside><strong>{}</strong>\n", escape(title));
                self.blocks(blocks);
                put!(self, "</aside>\n");
            }
            Block::Quote(blocks) => {
                put!(self, "<blockquote>\n");
                self.blocks(blocks);
                put!(self, "</blockquote>\n");
            }
        }
    }

    /// An item's blocks; a single paragraph needs no element of its own.
    fn tight(&mut self, blocks: &[Block]) {
        match blocks.split_first() {
            Some((Block::Paragraph(spans), rest)) => {
                self.spans(spans);
                self.blocks(rest);
            }
            _ => self.blocks(blocks),
        }
    }

    /// Text as it is; the arrows of conversations are marked.
    fn literal(&mut self, text: &str) {
        put!(self, "<pre>");
        for line in text.lines() {
            let arrow = [("->", "sent"), ("<-", "answered")]
                .into_iter()
                .find(|(arrow, _)| line.starts_with(arrow));
            match arrow {
                Some((arrow, class)) => {
                    let rest = line.get(arrow.len()..).unwrap_or("");
                    let (arrow, rest) = (escape(arrow), escape(rest));
                    put!(self, "<b class=\"{class}\">{arrow}</b>{rest}\n");
                }
                None => {
                    put!(self, "{}\n", escape(line));
                }
            }
        }
        put!(self, "</pre>\n");
    }

    fn spans(&mut self, spans: &[Inline]) {
        for span in spans {
            self.span(span);
        }
    }

    fn span(&mut self, span: &Inline) {
        match span {
            Inline::Text(text) => {
                put!(self, "{}", escape(text));
            }
            Inline::Emphasis(text) => {
                put!(self, "<em>{}</em>", escape(text));
            }
            Inline::Strong(text) => {
                put!(self, "<strong>{}</strong>", escape(text));
            }
            Inline::Code(text) | Inline::Name(text) => {
                let shown = escape(text);
                match self.manual.anchors.get(text) {
                    Some(anchor) => {
                        put!(self, "<a href=\"#{}\"><code>{shown}</code></a>", escape(anchor));
                    }
                    None => {
                        put!(self, "<code>{shown}</code>");
                    }
                }
            }
            Inline::Link { text, url } => {
                put!(self, "<a href=\"{}\">{}</a>", escape(url), escape(text));
            }
        }
    }
}

/// What the filter by kind calls an entry.
fn group(entry: &Entry) -> &'static str {
    match entry.meta {
        "command" | "event" => entry.meta,
        _ => "type",
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
