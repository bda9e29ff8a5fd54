//! Debian's riscv64 kernel, behind OpenSBI, on boards built from nothing: to a shell and to the
//! power switch. `tests/setup/linux.sh` fetches the kernel; where it cannot, this is not tried, which
//! the summary of `cargo xtask test` says.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use boardwright_tests::initramfs::{File, archive};
use boardwright_tests::program::{Program, Scratch, root};

const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf";

/// What the kernel starts: it says what it finds, and powers off.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
echo found $(/bin/busybox grep -c ^processor /proc/cpuinfo) harts
echo timer $(/bin/busybox grep -c riscv-timer /proc/interrupts)
echo console $(/bin/busybox grep -c ttyS0 /proc/interrupts)
echo say a word
read word
echo heard $word
/bin/busybox poweroff -f
";

/// A board of so many harts with what Linux expects around them.
fn board(harts: u32, initrd: &str) -> Result<String> {
    let kernel = root().join("target/linux/Image").display().to_string();
    let contexts = vec!["MS"; harts as usize].join(",");
    let mut script = format!(
        "machine-set type=none firmware={OPENSBI} kernel={kernel} initrd={initrd} append=\"console=ttyS0 earlycon=sbi\"
        set-machine-phase phase=initialized
        device_add driver=riscv.hart_array id=cpus cpu-type=rv64 num-harts={harts}
        device_add driver=sysbus-memory id=ram size=256MiB
        sysbus-mmio-map device=ram addr=0x80000000
        device_add driver=riscv.aclint.swi id=swi num-harts={harts}
        sysbus-mmio-map device=swi addr=0x02000000
        device_add driver=riscv.aclint.mtimer id=mtimer num-harts={harts}
        sysbus-mmio-map device=mtimer addr=0x02004000
        device_add driver=riscv.sifive.plic id=plic hart-config={contexts} num-sources=96
        sysbus-mmio-map device=plic addr=0x0c000000
        device_add driver=serial-mm id=uart chardev=serial0
        sysbus-mmio-map device=uart addr=0x10000000
        qom-set path=uart property=sysbus-irq[0] value=plic/unnamed-gpio-in[10]
        device_add driver=riscv.sifive.test id=finisher
        sysbus-mmio-map device=finisher addr=0x00100000\n"
    );
    for hart in 0..harts {
        for (device, output, input) in
            [("swi", hart, 3), ("mtimer", hart, 7), ("plic", hart, 9), ("plic", harts + hart, 11)]
        {
            writeln!(
                script,
                "qom-set path={device} property=unnamed-gpio-out[{output}] \
                 value=cpus/harts[{hart}]/unnamed-gpio-in[{input}]"
            )?;
        }
    }
    script += "set-machine-phase phase=ready\n";
    Ok(script)
}

fn boots(harts: u32) -> Result<()> {
    let Ok(busybox) = std::fs::read(root().join("target/linux/busybox")) else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(());
    };
    let scratch = Scratch::new()?;
    let files = [
        File::directory("bin"),
        File::directory("dev"),
        File::device("dev/console", 5, 1),
        File::directory("proc"),
        File::program("bin/busybox", &busybox),
        File::program("init", INIT.as_bytes()),
    ];
    let initrd = scratch.file("initrd", archive(&files)?)?;
    let script = board(harts, &initrd.display().to_string())?;
    let script = scratch.file("linux.qmp", script)?.display().to_string();
    let mut program = Program::start_in(scratch, &["run", &script])?;
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
