//! Boards of 10 to 10,000 devices over one QMP connection: what a device costs, and whether it costs
//! more on a large board.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use boardwright_tests::client::Client;
use serde_json::{Value, json};

use super::side::Side;
use super::{Row, ratio, show};

const LARGEST: u32 = 10_000;
const SIZES: [u32; 4] = [10, 100, LARGEST / TEN, LARGEST];
/// How many times as large each is as the one before.
const TEN: u32 = 10;
/// How many commands are undone; of a smaller board, as many as there are.
const UNDONE: u32 = 1_000;
/// Sources of a PLIC, which has no source 0.
const SOURCES: u32 = 1023;
/// Requests that are sent before the first answer is read. Few enough for the answers to fit into the
/// socket's buffer, since nobody reads while we write.
const AT_ONCE: usize = 64;
/// Round trips to measure one.
const ROUND_TRIPS: u32 = 2_000;
/// Starts of which the best counts.
const STARTS: u32 = 10;
/// Units of a target of the peer's SCSI controller, which has 256 targets.
const UNITS: u32 = 64;

/// What the peer does in place of building a board.
pub(crate) const NOTE: &str = "\
No released QEMU builds a board over QMP, so the rows compare what comes nearest. *Start*: to the
first answer on the QMP socket of a stopped machine (`-S`). *Round trip*: `query-status`, the same
request to both. *A device by request*: one `device_add`: a UART on our board, not mapped yet; on
the peer an empty SCSI drive is hot-plugged into `-M virt`, as its `loader` cannot be added over QMP.
*By option*: both start with so many `-device loader,addr=...,data=...`, to the first answer. *A wired
UART*: `device_add`, `sysbus-mmio-map` and `qom-set` to a PLIC, which the peer has no commands for.";

/// The rows of this part.
pub(crate) fn measure(ours: &Side, peer: &Side, scratch: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = start(ours, peer, scratch)?;
    rows.push(round_trip(ours, peer, scratch)?);
    let mut smaller: Vec<(&str, Duration)> = Vec::new();
    for size in SIZES {
        let built = build(ours, scratch, size, 1)?;
        let pipelined = build(ours, scratch, size, AT_ONCE)?;
        let what = |kind: &str| format!("{size} devices: {kind}");
        let plugged = plug(peer, scratch, size)?;
        rows.push(Row::times(what("a device by request"), built.add, plugged, size));
        rows.push(Row::alone(what("a wired UART (3 requests)"), built.all, size));
        rows.push(Row::alone(what("the same, 64 requests at a time"), pipelined.all, size));
        rows.extend(built.whole.iter().map(|(name, took)| Row::alone(what(name), *took, 1)));
        if size == LARGEST {
            rows.extend(growth(&smaller, &built.whole));
        }
        smaller = built.whole;
        let (own, other) =
            (options(ours, scratch, size, OURS)?, options(peer, scratch, size, PEER)?);
        rows.push(Row {
            what: what("by option, whole start"),
            ours: show(own),
            peer: show(other),
            ratio: ratio(own, other),
        });
    }
    Ok(rows)
}

/// Start-up arguments that leave a stopped machine with devices of its own and 128 MiB at 0x80000000.
const OURS: &[&str] = &["-M", "sifive_dt", "-S", "-nodefaults"];
const PEER: &[&str] =
    &["-M", "virt", "-m", "128", "-bios", "none", "-S", "-display", "none", "-nodefaults"];
/// The machines of both that have no device.
const EMPTY_OURS: &[&str] = &["-M", "none", "-S", "-nodefaults"];
const EMPTY_PEER: &[&str] = &["-M", "none", "-S", "-display", "none", "-nodefaults"];

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}

