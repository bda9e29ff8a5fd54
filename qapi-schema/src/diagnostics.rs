//! What a failed load returns: the errors, and the files that were read.
//!
//! An error has two places. The exact one is for people and tools; the anchor, the start of the
//! definition or of the documentation section, is what the reference generator prints.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use crate::error::Problem;
use crate::model::Span;
use crate::render;
use crate::source::{Place, SourceMap};

/// How many errors are rendered for people.
const MAX_SHOWN: usize = 50;

/// How many errors are kept for tools. Only a file that is no schema has more.
const MAX_KEPT: usize = 1000;

/// One error.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// What is wrong.
    pub problem: Problem,
    /// The exact place; `None` only when the root cannot be read.
    pub span: Option<Span>,
    /// Other places that matter, each with what it is.
    pub related: Vec<(Span, String)>,
    /// Advice.
    pub help: Vec<String>,
    /// What probably should stand at `span`, ready to replace what stands there.
    pub suggestion: Option<String>,
    pub(crate) anchor: Option<Anchor>,
    pub(crate) definition: Option<Definition>,
    /// Where the reference places the previous definition of the same name.
    pub(crate) previous: Option<(Anchor, Option<Definition>)>,
}

/// The place of an error as the reference prints it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) place: Place,
    /// Lexical and syntax errors have a column, the others only a line.
    pub(crate) column: bool,
}

/// The definition to which an error belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) meta: &'static str,
    pub(crate) name: String,
}

impl Diagnostic {
    /// A lexical or syntax error.
    pub(crate) fn syntax(problem: Problem, span: Span) -> Self {
        let anchor = Anchor { place: Place::start(span), column: true };
        Self::new(problem, Some(span), Some(anchor))
    }

    /// An error that belongs to the line of `anchor`.
    pub(crate) fn semantic(problem: Problem, anchor: Place, span: Span) -> Self {
        Self::new(problem, Some(span), Some(Anchor { place: anchor, column: false }))
    }

    /// An error without a place.
    pub(crate) fn global(problem: Problem) -> Self {
        Self::new(problem, None, None)
    }

    fn new(problem: Problem, span: Option<Span>, anchor: Option<Anchor>) -> Self {
        Self {
            problem,
            span,
            related: Vec::new(),
            help: Vec::new(),
            suggestion: None,
            anchor,
            definition: None,
            previous: None,
        }
    }

    /// Says in which definition the error is.
    pub(crate) fn within(mut self, definition: Option<Definition>) -> Self {
        self.definition = definition;
        self
    }

    /// Adds a second place.
    pub(crate) fn relate(mut self, span: Option<Span>, label: impl Into<String>) -> Self {
        self.related.extend(span.map(|span| (span, label.into())));
        self
    }

    /// Says which name was probably meant: there is a `what` of that name. What stands at the
    /// span is then the wrong name in quotes.
    pub(crate) fn suggest(mut self, what: &str, name: Option<&str>) -> Self {
        self.suggestion = name.map(|name| format!("'{name}'"));
        self.advise(name.map(|name| format!("there is a {what} '{name}'")))
    }

    /// Adds advice.
    pub(crate) fn advise(mut self, help: Option<String>) -> Self {
        self.help.extend(help);
        self
    }
}

/// All errors of a schema in the order in which the reference would find them.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// How many errors there were before the list was cut.
    total: usize,
    sources: SourceMap,
}

impl Diagnostics {
    pub(crate) fn new(mut list: Vec<Diagnostic>, sources: SourceMap) -> Self {
        let total = list.len();
        list.truncate(MAX_KEPT);
        Self { list, total, sources }
    }

