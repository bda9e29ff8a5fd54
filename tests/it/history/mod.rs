//! How a board came to be, and the way back.

mod log;
mod undo;
