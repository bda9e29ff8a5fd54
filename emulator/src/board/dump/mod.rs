//! Boards written down and read again.
//!
//! [`normal`] brings a board into the form in which boards that mean the same are the same; `image`
//! is that form as the schema has it, `script` and `options` are texts that build the board, and
//! `change` has the commands that they are made of.

mod change;
mod image;
mod normal;
mod options;
mod script;
#[cfg(test)]
mod tests;

pub use change::Change;
pub(super) use image::{Paths, map};
pub(super) use normal::{Item, Normal, renamed, waivers};

use qapi_runtime::QmpError;

use super::{Board, Origin};
use crate::qapi::{BoardDump, BoardDumpFormat, BoardDumpOptions, BoardDumpScript, BoardImage};

impl Board {
    /// The board in one of the forms in which it can be built again.
    ///
    /// # Errors
    /// It has what the form cannot express.
    pub fn dump(&self, format: BoardDumpFormat) -> Result<BoardDump, QmpError> {
        let normal = Normal::of(self);
        Ok(match format {
            BoardDumpFormat::Json => BoardDump::Json(normal.image()),
            BoardDumpFormat::Options => {
                BoardDump::Options(BoardDumpOptions { arguments: options::write(&normal)? })
            }
            BoardDumpFormat::Script => {
                BoardDump::Script(BoardDumpScript { text: script::write(&normal)? })
            }
        })
    }

    /// The board that an image describes. `origin` makes the place of each command out of its
    /// place in the image, such as `devices[3]`.
    ///
    /// # Errors
    /// Something in it does not fit; the text says where.
    pub fn from_image(
        image: &BoardImage,
        origin: impl Fn(&str) -> Origin,
    ) -> Result<Self, QmpError> {
        image::build(image, origin)
    }
}