    /// The errors, at least one and at most a thousand.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// The files that were read, root first.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.sources.paths().map(Path::new)
    }

    /// The reference generator's text of the first error, without a newline at the end.
    pub fn qemu(&self) -> String {
        self.list.first().map_or_else(String::new, |first| self.reference_text(first))
    }

    fn reference_text(&self, diagnostic: &Diagnostic) -> String {
        let head = match diagnostic.anchor {
            Some(anchor) => self.location(anchor, diagnostic.definition.as_ref()),
            None => String::new(),
        };
        let tail = match &diagnostic.previous {
            Some((anchor, definition)) => {
                format!("\n{}previous definition", self.location(*anchor, definition.as_ref()))
            }
            None => String::new(),
        };
        format!("{head}{}{tail}", diagnostic.problem)
    }

    /// The include path, the definition and the place, ready for a message to follow.
    fn location(&self, anchor: Anchor, definition: Option<&Definition>) -> String {
        let Anchor { place, column } = anchor;
        let mut text = String::new();
        for include in self.sources.includers(place.file) {
            let (path, line) = (self.sources.path(include.file), self.sources.line(include));
            text.push_str(&format!("In file included from {path}:{line}:\n"));
        }
        let path = self.sources.path(place.file);
        if let Some(Definition { meta, name }) = definition.filter(|it| !it.name.is_empty()) {
            text.push_str(&format!("{path}: In {meta} '{name}':\n"));
        }
        text.push_str(&format!("{path}:{}:", self.sources.line(place)));
        if column {
            text.push_str(&format!("{}:", self.sources.column(place)));
        }
        text.push(' ');
        text
    }

    /// All errors and files for tools: `{ "errors": [...], "total": N, "files": [...] }`.
    ///
    /// An error has these members, and may get more:
    ///
    /// - `code`: one of [`Problem::CODES`]; `message`: the text, which may have two lines
    /// - `qemu`: what the reference prints of it, with its place
    /// - `definition`: `meta` and `name` of the definition it is in, or null
    /// - `place`: where it is; null only when the root cannot be read
    /// - `related`: further places, each with a `label`
    /// - `help`: advice, one text each
    /// - `suggestion`: what probably should stand at `place` instead, or null
    ///
    /// A place has `file`, `line`, `column`, `end-line`, `end-column` (lines and characters from
    /// 1, the end one past the last character), `start` and `end` (bytes from 0, newlines counted
    /// as one byte), and `included-from`: `file` and `line` of the include directives, outermost
    /// first. `total` counts the errors; only the first thousand are listed.
    pub fn json(&self) -> Value {
        let error = |diagnostic: &Diagnostic| {
            let related = diagnostic.related.iter().map(|(span, label)| {
                let mut place = self.place(*span);
                place["label"] = json!(label);
                place
            });
            json!({
                "code": diagnostic.problem.code(),
                "message": diagnostic.problem.to_string(),
                "qemu": self.reference_text(diagnostic),
                "definition": diagnostic
                    .definition
                    .as_ref()
                    .map(|it| json!({ "meta": it.meta, "name": it.name })),
                "place": diagnostic.span.map(|span| self.place(span)),
                "related": related.collect::<Vec<_>>(),
                "help": diagnostic.help,
                "suggestion": diagnostic.suggestion,
            })
        };
        json!({
            "errors": self.list.iter().map(error).collect::<Vec<_>>(),
            "total": self.total,
            "files": self.sources.paths().collect::<Vec<_>>(),
        })
    }

    fn place(&self, span: Span) -> Value {
        let place = Place::start(span);
        let end = Place { file: span.file, offset: span.end };
        let included = self.sources.includers(span.file).into_iter().map(
            |place| json!({ "file": self.sources.path(place.file), "line": self.sources.line(place) }),
        );
        json!({
            "file": self.sources.path(span.file),
            "line": self.sources.line(place),
            "column": self.sources.plain_column(place),
            "end-line": self.sources.line(end),
            "end-column": self.sources.plain_column(end),
            "start": span.start,
            "end": span.end,
            "included-from": included.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in self.list.iter().take(MAX_SHOWN) {
            writeln!(f, "{}\n", render::render(diagnostic, &self.sources))?;
        }
        let count = self.total;
        if count > MAX_SHOWN {
            writeln!(f, "{} more errors are not shown", count - MAX_SHOWN)?;
        }
        write!(f, "schema not accepted: {count} error{}", if count == 1 { "" } else { "s" })
    }
}

impl std::error::Error for Diagnostics {}