/// From the start of the process to the first answer of a stopped machine at `ready`.
fn start(ours: &Side, peer: &Side, scratch: &Path) -> anyhow::Result<Vec<Row>> {
    let best = |side: &Side, arguments: &[&str]| -> anyhow::Result<Duration> {
        let mut best = Duration::MAX;
        for _ in 0..STARTS {
            let (session, took) = side.start(&owned(arguments), scratch)?;
            session.quit()?;
            best = best.min(took);
        }
        Ok(best)
    };
    let (empty_ours, empty_peer) = (best(ours, EMPTY_OURS)?, best(peer, EMPTY_PEER)?);
    let (ours, peer) = (best(ours, OURS)?, best(peer, PEER)?);
    Ok(vec![
        Row::times("process start to `ready`, `-M none`", empty_ours, empty_peer, 1),
        Row::times("process start to `ready`, `-M sifive_dt` / `-M virt`", ours, peer, 1),
    ])
}

/// A request that does nothing.
fn round_trip(ours: &Side, peer: &Side, scratch: &Path) -> anyhow::Result<Row> {
    let measure = |side: &Side, arguments: &[&str]| -> anyhow::Result<Duration> {
        let (mut session, _) = side.start(&owned(arguments), scratch)?;
        let begin = Instant::now();
        for _ in 0..ROUND_TRIPS {
            session.client.execute("query-status", json!({}))?;
        }
        let took = begin.elapsed();
        session.quit()?;
        Ok(took)
    };
    let (ours, peer) = (measure(ours, OURS)?, measure(peer, PEER)?);
    Ok(Row::times("`query-status`, round trip", ours, peer, ROUND_TRIPS))
}

