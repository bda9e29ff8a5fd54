//! What is in memory when the harts start: images, firmware, the guest's device tree.

mod image;
mod plan;
pub mod tree;

pub use image::{Image, LoadError, Loaded};
pub use plan::{BootPlan, plan};
