//! The guest that is measured: `sieve.s`, assembled for a number of passes.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::guest::{PREFIX, output};
use crate::tidy::root;

/// As in `sieve.s`.
const COUNT: u64 = 65536;

/// Assembles the sieve; the file's path.
pub(crate) fn build(passes: u32, scratch: &Path) -> anyhow::Result<PathBuf> {
    let source = root().join("xtask/src/bench/sieve.s");
    let object = scratch.join("sieve.o");
    let elf = scratch.join(format!("sieve-{passes}.elf"));
    let mut assemble = Command::new(format!("{PREFIX}as"));
    assemble.args(["-march", "rv64imac_zicsr", "-mabi", "lp64", "-mno-relax"]);
    assemble.args(["--defsym", &format!("PASSES={passes}"), "-o"]).arg(&object).arg(source);
    output(&mut assemble)?;
    let mut link = Command::new(format!("{PREFIX}ld"));
    link.args(["-m", "elf64lriscv", "-n", "-static", "-Ttext=0x80000000", "-o"]);
    output(link.arg(&elf).arg(object))?;
    Ok(elf)
}

/// How many instructions one pass takes, counted by going through the same loops.
pub(crate) fn instructions() -> u64 {
    let mut prime = vec![true; COUNT as usize];
    // The pass itself, with eight instructions for the 64-bit constant at most: lost in the rest.
    let mut count = 12 + 3 * COUNT / 8;
    for number in 2..COUNT {
        // add, lbu, beqz; addi, bltu.
        count += 5;
        if !prime[number as usize] {
            continue;
        }
        // addi, mul, bgeu.
        count += 3;
        if number * number >= COUNT {
            continue;
        }
        count += 1;
        for multiple in (number * number..COUNT).step_by(number as usize) {
            prime[multiple as usize] = false;
            count += 3;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_pass_is_three_quarters_of_a_million_instructions() {
        let count = super::instructions();
        assert!((700_000..1_000_000).contains(&count), "{count}");
    }
}
