//! Errors for people: the source line with the place marked, what else matters, advice.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostics::{Definition, Diagnostic};
use crate::model::Span;
use crate::source::SourceMap;

/// One error as text, without a newline at the end.
pub(crate) fn render(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let text = diagnostic.problem.to_string();
    // Only the first line is the title; the list of valid keys that may follow is a note.
    let (title, note) = text.split_once('\n').unwrap_or((&text, ""));
    let mut group = Group::with_title(Level::ERROR.primary_title(title));
    for file in files(diagnostic) {
        let primary = diagnostic.span.filter(|span| span.file == file);
        let related = diagnostic.related.iter().filter(|(span, _)| span.file == file);
        let spans = primary.into_iter().chain(related.clone().map(|(span, _)| *span));
        let whole = sources.text(file);
        let (text, line, offset) = excerpt(&whole, spans);
        let place = |span: Span| one_line(&whole, span, offset);
        let primary = primary.map(|span| AnnotationKind::Primary.span(place(span)));
        let related = related
            .map(|(span, label)| AnnotationKind::Context.span(place(*span)).label(label.clone()));
        let annotations: Vec<_> = primary.into_iter().chain(related).collect();
        let snippet = Snippet::source(text).line_start(line).path(sources.path(file).to_owned());
        group = group.element(snippet.annotations(annotations));
    }
    let file = diagnostic.span.map(|span| span.file);
    for include in file.into_iter().flat_map(|file| sources.includers(file).into_iter().rev()) {
        let (path, line) = (sources.path(include.file), sources.line(include));
        group = group.element(Level::NOTE.message(format!("included from {path}:{line}")));
    }
    if let Some(Definition { meta, name }) = &diagnostic.definition {
        group = group.element(Level::NOTE.message(format!("in {meta} '{name}'")));
    }
    if !note.is_empty() {
        group = group.element(Level::NOTE.message(note.to_owned()));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help.clone()));
    }
    Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group])
}

/// The files that a message shows, the one with the error first.
fn files(diagnostic: &Diagnostic) -> Vec<usize> {
    let mut files: Vec<usize> = diagnostic.span.iter().map(|span| span.file).collect();
    for (span, _) in &diagnostic.related {
        if !files.contains(&span.file) {
            files.push(span.file);
        }
    }
    files
}

/// The lines from the first to the last place that is marked, the number of the first line and its
/// offset. Long files would otherwise be copied for every error.
fn excerpt(text: &str, spans: impl Iterator<Item = Span> + Clone) -> (String, usize, usize) {
    let first = spans.clone().map(|span| span.start).min().unwrap_or(0);
    let last = spans.map(|span| span.start).max().unwrap_or(0);
    let before = text.get(..first).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let end = text.get(last..).and_then(|rest| rest.find('\n'));
    let end = end.map_or(text.len(), |newline| last + newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (text.get(start..end).unwrap_or("").to_owned(), line, start)
}

/// The part of a span on its first line, counted from `offset`: a definition marked over twenty
/// lines helps nobody.
fn one_line(text: &str, span: Span, offset: usize) -> std::ops::Range<usize> {
    let marked = text.get(span.start..span.end).unwrap_or("");
    let length = marked.find('\n').unwrap_or(marked.len());
    span.start - offset..span.start - offset + length
}
