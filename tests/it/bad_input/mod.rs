//! What is wrong gets an answer, and board and machine are as before: commands, devices, memory
//! map, wires, files, device trees, enormous numbers, guests that misbehave.
//!
//! A row is a command with what is wrong about it and the text of the refusal. [`Bench::refuses`]
//! sends it and compares everything that can be asked about the board before and after.

mod board;
mod commands;
mod devices;
mod files;
mod forms;
mod guests;
mod journal;
mod limits;
mod properties;
mod trees;

use anyhow::{Context, Result, ensure};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Ended, Program, Scratch};
use serde_json::{Value, json};

/// A command, its arguments as members of an object in the wire's lenient JSON, and the text of
/// the refusal: all of it, or pieces between `…`.
type Row = (&'static str, &'static str, &'static str);

/// A board with one of each thing, for refusals to leave alone.
const BOARD: &[(&str, &str)] = &[
    ("machine-set", "'type': 'none'"),
    ("accel-set", ""),
    ("next-machine-phase", ""),
    (
        "device_add",
        "'driver': 'riscv.hart_array', 'id': 'cpus', 'num-harts': 2, 'resetvec': '0x80000000'",
    ),
    ("device_add", "'driver': 'sysbus-memory', 'id': 'ram', 'size': '1M'"),
    ("sysbus-mmio-map", "'device': 'ram', 'addr': '0x80000000'"),
    ("device_add", "'driver': 'sysbus-memory', 'id': 'spare', 'size': 4096"),
    ("device_add", "'driver': 'riscv.sifive.plic', 'id': 'plic', 'hart-config': 'MS,MS'"),
    ("device_add", "'driver': 'riscv.sifive.uart', 'id': 'uart', 'chardev': 'serial0'"),
    ("sysbus-mmio-map", "'device': 'uart', 'addr': '0x10013000'"),
    ("device_add", "'driver': 'serial-mm', 'id': 'serial'"),
    ("qom-set", "'path': 'uart', 'property': 'sysbus-irq[0]', 'value': 'plic/unnamed-gpio-in[3]'"),
];

/// The program with a client, and a directory for files; `{dir}` in arguments is that directory.
struct Bench {
    program: Program,
    client: Client,
}

impl Bench {
    /// With no machine yet.
    fn empty(scratch: Scratch, options: &[&str]) -> Result<Self> {
        let (program, client) = Program::with_qmp_in(scratch, options)?;
        Ok(Self { program, client })
    }

    /// With [`BOARD`], at `initialized`; `ready` does not start the harts.
    fn board() -> Result<Self> {
        Self::board_in(Scratch::new()?)
    }

    /// The same, with a directory that has files already.
    fn board_in(scratch: Scratch) -> Result<Self> {
        let mut bench = Self::empty(scratch, &["-S"])?;
        for (command, arguments) in BOARD {
            bench.good(command, arguments)?;
        }
        Ok(bench)
    }

    /// Sends a command as text; its whole answer.
    fn send(&mut self, command: &str, arguments: &str) -> Result<Value> {
        let arguments =
            arguments.replace("{dir}", &self.program.scratch().path("").display().to_string());
        self.client.send(format!("{{'execute': '{command}', 'arguments': {{{arguments}}}}}"))?;
        let answer = self.client.answer();
        answer.with_context(|| format!("{command} {arguments}\n--- err\n{}", self.program.err()))
    }

    /// A command that has to succeed; what it returns.
    fn good(&mut self, command: &str, arguments: &str) -> Result<Value> {
        let answer = self.send(command, arguments)?;
        answer.get("return").cloned().with_context(|| format!("{command} {arguments}: {answer}"))
    }

    /// What a human monitor prints.
    fn info(&mut self, what: &str) -> Result<String> {
        let text = self.good("human-monitor-command", &format!("'command-line': 'info {what}'"))?;
        Ok(text.as_str().unwrap_or_default().into())
    }

    /// All that can be asked of the board.
    fn state(&mut self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for (command, arguments) in [
            ("query-machine-phase", ""),
            ("query-status", ""),
            ("query-chardev", ""),
            ("qom-list", "'path': '/machine/peripheral'"),
            ("qom-list", "'path': '/machine/peripheral-anon'"),
            ("human-monitor-command", "'command-line': 'info mtree'"),
            ("human-monitor-command", "'command-line': 'info qtree'"),
        ] {
            all.push(self.send(command, arguments)?);
        }
        Ok(all)
    }

    /// A command that has to be refused and to change nothing; the error.
    fn refused(&mut self, command: &str, arguments: &str) -> Result<Value> {
        let before = self.state()?;
        let answer = self.send(command, arguments)?;
        let error = answer
            .get("error")
            .with_context(|| format!("{command} {arguments} was taken: {answer}"))?;
        ensure!(
            before == self.state()?,
            "{command} {arguments}: refused ({error}), and yet something changed"
        );
        Ok(error.clone())
    }

    /// Rows that have to be refused with their texts; all that are not are reported.
    fn refuses(&mut self, rows: &[Row]) -> Result<()> {
        let mut wrong = Vec::new();
        for (command, arguments, expected) in rows {
            match self.refused(command, arguments) {
                Ok(error) if fits(expected, error["desc"].as_str().unwrap_or_default()) => {}
                Ok(error) => wrong.push(format!(
                    "{command} {arguments}\n   expected {expected}\n   received {error}"
                )),
                Err(error) => wrong.push(format!("{error:#}")),
            }
        }
        ensure!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
        Ok(())
    }

    /// Ends the program, which has to have survived without complaint.
    fn quit(mut self) -> Result<Ended> {
        self.client.execute("quit", json!({}))?;
        let ended = self.program.ended()?;
        ensure!(ended.status.success(), "{ended:?}");
        ensure!(!ended.err.contains("panicked"), "{}", ended.err);
        Ok(ended)
    }
}

/// Whether a text has the pieces of a pattern in order, from its beginning to its end.
fn fits(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pattern.contains('…').then(|| pieces.next_back().unwrap_or_default()) else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}
