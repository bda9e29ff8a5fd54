//! Boards put together by command: mapping and wiring by name, devices taken away, what stands for
//! something else, older names of things.

mod devices;
mod harts;
mod wiring;
