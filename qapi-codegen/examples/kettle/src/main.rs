//! A kettle with a QMP socket: the smallest complete protocol. `kettle.json` declares it, the
//! build script generates from it, `kettle.rs` carries out the commands, `server.rs` serves them,
//! `session.rs` is a client.
//!
//!     cargo run -p kettle               a server and a client that talk
//!     cargo run -p kettle serve PATH    the server alone, for any QMP client

mod kettle;
mod server;
mod session;

use std::error::Error;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::{env, fs, process, thread};

/// What a server implements, generated from `kettle.json`.
#[allow(
    unreachable_pub,
    dead_code,
    reason = "generated for every use, of which there are few here"
)]
mod qapi {
    include!(concat!(env!("OUT_DIR"), "/qapi.rs"));
}

/// What a client uses, generated from the same file.
#[allow(
    unreachable_pub,
    dead_code,
    reason = "generated for every use, of which there are few here"
)]
mod client {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => talk(),
        ["serve", path] => Ok(server::serve(&UnixListener::bind(path)?)?),
        _ => Err("usage: kettle [serve PATH]".into()),
    }
}

/// A server in one thread and a client in another, with a socket between them.
fn talk() -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("kettle-{}", process::id()));
    fs::create_dir_all(&directory)?;
    let result = talk_over(&directory.join("socket"));
    fs::remove_dir_all(&directory)?;
    result
}

fn talk_over(path: &Path) -> Result<(), Box<dyn Error>> {
    let listener = UnixListener::bind(path)?;
    thread::spawn(move || server::serve(&listener));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(session::run(path))
}
