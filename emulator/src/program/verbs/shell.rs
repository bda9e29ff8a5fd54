//! Verb `shell`: typing commands to a QMP server.

use super::{Arguments, Flag, Run, Verb};
use crate::program::Failure;
use crate::shell::{self, Task};

pub(super) const VERB: Verb = Verb {
    name: "shell",
    arguments: "[OPTION...] SOCKET",
    help: "connects to a QMP server, Boardwright or QEMU, at unix:PATH, tcp:HOST:PORT or without the word before the colon, and executes what is typed, piped or given with -c",
    options: &[
        Flag {
            name: "c",
            value: Some("LINE"),
            help: "execute a line; several are executed in order, and the first that fails ends the shell with status 1",
        },
        Flag { name: "json", value: None, help: "print every message as one line of JSON" },
    ],
    run: Run::Plain(run),
};

fn run(given: &Arguments) -> Result<u8, Failure> {
    let [address] = given.operands.as_slice() else {
        return Err(given.misuse(match given.operands.get(1) {
            Some(_) => "shell takes one socket: a line to execute is given with -c 'LINE'",
            None => "shell needs a socket",
        }));
    };
    let lines = given.values("c").map(String::from).collect();
    let task = Task { address: address.clone(), lines, json: given.has("json") };
    shell::run(&task).map_err(|problem| Failure::Misuse(problem.to_string()))
}
