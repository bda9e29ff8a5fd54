//! The guests that are measured: `kernels/kernels.c`, compiled for a kernel and a number of passes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::guest::{PREFIX, output};
use crate::tidy::root;

/// A kernel: its name, its place in the table of `kernels.c`, and how often it is run to take
/// about a second.
pub(crate) struct Kernel {
    pub(crate) name: &'static str,
    index: u32,
    pub(crate) passes: u32,
}

/// All of them, in the order of the table.
pub(crate) const KERNELS: &[Kernel] = &[
    Kernel { name: "lists", index: 0, passes: 2000 },
    Kernel { name: "records", index: 1, passes: 4000 },
    Kernel { name: "sieve", index: 2, passes: 500 },
    Kernel { name: "calls", index: 3, passes: 340 },
    Kernel { name: "sort", index: 4, passes: 1100 },
    Kernel { name: "hash", index: 5, passes: 1100 },
    Kernel { name: "bytecode", index: 6, passes: 900 },
];

impl Kernel {
    /// Compiles it; the path of the program.
    pub(crate) fn build(&self, passes: u32, scratch: &Path) -> anyhow::Result<PathBuf> {
        let folder = root().join("xtask/src/bench/kernels");
        let elf = scratch.join(format!("{}-{passes}.elf", self.name));
        let mut compile = Command::new(format!("{PREFIX}gcc"));
        compile.args(["-O2", "-march=rv64imac_zicsr", "-mabi=lp64", "-mcmodel=medany"]);
        compile.args(["-ffreestanding", "-nostdlib", "-static"]);
        // Else `memset` is made a call of itself.
        compile.arg("-fno-tree-loop-distribute-patterns");
        compile.args([format!("-DKERNEL={}", self.index), format!("-DPASSES={passes}")]);
        compile.arg("-Wl,-n,--no-warn-rwx-segments,-T").arg(folder.join("kernels.ld"));
        compile.arg("-o").arg(&elf).args(["start.s", "kernels.c"].map(|file| folder.join(file)));
        output(&mut compile).context(
            "the kernels do not compile; `tests/setup/install.sh --bench` installs the compiler",
        )?;
        Ok(elf)
    }
}
