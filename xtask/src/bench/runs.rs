//! Guests run to their end: how fast instructions are, and how long starting takes.

use std::path::Path;
use std::time::Duration;

use super::side::Side;
use super::sieve;
use super::{Row, ratio, show};

/// Passes to measure with: about two seconds where a pass takes 10 ms.
const PASSES: u32 = 200;
/// Runs of which the best counts.
const RUNS: u32 = 3;
/// Runs of something short.
const SHORT_RUNS: u32 = 20;

/// A board like `-M virt` as far as the sieve sees: one hart, memory, the finisher.
const BOARD: &str = "\
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus cpu-type=rv64 num-harts=1 resetvec=0x80000000
device_add driver=sysbus-memory id=ram size=128MiB
sysbus-mmio-map device=ram addr=0x80000000
device_add driver=riscv.sifive.test id=finisher
sysbus-mmio-map device=finisher addr=0x00100000
device_add driver=loader id=guest file=GUEST
set-machine-phase phase=ready
";

/// The rows of this part.
pub(crate) fn measure(ours: &Side, peer: &Side, scratch: &Path) -> anyhow::Result<Vec<Row>> {
    let (empty_ours, empty_peer) = both(ours, peer, scratch, 0, SHORT_RUNS)?;
    let (all_ours, all_peer) = both(ours, peer, scratch, PASSES, RUNS)?;
    // The sieve without a pass starts and ends like the others: what is left is the passes.
    let (ours_net, peer_net) =
        (all_ours.saturating_sub(empty_ours), all_peer.saturating_sub(empty_peer));
    let executed = sieve::instructions() * u64::from(PASSES);
    let speed = |time: Duration| format!("{:.0} MIPS", executed as f64 / time.as_secs_f64() / 1e6);
    Ok(vec![
        Row::times("process start to the guest's power off, 128 MiB", empty_ours, empty_peer, 1),
        Row::times("sieve of 64 Ki, one pass (start-up subtracted)", ours_net, peer_net, PASSES),
        Row {
            what: "the same as guest instructions a second".into(),
            ours: speed(ours_net),
            peer: speed(peer_net),
            ratio: ratio(ours_net, peer_net),
        },
        Row {
            what: format!("{PASSES} passes, start-up included"),
            ours: show(all_ours),
            peer: show(all_peer),
            ratio: ratio(all_ours, all_peer),
        },
    ])
}

/// Runs the sieve on both, ours and the peer's time.
fn both(
    ours: &Side,
    peer: &Side,
    scratch: &Path,
    passes: u32,
    runs: u32,
) -> anyhow::Result<(Duration, Duration)> {
    let guest = sieve::build(passes, scratch)?.display().to_string();
    let board = scratch.join("sieve.qmp");
    std::fs::write(&board, BOARD.replace("GUEST", &guest))?;
    let ours = ours.best_run(&["run", &board.display().to_string()], runs)?;
    let arguments = ["-M", "virt", "-m", "128", "-smp", "1", "-bios", &guest];
    let quiet = ["-display", "none", "-serial", "null", "-monitor", "none"];
    let peer = peer.best_run(&[arguments.as_slice(), &quiet].concat(), runs)?;
    Ok((ours, peer))
}
