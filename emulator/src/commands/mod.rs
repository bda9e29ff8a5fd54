//! The commands: the generated traits implemented on the door, one file a schema file, thin.

mod balloon;
mod block;
mod board;
mod char;
mod compat;
mod control;
mod cpu;
mod device_tree;
mod draw;
mod dump;
mod fsdev;
mod human;
mod introspect;
mod journal;
mod lint;
mod machine;
mod misc;
mod net;
mod object;
mod pci;
mod place;
mod qdev;
mod qom;
mod run_state;
mod snapshot;
mod time;
mod unmodelled;

pub(crate) use device_tree::board_of_tree;
