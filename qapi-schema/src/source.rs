//! The files of a schema: their text, lines and columns, and who included whom.

use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{SourceFile, Span};

/// A point in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Index into the source map.
    pub(crate) file: usize,
    /// Byte offset.
    pub(crate) offset: usize,
}

impl Place {
    /// Where a span begins.
    pub(crate) fn start(span: Span) -> Self {
        Self { file: span.file, offset: span.start }
    }

    /// The span of `length` bytes that begins here.
    pub(crate) fn span(self, length: usize) -> Span {
        Span { file: self.file, start: self.offset, end: self.offset + length }
    }
}

/// One file as read.
#[derive(Clone, Debug)]
struct Source {
    path: String,
    /// Absolute and normalised: what decides whether two paths are the same file.
    identity: String,
    /// Shared, because a file is being read while its includes are added to the map.
    text: Arc<str>,
    line_starts: Vec<usize>,
    includer: Option<Place>,
}

/// Every file read so far, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceMap {
    files: Vec<Source>,
}

impl SourceMap {
    /// Adds a file and returns its index.
    pub(crate) fn add(
        &mut self,
        path: String,
        identity: String,
        text: String,
        includer: Option<Place>,
    ) -> usize {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        self.files.push(Source { path, identity, text: text.into(), line_starts, includer });
        self.files.len() - 1
    }

    /// The path as the reference generator would print it.
    pub(crate) fn path(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |source| &source.path)
    }

    /// The text of a file, newlines normalised, with one at its end.
    pub(crate) fn text(&self, file: usize) -> Arc<str> {
        self.files.get(file).map_or_else(|| "\n".into(), |source| Arc::clone(&source.text))
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, place: Place) -> usize {
        self.files
            .get(place.file)
            .map_or(1, |source| source.line_starts.partition_point(|start| *start <= place.offset))
    }

    /// The column of a place, from 1, counted as the reference counts: a tab folds the column
    /// back into 1 to 8 instead of advancing it.
    pub(crate) fn column(&self, place: Place) -> usize {
        self.before(place).chars().fold(1, |column, character| match character {
            '\t' => (column + 7) % 8 + 1,
            _ => column + 1,
        })
    }

    /// The column of a place in characters, from 1.
    pub(crate) fn plain_column(&self, place: Place) -> usize {
        self.before(place).chars().count() + 1
    }

    /// The text of the line up to a place.
    fn before(&self, place: Place) -> &str {
        let Some(source) = self.files.get(place.file) else { return "" };
        let line = self.line(place).saturating_sub(1);
        let start = source.line_starts.get(line).copied().unwrap_or(0);
        source.text.get(start..place.offset).unwrap_or("")
    }

    /// The include directives that led to a file, outermost first.
    pub(crate) fn includers(&self, file: usize) -> Vec<Place> {
        let mut chain = Vec::new();
        let mut next = self.files.get(file).and_then(|source| source.includer);
        while let Some(place) = next {
            chain.push(place);
            next = self.files.get(place.file).and_then(|source| source.includer);
        }
        chain.reverse();
        chain
    }

    /// Whether `identity` is the file itself or one that (indirectly) includes it.
    pub(crate) fn is_open(&self, identity: &str, file: usize) -> bool {
        let mut files = self.includers(file).into_iter().map(|place| place.file).chain([file]);
        files.any(|file| self.files.get(file).is_some_and(|source| source.identity == identity))
    }

    /// Whether a file has been read, under whatever spelling.
    pub(crate) fn contains(&self, identity: &str) -> bool {
        self.files.iter().any(|source| source.identity == identity)
    }

    /// The paths in the order in which the files were read.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|source| source.path.as_str())
    }

    /// The files for the checked schema.
    pub(crate) fn into_files(self) -> Vec<SourceFile> {
        let file = |source: Source| SourceFile {
            path: PathBuf::from(source.path),
            text: source.text.to_string(),
        };
        self.files.into_iter().map(file).collect()
    }
}
