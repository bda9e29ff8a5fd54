//! Debian's riscv64 kernel, behind OpenSBI, on machine `virt` and on a board built from nothing: to a
//! shell and to the power switch. `tests/setup/linux.sh` fetches the kernel; where it cannot, this is not tried, which
//! the summary of `cargo xtask test` says.

use anyhow::{Context, Result, ensure};
use boardwright_tests::linux::Linux;
use boardwright_tests::program::{Program, Scratch};

const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";

/// What the shell is told: to say what it finds, to listen, to power off.
const LINES: &str = "echo found $(/bin/busybox grep -c ^processor /proc/cpuinfo) harts
echo timer $(/bin/busybox grep -c riscv-timer /proc/interrupts)
echo console $(/bin/busybox grep -c ttyS0 /proc/interrupts)
echo say a word
read word
echo heard $word
/bin/busybox poweroff -f
";

/// Where the kernel is, and a file system whose first process does [`LINES`]; none where nothing was
/// fetched.
fn fetched() -> Result<Option<(Scratch, Linux, String)>> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(None);
    };
    let scratch = Scratch::new()?;
    let initrd = scratch.path("initrd");
    linux.initrd(&initrd, LINES)?;
    Ok(Some((scratch, linux, initrd.display().to_string())))
}

/// Does what is to be done at the shell, and looks at what came of it.
fn check(mut program: Program, harts: u32) -> Result<()> {
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

/// With the options that one gives to QEMU.
fn boots_on_virt(harts: u32) -> Result<()> {
    let Some((scratch, linux, initrd)) = fetched()? else { return Ok(()) };
    let (harts_given, kernel) = (harts.to_string(), linux.kernel.display().to_string());
    let mut arguments = vec!["-M", "virt", "-smp", &harts_given, "-m", "256M", "-nographic"];
    arguments.extend(["-bios", OPENSBI, "-kernel", &kernel, "-initrd", &initrd]);
    arguments.extend(["-append", "console=ttyS0 earlycon=sbi"]);
    check(Program::start_in(scratch, &arguments)?, harts)
}

#[test]
fn debians_kernel_reaches_its_shell_on_1_hart() -> Result<()> {
    boots_on_virt(1)
}

#[test]
fn debians_kernel_reaches_its_shell_on_2_harts() -> Result<()> {
    boots_on_virt(2)
}

#[test]
fn debians_kernel_reaches_its_shell_on_4_harts() -> Result<()> {
    boots_on_virt(4)
}

#[test]
fn debians_kernel_reaches_its_shell_on_a_board_built_by_command() -> Result<()> {
    let Some((scratch, _, initrd)) = fetched()? else { return Ok(()) };
    let initrd = format!("initrd={initrd}");
    check(Program::start_in(scratch, &["run", "boards/linux.qmp", "harts=2", &initrd])?, 2)
}
