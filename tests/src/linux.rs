//! Debian's kernel for riscv64, which `tests/setup/linux.sh` fetches, and a file system for it to start
//! from. `boards/linux.qmp` is a board for both.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::initramfs::{File, archive};
use crate::program::root;

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
}
