//! Options that only ask.

use anyhow::Result;
use boardwright_tests::program;
use boardwright_tests::transcript::words;

const DEVICES: &[&str] =
    &["name \"loader\"\n", "name \"riscv.hart_array\"\n", "name \"sysbus-memory\"\n"];
const CPUS: &[&str] =
    &["Available CPUs:\n", " rv32 ", " rv64 ", " sifive-e31 ", " sifive-u54 ", " lowrisc-ibex "];
const MACHINES: &[&str] = &["Supported machines are:\nnone  ", "\nsifive_dt  "];
const USAGE: &[&str] =
    &["usage: boardwright ", "\n  -M|-machine TYPE", "\n  -preconfig ", "\n  -qmp BACKEND "];

/// A command line, and texts that it prints.
const ROWS: &[(&str, &[&str])] = &[
    ("-help", USAGE),
    ("-h", USAGE),
    ("--help", USAGE),
    ("-M help", MACHINES),
    ("-machine ?", MACHINES),
    ("-M none,help", &["none options:\n", "  ram-addr=<uint64> "]),
    ("-M sifive_dt,help", &["sifive_dt options:\n", "  strict=<bool> ", "  dtb=<str> "]),
    ("-device help", DEVICES),
    ("-device ?", DEVICES),
    ("-device loader,help", &["loader options:\n", "  cpu-num=<uint32> ", "  force-raw=<bool> "]),
    ("-device sysbus-memory,?", &["  size=<size> ", "  readonly=<bool> "]),
    ("-cpu help", CPUS),
    ("-cpu ?", CPUS),
    ("-accel help", &["Accelerators supported:\n  tcg\n"]),
    ("-chardev help", &["Available chardev backend types:\n", "  pty\n", "  socket\n"]),
    ("-d help", &["  int\n", "  in_asm\n", "  unimp\n", "  guest_errors\n"]),
    // Whatever else the line says.
    ("-M none -S -device help", DEVICES),
];

#[test]
fn what_it_is_asked_it_prints() -> Result<()> {
    for (line, texts) in ROWS {
        let ended = program::run(&words(line))?;
        assert!(ended.status.success() && ended.err.is_empty(), "{line}: {ended:?}");
        for text in *texts {
            assert!(ended.out.contains(text), "{line}: no {text:?} in {}", ended.out);
        }
    }
    Ok(())
}

/// Clients take QEMU's version out of the first line.
#[test]
fn the_version_is_in_the_first_line() -> Result<()> {
    for line in ["-version", "--version"] {
        let ended = program::run(&[line])?;
        let first = ended.out.lines().next().unwrap_or_default();
        let rest = first.strip_prefix("QEMU emulator version 10.0.2 (boardwright ");
        assert!(ended.status.success() && rest.is_some(), "{ended:?}");
    }
    Ok(())
}
