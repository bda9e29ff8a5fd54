//! What is in memory when the harts start: images, firmware, the guest's device tree.

mod facts;
mod image;
mod kernel;
mod plan;
mod software;
pub mod tree;

pub use facts::{Facts, Part};
pub use image::{Image, LoadError, Loaded};
pub use plan::{BootPlan, plan};
pub use software::{File, Firmware, files, main_memory};
