//! Guests run to their end: how fast instructions are, and how long starting takes.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::kernels::{KERNELS, Kernel};
use super::side::Side;
use super::{Row, ratio};

/// Runs of which the best counts.
const RUNS: u32 = 3;
/// Runs of something short.
const SHORT_RUNS: u32 = 20;

/// A board like `-M virt` as far as the kernels see: one hart, memory, the UART, the finisher.
const BOARD: &str = "\
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus cpu-type=rv64 num-harts=1 resetvec=0x80000000
device_add driver=sysbus-memory id=ram size=128MiB
sysbus-mmio-map device=ram addr=0x80000000
device_add driver=serial-mm id=uart chardev=serial0
sysbus-mmio-map device=uart addr=0x10000000
device_add driver=riscv.sifive.test id=finisher
sysbus-mmio-map device=finisher addr=0x00100000
device_add driver=loader id=guest file=GUEST
set-machine-phase phase=ready
";

/// What a kernel took.
struct Run {
    ours: Duration,
    peer: Duration,
    /// What it did, as our hart counts.
    instructions: f64,
}

/// The rows of this part.
pub(crate) fn measure(ours: &Side, peer: &Side, scratch: &Path) -> anyhow::Result<Vec<Row>> {
    let first = KERNELS.first().context("there are no kernels")?;
    let empty = both(ours, peer, first, 0, SHORT_RUNS, scratch)?;
    let mut rows = vec![Row::times(
        "process start to the guest's power off, 128 MiB",
        empty.ours,
        empty.peer,
        1,
    )];
    let mut product = 1.0;
    for kernel in KERNELS {
        let run = both(ours, peer, kernel, kernel.passes, RUNS, scratch)?;
        // Without a pass it starts and ends the same way: what is left is the passes.
        let net_ours = run.ours.saturating_sub(empty.ours);
        let net_peer = run.peer.saturating_sub(empty.peer);
        let speed =
            |time: Duration| format!("{:.0} MIPS", run.instructions / time.as_secs_f64() / 1e6);
        product *= net_peer.as_secs_f64() / net_ours.as_secs_f64();
        rows.push(Row {
            what: format!("kernel {}, start-up subtracted", kernel.name),
            ours: speed(net_ours),
            peer: speed(net_peer),
            ratio: ratio(net_ours, net_peer),
        });
    }
    rows.push(Row {
        what: "geometric mean of the kernels".into(),
        ours: "-".into(),
        peer: "-".into(),
        ratio: format!("{:.2} ×", f64::powf(product, 1.0 / KERNELS.len() as f64)),
    });
    Ok(rows)
}

/// Runs a kernel on both.
fn both(
    ours: &Side,
    peer: &Side,
    kernel: &Kernel,
    passes: u32,
    runs: u32,
    scratch: &Path,
) -> anyhow::Result<Run> {
    let guest = kernel.build(passes, scratch)?.display().to_string();
    let board = scratch.join("kernel.qmp");
    std::fs::write(&board, BOARD.replace("GUEST", &guest))?;
    let ours_arguments = ["run", &board.display().to_string()];
    let arguments = ["-M", "virt", "-m", "128", "-smp", "1", "-bios", &guest];
    let quiet = ["-display", "none", "-serial", "stdio", "-monitor", "none"];
    let peer_arguments = [arguments.as_slice(), &quiet].concat();
    let (mut best_ours, mut best_peer) = (Duration::MAX, Duration::MAX);
    let mut printed = String::new();
    // In turn, so that what else the machine does meets both.
    for _ in 0..runs {
        let (time, text) = ours.time_run(&ours_arguments)?;
        best_ours = best_ours.min(time);
        printed = text;
        best_peer = best_peer.min(peer.time_run(&peer_arguments)?.0);
    }
    let instructions = printed.trim().parse();
    let instructions =
        instructions.with_context(|| format!("{} printed {printed:?}", kernel.name))?;
    Ok(Run { ours: best_ours, peer: best_peer, instructions })
}
