//! `regfile`: devices that are data.

use anyhow::Result;
use boardwright_tests::asm::reg::{A0, A1, S0, ZERO};
use boardwright_tests::asm::{addi, beq, bytes, csrrs, fail, lui, lw, pass, sw};
use boardwright_tests::program::{self, Ended, Program, Scratch};
use boardwright_tests::transcript::check_in;
use serde_json::json;

const MIP: u32 = 0x344;

/// A block with a control, a status that becomes ready, and an interrupt.
const BLOCK: &str = r#"{
  "size": "0x100",
  "registers": [
    { "name": "CTRL", "offset": 0, "fields": [
        { "name": "EN", "bits": "0" },
        { "name": "MODE", "bits": "5:4", "values": [ { "name": "slow", "value": 0 },
                                                     { "name": "fast", "value": 3 } ] } ] },
    { "name": "STATUS", "offset": 4, "access": "ro", "fields": [
        { "name": "READY", "bits": "0", "sequence": [ { "value": 0, "reads": 3 }, 1 ] } ] },
    { "name": "INTR_STATE", "offset": 8, "access": "w1c", "reset": 2,
      "interrupt": 0, "enabled-by": "INTR_ENABLE" },
    { "name": "INTR_ENABLE", "offset": 12 },
    { "name": "INTR_TEST", "offset": 16, "access": "wo" }
  ]
}"#;

fn run(guest: &[u32], options: &[&str]) -> Result<Ended> {
    let scratch = Scratch::new()?;
    scratch.file("block.json", BLOCK)?;
    scratch.file("guest", bytes(guest.iter().copied()))?;
    let dir = scratch.path("").display().to_string();
    let script = "
        machine-set type=none
        set-machine-phase phase=initialized
        device_add driver=riscv.hart_array id=cpus resetvec=0x80000000
        device_add driver=sysbus-memory id=ram size=64KiB
        sysbus-mmio-map device=ram addr=0x80000000
        device_add driver=riscv.sifive.test id=finisher
        sysbus-mmio-map device=finisher addr=0x00100000
        device_add driver=regfile id=block file={dir}block.json
        sysbus-mmio-map device=block addr=0x40000000
        qom-set path=block property=sysbus-irq[0] value=cpus/harts[0]/unnamed-gpio-in[11]
        device_add driver=loader file={dir}guest addr=0x80000000
        set-machine-phase phase=ready"
        .replace("{dir}", &dir);
    let path = scratch.file("board.qmp", script)?.display().to_string();
    Program::start_in(scratch, &[&["run", &path, "-nodefaults"], options].concat())?.ended()
}

#[test]
fn firmware_polls_a_status_and_is_told_by_name_what_it_does() -> Result<()> {
    let guest = [
        vec![
            lui(S0, 0x40000),
            addi(A0, ZERO, 0x31),
            sw(A0, S0, 0),
            lw(A1, S0, 4),
            beq(A1, ZERO, -4),
            sw(A0, S0, 4),
            lw(A1, S0, 0x20),
        ],
        pass(),
    ]
    .concat();
    let ended = run(&guest, &["-d", "stub,unmodelled"])?;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let told: Vec<&str> = ended.err.lines().filter(|line| line.contains("block")).collect();
    let told = told.iter().rev().take(8).rev().copied().collect::<Vec<_>>();
    let expected = [
        "block.CTRL.EN <- 1 at pc 0x80000008",
        "block.CTRL.MODE <- fast at pc 0x80000008",
        "block.STATUS -> 0x0 (READY=0) at pc 0x8000000c",
        "block.STATUS -> 0x0 (READY=0) at pc 0x8000000c",
        "block.STATUS -> 0x0 (READY=0) at pc 0x8000000c",
        "block.STATUS -> 0x1 (READY=1) at pc 0x8000000c",
        "block.STATUS <- 0x31 (read only: ignored) at pc 0x80000014",
    ];
    assert_eq!(told[..7], expected, "{}", ended.err);
    assert_eq!(
        told[7].split_whitespace().collect::<Vec<_>>().join(" "),
        "1 read 4 block+0x20 pc 0x80000018"
    );
    // Who asks for neither is told nothing.
    let ended = run(&guest, &[])?;
    assert!(!ended.err.contains("STATUS"), "{}", ended.err);
    Ok(())
}

