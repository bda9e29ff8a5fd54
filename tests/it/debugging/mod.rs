//! Debugging a guest from outside.

mod gdb;
mod harts;
mod protocol;
mod semihosting;
mod traces;

use anyhow::Result;
use boardwright_tests::asm::reg::{A0, S0, S1, T0, T1, ZERO};
use boardwright_tests::asm::{addi, beq, csrrs, here, lw, sw};
use boardwright_tests::client::Client;
use boardwright_tests::program::{Program, Scratch};

const MHARTID: u32 = 0xf14;

/// Hart 0 counts at 0x80000100, through s1 and a0; the others count at 0x80000200.
pub(crate) fn counters() -> Vec<u32> {
    vec![
        csrrs(T0, MHARTID, ZERO),
        beq(T0, ZERO, 0x18),
        here(S0), // 0x80000008
        lw(T1, S0, 0x1f8),
        addi(T1, T1, 1),
        sw(T1, S0, 0x1f8),
        beq(ZERO, ZERO, -12),
        here(S0), // 0x8000001c
        addi(S1, ZERO, 0),
        addi(S1, S1, 1), // 0x80000024
        addi(A0, S1, 0),
        sw(A0, S0, 0xe4),
        beq(ZERO, ZERO, -12),
    ]
}

/// A board with memory at 0x80000000 and harts that start there, a debugger's socket `gdb` and a
/// QMP client.
pub(crate) fn board(harts: u32, guest: &[u32], options: &[&str]) -> Result<(Program, Client)> {
    let scratch = Scratch::new()?;
    let image = scratch.words("guest", guest)?.display().to_string();
    let script = format!(
        "machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus num-harts={harts} resetvec=0x80000000
device_add driver=sysbus-memory id=ram size=1MiB
sysbus-mmio-map device=ram addr=0x80000000
device_add driver=riscv.sifive.test id=finisher
sysbus-mmio-map device=finisher addr=0x00100000
device_add driver=loader file={image} addr=0x80000000
set-machine-phase phase=ready
"
    );
    let path = scratch.file("board.qmp", script)?.display().to_string();
    let qmp = "unix:{dir}/qmp,server=on,wait=off";
    let gdb = "unix:{dir}/gdb,server=on,wait=off";
    let usual = ["run", &path, "-nodefaults", "-qmp", qmp, "-gdb", gdb];
    let arguments: Vec<&str> = usual.iter().chain(options).copied().collect();
    let program = Program::start_in(scratch, &arguments)?;
    let mut client = Client::connect(&program.scratch().path("qmp"))?;
    while client.phase()? != "ready" {}
    Ok((program, client))
}
