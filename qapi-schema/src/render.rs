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
        let text = sources.text(file).to_string();
        let primary = diagnostic.span.filter(|span| span.file == file);
        let primary = primary.map(|span| AnnotationKind::Primary.span(one_line(&text, span)));
        let related = diagnostic.related.iter().filter(|(span, _)| span.file == file);
        let related = related.map(|(span, label)| {
            AnnotationKind::Context.span(one_line(&text, *span)).label(label.clone())
        });
        let annotations: Vec<_> = primary.into_iter().chain(related).collect();
        let snippet = Snippet::source(text).path(sources.path(file).to_owned());
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

/// The part of a span on its first line: a definition marked over twenty lines helps nobody.
fn one_line(text: &str, span: Span) -> std::ops::Range<usize> {
    let marked = text.get(span.start..span.end).unwrap_or("");
    let length = marked.find('\n').unwrap_or(marked.len());
    span.start..span.start + length
}
