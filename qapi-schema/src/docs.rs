//! Documentation comments: from lines to sections, with every rule about their shape.
//!
//! Whether a comment fits what it documents is not decided here: `parse.rs` sees to its place,
//! `definitions.rs` to its name, `document.rs` to its members.

use std::collections::HashMap;

use crate::diagnostics::Diagnostic;
use crate::error::Problem;
use crate::explain::is_space;
use crate::model::{SectionKind, Span};
use crate::source::Place;
use crate::syntax::RawDoc;

/// Boxed, because every line can end in an error.
pub(crate) type DocResult<T> = Result<T, Box<Diagnostic>>;

/// A documentation comment by section.
#[derive(Clone, Debug)]
pub(crate) struct DocComment {
    /// What it documents; `None` for free-form documentation.
    pub(crate) symbol: Option<String>,
    /// Its opening line.
    pub(crate) span: Span,
    /// Never empty: the first section is the (perhaps empty) text before all others.
    pub(crate) sections: Vec<Section>,
    /// The first section of each kind but plain.
    index: HashMap<SectionKind, usize>,
}

/// One section of a documentation comment.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) kind: SectionKind,
    pub(crate) text: String,
    /// Its first line.
    pub(crate) span: Span,
}

impl Section {
    fn new(kind: SectionKind, span: Span) -> Self {
        Self { kind, text: String::new(), span }
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

impl DocComment {
    fn new(symbol: Option<String>, span: Span, first: Span) -> Self {
        let sections = vec![Section::new(SectionKind::Plain, first)];
        Self { symbol, span, sections, index: HashMap::new() }
    }

    /// The first section of a kind other than plain.
    pub(crate) fn section(&self, kind: &SectionKind) -> Option<&Section> {
        self.index.get(kind).and_then(|index| self.sections.get(*index))
    }

    fn last(&mut self) -> Option<&mut Section> {
        self.sections.last_mut()
    }

    fn push(&mut self, line: &str) {
        if let Some(section) = self.last() {
            section.push(line);
        }
    }

    /// Adds text to the current paragraphs, or begins new ones after another section.
    fn begin_plain(&mut self, span: Span) {
        match self.last() {
            Some(section) if section.kind == SectionKind::Plain => {
                if section.text.is_empty() {
                    section.span = span;
                }
                section.push("");
            }
            _ => self.sections.push(Section::new(SectionKind::Plain, span)),
        }
    }

    fn begin(&mut self, kind: SectionKind, span: Span) -> DocResult<()> {
        let repeated = self.section(&kind).is_some();
        let problem = match &kind {
            SectionKind::Member(name) | SectionKind::Feature(name) if name.is_empty() => {
                Some(Problem::DocUnnamedMember)
            }
            SectionKind::Member(name) | SectionKind::Feature(name) if repeated => {
                Some(Problem::DocRepeatedMember(name.clone()))
            }
            SectionKind::Returns | SectionKind::Errors | SectionKind::Since if repeated => {
                Some(Problem::DocRepeatedSection(tag(&kind)))
            }
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(Diagnostic::semantic(problem, Place::start(span), span).into());
        }
        self.index.entry(kind.clone()).or_insert(self.sections.len());
        self.sections.push(Section::new(kind, span));
        Ok(())
    }

    /// Trims the sections and insists on their having text.
    pub(crate) fn finish(&mut self) -> DocResult<()> {
        for section in &mut self.sections {
            section.text = section.text.trim_matches('\n').to_owned();
        }
        let empty = self
            .sections
            .iter()
            .find(|section| section.kind != SectionKind::Plain && section.text.is_empty());
        match empty {
            Some(section) => Err(Diagnostic::semantic(
                Problem::DocEmptySection(tag(&section.kind)),
                Place::start(section.span),
                section.span,
            )
            .into()),
            None => Ok(()),
        }
    }
}

/// The word that messages and dumps use for a kind of section.
pub(crate) fn tag(kind: &SectionKind) -> &'static str {
    match kind {
        SectionKind::Plain => "Plain",
        SectionKind::Member(_) => "Member",
        SectionKind::Feature(_) => "Feature",
        SectionKind::Returns => "Returns",
        SectionKind::Errors => "Errors",
        SectionKind::Since => "Since",
        SectionKind::Todo => "Todo",
    }
}

/// Reads a documentation comment. `after` is the place of the token that follows its last line.
pub(crate) fn parse(raw: &RawDoc, text: &str, after: Place) -> DocResult<DocComment> {
    let mut reader = Reader { raw, text, after, index: 0 };
    let opening = reader.span();
    if reader.source() != "##" {
        return Err(reader.error(Problem::DocJunkAtStart));
    }
    let line = reader.advance()?;
    match line.and_then(|line| line.strip_prefix('@')) {
        Some(symbol) => reader.definition(symbol, opening),
        None => reader.free_form(line, opening),
    }
}

/// Goes through the lines of a comment.
struct Reader<'t> {
    raw: &'t RawDoc,
    text: &'t str,
    after: Place,
    index: usize,
}

