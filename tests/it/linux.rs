//! Debian's riscv64 kernel, on the emulator's own supervisor interface and behind OpenSBI, on machine
//! `virt` and on a board built from nothing: to a shell and to the power switch. `tests/setup/linux.sh` fetches the kernel; where it cannot, this is not tried, which
//! the summary of `cargo xtask test` says.

use anyhow::{Context, Result, ensure};
use boardwright_tests::linux::{Linux, SHELL};
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
fn boots_on_virt(harts: u32, firmware: &str) -> Result<()> {
    let Some((scratch, linux, initrd)) = fetched()? else { return Ok(()) };
    let (harts_given, kernel) = (harts.to_string(), linux.kernel.display().to_string());
    let mut arguments = vec!["-M", "virt", "-smp", &harts_given, "-m", "256M", "-nographic"];
    arguments.extend(["-bios", firmware, "-kernel", &kernel, "-initrd", &initrd]);
    arguments.extend(["-append", "console=ttyS0 earlycon=sbi"]);
    check(Program::start_in(scratch, &arguments)?, harts)
}

#[test]
fn debians_kernel_reaches_its_shell_on_1_hart() -> Result<()> {
    boots_on_virt(1, "default")
}

#[test]
fn debians_kernel_reaches_its_shell_on_2_harts() -> Result<()> {
    boots_on_virt(2, "default")
}

#[test]
fn debians_kernel_reaches_its_shell_on_4_harts() -> Result<()> {
    boots_on_virt(4, "default")
}

#[test]
fn debians_kernel_reaches_its_shell_behind_opensbi_on_1_hart() -> Result<()> {
    boots_on_virt(1, OPENSBI)
}

#[test]
fn debians_kernel_reaches_its_shell_behind_opensbi_on_2_harts() -> Result<()> {
    boots_on_virt(2, OPENSBI)
}

#[test]
fn debians_kernel_reaches_its_shell_behind_opensbi_on_4_harts() -> Result<()> {
    boots_on_virt(4, OPENSBI)
}

/// The session that README shows.
#[test]
fn a_shell_powers_off() -> Result<()> {
    let Some(linux) = Linux::fetched() else { return Ok(()) };
    let scratch = Scratch::new()?;
    let (initrd, kernel) = (scratch.path("initrd"), linux.kernel.display().to_string());
    linux.initrd(&initrd, SHELL)?;
    let initrd = initrd.display().to_string();
    let mut arguments = vec!["-M", "virt", "-m", "256M", "-nographic", "-kernel", &kernel];
    arguments.extend(["-initrd", &initrd, "-append", "console=ttyS0 quiet"]);
    let mut program = Program::start_in(scratch, &arguments)?;
    program.wait_for("~ # ").context("no shell")?;
    program.type_in("poweroff\n")?;
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    Ok(())
}

/// What the kernel does with the supervisor interface: it starts and stops harts, counts, and reboots,
/// here without a timer of the hart's own and with nothing but the interface to reboot by.
#[test]
fn debians_kernel_uses_all_of_the_supervisor_interface() -> Result<()> {
    let lines = "b=/bin/busybox
$b mkdir /sys
$b mount -t sysfs sysfs /sys
cd /sys/devices/system/cpu
echo 0 >cpu1/online
echo online $($b cat online)
echo 1 >cpu1/online
echo online again $($b cat online)
echo found $($b dmesg | $b grep -c 'SBI PMU extension is available')
$b dmesg | $b grep 'SBI implementation'
";
    let Some(linux) = Linux::fetched() else { return Ok(()) };
    let scratch = Scratch::new()?;
    let initrd = scratch.path("initrd");
    linux.initrd(&initrd, &format!("{lines}/bin/busybox reboot -f\n"))?;
    let (kernel, initrd) = (linux.kernel.display().to_string(), initrd.display().to_string());
    let arguments = [
        "-M",
        "virt",
        "-cpu",
        "rv64,sstc=off",
        "-smp",
        "2",
        "-m",
        "256M",
        "-nographic",
        "-no-reboot",
        "-kernel",
        &kernel,
        "-initrd",
        &initrd,
        "-append",
        "console=ttyS0 earlycon=sbi",
    ];
    let ended = Program::start_in(scratch, &arguments)?.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    for line in [
        "online 0\n".to_string(),
        "online again 0-1\n".into(),
        "found 1\n".into(),
        "SBI implementation ID=0x42445752".into(),
        "reboot: Restarting system".into(),
    ] {
        let out = ended.out.replace('\r', "");
        ensure!(out.contains(&line), "{line} is not in\n{out}");
    }
    Ok(())
}

#[test]
fn debians_kernel_reaches_its_shell_on_a_board_built_by_command() -> Result<()> {
    let Some((scratch, _, initrd)) = fetched()? else { return Ok(()) };
    let initrd = format!("initrd={initrd}");
    check(Program::start_in(scratch, &["run", "boards/linux.qmp", "harts=2", &initrd])?, 2)
}
