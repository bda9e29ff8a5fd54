//! Reads the root file and its includes, obeys directives, and pairs definitions with their
//! documentation comments.

use crate::diagnostics::Diagnostic;
use crate::docs::{self, DocComment};
use crate::error::Problem;
use crate::explain::{Located, explain, lexical_error, next_token};
use crate::expr::{Node, Object, Value};
use crate::input::{self, Input, Read};
use crate::model::Span;
use crate::paths;
use crate::pragma::Pragmas;
use crate::source::{Place, SourceMap};
use crate::syntax::{self, Entry, RawDoc};

/// How many files may stand in a row of includes; reading them recurses.
const MAX_INCLUDES: usize = 100;

/// All files of a schema, parsed.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) sources: SourceMap,
    pub(crate) pragmas: Pragmas,
    /// Documentation comments in order.
    pub(crate) docs: Vec<DocComment>,
    /// Include directives and definitions in order, an include followed by what it included.
    pub(crate) expressions: Vec<Expression>,
    pub(crate) errors: Vec<Diagnostic>,
}

/// An expression with a place in the order of registration.
#[derive(Debug)]
pub(crate) enum Expression {
    /// An include directive: where it stands, and the path that it leads to.
    Include { span: Span, path: String },
    /// A definition, not checked yet.
    Definition { object: Object, span: Span, doc: DocState },
}

/// The documentation comment before a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DocState {
    /// There is none.
    None,
    /// There is one, but it has errors, which have been reported.
    Broken,
    /// Index into [`Parsed::docs`].
    Index(usize),
}

/// Parses a schema. Errors are in the result.
pub(crate) fn parse(root: &str, read: Read<'_>) -> Parsed {
    let mut parser = Parser { input: Input::new(read), parsed: Parsed::default() };
    match parser.input.read(root) {
        Ok(bytes) => parser.file(root.to_owned(), paths::absolute(root), bytes, None, 0),
        Err(reason) => {
            let problem = Problem::UnreadableSchema { path: root.to_owned(), reason };
            parser.parsed.errors.push(Diagnostic::global(problem));
        }
    }
    parser.parsed
}

struct Parser<'r> {
    input: Input<'r>,
    parsed: Parsed,
}

