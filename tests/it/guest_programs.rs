//! Guests of a few instructions on boards made for them: each ends the program with status 0 if
//! what it tries works. Most of them have found a bug.

use anyhow::Result;
use boardwright_tests::asm::reg::{A0, A1, S0, S1, S2, S3, S4, T0, T1, ZERO};
use boardwright_tests::asm::{
    MRET, SPIN, addi, andi, beq, bltu, bytes, csrrs, csrw, fail, here, ld, lui, lw, pass, sd, sw,
};
use boardwright_tests::program::{Ended, Program, Scratch};
use serde_json::json;

const MSTATUS: u32 = 0x300;
const MIE: u32 = 0x304;
const MTVEC: u32 = 0x305;
const MIP: u32 = 0x344;

/// A hart, 1 MiB of memory, a timer, software interrupts of both kinds and the finisher.
const BOARD: &str = "
machine-set type=none
set-machine-phase phase=initialized
device_add driver=riscv.hart_array id=cpus resetvec=0x80000000
device_add driver=sysbus-memory id=ram size=1MiB
device_add driver=riscv.aclint.mtimer id=mtimer
sysbus-mmio-map device=mtimer addr=0x02004000
qom-set path=mtimer property=unnamed-gpio-out[0] value=cpus/harts[0]/unnamed-gpio-in[7]
device_add driver=riscv.aclint.swi id=sswi sswi=1
sysbus-mmio-map device=sswi addr=0x02f00000
qom-set path=sswi property=unnamed-gpio-out[0] value=cpus/harts[0]/unnamed-gpio-in[1]
device_add driver=riscv.sifive.test id=finisher
sysbus-mmio-map device=finisher addr=0x00100000
";

fn start(
    lines: &str,
    images: &[(&str, Vec<u32>)],
    options: &[&str],
) -> Result<(Scratch, Vec<String>)> {
    let scratch = Scratch::new()?;
    let mut script = format!("{BOARD}{lines}\n");
    for (number, (addr, words)) in images.iter().enumerate() {
        let file = scratch.file(&format!("image{number}"), bytes(words.iter().copied()))?;
        script += &format!("device_add driver=loader file={} addr={addr}\n", file.display());
    }
    script += "set-machine-phase phase=ready\n";
    let path = scratch.file("board.qmp", script)?.display().to_string();
    let arguments =
        ["run", &path, "-nodefaults"].iter().chain(options).map(ToString::to_string).collect();
    Ok((scratch, arguments))
}

fn run(lines: &str, images: &[(&str, Vec<u32>)]) -> Result<Ended> {
    let (scratch, arguments) = start(lines, images, &[])?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Program::start_in(scratch, &arguments)?.ended()
}

fn passes(lines: &str, images: &[(&str, Vec<u32>)]) -> Result<()> {
    let ended = run(lines, images)?;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    Ok(())
}

const USUAL: &str = "sysbus-mmio-map device=ram addr=0x80000000";

/// Goes on with `pass` if the register is not zero, else fails with status 1.
fn pass_unless_zero(register: u32) -> Vec<u32> {
    let good = pass();
    let skip = 4 * (good.len() as i32 + 1);
    [vec![beq(register, ZERO, skip)], good, fail(1)].concat()
}

/// A handler that sets the next alarm at once races with the thread that rings alarms.
#[test]
fn no_timer_interrupt_is_lost() -> Result<()> {
    const COUNT: u32 = 5; // times 4096
    let main = vec![
        here(T0),
        addi(T0, T0, 4 * 15),
        csrw(MTVEC, T0),
        lui(S0, 0x2004), // mtimecmp
        lui(S1, 0x200c), // mtime is 8 below
        addi(S3, ZERO, 0),
        lui(S4, COUNT),
        addi(T0, ZERO, 0x80),
        csrw(MIE, T0),
        sd(ZERO, S0, 0),
        addi(T0, ZERO, 8),
        csrrs(ZERO, MSTATUS, T0),
        bltu(S3, S4, 0),
        beq(ZERO, ZERO, 4 * 7), // over the handler
        SPIN,
        addi(S3, S3, 1),
        ld(A0, S1, -8),
        addi(A0, A0, 30),
        sd(A0, S0, 0),
        MRET,
    ];
    passes(USUAL, &[("0x80000000", [main, pass()].concat())])
}

/// SETSSIP is an edge: the bit in mip stays until software clears it.
#[test]
fn a_supervisor_software_interrupt_stays_pending() -> Result<()> {
    let program = vec![
        lui(S0, 0x2f00),
        addi(T0, ZERO, 1),
        sw(T0, S0, 0),
        csrrs(A0, MIP, ZERO),
        andi(A0, A0, 2),
    ];
    passes(USUAL, &[("0x80000000", [program, pass_unless_zero(A0)].concat())])
}

