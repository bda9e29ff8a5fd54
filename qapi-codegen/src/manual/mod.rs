//! The reference manual, from the documentation comments: one page of HTML, or of Markdown.
//!
//! [`markup`] and [`inline`] read the comments' markup, `content` says what the manual tells,
//! `html` and `markdown` how it looks.

mod content;
mod html;
mod inline;
mod markdown;
mod markup;

use qapi_schema::model::Schema;

use self::content::Manual;
pub(crate) use self::markup::{Block, blocks, section};

/// The manual as one HTML page that needs nothing else: search, links, light and dark.
pub fn html(schema: &Schema) -> String {
    html::page(&Manual::new(schema))
}

/// The manual as one page of Markdown.
pub fn markdown(schema: &Schema) -> String {
    markdown::page(&Manual::new(schema))
}
