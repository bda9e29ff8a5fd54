//! Rust as text, in the layout that rustfmt gives it.
//!
//! Emitters know what they write: items, fields, arms, calls, a dozen forms in all. So they write
//! finished lines, and what may get too long goes through one of the forms below, each of which
//! breaks as rustfmt does by default. Tokens that are parsed and laid out by a general printer cost
//! twenty times as much on a schema like QEMU's (1 s against 50 ms) and still need blank
//! lines put in afterwards.

use std::fmt::Write;

/// Where lines break.
const WIDTH: usize = 100;
/// The widest argument list or array that stays on one line.
const SHORT: usize = 60;
/// The widest fields of a struct literal that stay on one line.
const SMALL: usize = 18;
/// Literals in an array up to this width share lines.
const TINY: usize = 10;
/// The widest attribute arguments that stay on one line.
const ATTRIBUTE: usize = 70;

/// A piece of Rust being written.
#[derive(Debug, Default)]
pub(crate) struct Code {
    text: String,
    depth: usize,
    /// Whether `impl` blocks are left out: for readers who want declarations only.
    declarations_only: bool,
}

impl Code {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One in which [`Code::implement`] does nothing.
    pub(crate) fn declarations_only() -> Self {
        Self { declarations_only: true, ..Self::default() }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// A line; nothing for an empty one.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if !line.is_empty() {
            self.indent();
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn indent(&mut self) {
        self.text.extend(std::iter::repeat_n("    ", self.depth));
    }

    /// A blank line, except where a block or the file begins.
    pub(crate) fn gap(&mut self) {
        let begins = self.text.is_empty() || self.text.ends_with("{\n");
        if !begins && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A block: `head {`, what `body` writes, `}` and the tail.
    pub(crate) fn block(&mut self, head: &str, tail: &str, body: impl FnOnce(&mut Self)) {
        self.indent();
        self.text.push_str(head);
        self.text.push_str(" {\n");
        let start = self.text.len();
        self.depth += 1;
        body(self);
        self.depth -= 1;
        if self.text.len() == start && tail.is_empty() {
            self.text.truncate(start - 1);
        } else {
            self.indent();
        }
        self.text.push('}');
        self.text.push_str(tail);
        self.text.push('\n');
    }

    /// An `impl` block or what stands for one, with a blank line before it.
    pub(crate) fn implement(
        &mut self,
        attribute: Option<&str>,
        head: &str,
        body: impl FnOnce(&mut Self),
    ) {
        if !self.declarations_only {
            self.gap();
            self.attribute(attribute);
            self.block(head, "", body);
        }
    }

    /// The same on one line.
    pub(crate) fn implement_line(&mut self, attribute: Option<&str>, line: impl AsRef<str>) {
        if !self.declarations_only {
            self.gap();
            self.attribute(attribute);
            self.line(line);
        }
    }

    /// Lines one level deeper.
    pub(crate) fn indented(&mut self, body: impl FnOnce(&mut Self)) {
        self.depth += 1;
        body(self);
        self.depth -= 1;
    }

    /// A documentation comment.
    pub(crate) fn docs<S: AsRef<str>>(&mut self, paragraphs: impl IntoIterator<Item = S>) {
        let mut first = true;
        for paragraph in paragraphs {
            let paragraph = paragraph.as_ref().trim_matches('\n');
            if paragraph.trim().is_empty() {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.line("///");
            }
            for line in paragraph.lines() {
                self.line(format!("/// {line}").trim_end());
            }
        }
    }

    /// A function's head with its parameters, and what follows them: `;` or ` {`.
    pub(crate) fn signature(&mut self, head: &str, parameters: &[String], tail: &str) {
        let inside = parameters.join(", ");
        if self.depth * 4 + head.len() + inside.len() + tail.len() + 2 == WIDTH
            && let Some((result, "")) = tail.rsplit_once(';')
        {
            // What rustfmt makes of a declaration that would just fit.
            self.line(format!("{head}({inside})"));
            return self.line(format!("{};", result.trim_start()));
        }
        self.list(head, "(", parameters, ")", tail, WIDTH);
    }

    /// A call as a statement.
    pub(crate) fn call(&mut self, head: &str, arguments: &[String], tail: &str) {
        self.list(head, "(", arguments, ")", tail, SHORT);
    }

    /// A struct literal.
    pub(crate) fn literal(&mut self, head: &str, fields: &[String]) {
        let one = format!("{head} {{ {} }}", fields.join(", "));
        if fields.iter().map(|field| field.len() + 2).sum::<usize>() <= SMALL + 2 {
            return self.line(one);
        }
        self.block(head, "", |code| fields.iter().for_each(|field| code.line(format!("{field},"))));
    }

    /// An array of elements, each perhaps with an attribute on a line of its own.
    pub(crate) fn array(&mut self, head: &str, elements: &[(Option<String>, String)], tail: &str) {
        let plain: Vec<String> = elements.iter().map(|(_, element)| element.clone()).collect();
        if elements.iter().any(|(attribute, _)| attribute.is_some()) {
            self.line(format!("{head}["));
            self.depth += 1;
            for (attribute, element) in elements {
                self.attribute(attribute.as_deref());
                self.line(format!("{element},"));
            }
            self.depth -= 1;
            return self.line(format!("]{tail}"));
        }
        let fits = self.fits(head, &plain, tail, SHORT);
        let inside = plain.join(", ");
        if let (false, true, Some((head, open))) =
            (fits, inside.len() <= SHORT, head.rsplit_once(" = "))
        {
            self.line(format!("{head} ="));
            return self.indented(|code| code.line(format!("{open}[{inside}]{tail}")));
        }
        if !fits && plain.iter().all(|word| word.len() <= TINY && word.starts_with('"')) {
            self.line(format!("{head}["));
            self.depth += 1;
            self.fill(&plain);
            self.depth -= 1;
            return self.line(format!("]{tail}"));
        }
        self.list(head, "[", &plain, "]", tail, SHORT);
    }

    /// `use` of several names of one module.
    pub(crate) fn import(&mut self, path: &str, names: &[String]) {
        if let [name] = names {
            return self.line(format!("use {path}::{name};"));
        }
        let one = format!("use {path}::{{{}}};", names.join(", "));
        if self.depth * 4 + one.len() <= WIDTH {
            return self.line(one);
        }
        self.line(format!("use {path}::{{"));
        self.depth += 1;
        self.fill(names);
        self.depth -= 1;
        self.line("};");
    }

    /// As many on a line as fit, with commas.
    fn fill(&mut self, words: &[String]) {
        let room = WIDTH - self.depth * 4;
        let mut line = String::new();
        for word in words {
            if !line.is_empty() && line.len() + word.len() + 2 > room {
                self.line(std::mem::take(&mut line));
            }
            let space = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{space}{word},");
        }
        self.line(line);
    }

    fn list(
        &mut self,
        head: &str,
        open: &str,
        parts: &[String],
        close: &str,
        tail: &str,
        room: usize,
    ) {
        if self.fits(head, parts, tail, room) {
            return self.line(format!("{head}{open}{}{close}{tail}", parts.join(", ")));
        }
        self.line(format!("{head}{open}"));
        self.depth += 1;
        parts.iter().for_each(|part| self.line(format!("{part},")));
        self.depth -= 1;
        self.line(format!("{close}{tail}"));
    }

    fn fits(&self, head: &str, parts: &[String], tail: &str, room: usize) -> bool {
        let inside = parts.iter().map(|part| part.len() + 2).sum::<usize>().saturating_sub(2);
        inside <= room && self.depth * 4 + head.len() + inside + tail.len() + 2 <= WIDTH
    }

    /// An item without a body and with bounds: on one line, or one bound a line.
    pub(crate) fn bounded(&mut self, one: &str, head: &str, bounds: &[&str]) {
        if one.len() <= WIDTH {
            return self.line(one);
        }
        self.line(head);
        self.indented(|code| {
            for (index, bound) in bounds.iter().enumerate() {
                match head.ends_with("where") {
                    true if index == 0 => code.line(format!("T: {bound}")),
                    true => code.indented(|code| code.line(format!("+ {bound}"))),
                    false if index == 0 => code.line(bound),
                    false => code.line(format!("+ {bound}")),
                }
            }
        });
        self.line("{");
        self.line("}");
    }

    /// A call on a value.
    pub(crate) fn chain(&mut self, value: &str, call: &str, tail: &str) {
        // A chain that would just fit is broken, too.
        if self.depth * 4 + value.len() + call.len() + tail.len() < WIDTH {
            return self.line(format!("{value}{call}{tail}"));
        }
        self.line(value);
        self.indented(|code| code.line(format!("{call}{tail}")));
    }

    /// An arm of a `match`.
    pub(crate) fn arm(&mut self, pattern: &str, body: &str) {
        if body == "{}" {
            self.line(format!("{pattern} => {{}}"));
        } else if self.depth * 4 + pattern.len() + body.len() + 5 <= WIDTH {
            self.line(format!("{pattern} => {body},"));
        } else {
            self.block(&format!("{pattern} =>"), "", |code| code.line(body));
        }
    }

    /// An attribute, given with its brackets.
    pub(crate) fn attribute(&mut self, attribute: Option<&str>) {
        let Some(attribute) = attribute else { return };
        let arguments = attribute.strip_prefix("#[").and_then(|inner| {
            let (name, rest) = inner.split_once('(')?;
            Some((name, rest.strip_suffix(")]")?))
        });
        match arguments {
            Some((name, arguments)) if arguments.len() > ATTRIBUTE => {
                self.attribute_list(&format!("#[{name}"), arguments, "]");
            }
            _ => self.line(attribute),
        }
    }

    /// `head(arguments)tail` over several lines; a lone nested list opens on the same line.
    fn attribute_list(&mut self, head: &str, arguments: &str, tail: &str) {
        let parts = top_level(arguments);
        if let [only] = parts.as_slice()
            && let Some((name, rest)) = only.split_once('(')
            && let Some(inner) = rest.strip_suffix(')')
        {
            return self.attribute_list(&format!("{head}({name}"), inner, &format!("){tail}"));
        }
        self.line(format!("{head}("));
        self.depth += 1;
        let comma = if parts.len() > 1 { "," } else { "" };
        parts.iter().for_each(|part| self.line(format!("{part}{comma}")));
        self.depth -= 1;
        self.line(format!("){tail}"));
    }

    /// A line that ends in a text, which goes on over further lines where it is long.
    pub(crate) fn text(&mut self, head: &str, text: &str, tail: &str) {
        let literal = literal(text);
        let one = format!("{head}{literal}{tail}");
        if self.depth * 4 + one.len() <= WIDTH {
            return self.line(one);
        }
        let mut line = head.to_owned();
        let mut begun = false;
        for word in literal.split_inclusive(' ') {
            let room = WIDTH - self.depth * 4 - 1;
            if begun && line.len() + word.len() + tail.len() > room {
                self.line(format!("{line}\\"));
                line.clear();
                line.push_str(if head.starts_with('"') { "" } else { "      " });
            }
            line.push_str(word);
            begun = true;
        }
        self.line(format!("{line}{tail}"));
    }
}

/// A string literal.
pub(crate) fn literal(text: &str) -> String {
    format!("{text:?}")
}

/// The parts between commas that stand in no parentheses.
fn top_level(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in list.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    parts
}