/// The harts' pages and the memory's are not the same there.
#[test]
fn memory_may_begin_anywhere() -> Result<()> {
    let elsewhere = "sysbus-mmio-map device=ram addr=0x80000800\nqom-set path=cpus property=resetvec value=0x80001000";
    passes(elsewhere, &[("0x80000800", fail(1)), ("0x80001000", pass())])
}

#[test]
fn the_tree_finds_a_place_in_high_memory() -> Result<()> {
    let high = "sysbus-mmio-map device=ram addr=0x100000000\nqom-set path=cpus property=resetvec value=0x100000000";
    passes(high, &[("0x100000000", pass_unless_zero(A1))])
}

/// What is mapped over the end of memory is no place for the tree.
#[test]
fn the_tree_keeps_clear_of_what_hides_memory() -> Result<()> {
    let over = "sysbus-mmio-map device=ram addr=0x80000000
device_add driver=unimplemented-device id=over name=over size=0x1000
sysbus-mmio-map device=over addr=0x800ff000 priority=1";
    passes(over, &[("0x80000000", pass_unless_zero(A1))])
}

/// Firmware writes the reset register in a loop; it is reset once for that.
#[test]
fn a_reset_is_one_reset() -> Result<()> {
    let again = [
        // Memory that no image covers keeps its contents: the number of starts.
        lui(S2, 0x80080),
        lw(S3, S2, 0),
        addi(S3, S3, 1),
        sw(S3, S2, 0),
        addi(S4, ZERO, 4),
        beq(S3, S4, 4 * 6),
        lui(T1, 0x100),
        lui(T0, 7),
        addi(T0, T0, 0x777),
        sw(T0, T1, 0),
        beq(ZERO, ZERO, -4),
    ];
    // lui sign-extends: clear the upper half of s2.
    let program: Vec<u32> = again.iter().copied().chain(pass()).collect();
    let program = [vec![program[0], 0x0209_1913, 0x0209_5913], program[1..].to_vec()].concat();
    let (scratch, arguments) = start(
        USUAL,
        &[("0x80000000", program)],
        &["-S", "-qmp", "unix:{dir}/qmp,server=on,wait=off"],
    )?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let socket = scratch.path("qmp");
    let program = Program::start_in(scratch, &arguments)?;
    let mut client = boardwright_tests::client::Client::connect(&socket)?;
    while client.phase()? != "ready" {}
    client.execute("cont", json!({}))?;
    let end = client.wait_event("SHUTDOWN")?;
    assert_eq!(end["data"], json!({ "guest": true, "reason": "guest-shutdown" }));
    let resets = client.take_events().iter().filter(|name| *name == "RESET").count();
    assert_eq!(resets, 3);
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}

#[test]
fn a_loader_for_a_hart_that_is_not_there_is_refused() -> Result<()> {
    let lines = format!("{USUAL}\ndevice_add driver=loader addr=0x80000000 cpu-num=7");
    let ended = run(&lines, &[("0x80000000", pass())])?;
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.err.contains("'cpu-num' is 7, and the board has 1 harts"), "{}", ended.err);
    Ok(())
}

/// A hart whose handler of non-maskable interrupts passes; nothing else ends its program.
const WITH_NMI: &str = "sysbus-mmio-map device=ram addr=0x80000000
    qom-set path=cpus property=cpu-type value=rv64,rnmi-interrupt-vector=0x80000100";

#[test]
fn a_device_can_raise_a_non_maskable_interrupt() -> Result<()> {
    let lines = format!(
        "{WITH_NMI}
        qom-set path=mtimer property=unnamed-gpio-out[0] value=cpus/harts[0]/nmi[0]"
    );
    // The timer's comparator is 0 after reset, so a write of it makes its output high.
    let program = vec![lui(S0, 0x2004), sd(ZERO, S0, 0), SPIN];
    passes(&lines, &[("0x80000000", program), ("0x80000100", pass())])
}

#[test]
fn a_client_can_raise_a_non_maskable_interrupt() -> Result<()> {
    let images = [("0x80000000", vec![SPIN]), ("0x80000100", pass())];
    let (scratch, arguments) =
        start(WITH_NMI, &images, &["-qmp", "unix:{dir}/qmp,server=on,wait=off"])?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let socket = scratch.path("qmp");
    let program = Program::start_in(scratch, &arguments)?;
    let mut client = boardwright_tests::client::Client::connect(&socket)?;
    while client.phase()? != "ready" {}
    let refused = client.refused("inject-nmi", json!({ "cpu-index": 1 }))?;
    assert_eq!(refused, "CPU 1 not found: query-cpus-fast lists the machine's harts");
    client.execute("inject-nmi", json!({}))?;
    assert_eq!(program.ended()?.status.code(), Some(0));
    Ok(())
}
