//! What a command costs between its JSON and its method, and back: finding it, policy, phase gate,
//! arguments, the reply's JSON. At most two microseconds are wanted.
//!
//!     cargo run --release -p boardwright --example dispatch

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use boardwright::backends::host::Host;
use boardwright::door::{Command, Door, Startup};
use boardwright::qapi::RunStateCommands;
use serde_json::json;

const ROUNDS: u32 = 200_000;

/// The best of several runs: what disturbs a run makes it longer.
fn best(mut run: impl FnMut()) -> Duration {
    let one = |_| {
        let begin = Instant::now();
        for _ in 0..ROUNDS {
            run();
        }
        begin.elapsed()
    };
    (0..5).map(one).min().unwrap_or_default() / ROUNDS
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut door = Door::new(Host::start()?, Startup::default());
    let command = Command::new("query-status", json!({}))?;
    door.execute(&command)?;
    let whole = best(|| drop(black_box(door.execute(black_box(&command)))));
    let body = best(|| drop(black_box(door.query_status())));
    println!("query-status: {whole:?}, of which {body:?} its body");
    Ok(())
}