impl Parser<'_> {
    fn file(
        &mut self,
        path: String,
        identity: String,
        bytes: Vec<u8>,
        includer: Option<Place>,
        depth: usize,
    ) {
        let (text, invalid) = input::decode(bytes);
        let file = self.parsed.sources.add(path, identity, text, includer);
        if let Some(offset) = invalid {
            let span = Place { file, offset }.span(0);
            self.parsed.errors.push(Diagnostic::syntax(Problem::NotUtf8, span));
            return;
        }
        let text = self.parsed.sources.text(file);
        let (entries, cut) = syntax::entries(&text, file);
        let mut doc = DocState::None;
        // The place of an error that looking ahead has found.
        let mut known = None;
        let mut entries = entries.into_iter().peekable();
        while let Some(entry) = entries.next() {
            // The reference has read one token ahead when it judges an entry.
            let ahead = match entries.peek() {
                Some(Entry::Fault(next)) => lexical_error(&text, *next),
                _ => None,
            };
            match entry {
                Entry::Expression(node) => {
                    known = self.syntax(ahead, file);
                    self.expression(node, doc, depth);
                    doc = DocState::None;
                }
                Entry::Doc(raw) => {
                    self.unclaimed(doc);
                    (doc, known) = self.doc(&raw, &text, file, ahead);
                }
                Entry::Repeated(key) => {
                    let problem = Problem::DuplicateKey(key.name);
                    let error = Diagnostic::syntax(problem, key.value);
                    self.push(error.relate(Some(key.first), "first here"));
                    doc = DocState::None;
                }
                Entry::Fault(start) => {
                    let error = explain(&text, start, cut);
                    if known != Some(error.0) {
                        self.syntax(Some(error), file);
                    }
                    doc = DocState::None;
                }
            }
        }
        self.unclaimed(doc);
    }

    /// Records a lexical or syntax error and returns its place.
    fn syntax(&mut self, error: Option<Located>, file: usize) -> Option<usize> {
        let (offset, problem) = error?;
        let length = match &problem {
            Problem::Stray(text) => text.len(),
            _ => 1,
        };
        self.push(Diagnostic::syntax(problem, Place { file, offset }.span(length)));
        Some(offset)
    }

    fn push(&mut self, error: Diagnostic) {
        self.parsed.errors.push(error);
    }

    fn semantic(&mut self, problem: Problem, directive: &Node, span: Span) {
        self.push(Diagnostic::semantic(problem, Place::start(directive.span), span));
    }

    /// Reads a documentation comment. The second value is the place of an error behind it.
    fn doc(
        &mut self,
        raw: &RawDoc,
        text: &str,
        file: usize,
        ahead: Option<Located>,
    ) -> (DocState, Option<usize>) {
        let end = raw.lines.last().map_or(0, |line| line.end);
        let after = Place { file, offset: next_token(text, end) };
        let mut doc = match docs::parse(raw, text, after) {
            Ok(doc) => doc,
            Err(error) if error.problem == Problem::DocUnterminated => {
                // What stands in place of the end may not even be a token.
                let found = ahead.unwrap_or((after.offset, error.problem));
                return (DocState::Broken, self.syntax(Some(found), file));
            }
            Err(error) => {
                self.push(*error);
                return (DocState::Broken, None);
            }
        };
        let known = self.syntax(ahead, file);
        let state = match doc.finish() {
            Ok(()) => {
                self.parsed.docs.push(doc);
                DocState::Index(self.parsed.docs.len() - 1)
            }
            Err(error) => {
                self.push(*error);
                DocState::Broken
            }
        };
        (state, known)
    }

    /// Complains about documentation for a definition that does not follow.
    fn unclaimed(&mut self, doc: DocState) {
        let DocState::Index(index) = doc else { return };
        let Some(DocComment { symbol: Some(symbol), span, .. }) = self.parsed.docs.get(index)
        else {
            return;
        };
        let problem = Problem::DocWithoutDefinition(symbol.clone());
        let error = Diagnostic::semantic(problem, Place::start(*span), *span);
        self.push(error);
    }

    fn expression(&mut self, node: Node, doc: DocState, depth: usize) {
        let Value::Object(object) = &node.value else {
            self.semantic(Problem::NotAnObject, &node, node.span);
            return;
        };
        if object.contains_key("include") {
            self.unclaimed(doc);
            self.include(&node, object, depth);
        } else if object.contains_key("pragma") {
            self.unclaimed(doc);
            self.pragma(&node, object);
        } else {
            self.definition(node, doc);
        }
    }

    fn definition(&mut self, node: Node, doc: DocState) {
        let mut state = doc;
        if let DocState::Index(index) = doc
            && let Some(comment) = self.parsed.docs.get(index)
            && comment.symbol.is_none()
        {
            let (problem, span) = (Problem::DocFreeFormBeforeDefinition, comment.span);
            let error = Diagnostic::semantic(problem, Place::start(span), span);
            self.push(error);
            state = DocState::Broken;
        }
        if let Value::Object(object) = node.value {
            let span = node.span;
            self.parsed.expressions.push(Expression::Definition { object, span, doc: state });
        }
    }

    /// The value of a directive that has no other key.
    fn directive<'n>(
        &mut self,
        node: &Node,
        object: &'n Object,
        key: &'static str,
    ) -> Option<&'n Node> {
        if let Some((_, extra)) = object.iter().find(|(name, _)| *name != key) {
            self.semantic(Problem::InvalidDirective(key), node, extra.key);
            return None;
        }
        object.get(key).map(|entry| &entry.node)
    }

    fn include(&mut self, node: &Node, object: &Object, depth: usize) {
        let Some(value) = self.directive(node, object, "include") else { return };
        let Some(written) = value.string() else {
            self.semantic(Problem::IncludeNotString, node, value.span);
            return;
        };
        let includer = node.span.file;
        let path = paths::join(paths::dirname(self.parsed.sources.path(includer)), written);
        let directive = Expression::Include { span: node.span, path: path.clone() };
        self.parsed.expressions.push(directive);
        let identity = paths::absolute(&path);
        if self.parsed.sources.is_open(&identity, includer) {
            self.semantic(Problem::InclusionLoop(written.to_owned()), node, value.span);
        } else if self.parsed.sources.contains(&identity) {
            // Read already: the definitions are there.
        } else if depth == MAX_INCLUDES {
            self.semantic(Problem::IncludesTooDeep(MAX_INCLUDES), node, value.span);
        } else {
            match self.input.read(&path) {
                Ok(bytes) => {
                    self.file(path, identity, bytes, Some(Place::start(node.span)), depth + 1);
                }
                Err(reason) => {
                    let problem = Problem::UnreadableInclude { path, reason };
                    self.semantic(problem, node, value.span);
                }
            }
        }
    }

    fn pragma(&mut self, node: &Node, object: &Object) {
        let Some(value) = self.directive(node, object, "pragma") else { return };
        let Some(pragmas) = value.object() else {
            self.semantic(Problem::PragmaNotObject, node, value.span);
            return;
        };
        for (name, entry) in pragmas {
            let set = self.parsed.pragmas.set(name, entry, Place::start(node.span));
            self.parsed.errors.extend(set.err().map(|error| *error));
        }
    }
}
