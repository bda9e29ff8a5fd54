//! Boards put together by command: mapping and wiring by name, devices taken away, what stands for
//! something else, older names of things.

mod back_ends;
mod devices;
mod harts;
mod wild;
mod wiring;
