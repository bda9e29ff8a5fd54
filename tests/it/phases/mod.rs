//! The ladder from `no-machine` to `ready`: which command is permitted where, how phases are
//! entered, in which order clients hear of it, and what happens when one cannot be entered.

mod failing;
mod gate;
mod ladder;