/// The current line; `None` at the closing one.
type Line<'t> = Option<&'t str>;

impl<'t> Reader<'t> {
    /// The whole current line; behind the last one an empty span.
    fn span(&self) -> Span {
        self.raw.lines.get(self.index).copied().unwrap_or_else(|| self.after.span(0))
    }

    fn source(&self) -> &'t str {
        self.text.get(self.span().start..self.span().end).unwrap_or("")
    }

    fn error(&self, problem: Problem) -> Box<Diagnostic> {
        Diagnostic::syntax(problem, self.span()).into()
    }

    /// Steps to the next line and returns its text.
    fn advance(&mut self) -> DocResult<Line<'t>> {
        self.index += 1;
        let source = self.source();
        if self.index >= self.raw.lines.len() {
            Err(self.error(Problem::DocUnterminated))
        } else if self.raw.closed && self.index + 1 == self.raw.lines.len() {
            if source == "##" { Ok(None) } else { Err(self.error(Problem::DocJunkAtEnd)) }
        } else if source == "#" {
            Ok(Some(""))
        } else {
            let text = source.strip_prefix("# ");
            let text = text.ok_or_else(|| self.error(Problem::DocMissingSpace))?;
            Ok(Some(text.trim_end_matches(is_space)))
        }
    }

    fn skip_blank(&mut self, mut line: Line<'t>) -> DocResult<Line<'t>> {
        while line == Some("") {
            line = self.advance()?;
        }
        Ok(line)
    }

    fn free_form(mut self, first: Line<'t>, span: Span) -> DocResult<DocComment> {
        let mut doc = DocComment::new(None, span, self.span());
        let mut line = first;
        let mut is_first = true;
        while let Some(text) = line {
            if let Some((name, _)) = member(text) {
                return Err(self.error(Problem::DocMemberInFreeForm(name.to_owned())));
            }
            if text.starts_with('=') && !is_first {
                return Err(self.error(Problem::DocLateHeading));
            }
            doc.push(text);
            line = self.advance()?;
            is_first = false;
        }
        Ok(doc)
    }

    fn definition(mut self, symbol: &str, span: Span) -> DocResult<DocComment> {
        let symbol =
            symbol.strip_suffix(':').ok_or_else(|| self.error(Problem::DocSymbolWithoutColon))?;
        if symbol.is_empty() {
            return Err(self.error(Problem::DocSymbolEmpty));
        }
        let mut doc = DocComment::new(Some(symbol.to_owned()), span, self.span());
        let mut line = self.advance()?;
        let mut members_allowed = true;
        loop {
            line = self.skip_blank(line)?;
            let Some(text) = line else { return Ok(doc) };
            if text == "Features:" {
                line = self.features(&mut doc)?;
                members_allowed = false;
            } else if let Some((name, _)) = member(text) {
                if !members_allowed {
                    return Err(self.error(Problem::DocLateMember(name.to_owned())));
                }
                line = self.descriptions(&mut doc, line, SectionKind::Member)?;
                members_allowed = false;
            } else if let Some((kind, rest)) = self.tagged(text)? {
                doc.begin(kind, self.span())?;
                line = self.indented(&mut doc, rest)?;
                members_allowed = false;
            } else if text.starts_with('=') {
                return Err(self.error(Problem::DocHeadingInDefinition));
            } else {
                doc.begin_plain(self.span());
                doc.push(text);
                line = self.paragraph(&mut doc)?;
            }
        }
    }

    /// The rest of a paragraph, up to a blank line.
    fn paragraph(&mut self, doc: &mut DocComment) -> DocResult<Line<'t>> {
        loop {
            match self.advance()? {
                None => return Ok(None),
                Some("") => return Ok(Some("")),
                Some(text) => doc.push(text),
            }
        }
    }

    /// What follows a `Features:` line.
    fn features(&mut self, doc: &mut DocComment) -> DocResult<Line<'t>> {
        let is_feature = |section: &Section| matches!(section.kind, SectionKind::Feature(_));
        if doc.sections.iter().any(is_feature) {
            return Err(self.error(Problem::DocRepeatedFeatures));
        }
        let line = self.advance()?;
        let line = self.skip_blank(line)?;
        let line = self.descriptions(doc, line, SectionKind::Feature)?;
        if doc.sections.iter().any(is_feature) {
            Ok(line)
        } else {
            Err(self.error(Problem::DocNoFeatures))
        }
    }

    /// A run of `@name: text`.
    fn descriptions(
        &mut self,
        doc: &mut DocComment,
        mut line: Line<'t>,
        kind: fn(String) -> SectionKind,
    ) -> DocResult<Line<'t>> {
        while let Some((name, text)) = line.and_then(member) {
            doc.begin(kind(name.to_owned()), self.span())?;
            line = self.indented(doc, text)?;
        }
        Ok(line)
    }

    /// The text of a description or tagged section: the rest of its line, then an indented block.
    fn indented(&mut self, doc: &mut DocComment, rest: &str) -> DocResult<Line<'t>> {
        if !rest.is_empty() {
            doc.push(rest);
        }
        let mut line = self.advance()?;
        while line == Some("") {
            doc.push("");
            line = self.advance()?;
        }
        let Some(first) = line else { return Ok(None) };
        let indent = indentation(first);
        if indent == 0 {
            return Ok(line);
        }
        doc.push(first);
        // The reference means to tolerate a shallower line only after a blank one, but tolerates
        // it after any second line. Schemas rely on it.
        let mut tolerant = false;
        loop {
            let line = self.advance()?;
            let Some(text) = line else { return Ok(None) };
            if member(text).is_some() {
                return Ok(line);
            }
            if !text.is_empty() && indentation(text) < indent {
                if tolerant {
                    return Ok(line);
                }
                return Err(self.error(Problem::DocDeindent(indent)));
            }
            doc.push(text);
            tolerant = true;
        }
    }

    /// A line that begins a tagged section, with the rest of its text.
    fn tagged(&self, line: &'t str) -> DocResult<Option<(SectionKind, &'t str)>> {
        let Some((word, rest)) = line.split_once(':') else { return Ok(None) };
        if rest.starts_with(':') {
            return Ok(None);
        }
        let kind = match word {
            "Returns" => SectionKind::Returns,
            "Errors" => SectionKind::Errors,
            "Since" => SectionKind::Since,
            "TODO" => SectionKind::Todo,
            "Note" | "Notes" => return Err(self.error(Problem::DocNote(word.to_owned()))),
            "Example" | "Examples" => {
                return Err(self.error(Problem::DocExample(word.to_owned())));
            }
            _ => return Ok(None),
        };
        Ok(Some((kind, rest.trim_start_matches(' '))))
    }
}

/// Splits a line `@name: text`.
fn member(line: &str) -> Option<(&str, &str)> {
    let (name, text) = line.strip_prefix('@')?.split_once(':')?;
    Some((name, text.trim_start_matches(' ')))
}

/// The number of blanks before the text.
fn indentation(line: &str) -> usize {
    line.chars().take_while(|character| is_space(*character)).count()
}
