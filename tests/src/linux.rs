//! Debian's kernel for riscv64, which `tests/setup/linux.sh` fetches, and a file system for it to start
//! from. `boards/linux.qmp` is a board for both.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::initramfs::{File, archive};
use crate::program::root;

/// What a disk on a virtio transport in memory needs; on PCI the kernel itself has the transport.
pub const DISK: &[&str] = &["virtio_mmio", "virtio_blk"];
/// What a network card there needs.
pub const NETWORK: &[&str] = &["virtio_mmio", "failover", "net_failover", "virtio_net"];
/// What the file system ext4 needs.
pub const EXT4: &[&str] = &["crc16", "crc32c_generic", "libcrc32c", "mbcache", "jbd2", "ext4"];

/// What a shared folder needs.
pub const SHARED: &[&str] = &["netfs", "9pnet", "9pnet_virtio", "9p"];

/// What the first process of a file system for people does: a shell on the console, with BusyBox's programs,
/// under BusyBox's `init`, which `poweroff` and `reboot` ask.
pub const SHELL: &str = "/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs dev /dev
mkdir -p /sys && mount -t sysfs sys /sys
mkdir -p /etc
echo '::respawn:/bin/cttyhack /bin/sh' >/etc/inittab
exec init
";

/// What was fetched.
pub struct Linux {
    /// The kernel.
    pub kernel: PathBuf,
    busybox: Vec<u8>,
    modules: PathBuf,
}

impl Linux {
    /// What `tests/setup/linux.sh` has fetched, if it could.
    pub fn fetched() -> Option<Self> {
        let place = root().join("target/linux");
        let busybox = std::fs::read(place.join("busybox")).ok()?;
        let kernel = place.join("Image");
        let modules = place.join("modules");
        (kernel.is_file() && modules.is_dir()).then_some(Self { kernel, busybox, modules })
    }

    /// Writes an initial file system with BusyBox, whose shell executes these lines.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn initrd(&self, path: &Path, lines: &str) -> Result<()> {
        self.initrd_with(path, &[], lines)
    }

    /// The same, with modules of the kernel, which are loaded first, in their order, those that a
    /// module needs before it.
    ///
    /// # Errors
    /// A module is not among those that were fetched, or the file cannot be written.
    pub fn initrd_with(&self, path: &Path, modules: &[&str], lines: &str) -> Result<()> {
        let mut init = String::from("#!/bin/busybox sh\n/bin/busybox mount -t proc proc /proc\n");
        let mut loaded = Vec::new();
        for module in modules {
            let name = format!("{module}.ko");
            let bytes = std::fs::read(self.modules.join(&name))
                .with_context(|| format!("there is no module {name}: run tests/setup/linux.sh"))?;
            init.push_str(&format!("/bin/busybox insmod /{name}\n"));
            loaded.push((name, bytes));
        }
        init.push_str(lines);
        let mut files = vec![
            File::directory("bin"),
            File::directory("dev"),
            File::device("dev/console", 5, 1),
            File::directory("proc"),
            File::program("bin/busybox", &self.busybox),
            File::program("init", init.as_bytes()),
        ];
        files.extend(loaded.iter().map(|(name, bytes)| File::program(name, bytes)));
        std::fs::write(path, archive(&files)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}
