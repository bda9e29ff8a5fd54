//! What a user of Boardwright does: every test starts the real program and talks to it.

mod bad_input;
mod board_scripts;
mod building;
mod cpu_models;
mod debugging;
mod device_trees;
mod disassembly;
mod disks;
mod firmware;
mod first_board;
mod guest_programs;
mod guide;
mod history;
mod linux;
mod machines;
mod monitors;
mod opentitan;
mod options;
mod phases;
mod seed_session;
mod snapshots;
mod stub_devices;
mod typed_client;
mod unmodelled;
mod verbs;
mod wire;
