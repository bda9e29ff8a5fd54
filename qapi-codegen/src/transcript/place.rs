//! Where the text of an example stands in its file.
//!
//! The model has the text of a comment without its layout. The lines of an example are looked up
//! in the comment, each after the one before, because examples come in the order of the text.

use std::path::PathBuf;

use qapi_schema::model::{Schema, SourceFile, Span};

/// The lines of a comment that have not been passed yet.
pub(crate) struct Lines<'s> {
    file: Option<&'s SourceFile>,
    /// The number of each line, from 1, and its text without `#`.
    rest: Vec<(usize, &'s str)>,
    at: usize,
}

impl<'s> Lines<'s> {
    /// The comment lines before a definition.
    pub(crate) fn before(schema: &'s Schema, span: Option<Span>) -> Self {
        let Some(span) = span else { return Self { file: None, rest: Vec::new(), at: 0 } };
        Self::collect(schema, span, |numbered| {
            let is_comment = |(_, line): &(usize, &str)| {
                let line = line.trim_start();
                line.starts_with('#') || line.is_empty()
            };
            let count = numbered.iter().rev().take_while(|it| is_comment(it)).count();
            numbered.len() - count
        })
    }

    /// The comment that begins at a place.
    pub(crate) fn comment_at(schema: &'s Schema, span: Span) -> Self {
        let end = schema.files.get(span.file).map_or(0, |file| file.text.len());
        let line = schema.files.get(span.file).and_then(|file| file.text.get(..span.start));
        let skip = line.map_or(0, |text| text.matches('\n').count());
        Self::collect(schema, Span { start: end, ..span }, |_| skip)
    }

    /// The lines before `span`, from the one that `first` chooses.
    fn collect(
        schema: &'s Schema,
        span: Span,
        first: impl FnOnce(&[(usize, &'s str)]) -> usize,
    ) -> Self {
        let file = schema.files.get(span.file);
        let text = file.and_then(|file| file.text.get(..span.start)).unwrap_or("");
        let numbered: Vec<(usize, &str)> = (1..).zip(text.lines()).collect();
        let first = first(&numbered);
        let comment = numbered.into_iter().skip(first);
        let bare = comment.map(|(n, line)| (n, line.trim_start().trim_start_matches('#').trim()));
        Self { file, rest: bare.collect(), at: 0 }
    }

    /// The file's path.
    pub(crate) fn file(&self) -> PathBuf {
        self.file.map(|file| file.path.clone()).unwrap_or_default()
    }

    /// The numbers of the lines of a text, arrows left aside.
    pub(crate) fn find(&mut self, text: &str) -> Vec<usize> {
        let mut numbers = Vec::new();
        for wanted in text.lines() {
            let bare = |line: &str| {
                line.trim_start_matches("->").trim_start_matches("<-").trim() == wanted.trim()
            };
            let rest = self.rest.get(self.at..).unwrap_or_default();
            if let Some(index) = rest.iter().position(|(_, line)| bare(line)) {
                self.at += index + 1;
            }
            numbers.extend(self.rest.get(self.at.saturating_sub(1)).map(|(number, _)| *number));
        }
        numbers
    }
}
