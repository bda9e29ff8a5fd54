//! The text form, `.dts` (chapter 6): a first scan (`scan`), the grammar (`grammar.pest`), a draft of
//! the tree made from what the grammar found (`parse`, `value`, `expression`), and the references in
//! it resolved at the end (`draft`), since a label may be used before it is seen.
//!
//! Beyond the specification this reads what `dtc` reads: `/bits/`, `/include/` between top-level items,
//! deletions, extensions by label and by path, line markers of a preprocessor. It refuses `/plugin/`,
//! `/incbin/`, `/omit-if-no-ref/`, and leaves macros and `#include` to a real preprocessor.

mod draft;
mod error;
mod expression;
mod parse;
mod scan;
mod value;

use std::path::Path;
use std::rc::Rc;

pub use error::SourceError;

use crate::model::Tree;
use error::Source;

/// The parser that `pest` makes of the grammar.
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "source/grammar.pest"]
    pub(super) struct Grammar;
}
use grammar::{Grammar, Rule};

impl Tree {
    /// Reads the source form. `name` stands for the text in messages; `/include/` looks beside it.
    pub fn from_source(name: &str, text: &str) -> Result<Tree, SourceError> {
        let source = Source { name: name.to_owned(), text: text.to_owned() };
        parse::parse(Rc::new(source))
    }
}

/// Reads the source form from the bytes of a file.
pub(crate) fn read_file(path: &Path, bytes: Vec<u8>) -> Result<Tree, SourceError> {
    parse::parse(Rc::new(decode(&path.display().to_string(), bytes)?))
}

fn decode(name: &str, bytes: Vec<u8>) -> Result<Source, SourceError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name: name.to_owned(), text }),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes());
            let message = "neither a blob (0xd00dfeed) nor source text in UTF-8".to_owned();
            Err(SourceError::new(name, &text, valid, message))
        }
    }
}
