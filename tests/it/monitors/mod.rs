//! Monitors: several at once, on every kind of back end, for programs and for people; clients that
//! leave; commands out of band; the events of a guest's life.

mod clients;
mod events;
mod human;
mod out_of_band;

/// A board whose guest stands.
const BOARD: &str = "-M sifive_dt -S -name board -serial null";
