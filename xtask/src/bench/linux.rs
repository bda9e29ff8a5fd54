//! Debian's kernel from the process's start to its power off, with a shell in between.

use std::path::Path;
use std::time::Duration;

use boardwright_tests::linux::Linux;

use super::Row;
use super::side::Side;
use crate::tidy::root;

/// Runs of which the best counts.
const RUNS: u32 = 2;

/// The rows of this part; none where the kernel was not fetched.
pub(crate) fn measure(ours: &Side, peer: &Side, scratch: &Path) -> anyhow::Result<Vec<Row>> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("Linux is not measured: tests/setup/linux.sh fetches the kernel");
        return Ok(Vec::new());
    };
    let initrd = scratch.join("initrd");
    linux.initrd(&initrd, "/bin/busybox poweroff -f\n")?;
    let mut rows = Vec::new();
    let board = root().join("boards/linux.qmp").display().to_string();
    let kernel = linux.kernel.display().to_string();
    let initrd = initrd.display().to_string();
    for harts in [1, 4] {
        let parameters =
            [format!("harts={harts}"), format!("initrd={initrd}"), format!("kernel={kernel}")];
        let mut arguments = vec!["run", &board];
        arguments.extend(parameters.iter().map(String::as_str));
        let harts_text = harts.to_string();
        let peer_arguments = [
            ["-M", "virt"],
            ["-m", "256"],
            ["-smp", &harts_text],
            ["-kernel", &kernel],
            ["-initrd", &initrd],
            ["-append", "console=ttyS0 earlycon=sbi"],
            ["-display", "none"],
            ["-serial", "stdio"],
            ["-monitor", "none"],
        ];
        let (mut best_ours, mut best_peer) = (Duration::MAX, Duration::MAX);
        for _ in 0..RUNS {
            best_ours = best_ours.min(ours.time_run(&arguments)?.0);
            best_peer = best_peer.min(peer.time_run(peer_arguments.as_flattened())?.0);
        }
        let what = format!("Debian's Linux, process start to shell and power off, {harts} harts");
        rows.push(Row::times(what, best_ours, best_peer, 1));
    }
    Ok(rows)
}
