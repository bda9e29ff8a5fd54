//! Debian's kernel for riscv64, which `tests/setup/linux.sh` fetches: a file system for it to start
//! from, and a board with what it expects.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::initramfs::{File, archive};
use crate::program::root;

/// Debian's OpenSBI.
pub const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf";

/// The kernel's command line.
pub const COMMAND_LINE: &str = "console=ttyS0 earlycon=sbi";

/// What was fetched.
pub struct Linux {
    /// The kernel.
    pub kernel: PathBuf,
    busybox: Vec<u8>,
}

impl Linux {
    /// What `tests/setup/linux.sh` has fetched, if it could.
    pub fn fetched() -> Option<Self> {
        let place = root().join("target/linux");
        let busybox = std::fs::read(place.join("busybox")).ok()?;
        let kernel = place.join("Image");
        kernel.is_file().then_some(Self { kernel, busybox })
    }

    /// Writes an initial file system with BusyBox, whose shell executes these lines.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn initrd(&self, path: &Path, lines: &str) -> Result<()> {
        let init = format!("#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n{lines}");
        let files = [
            File::directory("bin"),
            File::directory("dev"),
            File::device("dev/console", 5, 1),
            File::directory("proc"),
            File::program("bin/busybox", &self.busybox),
            File::program("init", init.as_bytes()),
        ];
        std::fs::write(path, archive(&files)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// The script of a board of so many harts that starts the kernel behind OpenSBI.
    pub fn board(&self, harts: u32, initrd: &Path) -> String {
        let (kernel, initrd) = (self.kernel.display(), initrd.display());
        let contexts = vec!["MS"; harts as usize].join(",");
        let mut script = format!(
            "machine-set type=none firmware={OPENSBI} kernel={kernel} initrd={initrd} append=\"{COMMAND_LINE}\"
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
            let machine_context = harts + hart;
            for (device, output, input) in [
                ("swi", hart, 3),
                ("mtimer", hart, 7),
                ("plic", hart, 9),
                ("plic", machine_context, 11),
            ] {
                // Writing to a string does not fail.
                let _ = writeln!(
                    script,
                    "qom-set path={device} property=unnamed-gpio-out[{output}] \
                     value=cpus/harts[{hart}]/unnamed-gpio-in[{input}]"
                );
            }
        }
        script + "set-machine-phase phase=ready\n"
    }
}
