//! Debian's riscv64 kernel, behind OpenSBI, on boards built from nothing: to a shell and to the
//! power switch. `tests/setup/linux.sh` fetches the kernel; where it cannot, this is not tried, which
//! the summary of `cargo xtask test` says.

use anyhow::{Context, Result, ensure};
use boardwright_tests::linux::Linux;
use boardwright_tests::program::{Program, Scratch};

/// What the shell is told: to say what it finds, to listen, to power off.
const LINES: &str = "echo found $(/bin/busybox grep -c ^processor /proc/cpuinfo) harts
echo timer $(/bin/busybox grep -c riscv-timer /proc/interrupts)
echo console $(/bin/busybox grep -c ttyS0 /proc/interrupts)
echo say a word
read word
echo heard $word
/bin/busybox poweroff -f
";

fn boots(harts: u32) -> Result<()> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(());
    };
    let scratch = Scratch::new()?;
    let initrd = scratch.path("initrd");
    linux.initrd(&initrd, LINES)?;
    let parameters = [format!("harts={harts}"), format!("initrd={}", initrd.display())];
    let [harts_given, initrd_given] = &parameters;
    let mut program =
        Program::start_in(scratch, &["run", "boards/linux.qmp", harts_given, initrd_given])?;
    program.wait_for("say a word").context("no shell")?;
    program.type_in("boardwright\n")?;
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    for line in [
        format!("found {harts} harts"),
        "timer 1".into(),
        "console 1".into(),
        "heard boardwright".into(),
        "reboot: Power down".into(),
    ] {
        ensure!(ended.out.contains(&line), "{line} is not in\n{}", ended.out);
    }
    Ok(())
}

#[test]
fn debians_kernel_reaches_its_shell_on_1_hart() -> Result<()> {
    boots(1)
}

#[test]
fn debians_kernel_reaches_its_shell_on_2_harts() -> Result<()> {
    boots(2)
}

#[test]
fn debians_kernel_reaches_its_shell_on_4_harts() -> Result<()> {
    boots(4)
}