/// The line of a register follows it and what enables it.
#[test]
fn a_register_can_interrupt() -> Result<()> {
    // Fails with a status unless the register is zero, or is not.
    let skip = 4 * (fail(1).len() as i32 + 1);
    let zero = |status| [vec![beq(A0, ZERO, skip)], fail(status)].concat();
    let set = |status| [vec![beq(A0, ZERO, 8), beq(ZERO, ZERO, skip)], fail(status)].concat();
    let guest = [
        vec![lui(S0, 0x40000), addi(A1, ZERO, 2), csrrs(A0, MIP, ZERO)],
        zero(1),
        vec![sw(A1, S0, 12), csrrs(A0, MIP, ZERO)],
        set(2),
        vec![sw(A1, S0, 8), csrrs(A0, MIP, ZERO)],
        zero(3),
        pass(),
    ]
    .concat();
    let ended = run(&guest, &[])?;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    Ok(())
}

/// What cannot be added leaves nothing; what is added is there with its region and its outputs.
#[test]
fn a_stub_is_on_the_board_as_its_description_says() -> Result<()> {
    let scratch = Scratch::new()?;
    scratch.file("block.json", BLOCK)?;
    scratch.file("bad.json", BLOCK.replace(r#""bits": "0" }"#, r#""bits": "32" }"#))?;
    check_in(
        scratch,
        "-S -M none -preconfig",
        r#"
        -> next-machine-phase
        <- event MACHINE_PHASE_CHANGE {"phase": "initialized"}
        <- {}
        -> device_add driver=regfile id=block file={dir}/none.json
        <- GenericError: {dir}/none.json: cannot read the description: No such file or directory
        -> device_add driver=regfile id=block file={dir}/bad.json
        <- GenericError: {dir}/bad.json:4:5: register 'CTRL': field 'EN': bit 32 is outside the 32 bits of the register
        -> device_add driver=regfile id=block file={dir}/block.json peripheral=X
        <- GenericError: {dir}/block.json: 'peripheral' chooses from an SVD file, and this is none
        -> device_add driver=regfile id=block file={dir}/block.json
        <- {}
        -> sysbus-mmio-map device=block mmio=1 addr=0x40000000
        <- GenericError: MMIO index '1' does not exist in 'block'
        -> sysbus-mmio-map device=block addr=0x40000000
        <- {}
        -> qom-get path=block property=file
        <- "{dir}/block.json"
        -> qom-get path=block property=sysbus-irq[0]
        <- ""
        -> qom-set path=block property=size value=0x80
        <- GenericError: Region 0 of 'block' is mapped and would change its size
        -> qom-set path=block property=file value={dir}/none.json
        <- GenericError: {dir}/none.json: cannot read the description: No such file or directory
        -> qom-get path=block property=file
        <- "{dir}/block.json"
        -> device_add {"driver": "regfile", "id": "own", "registers": [{"name": "ID", "offset": 0, "access": "ro", "reset": 66}]}
        <- {}
        -> set-machine-phase phase=ready
        <- event MACHINE_PHASE_CHANGE {"phase": "ready"}
        <- {}
        "#,
    )?;
    Ok(())
}

#[test]
fn a_list_of_registers_can_be_an_option() -> Result<()> {
    let list = "regfile,id=x,registers.0.name=A,registers.0.offset=0x10,\
                registers.1.name=B,registers.1.offset=0";
    let (_program, mut client) = Program::with_qmp(&["-M", "none", "-S", "-device", list])?;
    let device = client.execute("device-list", json!({ "device": "x" }))?;
    let registers = json!([{ "name": "A", "offset": 16 }, { "name": "B", "offset": 0 }]);
    assert_eq!(device[0]["properties"]["registers"], registers);
    for (option, expected) in [
        ("registers.1.name=A", "'registers.0' is missing: the items of a list are numbered from 0"),
        ("registers.0=1", "Invalid parameter type for 'registers[0]', expected: object"),
        (
            "registers.0.name=A,registers.0.offset=0,registers.0.fields.0.name=F,registers.0.fields.0.bits=99",
            "registers[0]: register 'A': field 'F': 'bits' expects a bit from 0 to 63",
        ),
    ] {
        let option = format!("regfile,id=x,{option}");
        let ended = program::run(&["-M", "none", "-S", "-nodefaults", "-device", &option])?;
        assert!(ended.err.contains(expected), "{option}: {}", ended.err);
    }
    Ok(())
}