/// What building a board took.
struct Built {
    /// The `device_add`s alone.
    add: Duration,
    all: Duration,
    /// What is done with the whole board.
    whole: Vec<(&'static str, Duration)>,
}

/// How much longer things take on a board with ten times the devices: ten times is linear.
fn growth(smaller: &[(&str, Duration)], larger: &[(&str, Duration)]) -> Vec<Row> {
    let pairs = smaller.iter().zip(larger);
    let factor = |before: Duration, after: Duration| {
        format!("{:.1} times as long", after.as_secs_f64() / before.as_secs_f64().max(1e-9))
    };
    pairs
        .map(|((name, before), (_, after))| Row {
            what: format!("{LARGEST} devices instead of {}: {name}", LARGEST / TEN),
            ours: factor(*before, *after),
            peer: "-".into(),
            ratio: "-".into(),
        })
        .collect()
}

/// Builds a board of so many UARTs, each mapped and wired to a PLIC.
fn build(side: &Side, scratch: &Path, size: u32, at_once: usize) -> anyhow::Result<Built> {
    let arguments = owned(&["-S", "-nodefaults"]);
    let (mut session, _) = side.start(&arguments, scratch)?;
    let plics = size.div_ceil(SOURCES);
    let mut frame = vec![
        command("machine-set", json!({ "type": "none" })),
        command("set-machine-phase", json!({ "phase": "initialized" })),
        command(
            "device_add",
            json!({ "driver": "riscv.hart_array", "id": "cpus", "num-harts": plics,
                    "resetvec": 0x8000_0000u32 }),
        ),
        command("device_add", json!({ "driver": "sysbus-memory", "id": "ram", "size": 1 << 24 })),
        command("sysbus-mmio-map", json!({ "device": "ram", "addr": 0x8000_0000u32 })),
    ];
    for plic in 0..plics {
        let id = format!("plic{plic}");
        let driver = "riscv.sifive.plic";
        // One PLIC has at most 1,023 sources: a large board has several, each with a hart.
        let addr = 0x1_0000_0000u64 + u64::from(plic) * 0x400_0000;
        let hart = format!("cpus/harts[{plic}]/unnamed-gpio-in[11]");
        frame.push(command(
            "device_add",
            json!({ "driver": driver, "id": id, "num-sources": SOURCES + 1 }),
        ));
        frame.push(command("sysbus-mmio-map", json!({ "device": id, "addr": addr })));
        frame.push(command(
            "qom-set",
            json!({ "path": id, "property": "unnamed-gpio-out[1]", "value": hart }),
        ));
    }
    send(&mut session.client, &frame, 1)?;
    let uart = |number: u32| format!("uart{number}");
    let adds: Vec<Value> = (0..size)
        .map(|n| command("device_add", json!({ "driver": "riscv.sifive.uart", "id": uart(n) })))
        .collect();
    let wires: Vec<Value> = (0..size)
        .flat_map(|n| {
            let addr = 0x10_0000_0000u64 + u64::from(n) * 0x1000;
            let input = format!("plic{}/unnamed-gpio-in[{}]", n / SOURCES, n % SOURCES + 1);
            [
                command("sysbus-mmio-map", json!({ "device": uart(n), "addr": addr })),
                command(
                    "qom-set",
                    json!({ "path": uart(n), "property": "sysbus-irq[0]", "value": input }),
                ),
            ]
        })
        .collect();
    let begin = Instant::now();
    send(&mut session.client, &adds, at_once)?;
    let add = begin.elapsed();
    send(&mut session.client, &wires, at_once)?;
    let all = begin.elapsed();
    let drawn = |format: &str| json!({ "format": format, "filename": scratch.join(format!("board.{format}")) });
    let empty =
        json!({ "machine": { "type": "none" }, "devices": [], "mappings": [], "wires": [] });
    let undone = UNDONE.min(2 * size);
    let requests = [
        ("`query-board-lint`", "query-board-lint", json!({})),
        ("`board-dump`, JSON", "board-dump", json!({})),
        ("`board-dump`, script", "board-dump", json!({ "format": "script" })),
        ("`board-diff`, to an empty board", "board-diff", json!({ "with": empty })),
        ("`board-to-dt`", "board-to-dt", json!({})),
        ("`board-draw`, SVG", "board-draw", drawn("svg")),
        ("`board-draw`, HTML", "board-draw", drawn("html")),
        ("`board-undo` of the last 1,000 commands", "board-undo", json!({ "count": undone })),
        ("entering `ready`, whole board", "set-machine-phase", json!({ "phase": "ready" })),
    ];
    let mut whole = Vec::new();
    for (name, command, arguments) in requests {
        let begin = Instant::now();
        session.client.execute(command, arguments)?;
        whole.push((name, begin.elapsed()));
    }
    session.quit()?;
    Ok(Built { add, all, whole })
}

/// Hot-plugs so many drives into the peer's machine.
fn plug(side: &Side, scratch: &Path, size: u32) -> anyhow::Result<Duration> {
    let mut arguments = owned(PEER);
    arguments.extend(owned(&["-device", "virtio-scsi-pci,id=scsi"]));
    let (mut session, _) = side.start(&arguments, scratch)?;
    let drives: Vec<Value> = (0..size)
        .map(|n| {
            let drive = json!({ "driver": "scsi-cd", "id": format!("drive{n}"), "bus": "scsi.0",
                                "scsi-id": n / UNITS, "lun": n % UNITS });
            command("device_add", drive)
        })
        .collect();
    let begin = Instant::now();
    send(&mut session.client, &drives, 1)?;
    let took = begin.elapsed();
    session.quit()?;
    Ok(took)
}

/// Starts a program with so many loaders among its options.
fn options(side: &Side, scratch: &Path, size: u32, frame: &[&str]) -> anyhow::Result<Duration> {
    let mut arguments = owned(frame);
    for n in 0..size {
        let addr = 0x8000_0000 + u64::from(n) * 16;
        arguments.push("-device".into());
        arguments.push(format!("loader,addr={addr:#x},data={n},data-len=4"));
    }
    let (session, took) = side.start(&arguments, scratch)?;
    session.quit()?;
    Ok(took)
}

fn command(name: &str, arguments: Value) -> Value {
    json!({ "execute": name, "arguments": arguments })
}

/// Sends requests, so many at once, and reads an answer for each; none may be an error.
fn send(client: &mut Client, requests: &[Value], at_once: usize) -> anyhow::Result<()> {
    for part in requests.chunks(at_once) {
        let text: String = part.iter().map(Value::to_string).collect();
        client.send(text)?;
        for request in part {
            let answer = client.answer().with_context(|| request.to_string())?;
            ensure!(answer.get("return").is_some(), "{request}: {answer}");
        }
    }
    Ok(())
}
