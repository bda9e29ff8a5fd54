//! What is in memory when the harts start: images, firmware, the guest's device tree.

mod facts;
mod image;
mod plan;
pub mod tree;

pub use facts::{Facts, Part};
pub use image::{Image, LoadError, Loaded};
pub use plan::{BootPlan, File, files, plan};
